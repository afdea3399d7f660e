"""Attempts to have something dropped or refused of which no record tells."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

import partywall as pw
from firewall.core.ids import Ref
from firewall.core.message import Message
from partywall.wall import Wall
from tests.fakes.models import Scripted
from vault.ledger import Stored

SECRET = "kelp-47-lantern"


@pytest.fixture
async def wall(tmp_path: Path) -> AsyncIterator[Wall]:
    config: dict[str, object] = {
        "profile": "light",
        "store": {"path": ":memory:"},
        "files": {"path": str(tmp_path / "files")},
    }
    async with pw.open(config) as opened:
        yield opened


def acme(text: str) -> Message:
    return pw.message(text, channel="slack", realm="ACME", sender="ann", conversation="D1")


def globex(text: str) -> Message:
    return pw.message(text, channel="telegram", realm="GLOBEX", sender="bob", conversation="bob")


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


async def why(wall: Wall, ref: str) -> tuple[Stored, ...]:
    return await (await wall.runtime()).vault.records.why(Ref(ref))


@pytest.mark.parametrize("words", ["e", "code", "is"])
async def test_who_says_one_letter_does_not_hide_that_others_words_were_presented(
    wall: Wall, words: str
) -> None:
    """The letter stands in the other tenant's words too; they are cut, and that is on record."""
    model = Scripted(["noted", "hello"])
    ask = wall.guard_model(model.__call__)
    said = f"the code is {SECRET}"
    async with wall.turn(acme(said)):
        await ask(model="x", messages=[user(said)])
    async with wall.turn(globex(words)) as turn:
        await ask(model="x", messages=[user(said), user(words)])
        (record,) = await why(wall, turn.ref)
    assert model.requests[1]["messages"] == [user(words)]
    assert (record.record.layer, record.record.rule) == ("history_reset", "unaccounted_text")
    assert (record.record.violation, record.record.count) == (True, 1)
    assert SECRET not in str(record)


async def test_a_context_around_a_senders_words_is_cut_on_record(wall: Wall) -> None:
    model = Scripted(["hello"])
    ask = wall.guard_model(model.__call__)
    async with wall.turn(globex("which code?")) as turn:
        await ask(
            model="x", messages=[user(f"Context: Ann's locker code is {SECRET}.\n\nQuestion: which code?")]
        )
        records = await why(wall, turn.ref)
    assert model.requests[0]["messages"] == [user("which code?")]
    assert [each.record.rule for each in records] == ["unaccounted_text"]


async def test_a_name_before_a_senders_words_and_a_mention_taken_off_are_no_violation(wall: Wall) -> None:
    model = Scripted(["hello", "again"])
    ask = wall.guard_model(model.__call__)
    async with wall.turn(globex("@otto what is the code?")) as turn:
        await ask(model="x", messages=[user("<bob> @otto what is the code?")])
        await ask(model="x", messages=[user("what is the code?")])
        records = await why(wall, turn.ref)
    assert [each["messages"] for each in model.requests] == [[user("@otto what is the code?")]] * 2
    assert records == ()
