"""Restoring the placeholders of a stream: nothing leaves that could still become one."""

from firewall.placeholders import Placeholders
from firewall.tokens import undecided


class Restoring:
    """Restores one stream; `"".join(map(feed, chunks)) + finish()` is the restored whole for every chunking.

    At most one placeholder less a character is held back.

    Args:
        placeholders: Those of the turn that the model was asked in.
    """

    def __init__(self, placeholders: Placeholders) -> None:
        self._placeholders = placeholders
        self._held = ""

    def feed(self, chunk: str) -> str:
        """Take more of the stream and give what is decided, restored."""
        text = self._held + chunk
        # A placeholder that is whole may end like the beginning of another.
        whole = self._placeholders.end(text)
        decided = whole + undecided(text[whole:])
        self._held = text[decided:]
        return self._placeholders.restored(text[:decided])

    def finish(self) -> str:
        """Give the rest."""
        rest, self._held = self._held, ""
        return self._placeholders.restored(rest)
