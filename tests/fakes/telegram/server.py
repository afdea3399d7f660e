"""A Bot API server on loopback, and the world of chats behind it.

The unmodified client libraries talk to it: `base_url` and `base_file_url` are what their builders take.
Not as on the public server: a webhook may be plain HTTP on any port, and a failed delivery is tried again
when there is news and not after a time.
"""

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import aiohttp
from aiohttp import web

from tests.fakes.telegram.accounts import Bot, Business, User
from tests.fakes.telegram.files import Shelf
from tests.fakes.telegram.methods import Methods
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.wire import Body, Call, Dropped, File, Outcome, Refused, Sent, bad, sent

T = TypeVar("T")
_START: Final = 1_760_000_000
_BIGGEST_UPLOAD_BYTES: Final = 50 * 1024 * 1024
# Calls that say nothing to anybody.
_SILENT: Final = ("get", "setwebhook", "deletewebhook")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fault:
    method: str
    error: Refused | Dropped
    after: bool
    bot: Bot | None


class FakeTelegram:
    """One server with its bots, people and chats; `async with` runs it on a free port of loopback."""

    def __init__(self) -> None:
        self.calls: list[Sent] = []
        self._news = asyncio.Event()
        self._bots: dict[str, Bot] = {}
        self._chats: list[Chat] = []
        self._faults: list[_Fault] = []
        self._pushing: dict[int, asyncio.Task[None]] = {}
        self._ticks = 0
        self.shelf = Shelf()
        self._methods = Methods(self._find, self.shelf)

    @property
    def sent(self) -> list[Sent]:
        """What took effect, in order; `calls` holds what was refused or lost as well."""
        return [one for one in self.calls if one.ok]

    def heard(self, chat: Chat) -> list[Sent]:
        return [one for one in self.sent if any(each.chat is chat for each in one.messages)]

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=_BIGGEST_UPLOAD_BYTES)
        app.router.add_route("*", "/bot{token}/{method}", self._answer)
        app.router.add_get("/file/bot{token}/{path:.+}", self._download)
        # A poll ends with its connection, as on the real server.
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.base_url, self.base_file_url = f"http://{host}:{port}/bot", f"http://{host}:{port}/file/bot"
        self.client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._pushing.values():
            task.cancel()
        await asyncio.gather(*self._pushing.values(), return_exceptions=True)
        await self.client.close()
        await self._runner.cleanup()

    def bot(self, id: int, username: str) -> Bot:
        user = User(id=id, first_name=username, username=username, is_bot=True)
        bot = Bot(user=user, token=f"{id}:{username}-token", news=self._news.set)
        self._bots[bot.token] = bot
        return bot

    def dm(self, person: User, bot: Bot) -> Chat:
        """Give the private chat of a person with one bot, which hears of it when the person writes."""
        return self._new(Chat(id=person.id, kind="private", tick=self.tick, person=person, partner=bot))

    def room(
        self,
        id: int,
        title: str,
        *bots: Bot,
        kind: str = "supergroup",
        username: str | None = None,
        people: Mapping[User, str] | None = None,
        linked: Chat | None = None,
    ) -> Chat:
        """Give a group, supergroup or channel; `people` maps them to what getChatMember calls them."""
        chat = Chat(id=id, kind=kind, tick=self.tick, title=title, username=username, linked=linked)
        chat.bots.extend(bots)
        member = "administrator" if kind == "channel" else "member"
        chat.members.update({bot.id: (bot.user, member) for bot in bots})
        chat.members.update({one.id: (one, status) for one, status in (people or {}).items()})
        return self._new(chat)

    def business(self, id: str, owner: User, bot: Bot) -> Business:
        made = Business(id=id, owner=owner, bot=bot)
        bot.businesses.append(made)
        bot.deliver("business_connection", made.json)
        return made

    def customer(self, business: Business, person: User) -> Chat:
        """Give the private chat of a customer with a business, which the business's bot reads."""
        chat = Chat(id=person.id, kind="private", tick=self.tick, person=person, business=business)
        chat.bots.append(business.bot)
        return self._new(chat)

    def migrates(self, chat: Chat, by: User, id: int) -> Chat:
        """Upgrade a basic group: it gets a new id, and says so in the old chat and in the new one."""
        people = dict(chat.members.values())
        new = self.room(id, chat.title, *chat.bots, people=people)
        chat.add({"from": by.json, "migrate_to_chat_id": id})
        new.add({"from": by.json, "migrate_from_chat_id": chat.id})
        chat.moved_to = id
        return new

    def asks_inline(self, person: User, bot: Bot, text: str) -> str:
        """Type the bot's name and a question in any chat; return the query's id."""
        query = f"inline-{self.tick()}"
        bot.queries.add(query)
        bot.deliver("inline_query", {"id": query, "from": person.json, "query": text, "offset": ""})
        return query

    async def forges(self, bot: Bot, update: Body, *, secret: str) -> int:
        """Post to the bot's webhook as a stranger would, and give the status."""
        return await bot.post(self.client, update, secret)

    def breaks(
        self, method: str, error: Refused | None = None, *, after: bool = False, bot: Bot | None = None
    ) -> None:
        """Let the next call of a method fail with an error or, without one, with a broken connection.

        Args:
            method: As the bot calls it.
            error: The answer.
            after: True to do first what was asked, and to lose only the answer.
            bot: Fail only for this bot.
        """
        self._faults.append(_Fault(method=method.lower(), error=error or Dropped(), after=after, bot=bot))

    async def until(self, check: Callable[[], T], *, within_s: float = 5.0) -> T:
        """Wait until a condition holds, looking again at each news, and give what it gave.

        Raises:
            TimeoutError: It did not hold within this time.
        """
        async with asyncio.timeout(within_s):
            while not (found := check()):
                self._news.clear()
                await self._news.wait()
        return found

    def tick(self) -> int:
        """Give the next second of this world's clock."""
        self._ticks += 1
        return _START + self._ticks

    def _new(self, chat: Chat) -> Chat:
        self._chats.append(chat)
        return chat

    def _find(self, bot: Bot, said: str, connection: str) -> Chat:
        for chat in self._chats:
            named = said == str(chat.id) or (chat.username is not None and said == f"@{chat.username}")
            if named and connection == (chat.business.id if chat.business else "") and _sees(bot, chat):
                return chat
        raise bad("chat not found")

    async def _answer(self, request: web.Request) -> web.Response:
        try:
            bot = self._bots.get(request.match_info["token"])
            if bot is None:
                raise Refused(401, "Unauthorized")
            return web.json_response({"ok": True, "result": await self._perform(bot, await _read(request))})
        except Refused as refusal:
            wait_s = refusal.parameters.get("retry_after")
            headers = {} if wait_s is None else {"Retry-After": str(wait_s)}
            return web.json_response(refusal.body, status=refusal.code, headers=headers)
        except Dropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    async def _perform(self, bot: Bot, call: Call) -> object:
        fault = self._fault(bot, call)
        try:
            if fault is not None and not fault.after:
                raise fault.error
            outcome = await self._do(bot, call)
        except (Refused, Dropped):
            self._record(bot, call, None)
            raise
        self._record(bot, call, outcome)
        if fault is not None:
            raise fault.error
        return outcome.result

    async def _do(self, bot: Bot, call: Call) -> Outcome:
        if call.method.lower() == "getupdates":
            return Outcome(result=await bot.updates(call))
        if call.method.lower() == "setwebhook" and bot.id not in self._pushing:
            self._pushing[bot.id] = asyncio.create_task(bot.push(self.client))
        return self._methods.perform(bot, call)

    def _record(self, bot: Bot, call: Call, outcome: Outcome | None) -> None:
        if not call.method.lower().startswith(_SILENT):
            self.calls.append(sent(bot.id, call, outcome))
        self._news.set()

    def _fault(self, bot: Bot, call: Call) -> _Fault | None:
        for fault in self._faults:
            if fault.method == call.method.lower() and fault.bot in (None, bot):
                self._faults.remove(fault)
                return fault
        return None

    async def _download(self, request: web.Request) -> web.StreamResponse:
        bot = self._bots.get(request.match_info["token"])
        return await self.shelf.download(request, bot, request.match_info["path"])


def _sees(bot: Bot, chat: Chat) -> bool:
    return chat.partner is bot or bot in chat.bots or bot.id in chat.members


async def _read(request: web.Request) -> Call:
    """Read a call from a form, a multipart form, JSON or the address, as the Bot API takes them."""
    raw, uploads = dict(request.query), dict[str, File]()
    if request.content_type == "application/json":
        said: dict[str, Any] = await request.json()
        raw |= {name: one if isinstance(one, str) else json.dumps(one) for name, one in said.items()}
    else:
        for name, one in (await request.post()).items():
            if isinstance(one, web.FileField):
                read = File(kind="", name=one.filename, mime=one.content_type, content=one.file.read())
                uploads[name] = read
            else:
                raw[name] = str(one)
    return Call(method=request.match_info["method"], raw=raw, uploads=uploads)
