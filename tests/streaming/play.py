"""One reply, streamed in random chunkings and broken off; what is wrong is said without its text."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from firewall.core.errors import ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.marker import redacted
from firewall.detect.stream import Holdback
from firewall.streams import Cutter
from partywall.config import Config
from partywall.detecting import detector_of
from tests.streaming.texts import CODE, FOR_BOB, SPEECH, chunks, planted, reply

Scan = Callable[[str], Sequence[Match]]
Make = Callable[[Scan], Holdback]
_CHUNKINGS = 5


def shipped() -> Scan:
    """Give what the wall looks for by default, for Bob."""
    detector, foreign = detector_of(Config()), Unmasking(planted())
    return lambda text: [*detector.scan(text), *foreign.find(text, FOR_BOB)]


@dataclass(slots=True)
class Tally:
    """What was played, and what was wrong.

    Attributes:
        held: For each chunk, how many code points waited after it.
        wrong: Seeds and what was wrong there.
    """

    texts: int = 0
    chunkings: int = 0
    cancelled: int = 0
    matches: int = 0
    held: list[int] = field(default_factory=list[int])
    wrong: list[str] = field(default_factory=list[str])


class Stream:
    """Plays one seed.

    Args:
        scan: What is looked for.
        holdback: What holds a stream back; a mutant in the tests of this.
    """

    def __init__(self, scan: Scan, holdback: Make = Holdback) -> None:
        self._scan = scan
        self._holdback = holdback

    def play(self, seed: int, tally: Tally) -> None:
        """Stream one reply in several chunkings, each broken off somewhere once more."""
        rng = random.Random(seed)
        text = reply(rng)
        found = self._scan(text)
        whole = redacted(text, found)[0]
        tally.texts += 1
        tally.matches += len(found)
        for _ in range(_CHUNKINGS):
            self._chunking(rng, seed, text, whole, tally)

    def _chunking(self, rng: random.Random, seed: int, text: str, whole: str, tally: Tally) -> None:
        stream, said = self._holdback(self._scan), chunks(rng, text)
        stop = rng.randrange(len(said) + 1)
        out = ""
        tally.chunkings += 1
        for number, chunk in enumerate(said):
            if number == stop:
                self._cancelled(rng, seed, said[:number], out, tally)
            out += stream.feed(chunk)
            tally.held.append(stream.held)
            if not whole.startswith(out):
                tally.wrong.append(f"seed {seed}: what was released is not the start of the redacted whole")
                return
        out += stream.finish()
        if out != whole:
            tally.wrong.append(f"seed {seed}: the pieces are not the redacted whole")
        if CODE in out or SPEECH[60:100] in out:
            tally.wrong.append(f"seed {seed}: what is Ann's was released")

    def _cancelled(
        self, rng: random.Random, seed: int, said: Sequence[str], released: str, tally: Tally
    ) -> None:
        """Say that whatever had followed, what was released until now would have been released."""
        tally.cancelled += 1
        text = "".join(said) + reply(rng)
        if not redacted(text, self._scan(text))[0].startswith(released):
            tally.wrong.append(f"seed {seed}: a character left that could still belong to a match")
        broken = self._holdback(self._scan)
        given = "".join(map(broken.feed, said))
        if given != released:
            tally.wrong.append(f"seed {seed}: a stream that is broken off had released something else")
        broken.finish()
        try:
            broken.feed("more")
        except ServiceUnavailable:
            return
        tally.wrong.append(f"seed {seed}: a stream that is over went on")


def cuts(scan: Scan, seed: int) -> bool:
    """True if judging the stretches of a cut stream one by one is judging the whole."""
    rng = random.Random(seed)
    text = reply(rng)
    cutter = Cutter(scan)
    stretches = [cutter.feed(chunk) for chunk in chunks(rng, text)] + [cutter.finish()]
    judged = "".join(redacted(each, scan(each))[0] for each in stretches)
    return "".join(stretches) == text and judged == redacted(text, scan(text))[0]
