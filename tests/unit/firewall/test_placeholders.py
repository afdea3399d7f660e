"""Placeholders, case by case: their form, what they do to arguments, and where they stay text."""

import itertools
import re
from collections.abc import Mapping, Sequence

import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.core.ids import derived
from firewall.core.ports import Match
from firewall.core.subject import ArgumentKind, Json, Leaf, ModelCall, Reads, ToolSpec
from firewall.detect.marker import KINDS
from firewall.detect.own import OwnValues
from firewall.placeholders import Placeholders
from firewall.restoring import Restoring
from firewall.tokens import ALPHABET, BODY, LONGEST, characters, token, tokens, undecided
from tests.fakes.tenants import line, part

BODY_A, BODY_B = "0" * BODY, "z" * BODY
SPEC = ToolSpec(
    name="t",
    arguments={
        "text": ArgumentKind.TEXT,
        "url": ArgumentKind.URL,
        "command": ArgumentKind.COMMAND,
        "query": ArgumentKind.QUERY,
        "path": ArgumentKind.READ_PATH,
    },
    reads=Reads.OWN,
)


class Listed:
    """Finds listed values; a text that begins with an exclamation mark it cannot examine."""

    def __init__(self, *values: str, rule: str = "pii.EMAIL_ADDRESS") -> None:
        self._values, self._rule = values, rule

    @property
    def rules(self) -> Sequence[str]:
        return (self._rule,)

    def scan(self, text: str) -> Sequence[Match]:
        if text.startswith("!"):
            raise ServiceUnavailable("too long")
        return [
            Match(start=hit.start(), stop=hit.end(), kind="EMAIL_ADDRESS", rule=self._rule, key=value)
            for value in self._values
            for hit in re.finditer(re.escape(value), text)
        ]


def session(detector: Listed | None, secret: bytes = b"acme" * 8, read: Sequence[str] = ()) -> Placeholders:
    values = None if detector is None else OwnValues(detector)
    return Placeholders(values, lambda *fields: derived(secret, "test", *fields), lambda: read)


def hidden(placeholders: Placeholders, *leaves: Leaf | str) -> list[str]:
    made = [
        line(each, part(each), slot=str(number)) if isinstance(each, str) else each
        for number, each in enumerate(leaves)
    ]
    return [each.text for each in placeholders.hide(ModelCall(leaves=tuple(made)))[0].leaves]


def test_no_kind_begins_like_another() -> None:
    names = [token(kind, "").casefold() for kind in KINDS]
    assert not [pair for pair in itertools.permutations(names, 2) if pair[0].startswith(pair[1])]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_placeholder_is_letters_and_digits_and_is_known_in_any_case(kind: str) -> None:
    made = token(kind, BODY_A)
    assert made.isalnum()
    assert len(made) <= LONGEST
    for said in (made, made.upper(), made.lower(), f"x{made}x"):
        assert [body for _, _, body in tokens(said)] == [BODY_A]


def test_a_kind_that_is_an_operators_is_not_shown() -> None:
    assert token("PROJECT_FALCON", BODY_A) == f"PwOther{BODY_A}"


def test_a_forged_placeholder_hides_none_that_begins_inside_it() -> None:
    assert [body for _, _, body in tokens(f"PwId000{token('ID', BODY_B)}")][-1] == BODY_B


def test_fifty_bits_of_a_digest_are_shown() -> None:
    assert characters("f" * 64, 10) == "z" * 10
    assert characters("0" * 64, 3) == "000"


@pytest.mark.parametrize(
    ("text", "held"),
    [
        pytest.param("hello", 0, id="nothing-begins"),
        pytest.param("hello p", 1, id="one-letter"),
        pytest.param("hello PWEMAIL", 7, id="half-a-kind"),
        pytest.param("hello pwid0000", 8, id="half-a-body"),
        pytest.param(f"hello {token('ID', BODY_A)}", 0, id="a-whole-one"),
        pytest.param("hello pw!", 0, id="no-more"),
        pytest.param("pwpwpwid", 4, id="the-last-of-three"),
        pytest.param("pwid000\u212a", 0, id="a-letter-that-only-looks-like-one"),
    ],
)
def test_only_what_could_become_a_placeholder_is_held_back(text: str, held: int) -> None:
    assert len(text) - undecided(text) == held


def test_a_stream_of_beginnings_holds_back_less_than_one_placeholder() -> None:
    stream, given = Restoring(session(Listed())), 0
    for char in "pwemailaddress" * 50:
        given += 1
        given -= len(stream.feed(char))
        assert given < LONGEST


def test_a_placeholder_that_ends_like_the_beginning_of_another_is_restored_in_a_stream() -> None:
    ends = sum(ALPHABET.index("p") << 5 * index for index in range(12))
    placeholders = Placeholders(OwnValues(Listed("a@b.com")), lambda *_: f"{ends:x}", lambda: ())
    said = hidden(placeholders, "a@b.com")[0]
    assert said.endswith("ppp")
    stream = Restoring(placeholders)
    assert "".join(map(stream.feed, said * 2)) + stream.finish() == "a@b.com" * 2


def test_a_known_value_is_hidden_where_its_words_no_longer_give_it_away() -> None:
    class Called(Listed):
        def scan(self, text: str) -> Sequence[Match]:
            return super().scan(text) if "call" in text else []

    placeholders = session(Called("785 8949"))
    said = hidden(placeholders, "785 8949, or 1785 8949", "call 785 8949")
    assert re.fullmatch("(PwEmailAddress[0-9a-z]{13}), or 1\\1", said[0])


