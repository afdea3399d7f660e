"""Foreign excerpts: text that is known to belong to somebody who did not admit this audience.

What is compared is the skeleton of a text (`normal.SKELETON`), so case, width, accents, invisible characters,
separators and line wraps hide nothing. What is known is known in two ways:

* Vault values (`whole=True`) that pass `values.keeps` are looked for whole, however short.
* Everything is looked for in parts: any run of 23 characters, at least 6 of them different.

A run is foreign if nobody whose label admits the audience knows it. What the audience may read is never taken
away: a character inside a run or value that some admitting label knows stays, whoever else claims it.

Phrases that everybody uses. A run that `common` tenants know, all of which were here before the audience's
own tenant, is not evidence against anybody and is not reported. It is not white-listed either: tenants that
came after the reader's do not count, so nobody makes a text common by planting copies beside the reader, and
a run that reaches one character beyond the phrase is judged by itself.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Label, Owned, Principals, Room, admits
from firewall.core.ports import Match
from firewall.detect.grams import LONGEST, RUN, Grams
from firewall.detect.marker import EXCERPT, pieces
from firewall.detect.normal import SKELETON, Normal
from firewall.detect.owners import Holders, Owner
from firewall.detect.values import Values, keeps

RULE = "excerpt"
_MIN_DISTINCT = 6
# How many tenants are looked at to tell whether a phrase is everybody's.
_TENANTS_SEEN = 16

_Reader = tuple[TenantId, PrincipalId | Room | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """How much is remembered, in skeleton characters; speech and vault values are counted apart.

    Attributes:
        label: For one label, such as one principal's private texts; its own oldest go first.
        tenant: For one tenant; the oldest of its largest label go first, so that nobody loses theirs to a
            neighbour who talks more. No tenant ever pushes out another's.
    """

    label: int = 200_000
    tenant: int = 2_000_000


class Excerpts:
    """An index of labelled text in memory; implements `ports.ExcerptIndex`. Not for several threads at once.

    Args:
        quota: How much is remembered of each owner.
        common: From how many older tenants on a phrase is everybody's.
    """

    def __init__(self, quota: Quota | None = None, common: int = 4) -> None:
        self._quota = quota or Quota()
        self._common = common
        self._grams = Grams()
        self._values = Values()
        self._owners: dict[tuple[Owned, bool], Owner] = {}
        self._by_tenant: dict[tuple[TenantId, bool], dict[Owner, None]] = {}
        self._by_reader: dict[_Reader, dict[Owner, None]] = {}
        self._used: dict[tuple[TenantId, bool], int] = {}
        self._ages: dict[TenantId, int] = {}

    def keeps(self, text: str) -> bool:
        """True if `learn(text, …, whole=True)` protects this text; a vault warns where it does not."""
        return keeps(text)

    def learn(self, text: str, label: Label, *, whole: bool = False) -> None:
        """Remember text under its label; operator text, too short and too common text is not kept.

        Args:
            text: The text as it passed; markers in it are no part of it.
            label: Whose it is and who may read it.
            whole: True for a value that operators keep for a tenant, which is then found however short.
        """
        if not isinstance(label, Owned):
            return
        # Only here are markers left out. The scan leaves out nothing, so no shape of text escapes it.
        for piece in pieces(text):
            skeleton = SKELETON.fold(piece)
            if len(skeleton) >= RUN or (whole and keeps(piece)):
                self._keep(self._owner(label, whole), skeleton)

    def find(self, text: str, audience: Audience) -> Sequence[Match]:
        """Find stretches known to be foreign to the audience, in order, not overlapping."""
        skeleton = SKELETON.fold(text)
        stretches = list(self._stretches(skeleton, audience))
        if not stretches:
            return []
        normal = SKELETON.normal(text)
        return [_match(normal, start, stop) for start, stop in stretches]

    def forget(self, label: Owned) -> None:
        """Forget everything that was learned under this label."""
        for whole in (False, True):
            owner = self._owners.get((label, whole))
            if owner is not None:
                self._drop_all(owner)

    def forget_tenant(self, tenant: TenantId) -> None:
        """Forget everything that was learned of this tenant."""
        for whole in (False, True):
            for owner in list(self._by_tenant.get((tenant, whole), ())):
                self._drop_all(owner)

    def _stretches(self, skeleton: str, audience: Audience) -> Iterator[tuple[int, int]]:
        everything = list(self._known(skeleton))
        if not everything:
            return
        mine = self._mine(audience)
        age = self._ages.get(audience.tenant, len(self._ages))
        foreign, own = bytearray(len(skeleton)), bytearray(len(skeleton))
        for start, stop, known in everything:
            if any(holders.includes(owner) for holders in known for owner in mine):
                own[start:stop] = b"\1" * (stop - start)
            elif not self._everybodys(known, age):
                foreign[start:stop] = b"\1" * (stop - start)
        if 1 in foreign:
            yield from _runs(foreign, own)

    def _known(self, skeleton: str) -> Iterator[tuple[int, int, list[Holders]]]:
        for start, known in self._grams.find(skeleton).items():
            if len(set(skeleton[start : start + RUN])) >= _MIN_DISTINCT:
                yield start, start + RUN, known
        for start, stop, holders in self._values.find(skeleton):
            yield start, stop, [holders]

    def _everybodys(self, known: Sequence[Holders], age: int) -> bool:
        tenants = {tenant for holders in known for tenant in holders.tenants(_TENANTS_SEEN)}
        return sum(self._ages[tenant] < age for tenant in tenants) >= self._common

    def _mine(self, audience: Audience) -> list[Owner]:
        """Give the owners whose texts the audience may read, without looking at any other tenant's."""
        readers: tuple[PrincipalId | Room | None, ...] = (None, audience.principal, audience.room)
        found = {owner for reader in readers for owner in self._by_reader.get((audience.tenant, reader), ())}
        return [owner for owner in found if admits(owner.label, audience)]

    def _owner(self, label: Owned, whole: bool) -> Owner:
        owner = self._owners.get((label, whole))
        if owner is None:
            owner = self._owners[label, whole] = Owner(label=label, whole=whole)
            self._ages.setdefault(label.tenant, len(self._ages))
            self._by_tenant.setdefault((label.tenant, whole), {})[owner] = None
            for reader in _readers(label):
                self._by_reader.setdefault((label.tenant, reader), {})[owner] = None
        return owner

    def _keep(self, owner: Owner, skeleton: str) -> None:
        # Longer texts are kept in overlapping parts, so that a quota can drop the old half of a long one.
        step = LONGEST - RUN + 1
        for start in range(0, max(1, len(skeleton) - RUN + 1), step):
            part = skeleton[start : start + LONGEST]
            if part in owner.texts:
                owner.texts[part] = owner.texts.pop(part)
                continue
            owner.texts[part] = None
            (self._grams if len(part) >= RUN else self._values).add(owner, part)
            self._count(owner, len(part))
            self._shrink(owner)

    def _shrink(self, owner: Owner) -> None:
        share = (owner.label.tenant, owner.whole)
        while owner.codepoints > self._quota.label:
            self._drop_oldest(owner)
        while self._used[share] > self._quota.tenant:
            self._drop_oldest(max(self._by_tenant[share], key=lambda other: other.codepoints))

    def _drop_oldest(self, owner: Owner) -> None:
        part = next(iter(owner.texts))
        del owner.texts[part]
        (self._grams if len(part) >= RUN else self._values).remove(owner, part)
        self._count(owner, -len(part))

    def _drop_all(self, owner: Owner) -> None:
        while owner.texts:
            self._drop_oldest(owner)
        del self._owners[owner.label, owner.whole]
        del self._by_tenant[owner.label.tenant, owner.whole][owner]
        for reader in _readers(owner.label):
            del self._by_reader[owner.label.tenant, reader][owner]

    def _count(self, owner: Owner, codepoints: int) -> None:
        share = (owner.label.tenant, owner.whole)
        owner.codepoints += codepoints
        self._used[share] = self._used.get(share, 0) + codepoints


def _readers(label: Owned) -> Iterator[PrincipalId | Room | None]:
    match label.readers:
        case Principals(ids=ids):
            yield from ids
        case Room() as room:
            yield room
        case _:
            yield None


def _match(normal: Normal, start: int, stop: int) -> Match:
    first, last = normal.span(start, stop)
    return Match(start=first, stop=last, kind=EXCERPT, rule=RULE, key=normal.text[start:stop])


def _runs(foreign: bytearray, own: bytearray) -> Iterator[tuple[int, int]]:
    start = -1
    for index, (theirs, ours) in enumerate(zip(foreign, own, strict=True)):
        hit = bool(theirs) and not ours
        if hit and start < 0:
            start = index
        elif not hit and start >= 0:
            yield start, index
            start = -1
    if start >= 0:
        yield start, len(foreign)
