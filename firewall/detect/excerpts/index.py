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

import codecs
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Label, Members, Owned, Principals, Room, admits
from firewall.core.ports import Match
from firewall.core.steps import Steps, at_once
from firewall.detect.excerpts.grams import LONGEST, RUN, Grams, Known
from firewall.detect.excerpts.owners import NONE, Holders, Owner
from firewall.detect.excerpts.stretches import match, runs, turned
from firewall.detect.excerpts.texts import Texts
from firewall.detect.excerpts.values import Values, keeps
from firewall.detect.excerpts.windows import looked_up, mirrored, whole_values
from firewall.detect.marker import pieces
from firewall.detect.normal import SKELETON

_MIN_DISTINCT = 6
_PUBLIC = Owned(tenant=TenantId(""), readers=Members())
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
        self._texts = Texts()
        self._grams = Grams(self._texts)
        self._values = Values()
        self._owners: dict[tuple[Owned, bool], Owner] = {}
        self._by_tenant: dict[tuple[TenantId, bool], dict[Owner, None]] = {}
        self._by_reader: dict[_Reader, dict[Owner, None]] = {}
        self._used: dict[tuple[TenantId, bool], int] = {}
        self._ages: dict[TenantId, int] = {}
        # Whose texts are everybody's to read; counts as no tenant, has no quota and is never forgotten.
        self._public = Owner(label=_PUBLIC, whole=False)

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
        at_once(self.learning(text, label, whole=whole))

    def learning(self, text: str, label: Label, *, whole: bool = False) -> Steps[None]:
        """Do as `learn`, in steps that must all be taken."""
        for count, (owner, part) in enumerate(self._parts(text, label, whole)):
            if count:
                yield
            number = self._texts.number(owner, part)
            if number is None:
                self._keep(owner, part)
            else:
                self._texts.renew(number)

    def learn_many(self, learned: Sequence[tuple[str, Label, bool]]) -> None:
        """Do as `learn` for each of these texts, in their order, for a fraction of the time.

        Args:
            learned: Text, label and whether it is one value. A thousand at once are cheapest; quotas hold
                after each call.
        """
        entries = [part for text, label, whole in learned for part in self._parts(text, label, whole)]
        if not entries:
            return
        fresh = self._texts.add_many(entries)
        longer = [(number, part) for number, _, part in fresh if len(part) >= RUN]
        self._grams.add_many([number for number, _ in longer], [part for _, part in longer])
        for _, owner, part in fresh:
            if len(part) < RUN:
                self._values.add(owner, part)
            self._count(owner, len(part))
        for owner in {owner for _, owner, _ in fresh}:
            self._shrink(owner)

    def approve(self, text: str) -> None:
        """Remember text that operators call public: what stands in it is reported for nobody.

        Anything that reaches beyond it is judged as if it were not known.
        """
        for part in _cut(SKELETON.fold(text)):
            if len(part) >= RUN and self._texts.number(self._public, part) is None:
                self._grams.add(self._texts.add(self._public, part), part)

    def settle(self) -> bool:
        """Take a short step towards the quickest look-ups; False if there is none left to take."""
        return self._texts.settle() or self._grams.settle()

    def find(self, text: str, audience: Audience) -> Sequence[Match]:
        """Find stretches known to be foreign to the audience, in order, not overlapping."""
        return at_once(self.finding(text, audience))

    def finding(self, text: str, audience: Audience) -> Steps[Sequence[Match]]:
        """Do as `find`, in steps."""
        skeleton = SKELETON.fold(text)
        known = yield from looked_up(self._grams, skeleton)
        stretches = yield from self._stretches(skeleton, known, audience)
        if not stretches:
            return []
        back = SKELETON.back(text)
        return [match(back, start, stop, skeleton[start:stop]) for start, stop in stretches]

    def finding_mirrored(self, text: str, audience: Audience) -> Steps[Sequence[Match]]:
        """Find what `find` finds in the text, in the text in rot13, and in the text read from its end.

        They have no order and may overlap.
        """
        if not self._values and self._grams.excludes(text):
            return []
        if not text.isascii():
            # Folding makes of one character several, and of a letter with an accent one without.
            found = [*(yield from self.finding(text, audience))]
            found += yield from self.finding(codecs.encode(text, "rot13"), audience)
            backwards = yield from self.finding(text[::-1], audience)
            return [*found, *(turned(each, len(text)) for each in backwards)]
        skeleton = SKELETON.fold(text)
        rotated = codecs.encode(skeleton, "rot13")
        forms = (skeleton, rotated, skeleton[::-1])
        known = yield from mirrored(self._grams, skeleton, rotated)
        by_form: list[Sequence[tuple[int, int]]] = []
        for form, runs_of in zip(forms, known, strict=True):
            by_form.append((yield from self._stretches(form, runs_of, audience)))
        if not any(by_form):
            return []
        back, last = SKELETON.back(text), len(skeleton)
        places = [*by_form[0], *by_form[1], *((last - stop, last - start) for start, stop in by_form[2])]
        said = (form[start:stop] for form, found in zip(forms, by_form, strict=True) for start, stop in found)
        return [match(back, start, stop, key) for (start, stop), key in zip(places, said, strict=True)]

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

    def _stretches(self, skeleton: str, parts: Known, audience: Audience) -> Steps[Sequence[tuple[int, int]]]:
        everything = [
            (start, start + RUN, by)
            for start, by in parts.items()
            if len(set(skeleton[start : start + RUN])) >= _MIN_DISTINCT
        ]
        values = yield from whole_values(self._values, skeleton)
        everything += ((start, stop, [holders]) for start, stop, holders in values)
        if not everything:
            return []
        mine = self._mine(audience)
        age = self._ages.get(audience.tenant, len(self._ages))
        foreign, own = bytearray(len(skeleton)), bytearray(len(skeleton))
        for start, stop, by in everything:
            if any(holders.includes(owner) for holders in by for owner in mine):
                own[start:stop] = b"\1" * (stop - start)
            elif not self._everybodys(by, age):
                foreign[start:stop] = b"\1" * (stop - start)
        return runs(foreign, own) if 1 in foreign else []

    def _everybodys(self, known: Sequence[Holders], age: int) -> bool:
        tenants = {tenant for holders in known for tenant in holders.tenants(_TENANTS_SEEN)}
        return sum(self._ages[tenant] < age for tenant in tenants) >= self._common

    def _mine(self, audience: Audience) -> list[Owner]:
        """Give the owners whose texts the audience may read, without looking at any other tenant's."""
        readers: tuple[PrincipalId | Room | None, ...] = (None, audience.principal, audience.room)
        found = {owner for reader in readers for owner in self._by_reader.get((audience.tenant, reader), ())}
        return [self._public, *(owner for owner in found if admits(owner.label, audience))]

    def _owner(self, label: Owned, whole: bool) -> Owner:
        owner = self._owners.get((label, whole))
        if owner is None:
            owner = self._owners[label, whole] = Owner(label=label, whole=whole)
            self._ages.setdefault(label.tenant, len(self._ages))
            self._by_tenant.setdefault((label.tenant, whole), {})[owner] = None
            for reader in _readers(label):
                self._by_reader.setdefault((label.tenant, reader), {})[owner] = None
        return owner

    def _parts(self, text: str, label: Label, whole: bool) -> Iterator[tuple[Owner, str]]:
        """Give what there is to remember of a text, and for whom."""
        if not isinstance(label, Owned):
            return
        # Only here are markers left out. The scan leaves out nothing, so no shape of text escapes it.
        for piece in pieces(text):
            skeleton = SKELETON.fold(piece)
            if len(skeleton) < RUN and not (whole and keeps(piece)):
                continue
            owner = self._owner(label, whole)
            for part in _cut(skeleton):
                yield owner, part

    def _keep(self, owner: Owner, part: str) -> None:
        number = self._texts.add(owner, part)
        if len(part) >= RUN:
            self._grams.add(number, part)
        else:
            self._values.add(owner, part)
        self._count(owner, len(part))
        self._shrink(owner)

    def _shrink(self, owner: Owner) -> None:
        share = (owner.label.tenant, owner.whole)
        while owner.codepoints > self._quota.label:
            self._drop_oldest(owner)
        while self._used[share] > self._quota.tenant:
            self._drop_oldest(max(self._by_tenant[share], key=lambda other: other.codepoints))

    def _drop_oldest(self, owner: Owner) -> None:
        number = owner.oldest
        _, part = self._texts[number]
        if len(part) >= RUN:
            self._grams.remove(number, part)
        else:
            self._values.remove(owner, part)
        self._texts.remove(number)
        self._count(owner, -len(part))

    def _drop_all(self, owner: Owner) -> None:
        while owner.oldest != NONE:
            self._drop_oldest(owner)
        del self._owners[owner.label, owner.whole]
        del self._by_tenant[owner.label.tenant, owner.whole][owner]
        for reader in _readers(owner.label):
            del self._by_reader[owner.label.tenant, reader][owner]

    def _count(self, owner: Owner, codepoints: int) -> None:
        share = (owner.label.tenant, owner.whole)
        owner.codepoints += codepoints
        self._used[share] = self._used.get(share, 0) + codepoints


def _cut(skeleton: str) -> Iterator[str]:
    """Cut a longer text into overlapping parts, so that a quota can drop the old half of a long one."""
    for start in range(0, max(1, len(skeleton) - RUN + 1), LONGEST - RUN + 1):
        yield skeleton[start : start + LONGEST]


def _readers(label: Owned) -> Iterator[PrincipalId | Room | None]:
    match label.readers:
        case Principals(ids=ids):
            yield from ids
        case Room() as room:
            yield room
        case _:
            yield None
