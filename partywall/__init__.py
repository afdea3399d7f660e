"""Partywall: the wall between the tenants of one bot.

import partywall as pw

wall = pw.open("partywall.toml")
pw.guard(app, wall)
acompletion = wall.guard_model(litellm.acompletion)
"""

# First of all: a folder that shadows one of our packages is named, before it answers in its place.
from partywall import origin

origin.verify()

from importlib import import_module  # noqa: E402
from typing import TYPE_CHECKING  # noqa: E402

from firewall.core.errors import (  # noqa: E402
    BadIdentifier,
    ConfigError,
    Denied,
    IntegrityError,
    MisuseError,
    NotGuarded,
    NoTurn,
    PartywallError,
    ToolUndeclared,
    TurnClosed,
    UnavailableError,
    UnsupportedApp,
    UnsupportedModel,
)
from firewall.core.message import Attachment  # noqa: E402
from firewall.kinds import (  # noqa: E402
    Command,
    CurrentPrincipal,
    CurrentRealm,
    CurrentSession,
    CurrentTenant,
    Query,
    ReadFile,
    ReadPath,
    Text,
    Url,
    WritePath,
)
from partywall.messages import message  # noqa: E402

if TYPE_CHECKING:
    from partywall.bot import Bot
    from partywall.guarding import Guarded, guard
    from partywall.present import turn
    from partywall.wall import Wall, open  # noqa: A004  the public name
else:

    def __getattr__(name):  # noqa: ANN001, ANN202  the language's hook, hidden so that types stay exact
        """Load the wall on first use: what it stands on takes longer than all that is named above."""
        homes = {
            "partywall.bot": ("Bot",),
            "partywall.guarding": ("Guarded", "guard"),
            "partywall.present": ("turn",),
            "partywall.wall": ("Wall", "open"),
        }
        for home, names in homes.items():
            if name in names:
                return getattr(import_module(home), name)
        raise AttributeError(f"module 'partywall' has no attribute {name!r}")


__all__ = [
    "Attachment",
    "BadIdentifier",
    "Bot",
    "Command",
    "ConfigError",
    "CurrentPrincipal",
    "CurrentRealm",
    "CurrentSession",
    "CurrentTenant",
    "Denied",
    "Guarded",
    "IntegrityError",
    "MisuseError",
    "NoTurn",
    "NotGuarded",
    "PartywallError",
    "Query",
    "ReadFile",
    "ReadPath",
    "Text",
    "ToolUndeclared",
    "TurnClosed",
    "UnavailableError",
    "UnsupportedApp",
    "UnsupportedModel",
    "Url",
    "Wall",
    "WritePath",
    "guard",
    "message",
    "open",
    "turn",
]
