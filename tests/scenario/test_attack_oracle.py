"""Somebody has the bot's model write one guess after the other, and reads off which of them is cut.

The model here is the attacker's dream: it turns a short number into a long text that stands nowhere in what
the attacker said, so each text is searched. `PARTYWALL_GUESSES=10000` makes the attack long.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.errors import Denied
from firewall.core.label import Owned, Principals
from firewall.core.message import Message
from partywall.wall import Wall

GUESSES = int(os.environ.get("PARTYWALL_GUESSES", "100"))
ALLOWED = 5
MARKER = "[REDACTED:EXCERPT]"
# What Ada really has: a tenth of all that can be guessed, half of it in her vault and half in her chat.
HERS = range(0, max(200, GUESSES), 10)


def text_of(number: int) -> str:
    digest = hashlib.sha256(f"pin {number}".encode()).hexdigest()
    return f"locker {number} {digest[:10]} {digest[10:20]}"


def settings(folder: Path, **oracle: object) -> dict[str, object]:
    return {
        "profile": "light",
        "store": {"path": ":memory:"},
        "files": {"path": str(folder / "files")},
        "oracle": {"findings": ALLOWED, **oracle},
    }


def says(realm: str, who: str, text: str) -> Message:
    return pw.message(text, channel="slack", realm=realm, sender=who, conversation=f"D-{who}")


async def writer(**request: Any) -> Mapping[str, Any]:
    """Write out each number that stands in the last message."""
    said = str(request["messages"][-1]["content"])
    text = "\n".join(text_of(int(word)) for word in said.split() if word.isdigit()) or said
    message = {"role": "assistant", "content": text}
    return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}


async def hers(wall: Wall) -> None:
    """Have Ada of GLOBEX own what she owns."""
    runtime = await wall.runtime()
    async with wall.turn(says("T-GLOBEX", "ada", "hello")) as turn:
        principal = turn.opened.turn.principal
    label = Owned(tenant=principal.tenant, readers=Principals(ids=frozenset({principal.id})))
    for number in HERS:
        runtime.excerpts.learn(text_of(number), label, whole=number % 20 == 0)


async def asked(wall: Wall, model: Any, who: str, numbers: Iterable[int], realm: str = "T-ACME") -> str:
    """Have somebody guess; give what they see."""
    words = " ".join(map(str, numbers)) or "good morning"
    try:
        async with wall.turn(says(realm, who, words)) as turn:
            answer = await model(model="m", messages=[{"role": "user", "content": words}])
            return await turn.reply(str(answer["choices"][0]["message"]["content"]))
    except Denied as denied:
        return f"refused: {denied.reason}"


def answers(shown: Sequence[str]) -> Counter[str]:
    return Counter(
        "yes" if MARKER in each else "refused" if each.startswith("refused") else "no" for each in shown
    )


async def test_who_guesses_one_by_one_learns_no_more_than_the_budget(tmp_path: Path) -> None:
    async with pw.open(settings(tmp_path)) as wall:
        model = wall.guard_model(writer)
        await hers(wall)
        # Two wrong guesses for each right one: what is cut is not what is denied.
        shown = [await asked(wall, model, "bob", [number]) for number in range(1, GUESSES)]
        seen = answers(shown)
        assert seen["yes"] == ALLOWED
        first = next(n for n, each in enumerate(shown) if each.startswith("refused"))
        assert all(each == "refused: oracle_suspected" for each in shown[first:])
        assert first + 1 == (ALLOWED + 1) * 10, "the sixth of hers, and no other thing, ended it"
        assert not any(text_of(number) in each for number in HERS for each in shown)
        # Whoever had nothing to do with it is served as before, and so is Ada.
        assert await asked(wall, model, "carol", [1]) == text_of(1)
        assert await asked(wall, model, "ada", [10], realm="T-GLOBEX") == text_of(10)


async def test_without_the_budget_every_guess_is_answered(tmp_path: Path) -> None:
    """The control: the attack is one, and only the budget ends it."""
    async with pw.open(settings(tmp_path, findings=4)) as wall:
        model = wall.guard_model(writer)
        await hers(wall)
        shown = [await asked(wall, model, "bob", [number]) for number in range(5, 41, 5)]
        assert answers(shown) == {"yes": 4, "no": 4}


async def test_many_guesses_in_one_answer_tell_no_more_than_one_too_many(tmp_path: Path) -> None:
    async with pw.open(settings(tmp_path)) as wall:
        model = wall.guard_model(writer)
        await hers(wall)
        assert await asked(wall, model, "bob", range(1, 200)) == "refused: oracle_suspected"
        few = await asked(wall, model, "carol", range(1, 50))
        assert few.count(MARKER) == 4, "what the budget pays for is cut, and the rest is shown"
        assert await asked(wall, model, "carol", range(50, 90)) == "refused: oracle_suspected"


async def test_a_bot_that_presents_what_others_said_has_nobody_held(tmp_path: Path) -> None:
    """One list for everybody: what is foreign is dropped before the index is asked, so nobody pays for it."""
    async with pw.open(settings(tmp_path)) as wall:
        model = wall.guard_model(writer)
        await hers(wall)
        for round_ in range(3):
            async with wall.turn(says("T-ACME", "bob", "good morning")) as turn:
                listed = [{"role": "user", "content": text_of(number)} for number in list(HERS)[:20]]
                answer = await model(
                    model="m", messages=[*listed, {"role": "user", "content": "good morning"}]
                )
                shown = await turn.reply(str(answer["choices"][0]["message"]["content"]))
                assert shown == "good morning", round_


async def test_saying_what_is_somebodys_tells_nothing_and_costs_nothing(tmp_path: Path) -> None:
    async with pw.open(settings(tmp_path)) as wall:

        async def echo(**request: Any) -> Mapping[str, Any]:
            message = {"role": "assistant", "content": str(request["messages"][-1]["content"])}
            return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

        model = wall.guard_model(echo)
        await hers(wall)
        for number in range(10, 80, 10):
            words = text_of(number)
            async with wall.turn(says("T-ACME", "bob", words)) as turn:
                answer = await model(model="m", messages=[{"role": "user", "content": words}])
                assert await turn.reply(str(answer["choices"][0]["message"]["content"])) == words


async def test_a_refusal_by_the_index_looks_like_any_other_byte_for_byte(tmp_path: Path) -> None:
    """In one turn, so that all refusals carry the same reference."""
    async with pw.open({**settings(tmp_path), "limits": {"max_text_bytes": 1_000}}) as wall:

        @wall.tool(reads="own")
        def shout(text: pw.Text) -> str:
            return text.upper()

        await hers(wall)
        refused: dict[str, str] = {}
        async with wall.turn(says("T-ACME", "bob", "hello")) as turn:
            assert await turn.call_tool("shout", {"text": "hello"}) == "HELLO"
            for act in (
                turn.reply("x" * 2_000),
                turn.call_tool("shout", {"text": text_of(10)}),
                turn.call_tool("bash", {"command": "ls"}),
                turn.reply("\n".join(map(text_of, HERS))),
                turn.reply("hello"),
            ):
                with pytest.raises(Denied) as caught:
                    await act
                refused[caught.value.reason] = str(caught.value)
        assert set(refused) == {"too_large", "foreign_excerpt", "denied_class", "oracle_suspected"}
        assert len(set(refused.values())) == 1


def in_tags(text: str) -> str:
    """Write a text in letters that nobody sees."""
    return "".join(chr(0xE0000 + ord(char)) for char in text)


def in_selectors(text: str) -> str:
    """Write a text as variation selectors behind one visible letter."""
    codes = (0xFE00 + byte if byte < 16 else 0xE0100 + byte - 16 for byte in text.encode())
    return "x" + "".join(map(chr, codes))


@pytest.mark.parametrize("disguise", [in_tags, in_selectors])
async def test_guesses_in_letters_that_nobody_sees_are_paid_for(
    tmp_path: Path, disguise: Callable[[str], str]
) -> None:
    """Such a text has no letter by which it could be told from another one; so none may be for free."""

    async def hidden(**request: Any) -> Mapping[str, Any]:
        said = str(request["messages"][-1]["content"])
        text = "\n".join(disguise(text_of(int(word))) for word in said.split() if word.isdigit()) or said
        message = {"role": "assistant", "content": f"ok {text} done"}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}

    async with pw.open(settings(tmp_path)) as wall:
        model = wall.guard_model(hidden)
        await hers(wall)
        # Only those that are whole values: HERS of 20, 40, …
        shown = [await asked(wall, model, "bob", [number]) for number in range(20, 200, 20)]
        seen = answers(shown)
        assert seen["yes"] == ALLOWED
        assert seen["refused"] == len(shown) - ALLOWED
        assert await asked(wall, model, "carol", [1]) == f"ok {disguise(text_of(1))} done"


COMMON = "+49 1701 234567"


async def test_split_guesses_with_one_half_in_common_are_each_paid_for(tmp_path: Path) -> None:
    """Half of a guess in each of two texts: only together they are somebody's, and so they are refused."""
    async with pw.open(settings(tmp_path)) as wall:

        @wall.tool(reads="own")
        def store(first: pw.Text, second: pw.Text) -> str:
            """Take two texts."""
            return "stored"

        runtime = await wall.runtime()
        async with wall.turn(says("T-GLOBEX", "ada", "hello")) as turn:
            principal = turn.opened.turn.principal
        label = Owned(tenant=principal.tenant, readers=Principals(ids=frozenset({principal.id})))
        for number in range(10, 40, 2):
            runtime.excerpts.learn(f"{COMMON}{number}", label, whole=True)

        async def tried(number: int) -> str:
            try:
                async with wall.turn(says("T-ACME", "bob", "go on")) as turn:
                    await turn.call_tool("store", {"first": COMMON, "second": str(number)})
                    return "no"
            except Denied as denied:
                return str(denied.reason)

        assert [await tried(10) for _ in range(3)] == ["foreign_excerpt"] * 3, "the same again is free"
        reasons = [await tried(number) for number in range(10, 40)]
        assert reasons[: 2 * ALLOWED : 2] == ["foreign_excerpt"] * ALLOWED
        assert reasons[1 : 2 * ALLOWED : 2] == ["no"] * ALLOWED
        assert set(reasons[2 * ALLOWED :]) == {"oracle_suspected"}
