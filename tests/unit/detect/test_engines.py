import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.detect.secrets.engines import BadPattern, finder, linear, looks_around

ACME, GLOBEX = b"acme_Aa11", b"globex_Bb22"


def found(pattern: str, data: bytes, edge: str = "") -> list[bytes]:
    return [data[start:stop] for start, stop in finder(pattern, edge=edge).spans(data)]


@pytest.mark.parametrize(
    "pattern", ["(?:acme|globex)_[A-Za-z0-9]{4}", "(?=[ag])(?:acme|globex)_[A-Za-z0-9]{4}"]
)
def test_both_engines_find_every_place_and_mind_the_edge(pattern: str) -> None:
    assert found(pattern, ACME + b" " + GLOBEX) == [ACME, GLOBEX]
    assert found(pattern, ACME + b" " + GLOBEX, "A-Za-z0-9") == [ACME, GLOBEX]
    assert found(pattern, b"x" + ACME + b" " + GLOBEX + b"y", "A-Za-z0-9") == []


@pytest.mark.parametrize("around", ["", "(?=.)"])
def test_the_group_named_secret_is_what_is_found(around: str) -> None:
    assert found(around + "key=(?P<secret>[A-Za-z_0-9]+)", b"key=" + ACME + b";key=" + GLOBEX) == [
        ACME,
        GLOBEX,
    ]


@pytest.mark.parametrize("pattern", ["a*", "(?=.)a*"])
def test_nothing_is_no_finding(pattern: str) -> None:
    assert found(pattern, b"baab") == [b"aa"]


@pytest.mark.parametrize(
    ("pattern", "around"),
    [
        *(("a^b", True), ("a$", True), (r"\bacme", True), ("(?<!x)a", True), ("(?=a)", True)),
        *((r"\^\$", False), ("[^$]a[$^]", False), (r"(?P<secret>a)\\b", False), (r"[]^]a", False)),
    ],
)
def test_a_pattern_that_looks_around_is_known(pattern: str, around: bool) -> None:
    assert looks_around(pattern) is around


def test_what_is_not_linear_is_known() -> None:
    assert linear("a{2,30}")
    assert not linear(r"(a)\1")


@pytest.mark.parametrize("pattern", ["(acme", "(?=a)(globex", "\u043f", "(?=a)\u043f"])
def test_what_no_engine_takes_is_refused(pattern: str) -> None:
    with pytest.raises(BadPattern):
        finder(pattern)


def test_a_pattern_that_blows_up_ends_in_a_refusal() -> None:
    slow = finder(r"(?=x)(?:(x+)x+)+\1y", timeout_s=0.02)
    with pytest.raises(ServiceUnavailable, match="too long"):
        list(slow.spans(b"x" * 200 + b"z y"))
