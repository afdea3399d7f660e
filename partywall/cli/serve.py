"""`partywall serve`: run the bot that the configuration describes."""

import logging
import sys

from partywall.cli.desk import ConfigPath, configuration
from partywall.serving import bot_of
from partywall.wall import Wall


def serve(config: ConfigPath = None) -> None:
    """Run the configured bot until SIGTERM or SIGINT; then finish what was begun and end.

    Says on standard error what it does: ids, counts and references, never what anybody said.
    """
    bot = bot_of(Wall(configuration(config)))
    logging.basicConfig(
        stream=sys.stderr, level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    logging.getLogger("partywall").setLevel(logging.INFO)
    bot.run()
