"""The wall as an extension of discord.py: `await bot.load_extension("partywall.discord")`.

The bot carries its wall: `bot.wall = partywall.open("partywall.toml")`, and, if that is meant,
`bot.unguarded_model = True`. Everything else is what `partywall.guard(bot, wall)` does.
"""

from adapters.discord.library import Bot, Cog
from firewall.core.errors import MisuseError
from partywall.guarding import Guarded, guard
from partywall.wall import Wall


class Partywall(Cog):
    """Guards the bot it is added to.

    Unloading takes the cog away and not the wall: a bot's own commands must not be able to open it. Whoever
    runs the bot can, by `handle.uninstall()`.

    Attributes:
        handle: What `partywall.guard` gave: `report()`, `uninstall()`, `drain()`.
    """

    def __init__(self, bot: Bot, wall: Wall, *, unguarded_model: bool = False) -> None:
        self.handle: Guarded = guard(bot, wall, unguarded_model=unguarded_model)


async def setup(bot: Bot) -> None:
    """Guard the bot that loads this extension.

    Raises:
        MisuseError: It carries no wall.
    """
    wall: object = getattr(bot, "wall", None)
    if not isinstance(wall, Wall):
        raise MisuseError('give the bot its wall before: `bot.wall = partywall.open("partywall.toml")`')
    unguarded: object = getattr(bot, "unguarded_model", False)
    await bot.add_cog(Partywall(bot, wall, unguarded_model=unguarded is True))
