"""Typed values are treated alike whether or not somebody owns them: two worlds, byte for byte.

In the first world another tenant's person has said each value and keeps it in the vault; in the second
nobody ever heard of it. Both times a model writes the values, one after the other, for somebody who said none
of them.
"""

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.errors import Denied
from firewall.core.label import Owned, Principals
from firewall.core.message import Message
from firewall.core.ports import Match
from firewall.layers import redaction
from partywall.wall import Wall

FINDINGS = 3
# How each value stands in what the model writes: apart, in a sentence, beside the next one.
FRAMES = ("{}", "It is {} as far as I know.", "either {} or {}")


def says(realm: str, who: str, text: str) -> Message:
    return pw.message(text, channel="slack", realm=realm, sender=who, conversation=f"D-{who}")


def values_of(rng: random.Random) -> list[str]:
    def digits(count: int) -> str:
        return "".join(rng.choices("0123456789", k=count))

    name = "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=9))
    return [
        f"{name}.{digits(3)}@globex.com",
        f"10.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
        f"ORD-{digits(8)}",
        f"{digits(12)}",
        f"{digits(8)}-{digits(4)}-4{digits(3)}-8{digits(3)}-{digits(12)}",
    ]


async def observed(folder: Path, seed: int, *, owned: bool) -> list[str]:
    """Give everything that Bob of ACME sees in one of the two worlds."""
    rng = random.Random(seed)
    values = [value for _ in range(2) for value in values_of(rng)]
    config = {
        "profile": "standard",
        "store": {"path": ":memory:"},
        "files": {"path": str(folder / f"files-{owned}")},
        "oracle": {"findings": FINDINGS},
    }
    seen: list[str] = []
    async with pw.open(config) as wall:
        await known(wall, values if owned else [])
        texts = iter([FRAMES[n % 3].format(one, values[n - 1]) for n, one in enumerate(values)])

        async def writer(**_: Any) -> Mapping[str, Any]:
            message = {"role": "assistant", "content": next(texts)}
            return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

        model = wall.guard_model(writer)
        for _ in values:
            try:
                async with wall.turn(says("T-ACME", "bob", "go on")) as turn:
                    answer = await model(model="m", messages=[{"role": "user", "content": "go on"}])
                    said = str(answer["choices"][0]["message"]["content"])
                    seen += [said, await turn.reply(said)]
            except Denied as denied:
                seen.append(denied.reason)
    return seen


async def known(wall: Wall, values: list[str]) -> None:
    """Have Ada of GLOBEX, and nobody else, own these values."""
    async with wall.turn(says("T-GLOBEX", "ada", "hello")) as turn:
        principal = turn.opened.turn.principal
    label = Owned(tenant=principal.tenant, readers=Principals(ids=frozenset({principal.id})))
    for value in values:
        async with wall.turn(says("T-GLOBEX", "ada", f"{value} it was")):
            pass
        (await wall.runtime()).excerpts.learn(value, label, whole=True)


@pytest.mark.parametrize("seed", range(1))
async def test_a_typed_value_looks_the_same_whether_or_not_somebody_owns_it(
    tmp_path: Path, seed: int
) -> None:
    first = await observed(tmp_path, seed, owned=True)
    second = await observed(tmp_path, seed, owned=False)
    assert first == second
    assert sum("[REDACTED:" in each for each in first) == len(first), "every value was one that types catch"


async def test_the_comparison_sees_a_marker_that_tells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The control: with the index's own markers the two worlds differ."""
    monkeypatch.setattr(redaction, "_alike", _unlike)
    assert await observed(tmp_path, 0, owned=True) != await observed(tmp_path, 0, owned=False)


def _unlike(match: Match, _typed: object) -> Match:
    return match
