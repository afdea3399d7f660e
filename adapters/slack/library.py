"""Slack's own libraries: the one module that imports them, and names what this folder stands on."""

from slack_bolt import App, BoltRequest, BoltResponse
from slack_bolt.adapter.aiohttp import to_aiohttp_response, to_bolt_request
from slack_bolt.adapter.socket_mode.aiohttp import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.context.respond import Respond
from slack_bolt.context.respond.async_respond import AsyncRespond
from slack_bolt.error import BoltError
from slack_bolt.middleware import Middleware
from slack_bolt.middleware.async_middleware import AsyncMiddleware
from slack_bolt.oauth.async_callback_options import AsyncCallbackOptions, AsyncFailureArgs, AsyncSuccessArgs
from slack_bolt.oauth.async_oauth_flow import AsyncOAuthFlow
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_async_handlers import AsyncRateLimitErrorRetryHandler
from slack_sdk.http_retry.request import HttpRequest
from slack_sdk.http_retry.response import HttpResponse
from slack_sdk.http_retry.state import RetryState
from slack_sdk.oauth.authorize_url_generator import AuthorizeUrlGenerator
from slack_sdk.oauth.installation_store import Bot as GivenBot
from slack_sdk.oauth.installation_store import Installation as Given
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.state_store.async_state_store import AsyncOAuthStateStore
from slack_sdk.oauth.token_rotation.async_rotator import AsyncTokenRotator
from slack_sdk.web.async_client import AsyncWebClient
from slack_sdk.web.async_slack_response import AsyncSlackResponse
from slack_sdk.web.slack_response import SlackResponse
from slack_sdk.webhook.async_client import AsyncWebhookClient

__all__ = [
    "App",
    "AsyncApp",
    "AsyncBoltRequest",
    "AsyncCallbackOptions",
    "AsyncFailureArgs",
    "AsyncInstallationStore",
    "AsyncMiddleware",
    "AsyncOAuthFlow",
    "AsyncOAuthSettings",
    "AsyncOAuthStateStore",
    "AsyncRateLimitErrorRetryHandler",
    "AsyncRespond",
    "AsyncSlackResponse",
    "AsyncSocketModeHandler",
    "AsyncSuccessArgs",
    "AsyncTokenRotator",
    "AsyncWebClient",
    "AsyncWebhookClient",
    "AuthorizeResult",
    "AuthorizeUrlGenerator",
    "BoltError",
    "BoltRequest",
    "BoltResponse",
    "Given",
    "GivenBot",
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
