"""What a stream lets out is seen at once: no call to a crowd comes together from its pieces."""

import re

import pytest

from adapters.slack.streams import Stream
from firewall.core.ids import TurnId

LONG = "x" * 100
CROWD = re.compile(r"<\s*!|(?<![\w.+-])@(channel|here|everyone)\b")


class Through:
    """Cuts nothing and holds nothing back, so that only what the stream itself holds is seen."""

    def feed(self, chunk: str) -> str:
        return chunk

    def finish(self) -> str:
        return ""


def streamed(pieces: list[str]) -> list[str]:
    stream = Stream(Through(), TurnId("t"))
    found = [stream.cut({"markdown_text": piece}, last=False) for piece in pieces]
    found.append(stream.cut({}, last=True))
    return [one.get("markdown_text", "") for one in found]


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(["<!chan", "nel>"], id="in-two"),
        pytest.param(list("Hello <!everyone|all of you> and @here!"), id="letter-by-letter"),
        pytest.param(["<!channel|@you", "> ok"], id="with-a-name-in-it"),
        pytest.param(["<!here|<", "> ok"], id="with-a-mark-in-it"),
        pytest.param([f"<!everyone|{LONG}", "> ok"], id="longer-than-is-held"),
        pytest.param([f"< !everyone|{LONG}", "> ok"], id="with-a-space"),
        pytest.param([f"<http://a/{LONG} <!channel|{LONG}", "> ok"], id="behind-another-long-one"),
        pytest.param([f"<http://a/{LONG} <!here", ">"], id="begun-behind-another-long-one"),
        pytest.param(["@", "chan", "nel ok"], id="a-plain-one"),
    ],
)
def test_no_call_to_a_crowd_comes_together_from_pieces(pieces: list[str]) -> None:
    assert not CROWD.search("".join(streamed(pieces)))


def test_what_is_no_mark_is_let_out_at_once_and_whole() -> None:
    assert streamed(["One two ", "3 < 4 ", "> 2, mail me@example.org "])[0] == "One two "
    words = ["See <https://example.org/", LONG, "|it>", " and <@U1> or a@b.example, 1 < 2"]
    assert "".join(streamed(words)) == "".join(words)
