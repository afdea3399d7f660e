"""Filer, a bot as people have them: one folder for the files of everybody, by the names they came with.

It uploads whatever file of its folder a message asks for, or its model's answer mentions. It knows nothing of
a wall; `by_turn` is the same bot once its author has read how files are passed on.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

import partywall as pw
from tests.fakes.slack.delivery import SECRET
from tests.fakes.slack.server import FakeSlack


class Filer:
    """What the bot remembers, and how it answers.

    Attributes:
        folder: Where it keeps files, everybody's.
        by_turn: True if it passes files on by the turn that is open.
        paths: Where the turn has kept a file, by the name it came with.
        says: What its model answers to a message without files; empty to answer with the message itself.
        altered: What it adds to a file that it uploads.
        handled: How many deliveries it has finished.
        failures: What its handler raised.
    """

    def __init__(self, folder: Path, *, by_turn: bool = False) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        self.by_turn = by_turn
        self.paths: dict[str, str] = {}
        self.says = ""
        self.altered = b""
        self.handled = asyncio.Semaphore(0)
        self.failures: list[Exception] = []

    async def heard(self, a: Any) -> None:
        try:
            for number, file in enumerate(a.event.get("files", ()), start=1):
                content = await _download(file["url_private"], a.context.bot_token)
                await self._keep(number, file["name"], content)
            if not a.event.get("files"):
                await self._answer(a)
        except Exception as error:
            self.failures.append(error)
            raise
        finally:
            self.handled.release()

    async def _keep(self, number: int, name: str, content: bytes) -> None:
        if self.by_turn:
            self.paths[name] = (await pw.turn().keep(number, _pieces(content))).path
        else:
            (self.folder / name).write_bytes(content)

    async def _answer(self, a: Any) -> None:
        text = self.says or a.event["text"]
        for word in text.split():
            name = Path(word.removeprefix("MEDIA:")).name
            content = await self._found(name)
            if content is not None:
                await a.client.files_upload_v2(
                    channel=a.event["channel"], filename=name, content=content + self.altered
                )

    async def _found(self, name: str) -> bytes | None:
        if self.by_turn:
            return await pw.turn().attach(self.paths[name]) if name in self.paths else None
        path = self.folder / name
        return path.read_bytes() if path.is_file() else None


def filer(slack: FakeSlack, bot: Filer) -> Any:
    """Give the bot's application, of both workspaces."""
    tokens = {at.id: at.token for at in (slack.acme, slack.globex)}

    async def authorize(team_id: str, **_: Any) -> AuthorizeResult:
        ids = {"team_id": team_id, "enterprise_id": None, "bot_id": "B0", "bot_user_id": "U0BOT0001"}
        return AuthorizeResult(**ids, bot_token=tokens[team_id])

    app: Any = AsyncApp(authorize=authorize, client=AsyncWebClient(base_url=slack.api), signing_secret=SECRET)

    async def heard(args: Any) -> None:
        await bot.heard(args)

    app.event("message")(heard)
    return app


async def _download(url: str, token: str) -> bytes:
    async with (
        aiohttp.ClientSession() as session,
        session.get(url, headers={"Authorization": f"Bearer {token}"}) as answer,
    ):
        return await answer.read()


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
