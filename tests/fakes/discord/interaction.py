"""Commands, buttons and forms: what people send to the bot, each with a token for its answers.

Source: discord.com/developers/docs/interactions, Receiving and Responding.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from tests.fakes.discord.people import Json, User
from tests.fakes.discord.sent import Upload

if TYPE_CHECKING:
    from tests.fakes.discord.channel import Channel
    from tests.fakes.discord.world import World

COMMAND, COMPONENT, FORM = 2, 3, 5
_SLASH, _MENU = 1, 3
_BUTTON: Final = 2
_KINDS: Final[dict[type, int]] = {str: 3, int: 4, bool: 5, float: 10, Upload: 11}


@dataclass(slots=True, kw_only=True)
class Interaction:
    """One thing that somebody asked of the bot, and how far the bot has answered it."""

    id: str
    token: str
    kind: int
    channel: "Channel"
    user: User
    name: str
    message: Json | None = None
    original: Json | None = None
    answered: bool = False

    def shown(self) -> Json:
        """Give what the bot's answer says of the question."""
        asked = {"id": self.id, "type": self.kind, "user": self.user.shown()}
        return {
            "interaction_metadata": {**asked, "authorizing_integration_owners": {}},
            **({"interaction": {**asked, "name": self.name}} if self.kind == COMMAND else {}),
        }


class Desk:
    """Keeps the bot's commands, and the interactions that people have with it."""

    def __init__(self, world: "World") -> None:
        self.commands: dict[str | None, list[Json]] = {}
        self.open: dict[str, Interaction] = {}
        self.forms: dict[str, Interaction] = {}
        self._world = world

    def register(self, guild: str | None, commands: Sequence[Json]) -> list[Json]:
        """Replace the commands of a guild, or those of everywhere."""
        common = {"application_id": self._world.app, "version": "1", "type": _SLASH}
        where = {"guild_id": guild} if guild is not None else {}
        self.commands[guild] = [
            {"description": "", "id": self._world.ids.new(), **common, **one, **where} for one in commands
        ]
        return self.commands[guild]

    def command(
        self, channel: "Channel", command: str, options: Mapping[str, Any], user: User
    ) -> Interaction:
        name, *inner = command.split()
        kept = {
            key: self._world.cdn.keep(channel.id, one, hidden=True)
            for key, one in options.items()
            if isinstance(one, Upload)
        }
        given: list[Json] = [
            {"name": key, "type": _KINDS[type(value)], "value": kept[key]["id"] if key in kept else value}
            for key, value in options.items()
        ]
        for depth, sub in enumerate(reversed(inner)):
            given = [{"name": sub, "type": 1 if depth == 0 else 2, "options": given}]
        known = self._known(channel, name, _SLASH)
        data = {"id": known["id"], "name": name, "type": _SLASH, "options": given}
        if kept:
            data["resolved"] = {"attachments": {one["id"]: one for one in kept.values()}}
        return self._ask(channel, user, COMMAND, command, data)

    def menu(self, channel: "Channel", command: str, message: Json, user: User) -> Interaction:
        known = self._known(channel, command, _MENU)
        shown = {"messages": {message["id"]: copy.deepcopy(message)}}
        data = {
            "id": known["id"],
            "name": command,
            "type": _MENU,
            "target_id": message["id"],
            "resolved": shown,
        }
        return self._ask(channel, user, COMMAND, command, data)

    def press(self, channel: "Channel", custom_id: str, user: User, values: Sequence[str]) -> Interaction:
        """Press what a message shows; LookupError if no message does."""
        standing = {**channel.messages, **channel.hidden}
        for _, message in sorted(standing.items(), key=lambda one: int(one[0]), reverse=True):
            for one in _components(message["components"]):
                if one.get("custom_id") == custom_id:
                    data = {"custom_id": custom_id, "component_type": one["type"], "id": one.get("id", 1)}
                    chosen = {} if one["type"] == _BUTTON else {"values": list(values)}
                    return self._ask(channel, user, COMPONENT, custom_id, {**data, **chosen}, message)
        raise LookupError("no message here shows this component")

    def submit(
        self, channel: "Channel", custom_id: str, fields: Mapping[str, str], user: User
    ) -> Interaction:
        """Send the form with this id; KeyError if the bot has opened none."""
        source = self.forms.pop(custom_id)
        rows = [
            {"type": 1, "id": n, "components": [{"type": 4, "id": n, "custom_id": key, "value": value}]}
            for n, (key, value) in enumerate(fields.items(), 1)
        ]
        data = {"custom_id": custom_id, "components": rows}
        return self._ask(channel, user, FORM, custom_id, data, source.message)

    def _known(self, channel: "Channel", name: str, kind: int) -> Json:
        here = self.commands.get(channel.guild.id, []) if channel.guild is not None else []
        for one in [*here, *self.commands.get(None, [])]:
            if one["name"] == name and one["type"] == kind:
                return one
        raise LookupError("the bot has not registered this command here")

    def _ask(
        self,
        channel: "Channel",
        user: User,
        kind: int,
        name: str,
        data: Json,
        message: Json | None = None,
    ) -> Interaction:
        id = self._world.ids.new()
        asked = Interaction(
            id=id, token=f"token-{id}", kind=kind, channel=channel, user=user, name=name, message=message
        )
        self.open[asked.token] = asked
        body: Json = {
            "id": id,
            "application_id": self._world.app,
            "type": kind,
            "token": asked.token,
            "version": 1,
            "channel_id": channel.id,
            "channel": channel.shown(),
            "context": 0 if channel.guild is not None else 1,
            "app_permissions": "2147483647",
            "attachment_size_limit": 10_485_760,
            "locale": "en-GB",
            "entitlements": [],
            "authorizing_integration_owners": {},
            "data": data,
        }
        if message is not None:
            body["message"] = message
        if channel.guild is None:
            body["user"] = user.shown()
        else:
            body["guild_id"], body["guild_locale"] = channel.guild.id, "en-GB"
            body["guild"] = {"id": channel.guild.id, "locale": "en-GB", "features": []}
            body["member"] = {**channel.guild.whole_member(user.id), "permissions": "2147483647"}
        self._world.emit("INTERACTION_CREATE", body)
        return asked


def _components(rows: Sequence[Json]) -> list[Json]:
    """Give all components, those inside of others too."""
    found: list[Json] = []
    for one in rows:
        inner = [one["accessory"]] if "accessory" in one else []
        found += [one, *_components([*one.get("components", []), *inner])]
    return found
