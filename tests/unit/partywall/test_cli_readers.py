"""Readers on the command line: never defaulted, never ambiguous, and shown as they are written."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewall.core.errors import BadIdentifier, MisuseError
from firewall.core.identity import Sender, SenderKind
from firewall.core.ids import PrincipalId, checked
from firewall.core.label import Members, Principals, Readers, Room
from partywall.cli.readers import parsed, written


def is_id(text: str) -> bool:
    try:
        checked(text, what="id")
    except BadIdentifier:
        return False
    return True


ids = st.text(min_size=1, max_size=8).filter(is_id)


def principal(channel: str, realm: str, name: str, kind: SenderKind) -> PrincipalId:
    return Sender(channel=channel, app="a", realm=realm, id=name, kind=kind, verified=True).principal_id


principals = st.builds(principal, ids, ids, ids, st.sampled_from(SenderKind))
readers: st.SearchStrategy[Readers] = st.one_of(
    st.just(Members()),
    st.builds(Room, channel=ids, app=ids, realm=ids, conversation=ids, thread=st.none() | ids),
    st.builds(Principals, ids=st.frozensets(principals, min_size=1, max_size=3)),
)


@given(readers)
def test_what_is_shown_can_be_written_and_means_the_same(given_readers: Readers) -> None:
    assert parsed(written(given_readers)) == given_readers


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param([], id="nothing-is-no-default"),
        pytest.param(["everyone"], id="unknown"),
        pytest.param(["members", "members"], id="members-twice"),
        pytest.param(["members", "principal:slack/T1/U1"], id="mixed"),
        pytest.param(["room:slack/a/T1/C1", "room:slack/a/T2/C1"], id="two-rooms"),
        pytest.param(["principal:slack/U1"], id="a-principal-without-a-realm"),
        pytest.param(["principal:slack/T1/U1/robot"], id="an-unknown-kind"),
        pytest.param(["room:slack/T1/C1"], id="a-room-without-an-app"),
        pytest.param(["principal:slack/T1/"], id="an-empty-sender"),
        pytest.param(["principal:slack/T1/null"], id="a-placeholder"),
        pytest.param(["room:slack/a/T1/C1/"], id="an-empty-thread"),
    ],
)
def test_a_form_that_could_widen_is_refused(texts: list[str]) -> None:
    with pytest.raises(MisuseError):
        parsed(texts)


def test_a_slash_in_an_id_is_written_so_that_no_two_ids_meet() -> None:
    one = parsed(["principal:slack/T1%2FU1/x"])
    other = parsed(["principal:slack/T1/U1%2Fx"])
    assert one != other
    assert written(one) == ["principal:slack/T1%2FU1/x"]


def test_a_principal_of_another_making_is_still_shown() -> None:
    strange = Principals(ids=frozenset({PrincipalId("plain")}))
    assert written(strange) == ["principal:plain"]
