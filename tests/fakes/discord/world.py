"""Everything that Discord knows: two guilds, their people and channels, one bot."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

from tests.fakes.discord.cdn import Cdn
from tests.fakes.discord.channel import ANNOUNCEMENT, DM, TEXT, THREAD, Channel
from tests.fakes.discord.interaction import Desk
from tests.fakes.discord.people import Guild, Ids, Json, User, Webhook

TOKEN: Final = "the-bots-token"


class World:
    """The state of the platform; `emit` delivers what happens in it."""

    def __init__(self, start: datetime, *, url: str, emit: Callable[[str, Json], None]) -> None:
        self.ids, self.url, self.emit = Ids(start), url, emit
        self.users: dict[str, User] = {}
        self.guilds: dict[str, Guild] = {}
        self.channels: dict[str, Channel] = {}
        self.webhooks: dict[str, Webhook] = {}
        self.cdn = Cdn(self.ids, url)
        # Who takes no direct messages, by id.
        self.unreachable: set[str] = set()
        self.desk = Desk(self)
        self.bot = self.user("wall", bot=True)
        self.app = self.bot.id
        self.ada, self.ben, self.cy = self.user("ada"), self.user("ben"), self.user("cy")
        self.relay = self.user("relay", bot=True)
        self.acme = self.new_guild("ACME", self.ada, self.ben, self.relay)
        self.globex = self.new_guild("GLOBEX", self.cy, self.ada)
        self.kitchen = self.channel("kitchen", guild=self.acme)
        self.news = self.channel("news", guild=self.acme, kind=ANNOUNCEMENT)
        self.lab = self.channel("lab", guild=self.globex)
        self.proxy = self.webhook(self.kitchen, "PluralKit")

    def user(self, name: str, *, bot: bool = False) -> User:
        made = User(id=self.ids.new(), name=name, bot=bot)
        self.users[made.id] = made
        return made

    def new_guild(self, name: str, owner: User, *others: User) -> Guild:
        """Make a guild with the bot in it; its owner has the role `lead`."""
        made = Guild(id=self.ids.new(), name=name, owner=owner.id)
        made.join(owner, made.role(self.ids, "lead"))
        for one in (*others, self.bot):
            made.join(one)
        self.guilds[made.id] = made
        return made

    def channel(
        self,
        name: str,
        *,
        guild: Guild | None,
        kind: int = TEXT,
        parent: Channel | None = None,
        id: str | None = None,
    ) -> Channel:
        made = Channel(self, id=id or self.ids.new(), kind=kind, name=name, guild=guild, parent=parent)
        self.channels[made.id] = made
        return made

    def dm(self, user: User) -> Channel:
        """Give the bot's own chat with somebody."""
        for one in self.channels.values():
            if one.guild is None and one.with_ == user:
                return one
        made = Channel(self, id=self.ids.new(), kind=DM, with_=user)
        self.channels[made.id] = made
        return made

    def webhook(self, channel: Channel, name: str) -> Webhook:
        assert channel.guild is not None
        id = self.ids.new()
        made = Webhook(id=id, token=f"secret-{id}", name=name, channel=channel.id, guild=channel.guild.id)
        self.webhooks[id] = made
        return made

    def guild_created(self, guild: Guild) -> Json:
        """Give a guild with its channels and threads."""
        inside = [one for one in self.channels.values() if one.guild is guild]
        return {
            **guild.shown(self.bot.id),
            "channels": [one.shown() for one in inside if one.kind != THREAD],
            "threads": [one.shown() for one in inside if one.kind == THREAD],
        }

    def application(self, *, flags: int) -> Json:
        """Give the bot's application."""
        return {
            "id": self.app,
            "name": "wall",
            "icon": None,
            "description": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "0" * 64,
            "owner": self.ada.shown(),
            "flags": flags,
            "team": None,
        }
