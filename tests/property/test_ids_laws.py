"""Ids, as laws: whatever differs stays apart, and what names nobody is refused."""

from dataclasses import fields, replace
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from firewall.core.errors import BadIdentifier
from firewall.core.identity import Conversation, ConversationKind, Principal, Sender, SenderKind
from firewall.core.ids import MAX_ID_CODEPOINTS, PrincipalId, TenantId, canonical, checked, derived
from firewall.core.session import SessionKey
from tests.fakes.ids import SECRET

# Any code point at all, lone surrogates included: a program may join what it never checked.
ANY = st.text(alphabet=st.characters(), max_size=6)
SURROGATES = st.text(alphabet="\ud83d\ude00\U0001f600\\ud", max_size=4)
FIELDS = st.lists(
    st.none() | ANY | SURROGATES | st.sampled_from(["a:b", "a", "b:c", "", '"', "null"]), max_size=4
)
IDS = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=8)


@given(FIELDS, FIELDS)
@example(["a:b", "c"], ["a", "b:c"])
@example([None], [""])
@example([None], ["null"])
@example(["\ud83d\ude00"], ["\U0001f600"])
def test_no_two_tuples_share_a_text_or_a_derived_id(one: list[str | None], two: list[str | None]) -> None:
    assert (canonical(*one) == canonical(*two)) == (one == two)
    assert (derived(SECRET, "p", *one) == derived(SECRET, "p", *two)) == (one == two)


@given(FIELDS, st.text(max_size=5), st.text(max_size=5), st.binary(min_size=16, max_size=32))
def test_purposes_and_deployments_never_meet(named: list[str | None], one: str, two: str, key: bytes) -> None:
    assume(key != SECRET)
    assert (derived(SECRET, one, *named) == derived(SECRET, two, *named)) == (one == two)
    assert derived(SECRET, one, *named) != derived(key, one, *named)
    assert len(derived(SECRET, one, *named)) == 64


@given(st.text(min_size=1, max_size=5), FIELDS)
def test_a_purpose_does_not_slide_into_the_fields(purpose: str, named: list[str | None]) -> None:
    assert derived(SECRET, purpose, *named) != derived(SECRET, "", purpose, *named)


PLACEHOLDERS = ["null", "None", "none", "undefined", "NaN", "nan", "default", "nil", "[object Object]"]


@pytest.mark.parametrize(
    "value",
    [
        *PLACEHOLDERS,
        *(
            pytest.param(text, id=ascii(text))
            for text in ("", " ", "\t", "\n ", "\u00a0", "\u3000", "\u2028")
        ),
        *(
            pytest.param(text, id=ascii(text))
            for text in ("a\x00", "\x1f", "a\n", "a\x7f", "a\x85", "a\ud800")
        ),
        pytest.param("x" * (MAX_ID_CODEPOINTS + 1), id="too-long"),
        pytest.param(None, id="none"),
        pytest.param(7, id="number"),
        pytest.param(b"U1", id="bytes"),
        pytest.param(["U1"], id="list"),
    ],
)
def test_what_names_nobody_is_refused_and_not_quoted(value: object) -> None:
    with pytest.raises(BadIdentifier) as caught:
        checked(value, what="sender id")
    assert str(caught.value).startswith("sender id ")
    if isinstance(value, str) and len(value.strip()) > 3:
        assert value not in str(caught.value)


@pytest.mark.parametrize(
    "value", ["NULL", "Null", "NONE", "Undefined", " null", "undefined ", "[object Undefined]"]
)
def test_a_placeholder_in_another_spelling_is_a_placeholder(value: str) -> None:
    with pytest.raises(BadIdentifier):
        checked(value, what="sender id")


@given(IDS)
def test_what_names_somebody_comes_back_unchanged(text: str) -> None:
    assume(text.strip() and text.strip().casefold() not in {each.casefold() for each in PLACEHOLDERS})
    assert checked(text, what="x") == text


