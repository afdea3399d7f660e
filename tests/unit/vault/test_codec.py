"""What is stored comes back equal, and what was not stored by us does not come back at all."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.errors import IntegrityError
from firewall.core.ids import PartId, PrincipalId, TenantId
from firewall.core.label import Members, Operator, Owned, Principals, Room
from firewall.core.message import Origin, Part
from firewall.core.ports import Entry
from tests.fakes.vaults import ACME, GLOBEX, own
from vault.codec import entry_bytes, entry_from, part_bytes, part_from

IDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ANY_TEXT = st.text(st.characters(), max_size=50)
READERS = st.one_of(
    st.just(Members()),
    st.builds(Room, channel=IDS, app=IDS, realm=IDS, conversation=IDS, thread=st.none() | IDS),
    st.builds(Principals, ids=st.frozensets(IDS.map(PrincipalId), min_size=1)),
)
LABELS = st.just(Operator()) | st.builds(Owned, tenant=st.sampled_from([ACME, GLOBEX]), readers=READERS)
PARTS = st.builds(
    Part,
    id=IDS.map(PartId),
    text=ANY_TEXT,
    label=LABELS,
    origin=st.sampled_from(Origin),
    derived_from=st.lists(IDS.map(PartId)).map(tuple),
)


@given(part=PARTS)
def test_a_part_comes_back_equal(part: Part) -> None:
    assert part_from(part_bytes(part)) == part


@given(entry=st.builds(Entry, name=ANY_TEXT, value=ANY_TEXT, label=LABELS))
def test_an_entry_comes_back_equal(entry: Entry) -> None:
    assert entry_from(entry_bytes(entry)) == entry


def stored() -> dict[str, Any]:
    one = Part(id=PartId("p"), text="secret", label=own(ACME), origin=Origin.TOOL)
    decoded: dict[str, Any] = msgspec.msgpack.decode(part_bytes(one))
    return decoded


WRONG: dict[str, dict[str, Any]] = {
    "unknown-field": {"extra": "secret"},
    "text-not-bytes": {"text": "secret"},
    "text-not-utf8": {"text": b"\xff\xfe"},
    "unknown-origin": {"origin": "secret"},
    "id-a-number": {"id": 1},
    "unknown-label": {"label": {"type": "everyone"}},
    "readers-missing": {"label": {"type": "owned", "tenant": "ACME"}},
    "readers-empty": {
        "label": {"type": "owned", "tenant": "ACME", "readers": {"type": "principals", "ids": []}}
    },
    "readers-with-more": {
        "label": {"type": "owned", "tenant": "ACME", "readers": {"type": "members", "ids": ["x"]}}
    },
}


@pytest.mark.parametrize("case", WRONG)
def test_anything_else_is_an_integrity_error_without_content(case: str) -> None:
    with pytest.raises(IntegrityError) as caught:
        part_from(msgspec.msgpack.encode({**stored(), **WRONG[case]}))
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("field", ["id", "text", "label", "origin", "derived_from"])
def test_a_missing_field_is_an_integrity_error(field: str) -> None:
    data = stored()
    del data[field]
    with pytest.raises(IntegrityError):
        part_from(msgspec.msgpack.encode(data))


def test_an_id_that_is_no_utf8_is_an_integrity_error_without_the_bytes() -> None:
    data = part_bytes(Part(id=PartId("IDID"), text="", label=own(ACME), origin=Origin.TOOL))
    with pytest.raises(IntegrityError) as caught:
        part_from(data.replace(b"IDID", b"\xff\xfeID"))
    assert caught.value.__cause__ is None


@given(data=st.binary(max_size=100))
def test_no_bytes_do_more_than_fail(data: bytes) -> None:
    with pytest.raises(IntegrityError):
        entry_from(data)


def test_labels_of_two_tenants_stay_two() -> None:
    ours = Entry(name="n", value="v", label=Owned(tenant=ACME, readers=Members()))
    theirs = Entry(name="n", value="v", label=Owned(tenant=TenantId("GLOBEX"), readers=Members()))
    assert entry_bytes(ours) != entry_bytes(theirs)
