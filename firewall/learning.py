"""Learning what is kept meanwhile: by an operator's command, or by another process on the same store."""

import asyncio
from dataclasses import dataclass, field

from firewall.core.ports import ExcerptIndex, Lexicon


@dataclass(frozen=True, slots=True, kw_only=True)
class Learner:
    """Brings the excerpt index up to date before a message is judged.

    The attack is a value that was kept while the bot runs: the vault gives it to its readers at once, and a
    model that has it from elsewhere could name it to anybody until the next start.

    Attributes:
        lexicon: What is kept.
        excerpts: What is known.
    """

    lexicon: Lexicon
    excerpts: ExcerptIndex
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def catch_up(self) -> None:
        """Learn everything that was kept since the last time; who comes meanwhile waits for it.

        What was removed is not forgotten before the next start: forgetting is never urgent, knowing is.

        Raises:
            StoreUnavailable, IntegrityError: It could not be read; the turn must not be opened.
        """
        async with self.lock:
            async for text, label, whole in self.lexicon.news():
                self.excerpts.learn(text, label, whole=whole)
