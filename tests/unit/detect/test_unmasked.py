"""What is foreign, or a value by its type, is so in every disguise; what its reader has is so in none."""

import base64
import codecs
from collections.abc import Callable

import pytest

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Audience, Owned, Principals
from firewall.detect.detectors import All
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.identifiers import Identifiers
from firewall.detect.keys import Keys, excused

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
ANN, BOB = PrincipalId("ann"), PrincipalId("bob")
ANNS = Owned(tenant=ACME, readers=Principals(ids=frozenset({ANN})))
BOBS = Owned(tenant=GLOBEX, readers=Principals(ids=frozenset({BOB})))
CODE = "kx7-Q2 99 heron"
DISGUISES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "twice": lambda text: base64.b64encode(base64.b64encode(text.encode())).decode(),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "tags": lambda text: "".join(chr(0xE0000 + ord(char)) for char in text),
}
MIRRORS: dict[str, Callable[[str], str]] = {
    "reversed": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
}


def audience(tenant: TenantId, principal: PrincipalId) -> Audience:
    return Audience(
        tenant=tenant, principal=principal, person=True, room=None, private=True, members_only=False
    )


@pytest.fixture
def index() -> Unmasking:
    index = Unmasking(Excerpts())
    index.learn(CODE, ANNS, whole=True)
    index.learn("the weather of globex is fine today, and so it stays", BOBS)
    return index


@pytest.mark.parametrize("name", [*DISGUISES, *MIRRORS])
def test_a_foreign_value_is_cut_in_every_disguise_and_its_owner_keeps_it(index: Unmasking, name: str) -> None:
    hidden = {**DISGUISES, **MIRRORS}[name](CODE)
    text = f"so it is {hidden} then."
    found = index.find(text, audience(GLOBEX, BOB))
    assert found
    left = "".join(char for at, char in enumerate(text) if not any(m.start <= at < m.stop for m in found))
    assert hidden not in left
    assert len(left) <= len("so it is  then.") + 4
    assert index.find(text, audience(ACME, ANN)) == []


@pytest.mark.parametrize("answered", [str, *DISGUISES.values()])
@pytest.mark.parametrize("asked", [str, *DISGUISES.values()])
def test_who_names_a_value_is_not_told_that_it_is_somebodys(
    index: Unmasking, asked: Callable[[str], str], answered: Callable[[str], str]
) -> None:
    text = f"it reads {answered(CODE)}."
    found = index.find(text, audience(GLOBEX, BOB))
    assert found
    assert excused(found, [f"is {asked(CODE)} yours?"], text) == []
    assert excused(found, ["is it yours?"], text) == found


def test_what_nobody_sees_is_not_excused_by_its_looks(index: Unmasking) -> None:
    text = f"nothing here{DISGUISES['tags'](CODE)}"
    found = index.find(text, audience(GLOBEX, BOB))
    assert excused(found, ["nothing here"], text) == found


@pytest.mark.parametrize("name", DISGUISES)
def test_a_typed_value_is_found_in_disguise_and_known_to_who_wrote_it(name: str) -> None:
    detector = All([Identifiers()])
    hidden = DISGUISES[name]("order AB-12345678 is late")
    found = detector.scan(f"see {hidden} ok")
    assert "ab12345678" in {match.key for match in found}
    assert "ab12345678" in Keys(detector).of([f"see {hidden} ok"])
    assert All([Identifiers()], unmask=False).scan(f"see {DISGUISES['tags']('AB-12345678')} ok") == []
