"""The library's own log, without the tokens in it.

discord.py logs the address of a request that is rate limited, at level WARNING. The address of an answer
to an interaction holds its token, and whoever reads the log in time could answer in the bot's place.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any, Final

from adapters.discord.library import LOGGERS

_TOKEN: Final = re.compile(r"(/(?:webhooks|interactions)/[^/\s]+/)[^/\s?'\"]+")


class Cut(logging.Filter):
    """Takes the tokens of interactions and webhooks out of every address in a record."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass, without its tokens."""
        record.msg = cut(record.msg)
        if isinstance(record.args, Mapping):
            record.args = {key: cut(one) for key, one in record.args.items()}
        elif record.args:
            record.args = tuple(cut(one) for one in record.args)
        return True


def cut(value: Any) -> Any:  # noqa: ANN401  whatever is logged
    """Give a text without the tokens in its addresses; what is no text stays as it is."""
    return _TOKEN.sub(r"\1…", value) if isinstance(value, str) else value


class Logs:
    """The filter on the library's loggers, while somebody needs it."""

    def __init__(self) -> None:
        self._filter = Cut()
        for name in LOGGERS:
            logging.getLogger(name).addFilter(self._filter)

    def leave(self) -> None:
        """Take it off again."""
        for name in LOGGERS:
            logging.getLogger(name).removeFilter(self._filter)
