"""A bot's side of the server: its token, its queue of updates, its webhook and the files it was shown."""

import asyncio
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.fakes.telegram.wire import Body, Call, File, Refused, bad

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
# Kinds that a bot gets only if it asks for them by name.
_ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """Somebody with an account, which may be a program's."""

    id: int
    first_name: str
    username: str | None = None
    is_bot: bool = False

    @property
    def json(self) -> Body:
        told: Body = {"id": self.id, "is_bot": self.is_bot, "first_name": self.first_name}
        return {**told, "username": self.username} if self.username else told


@dataclass(slots=True, kw_only=True, eq=False)
class Bot:
    """One bot. Its updates wait in `pending`, in the order in which they came, until they are confirmed."""

    user: User
    token: str
    news: Callable[[], None]
    pending: list[Body] = field(default_factory=list[Body])
    files: dict[str, File] = field(default_factory=dict[str, File])
    # Callback and inline queries that may still be answered.
    queries: set[str] = field(default_factory=set[str])
    businesses: "list[Business]" = field(default_factory=list["Business"])
    url: str = ""
    secret: str = ""
    allowed: tuple[str, ...] = ()
    failures: list[int] = field(default_factory=list[int])
    _held: list[Body] | None = None
    _last_update: int = 1000
    _last_message: int = 0
    _polls: int = 0
    _wake: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def id(self) -> int:
        return self.user.id

    def next_message(self) -> int:
        """Number a message of a private chat or basic group, where every account counts by itself."""
        self._last_message += 1
        return self._last_message

    def deliver(self, kind: str, body: Body) -> None:
        """Queue one update, unless the bot has not asked for its kind."""
        if kind not in self.allowed if self.allowed else kind in _ON_REQUEST:
            return
        self._last_update += 1
        # Frozen as it is now: what is edited later is another update.
        update = json.loads(json.dumps({"update_id": self._last_update, kind: body}))
        (self.pending if self._held is None else self._held).append(update)
        self._stir()

    def bring(self, update: Body) -> None:
        """Queue an update as it stands, of whatever kind."""
        self.pending.append(update)
        self._stir()

    def show(self, file: File) -> str:
        """Give a file an id that works for this bot and no other."""
        stem = f"{file.kind}-{self.id}"
        found = [one for one, known in self.files.items() if known is file]
        number = found[0] if found else f"{stem}-{len(self.files)}"
        self.files[number] = file
        return number

    def hold(self) -> None:
        """Keep what is said from now on; `release` gives it out."""
        self._held = []

    def release(self, order: Iterable[int]) -> None:
        """Give out what was held, by position: reordered, and twice where a position comes again."""
        held, self._held = self._held or [], None
        self.pending.extend(dict(held[place]) for place in order)
        self._stir()

    async def updates(self, call: Call) -> list[Body]:
        """Answer getUpdates: an offset confirms all that is older, and the newest poll ends those before."""
        if self.url:
            raise _conflict(
                "can't use getUpdates method while webhook is active; "
                "use deleteWebhook to delete the webhook first"
            )
        self._ask(call)
        self._polls += 1
        mine = self._polls
        self._stir()
        self._confirm(call.number("offset") or 0)
        try:
            async with asyncio.timeout(call.number("timeout") or 0):
                while not self.pending and mine == self._polls:
                    self._wake.clear()
                    await self._wake.wait()
        except TimeoutError:
            pass
        if mine != self._polls:
            raise _conflict("terminated by other getUpdates request; make sure that only one bot is running")
        return self.pending[: call.number("limit") or 100]

    def set_webhook(self, call: Call) -> None:
        secret = call.text("secret_token")
        if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", secret):
            raise bad("secret token contains unallowed characters")
        self._ask(call)
        self.url, self.secret = call.text("url"), secret
        # A poll that still waits ends with a conflict.
        self._polls += 1
        if call.value("drop_pending_updates"):
            self.pending.clear()
        self._stir()

    def webhook(self) -> Body:
        told: Body = {
            "url": self.url,
            "has_custom_certificate": False,
            "pending_update_count": len(self.pending),
        }
        return {**told, "allowed_updates": list(self.allowed)} if self.allowed else told

    async def push(self, client: aiohttp.ClientSession) -> None:
        """Post updates to the webhook for as long as there is one, one at a time, each until it is taken.

        What the receiver does not take stays in front, and is tried again when there is news.
        """
        while True:
            self._wake.clear()
            while self.url and self.pending:
                update, status = self.pending[0], await self.post(client, self.pending[0], self.secret)
                if not 200 <= status < 300:
                    self.failures.append(status)
                    break
                self.pending[:] = [one for one in self.pending if one is not update]
            self.news()
            await self._wake.wait()

    async def post(self, client: aiohttp.ClientSession, update: Body, secret: str) -> int:
        """Post one update to the webhook and give the status; 0 if nobody answers."""
        headers = {SECRET_HEADER: secret} if secret else {}
        try:
            async with client.post(self.url, json=update, headers=headers) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    def _ask(self, call: Call) -> None:
        asked: Any = call.value("allowed_updates")
        if asked is not None:
            self.allowed = tuple(asked)

    def _confirm(self, offset: int) -> None:
        if offset < 0:
            self.pending[:] = self.pending[offset:]
        else:
            self.pending[:] = [one for one in self.pending if one["update_id"] >= offset]

    def _stir(self) -> None:
        self._wake.set()
        self.news()


def _conflict(reason: str) -> Refused:
    return Refused(409, f"Conflict: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Business:
    """One business that lets a bot answer its customers."""

    id: str
    owner: User
    bot: Bot

    @property
    def json(self) -> Body:
        """The connection as getBusinessConnection gives it."""
        place: Body = {"id": self.id, "user": self.owner.json, "user_chat_id": self.owner.id}
        return {**place, "date": 1_760_000_000, "is_enabled": True, "rights": {"can_reply": True}}
