import os
import threading
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import hyperscan
import msgspec
import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.detect.secrets import gate as gates
from firewall.detect.secrets.gate import Gate, Hyperscan, Joined, Pattern, Plain, apart, gate

ACME = Pattern(regex="acme_[0-9]{4}", keywords=("acme_",))
GLOBEX = Pattern(regex="globex-[a-z]{3}", caseless=True)
AROUND = Pattern(regex="(?<!x)tenant(?=s)", keywords=("tenant",))
EMPTY = Pattern(regex="z*")
PATTERNS = (ACME, GLOBEX, AROUND)
MANY = tuple(Pattern(regex=f"acme{number}x") for number in range(400))
Make = Callable[[Sequence[Pattern]], Gate]


def plain(patterns: Sequence[Pattern]) -> Gate:
    return Plain(patterns)


def automaton(patterns: Sequence[Pattern]) -> Gate:
    return Hyperscan(patterns)


@pytest.mark.parametrize("make", [plain, automaton])
@pytest.mark.parametrize(
    ("data", "numbers"),
    [
        pytest.param(b"acme_1234", [0], id="one"),
        pytest.param(b"GLOBEX-abc and acme_1234 and tenants", [0, 1, 2], id="all-in-order"),
        pytest.param(b"ACME_1234", [], id="case-counts-unless-said"),
        pytest.param(b"acme_1234 acme_5678", [0], id="once-each"),
        pytest.param(b"", [], id="nothing"),
    ],
)
def test_both_gates_say_what_occurs(make: Make, data: bytes, numbers: list[int]) -> None:
    assert list(make(PATTERNS).hits(data)) == numbers


@pytest.mark.parametrize("make", [plain, automaton, apart])
def test_a_gate_opens_if_anything_occurs(make: Make) -> None:
    assert make(PATTERNS).opens(b"a GLOBEX-abc")
    assert make(PATTERNS).opens(b"acme_1234 and tenants")
    assert not make(PATTERNS).opens(b"ACME_1234")
    assert not make([]).opens(b"acme_1234")


def test_what_hyperscan_refuses_opens_for_everything() -> None:
    assert Hyperscan([ACME, EMPTY]).opens(b"nothing")
    assert Joined([Hyperscan([GLOBEX]), Hyperscan([EMPTY])]).opens(b"nothing")


def test_what_hyperscan_cannot_express_is_asked_for_more_widely_and_never_missed() -> None:
    assert list(Hyperscan([AROUND]).hits(b"tenants")) == [0]


def test_what_hyperscan_refuses_always_hits() -> None:
    assert list(Hyperscan([ACME, EMPTY]).hits(b"nothing")) == [1]
    assert list(Hyperscan([EMPTY]).hits(b"acme")) == [0]


def test_the_gate_of_this_machine_is_the_automaton(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(gate(PATTERNS), Hyperscan)
    monkeypatch.setattr(gates, "hyperscan", None)
    assert isinstance(gate(PATTERNS), Plain)


def msgpack(always: list[int], automata: list[bytes]) -> bytes:
    return msgspec.msgpack.encode({"always": always, "automata": automata})


def test_many_patterns_are_told_apart_by_their_places() -> None:
    assert list(Hyperscan(MANY).hits(b"acme399x acme7x acme160x")) == [7, 160, 399]


@pytest.mark.parametrize("patterns", [PATTERNS, (ACME, EMPTY), (EMPTY,)])
def test_a_kept_automaton_is_loaded_and_not_compiled(
    patterns: Sequence[Pattern], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = b"acme_1234 GLOBEX-abc tenants"
    first = Hyperscan(patterns, cache=tmp_path / "gates").hits(text)
    monkeypatch.setattr(gates, "_compiled", None)
    assert Hyperscan(patterns, cache=tmp_path / "gates").hits(text) == first


def test_other_patterns_have_another_automaton(tmp_path: Path) -> None:
    Hyperscan([ACME], cache=tmp_path / "gates")
    assert list(Hyperscan([GLOBEX], cache=tmp_path / "gates").hits(b"globex-abc acme_1234")) == [0]
    assert len(os.listdir(tmp_path / "gates")) == 2


@pytest.mark.parametrize("content", [b"", b"garbage", msgpack([], [b"garbage"]), msgpack([7], [])])
def test_a_file_that_is_no_automaton_is_compiled_anew(
    content: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(gates, "_dumped", partial(_given, content))
        Hyperscan(PATTERNS, cache=tmp_path / "gates")
    assert list(Hyperscan(PATTERNS, cache=tmp_path / "gates").hits(b"acme_1234")) == [0]


def _given(content: bytes, *_args: object) -> bytes:
    return content


def test_threads_do_not_share_a_scratch() -> None:
    shared = Hyperscan(PATTERNS)
    seen: list[list[int]] = []
    wait = threading.Barrier(4)

    def ask() -> None:
        wait.wait(timeout=30)
        seen.extend(list(shared.hits(b"acme_1234 " * 2000 + b"globex-abc")) for _ in range(50))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert seen == [[0, 1]] * 200


def test_a_gate_that_fails_refuses_the_text(monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        def scan(self, *_args: object, **_kwargs: object) -> None:
            raise hyperscan.error("broken")

    broken = Hyperscan(PATTERNS)
    monkeypatch.setattr(broken.automata, "_ready", lambda: [(Broken(), None)])
    with pytest.raises(ServiceUnavailable, match="refused"):
        broken.hits(b"acme_1234")
    with pytest.raises(ServiceUnavailable, match="refused"):
        broken.opens(b"acme_1234")