def test_a_short_value_is_hidden_as_a_word_and_not_inside_of_others() -> None:
    class Called(Listed):
        def scan(self, text: str) -> Sequence[Match]:
            return super().scan(text) if "call" in text else []

    said = hidden(session(Called("Ann")), "Ann, Annual, HerAnn", "call Ann")
    assert re.fullmatch("PwEmailAddress[0-9a-z]{13}, Annual, HerAnn", said[0])


def test_an_order_number_is_sent_as_it_is() -> None:
    assert hidden(session(Listed("ORD-1234", rule="identifier.NUMBERED")), "ORD-1234") == ["ORD-1234"]


def test_what_cannot_be_examined_is_hidden_as_a_whole() -> None:
    placeholders = session(Listed())
    said = hidden(placeholders, "!a@b.com and more")
    assert re.fullmatch("PwOther[0-9a-z]{13}", said[0])
    assert placeholders.restored(said[0]) == "!a@b.com and more"


def test_fixed_text_is_sent_as_it_is() -> None:
    leaf = Leaf(slot="key", spans=line("a@b.com", part("a@b.com")).spans, fixed=True)
    assert hidden(session(Listed("a@b.com")), leaf) == ["a@b.com"]


def test_two_values_never_share_a_placeholder() -> None:
    placeholders = Placeholders(
        OwnValues(Listed("a@b.com", "c@d.com")), lambda *fields: f"{len(fields[-1]):064x}", lambda: ()
    )
    # A name that depends on the length of a number alone: one digit for the first ten tries, then two.
    said = hidden(placeholders, "a@b.com", "c@d.com")
    assert len(set(said)) == 2
    assert [placeholders.restored(each) for each in said] == ["a@b.com", "c@d.com"]


def test_what_somebody_wrote_like_a_placeholder_is_restored_to_that() -> None:
    first = session(Listed("a@b.com"))
    written = hidden(first, "a@b.com")[0]
    placeholders = session(Listed("a@b.com"), read=[f"what is {written}?", "a@b.com"])
    said = hidden(placeholders, f"what is {written}?")[0]
    assert written not in said
    assert placeholders.restored(said) == f"what is {written}?"
    assert placeholders.resolved(written) == written


def test_a_room_of_another_tenant_restores_nothing() -> None:
    acme, globex = session(Listed("a@b.com")), session(Listed("a@b.com"), b"globex" * 8, ["a@b.com"])
    said = hidden(acme, "a@b.com")[0]
    assert globex.resolved(said) == globex.restored(said) == said
    assert globex.arguments({"text": said}, SPEC, again=True) == {"text": said}


def test_where_nothing_is_replaced_nothing_is_restored() -> None:
    kept, made = session(None), hidden(session(Listed("a@b.com")), "a@b.com")[0]
    assert not kept.live
    assert hidden(kept, "a@b.com") == ["a@b.com"]
    assert kept.restored(made) == kept.resolved(made) == made
    assert kept.arguments({made: made}, None, again=True) == {made: made}


HOSTILE = "o'x;rm@b.com"


@pytest.mark.parametrize(
    ("argument", "written", "value", "runs"),
    [
        pytest.param("text", "to {}!", HOSTILE, "to o'x;rm@b.com!", id="text"),
        pytest.param("path", "mail/{}.txt", "a@b.com", "mail/a@b.com.txt", id="path"),
        pytest.param(
            "url", "https://x.org/?q={}", "a@b.com&c=d", "https://x.org/?q=a%40b.com%26c%3Dd", id="in-url"
        ),
        pytest.param("url", "{}", "https://b.com/?a=b", "https://b.com/?a=b", id="a-url-itself"),
        pytest.param("command", "mail {}", "a@b.com", "mail a@b.com", id="command"),
        pytest.param("command", "mail {}", HOSTILE, None, id="syntax-in-a-command"),
        pytest.param("command", "mail {}", "-rf", None, id="an-option-in-a-command"),
        pytest.param("query", "select '{}'", HOSTILE, None, id="syntax-in-a-query"),
        pytest.param("undeclared", "{}", HOSTILE, HOSTILE, id="undeclared"),
    ],
)
@pytest.mark.parametrize("again", [False, True])
def test_an_argument_is_restored_by_its_kind(
    argument: str, written: str, value: str, runs: str | None, again: bool
) -> None:
    placeholders = session(Listed(value), read=[value])
    asked = written.format(hidden(placeholders, value)[0])
    found = placeholders.arguments({argument: asked}, SPEC, again=again)
    assert found == {argument: asked if runs is None else runs}


def test_arguments_are_restored_at_any_depth_and_keys_are_not() -> None:
    placeholders = session(Listed("a@b.com"))
    made = hidden(placeholders, "a@b.com")[0]
    given: Mapping[str, Json] = {made: [{made: [made, 1, None, True]}]}
    assert placeholders.arguments(given, None, again=False) == {made: [{made: ["a@b.com", 1, None, True]}]}


def test_a_value_that_is_glued_to_something_is_not_put_into_an_address() -> None:
    placeholders = session(Listed("a@b.com"))
    made = hidden(placeholders, "a@b.com")[0]
    for asked, runs in ((f"https://x/{made}/1", "https://x/a%40b.com/1"), (f"https://x/1{made}", None)):
        assert placeholders.arguments({"url": asked}, SPEC, again=False) == {"url": runs or asked}


def test_values_of_few_texts_are_remembered() -> None:
    scanned: list[str] = []

    class Noting(Listed):
        def scan(self, text: str) -> Sequence[Match]:
            scanned.append(text)
            return super().scan(text)

    values = OwnValues(Noting("a@b.com"), capacity=2)
    for text in ("one", "two", "one", "three", "one", "two"):
        values.of(text)
    assert scanned == ["one", "two", "three", "two"]
