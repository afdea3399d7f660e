"""Files that people sent, fetched from Telegram and from nowhere else.

The address of a file holds the bot's token. So it is made here, of the configured address of Telegram's files
and a path that leads nowhere else; whatever an answer would redirect to is not asked.

Source: core.telegram.org/bots/api, getFile: at most 20 MB, and the path is good for an hour.
"""

import re
from collections.abc import AsyncGenerator
from typing import Final

import aiohttp

from adapters.telegram.library import Bot, TelegramError
from firewall.core.errors import ServiceUnavailable

_PIECE_BYTES: Final = 65_536
# Folders and a name, none of which begins with a dot.
_PATH: Final = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,200}(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]{0,200}){0,9}")


async def fetched(bot: Bot, id: str, *, timeout_s: float) -> AsyncGenerator[bytes]:
    """Give the bytes of a file that was sent to this bot, in order and in pieces.

    Args:
        bot: It was sent to this one.
        id: Telegram's name of the file, for this bot.
        timeout_s: Longest time for all of it, in seconds.

    Raises:
        ServiceUnavailable: Telegram did not give it. Its words and the address may hold the token, so the
            error's name is all that is told.
    """
    address = await _address(bot, id)
    limits = aiohttp.ClientTimeout(total=timeout_s)
    try:
        # As the library's own client, it goes by the proxy that the environment names.
        async with (
            aiohttp.ClientSession(timeout=limits, trust_env=True) as client,
            client.get(address, allow_redirects=False) as answer,
        ):
            if answer.status == 200:
                async for piece in answer.content.iter_chunked(_PIECE_BYTES):
                    yield piece
                return
            problem = f"HTTP {answer.status}"
    except (aiohttp.ClientError, TimeoutError) as error:
        problem = type(error).__name__
    raise ServiceUnavailable(f"Telegram did not give a file: {problem}")


async def _address(bot: Bot, id: str) -> str:
    try:
        told = (await bot.get_file(id)).file_path or ""
    except TelegramError as error:
        problem = type(error).__name__
    else:
        base = f"{bot.base_file_url}/"
        if told.startswith(base) and _PATH.fullmatch(told.removeprefix(base)):
            return told
        problem = "its path leads elsewhere"
    raise ServiceUnavailable(f"Telegram did not give a file: {problem}")
