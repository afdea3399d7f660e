"""python-telegram-bot: the module that imports it, and names what the rest of this folder stands on."""

from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram import Update as Fetched
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, TelegramError
from telegram.ext import Application
from telegram.request import BaseRequest, HTTPXRequest, RequestData

__all__ = [
    "Application",
    "BadRequest",
    "BaseRequest",
    "Bot",
    "ChatMigrated",
    "Fetched",
    "Forbidden",
    "HTTPXRequest",
    "InvalidToken",
    "LinkPreviewOptions",
    "ReplyParameters",
    "RequestData",
    "TelegramError",
]
