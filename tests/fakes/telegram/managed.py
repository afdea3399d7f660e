"""A bot of ours on the fake server, and two tenants who write to it: each has a chat and a room."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import partywall as pw
from adapters.telegram.channel import TelegramChannel
from partywall.bot import Bot
from partywall.handle import TurnHandle
from partywall.wall import Wall
from tests.fakes.telegram import accounts
from tests.fakes.telegram.accounts import User
from tests.fakes.telegram.places import Chat
from tests.fakes.telegram.server import FakeTelegram
from tests.fakes.telegram.wire import Sent
from vault.ledger import Filter

ADA, BEN = User(id=7001, first_name="Ada", username="ada"), User(id=7002, first_name="Ben")
CAROL = User(id=7003, first_name="Carol")
KITCHEN, CELLAR, OLD_KITCHEN = -1_001_000_000_001, -1_001_000_000_002, -5
Agent = Callable[[TurnHandle], Awaitable[str | None]]


def settings(path: Path, **more: object) -> dict[str, object]:
    acme, globex = (ADA.id, BEN.id, KITCHEN, OLD_KITCHEN), (CAROL.id, CELLAR)
    config: dict[str, object] = {
        "profile": "light",
        "model": "scripted/bot",
        "tenant": [
            {
                "id": tenant,
                "realms": [
                    {"channel": "telegram", "realm": "555", "conversation": str(chat)} for chat in chats
                ],
            }
            for tenant, chats in (("T-ACME", acme), ("T-GLOBEX", globex))
        ],
        "store": {"path": str(path / "wall.db"), "synchronous": "NORMAL"},
        "files": {"path": str(path / "files")},
        "attachments": {"max_bytes": 10_000, "max_count": 1},
    }
    return {**config, **more}


@dataclass(slots=True, kw_only=True, eq=False)
class House:
    """One bot and those who write to it.

    Attributes:
        ada: Her chat with the bot; she and Ben are ACME's.
        ben: His.
        carol: Hers; she is GLOBEX's.
        kitchen: A room of Ada and Ben.
        cellar: A room of Carol.
    """

    telegram: FakeTelegram
    otto: accounts.Bot
    wall: Wall
    path: Path
    ada: Chat
    ben: Chat
    carol: Chat
    kitchen: Chat
    cellar: Chat
    seen: list[Any] = field(default_factory=list[Any])

    async def told(self, chat: Chat, number: int = 1) -> list[Sent]:
        """Wait until so many texts or files were shown in a chat, and give all of them."""

        def found() -> list[Sent]:
            said = [one for one in self.telegram.heard(chat) if not one.method.startswith("edit")]
            return said if len(said) >= number else []

        return await self.telegram.until(found, within_s=30)

    async def until(self, number: int) -> list[Any]:
        """Wait until the agent noted so many things, and give them."""
        return await self.telegram.until(lambda: self.seen if len(self.seen) >= number else [], within_s=30)

    def note(self, what: object) -> None:
        self.seen.append(what)
        # Whoever waits looks again.
        self.otto.news()

    def files(self, chat: Chat) -> list[tuple[str, bytes]]:
        """Give the files that the bot showed in a chat, by name and content."""
        return [(each.name, each.content) for one in self.telegram.heard(chat) for each in one.files]

    @property
    def stored(self) -> dict[Path, bytes]:
        """What lies in the compartments."""
        return {each: each.read_bytes() for each in (self.path / "files").rglob("*") if each.is_file()}

    async def rules(self) -> list[str]:
        """Give the rule of each violation on record, oldest first."""
        records = (await self.wall.runtime()).vault.records
        await records.settle()
        return [one.record.rule for one in await records.violations(Filter())]


@asynccontextmanager
async def housed(
    path: Path,
    agent: Callable[[House], Agent],
    *,
    config: dict[str, object] | None = None,
    edits_every_s: float | None = None,
    **how: Any,
) -> AsyncGenerator[House]:
    """Serve, and give the house once the bot hears what is said in it.

    Args:
        path: Where the wall keeps what it keeps.
        agent: Makes the agent.
        config: Further settings of the wall.
        edits_every_s: How often an answer that grows is edited; as the channel does without it.
        how: Further arguments of the channel.
    """
    async with FakeTelegram() as telegram, pw.open(settings(path, **(config or {}))) as wall:
        otto = telegram.bot(555, "otto_bot")
        people = {ADA: "member", BEN: "member"}
        house = House(
            telegram=telegram,
            otto=otto,
            wall=wall,
            path=path,
            ada=telegram.dm(ADA, otto),
            ben=telegram.dm(BEN, otto),
            carol=telegram.dm(CAROL, otto),
            kitchen=telegram.room(KITCHEN, "Kitchen", otto, people=people),
            cellar=telegram.room(CELLAR, "Cellar", otto, people={CAROL: "member"}),
        )
        channel = TelegramChannel(
            token=otto.token, base_url=telegram.base_url, base_file_url=telegram.base_file_url, **how
        )
        channel.edits_every_s = edits_every_s or channel.edits_every_s
        async with Bot(wall, agent(house), [channel]).serving():
            await telegram.until(lambda: otto.allowed)
            yield house
