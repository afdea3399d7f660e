"""Judged text: what was scanned in a session, held nothing and passed is not scanned again.

An answer is looked at when the model gives it, and again when the bot sends it. What is remembered is the
keyed fingerprint of such a text, under its tenant, its session and the rules that looked: never the text,
and never anything but "nothing of any type is in it". So the memory can spare a scan and change no verdict.
Whether a text holds somebody else's words depends on the index and on who reads, and is asked every time.

The attack is a session that has a text passed for another one, or under rules of yesterday. Each is part of
what is fingerprinted, with a key drawn for this process, so no text can be made to meet another one's.
"""

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, field

from firewall.core.ids import canonical
from firewall.core.ports import Clock
from firewall.core.session import Turn

_SIZE = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """The fingerprints of what passed, by session; the one that was used longest ago goes first.

    Attributes:
        secret: The key of the fingerprints, 16 to 64 bytes, drawn for this process.
        clock: How long something is remembered is measured by it.
        keep_s: How long, in seconds.
        sessions: How many sessions are remembered,
        texts: and how many texts of each.
    """

    secret: bytes = field(repr=False)
    clock: Clock
    keep_s: float = 600.0
    sessions: int = 4_096
    texts: int = 64
    _known: OrderedDict[tuple[str, str], OrderedDict[bytes, float]] = field(
        default_factory=OrderedDict[tuple[str, str], OrderedDict[bytes, float]], init=False, repr=False
    )

    def knows(self, turn: Turn, rules: str, text: str) -> bool:
        """True only if this text held nothing and passed in this session, under these rules, lately."""
        session = _session(turn)
        held = self._known.get(session)
        if held is None:
            return False
        self._known.move_to_end(session)
        mark = self._mark(session, rules, text)
        until = held.get(mark)
        if until is None or until <= self.clock.monotonic_s():
            return False
        held.move_to_end(mark)
        return True

    def passed(self, turn: Turn, rules: str, text: str) -> None:
        """Remember a text in which nothing was found and that has passed."""
        session = _session(turn)
        held = self._known.setdefault(session, OrderedDict())
        self._known.move_to_end(session)
        mark = self._mark(session, rules, text)
        held[mark] = self.clock.monotonic_s() + self.keep_s
        held.move_to_end(mark)
        if len(held) > self.texts:
            held.popitem(last=False)
        if len(self._known) > self.sessions:
            self._known.popitem(last=False)

    def _mark(self, session: tuple[str, str], rules: str, text: str) -> bytes:
        digest = hashlib.blake2b(key=self.secret, digest_size=_SIZE, person=b"partywall judged")
        # JSON holds no zero, so where the fields end and the text begins is never in doubt.
        digest.update(canonical(*session, rules).encode("utf-8", "surrogatepass") + b"\0")
        digest.update(text.encode("utf-8", "surrogatepass"))
        return digest.digest()


def _session(turn: Turn) -> tuple[str, str]:
    return turn.principal.tenant, turn.session
