"""Slack's own libraries: the one module that imports them, and names what the hooks stand on."""

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.async_app import AsyncApp
from slack_bolt.context.respond import Respond
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_bolt.middleware import Middleware
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.web.slack_response import SlackResponse

__all__ = [
    "App",
    "AsyncApp",
    "AsyncBoltRequest",
    "AsyncMiddleware",
    "AsyncRespond",
    "AsyncSlackResponse",
    "AsyncWebClient",
    "BoltRequest",
    "BoltResponse",
    "Middleware",
    "Respond",
    "SlackApiError",
    "SlackResponse",
    "WebClient",
]