@pytest.mark.parametrize(
    ("one", "two"),
    [
        pytest.param("U1", "u1", id="case"),
        pytest.param("\u00e9", "e\u0301", id="unicode-form"),
        pytest.param("a", "\u0430", id="homoglyph"),
        pytest.param("U1", "U1 ", id="trailing-space"),
        pytest.param("U1", "\uff351", id="full-width"),
        pytest.param("U1", "U\u200b1", id="zero-width"),
        pytest.param("a.b", "ab", id="punctuation"),
        pytest.param("a:b", "a-b", id="separator"),
    ],
)
def test_ids_are_compared_byte_by_byte(one: str, two: str) -> None:
    first, second = (
        Sender(channel="slack", app="A", realm="T", id=text, kind=SenderKind.HUMAN, verified=True)
        for text in (one, two)
    )
    assert first.principal_id != second.principal_id


def key(*values: Any) -> SessionKey:
    tenant, channel, app, realm, conversation, thread, principal, kind = values
    return SessionKey(
        tenant=TenantId(tenant),
        channel=channel,
        app=app,
        realm=realm,
        conversation=conversation,
        thread=thread,
        principal=PrincipalId(principal),
        kind=kind,
    )


SMALL = st.sampled_from(["a", "b", "a:b", "a,b", '"a"'])
KEYS = st.builds(
    key, SMALL, SMALL, SMALL, SMALL, SMALL, st.none() | SMALL, SMALL, st.sampled_from(SenderKind)
)


@given(KEYS, KEYS)
def test_a_session_key_names_one_session(one: SessionKey, two: SessionKey) -> None:
    same = one == two
    assert (one.canonical == two.canonical) == same
    assert (one.derive(SECRET, "session") == two.derive(SECRET, "session")) == same


@given(KEYS, st.sampled_from([each.name for each in fields(SessionKey)]), st.data())
def test_any_field_changed_gives_another_session(one: SessionKey, name: str, data: st.DataObject) -> None:
    values = st.sampled_from(SenderKind) if name == "kind" else SMALL
    changed: Any = data.draw(values.filter(lambda value: value != getattr(one, name)))
    two = replace(one, **{name: changed})
    assert one.canonical != two.canonical
    assert one.derive(SECRET, "session") != two.derive(SECRET, "session")
    assert one.derive(SECRET, "session") != one.derive(SECRET, "cache")


def test_every_field_of_a_key_takes_part_in_it() -> None:
    one = key("t", "c", "a", "r", "x", None, "p", SenderKind.HUMAN)
    assert len(one.fields) == len(fields(SessionKey))


@given(st.sampled_from(ConversationKind), st.booleans(), st.sampled_from(ConversationKind), st.booleans())
def test_how_a_place_is_reported_today_does_not_split_a_session(
    kind: ConversationKind, closed: bool, other: ConversationKind, open_: bool
) -> None:
    person = Principal(tenant=TenantId("ACME"), id=PrincipalId("ann"), kind=SenderKind.HUMAN)
    one = Conversation(channel="slack", app="A", realm="T", id="C", kind=kind, closed=closed)
    two = Conversation(channel="slack", app="A", realm="T", id="C", kind=other, closed=open_)
    assert SessionKey.of(person, one) == SessionKey.of(person, two)
    assert one.place == two.place


@pytest.mark.parametrize("bad", ["", " ", "null", "\x00", "\ud800"], ids=ascii)
@pytest.mark.parametrize("name", ["channel", "app", "realm", "id", "thread"])
def test_a_place_or_sender_with_a_field_that_names_nothing_is_refused(name: str, bad: str) -> None:
    place: dict[str, Any] = {"channel": "slack", "app": "A", "realm": "T", "id": "C", "thread": None}
    where: dict[str, Any] = {**place, name: bad, "kind": ConversationKind.DM}
    with pytest.raises(BadIdentifier):
        Conversation(**where)
    if name == "thread":
        return
    who = {field: value for field, value in {**place, name: bad}.items() if field != "thread"}
    with pytest.raises(BadIdentifier):
        Sender(**who, kind=SenderKind.HUMAN, verified=True)


@pytest.mark.parametrize("bad", ["", " ", "default", "\x00"], ids=ascii)
def test_a_principal_is_somebody_in_some_tenant(bad: str) -> None:
    with pytest.raises(BadIdentifier):
        Principal(tenant=TenantId(bad), id=PrincipalId("ann"), kind=SenderKind.HUMAN)
    with pytest.raises(BadIdentifier):
        Principal(tenant=TenantId("ACME"), id=PrincipalId(bad), kind=SenderKind.HUMAN)
