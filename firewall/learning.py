"""Learning what is said, and what an operator or another process keeps meanwhile."""

import asyncio
from dataclasses import dataclass, field

from firewall.core.label import Label
from firewall.core.message import Part
from firewall.core.ports import ExcerptIndex, ExcerptLearner, Lexicon
from firewall.core.steps import at_once, paced

_AT_ONCE = 1_000


async def learn_whole(excerpts: ExcerptIndex, part: Part) -> None:
    """Teach the index a part in steps; all of it is known after a cancellation, too."""
    steps = excerpts.learning(part.text, part.label)
    try:
        await paced(steps)
    except asyncio.CancelledError:
        at_once(steps)
        raise


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
    excerpts: ExcerptLearner
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def catch_up(self) -> None:
        """Learn everything that was kept since the last time; who comes meanwhile waits for it.

        What was removed is not forgotten before the next start: forgetting is never urgent, knowing is.

        Raises:
            StoreUnavailable, IntegrityError: It could not be read; the turn must not be opened.
        """
        async with self.lock:
            if await self._learned() < _AT_ONCE:
                return
            for _ in iter(self.excerpts.settle, False):
                # Each step takes some milliseconds.
                await asyncio.sleep(0)

    async def _learned(self) -> int:
        """Learn what is new, and say how much it was."""
        batch: list[tuple[str, Label, bool]] = []
        count = 0
        try:
            async for news in self.lexicon.news():
                batch.append(news)
                count += 1
                if len(batch) == _AT_ONCE:
                    self.excerpts.learn_many(batch)
                    batch.clear()
                    # That was some milliseconds' work.
                    await asyncio.sleep(0)
        finally:
            # Also when the reading broke off: what was read is not given again.
            self.excerpts.learn_many(batch)
        return count
