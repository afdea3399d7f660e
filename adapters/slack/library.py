"""Slack's own libraries: the one module that imports them, and names what this folder stands on."""

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.respond import Respond
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_bolt.middleware import Middleware
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.web.slack_response import SlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

__all__ = [
    "App",
    "AsyncApp",
    "AsyncBoltRequest",
    "AsyncMiddleware",
    "AsyncRateLimitErrorRetryHandler",
    "AsyncRespond",
    "AsyncSlackResponse",
    "AsyncSocketModeHandler",
    "AsyncWebClient",
    "AsyncWebhookClient",
    "AuthorizeResult",
    "BoltRequest",
    "BoltResponse",
    "HttpRequest",
    "HttpResponse",
    "Middleware",
    "Respond",
    "RetryState",
    "SlackApiError",
    "SlackResponse",
    "WebClient",
    "to_aiohttp_response",
    "to_bolt_request",
]
