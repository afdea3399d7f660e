"""Leaks that happened to others on no particular platform: each is named by its row in the list of leaks.

Where it can be played, the bot without the wall leaks first, in the same test.
"""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from adapters.channels import Channel
from adapters.discord.channel import DiscordChannel
from adapters.doors import Act
from adapters.slack.channel import SlackChannel
from adapters.telegram.channel import TelegramChannel
from adapters.testing import NotConformant, cases
from firewall.core.errors import BadIdentifier, Denied, MisuseError
from firewall.core.message import Message
from partywall.doors import WallDoor
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.specimens import bad
from tests.fakes.vaults import dumped
from tests.noninterference.mutants import MUTANTS
from vault.ledger import Filter

SECRET = "kelp-47-lantern"


def said(text: str, who: str = "ada", realm: str = "T-ACME", **more: Any) -> Message:
    return pw.message(text, channel="own", realm=realm, sender=who, conversation=f"d-{who}", **more)


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[tuple[Wall, Path]]:
    """A wall whose database and files can be looked at past it."""
    path = tmp_path / "home" / "wall.db"
    settings = {"profile": "light", "store": {"path": str(path)}, "files": {"path": str(tmp_path / "files")}}
    async with pw.open(settings) as wall:
        yield wall, path


async def test_L06_records_are_grouped_by_no_key_that_a_sender_can_forge(kept: tuple[Wall, Path]) -> None:
    wall, path = kept
    named = [("T|a", "b"), ("T", "a|b"), ("T:a", "b"), ("T", "a:b"), ("T", "a"), ("t", "a")]
    assert len({f"{realm}|{who}" for realm, who in named}) < len(named), "as the gateway joined them"
    for realm, who in named:
        async with wall.turn(said("run it", who, realm)) as turn:
            with pytest.raises(Denied):
                await turn.call_tool("exec", {"command": "id"})
    records = (await wall.runtime()).vault.records
    await records.settle()
    found = await records.violations(Filter())
    assert len({(one.tenant, one.principal) for one in found}) == len(named)
    assert len({row[5] for row in dumped(path, "receipts")}) == len(named), "a session each"


@pytest.mark.parametrize("guarded", [False, True])
async def test_L10_a_memory_that_everybody_shares_reaches_no_prompt_of_another(
    wall: Wall, guarded: bool
) -> None:
    # Sessions were separate files there, and people were still mixed: so the prompt's bytes are compared.
    model, memory = EchoModel(), list[str]()
    ask = (
        wall.guard_model(model.__call__, trusted_system=["Remember: {facts}"]) if guarded else model.__call__
    )

    async def bot(text: str) -> None:
        system = {"role": "system", "content": f"Remember: {'; '.join(memory)}"}
        await ask(model="m", messages=[system, {"role": "user", "content": text}])
        memory.append(text)

    async with wall:
        for message in (said(f"My code is {SECRET}."), said("Which codes?", "ben", "T-GLOBEX")):
            async with wall.turn(message):
                await bot(message.text)
    assert (SECRET in json.dumps(model.requests[-1])) is not guarded
    assert SECRET in json.dumps(model.requests[0])


@pytest.mark.parametrize("broken", ["SharesGroups", "LetsRoomsStandInDirectPlaces", "RenamesPlaces"])
def test_L11_an_adapter_of_somebody_else_that_sends_people_to_one_key_is_caught(broken: str) -> None:
    specimen = getattr(bad, broken)()
    caught = list[str]()
    for case in cases():
        try:
            case.check(specimen)
        except NotConformant:
            caught.append(case.name)
        except Exception:  # noqa: BLE001, S112  what the platform lacks is left out
            continue
    assert caught


@pytest.mark.parametrize("missing", ["", " ", "null", "None", "undefined"])
def test_L12_a_peer_that_could_not_be_looked_up_is_nobody_and_not_the_room(missing: str) -> None:
    with pytest.raises(BadIdentifier):
        said("hello", missing)
    with pytest.raises(BadIdentifier):
        said("hello", "ada", missing)


async def test_L14_ids_that_differ_by_a_character_no_path_has_are_two_compartments(
    kept: tuple[Wall, Path],
) -> None:
    wall, _ = kept
    names = ["a.b", "ab", "a/b", "a b", "A.b", "a\u0323b", "a..b"]
    assert len({"".join(ch for ch in name if ch.isalnum()) for name in names}) < len(names)
    for name in names:
        async with wall.turn(said("keep it", name)) as turn:
            await turn.call_tool("write", {"path": "/note.txt", "text": f"of {name!r}"})
    for name in names:
        async with wall.turn(said("read it", name)) as turn:
            assert await turn.call_tool("read", {"path": "/note.txt"}) == f"of {name!r}"


async def test_L17_nobody_lists_the_sessions_of_others_and_a_foreign_one_is_like_an_unknown_one(
    wall: Wall,
) -> None:
    async with wall:
        async with wall.turn(said("first")) as turn:
            foreign = turn.session_id
            await turn.remember("code", SECRET)
        told = list[str]()
        for name in (foreign, "unheard-of"):
            async with wall.turn(said(f"stop {name}", "ben", "T-GLOBEX")) as turn:
                assert await turn.recall() == {}
                assert foreign != turn.session_id
                told.append(await turn.reply("done"))
        assert told == ["done", "done"], "a foreign name is like an unknown one"


def test_L19_a_check_that_never_fires_would_be_noticed() -> None:
    # An ownership check was merged there that read the wrong field, and nobody noticed that it did nothing.
    for mutant in MUTANTS:
        assert all(vars(owner)[name] is not new for owner, name, new in mutant.swaps), "the guard is on"
    ownership = next(mutant for mutant in MUTANTS if mutant.name == "layer tenant_boundary")
    assert ownership.fires(5), (
        "off, it turns a scenario red; so does each other one (tests/meta/test_mutants.py)"
    )


async def test_L31_what_is_sent_is_bound_to_whom_it_was_judged_for(kept: tuple[Wall, Path]) -> None:
    wall, path = kept
    sent, other = list[str](), said("x", "ben", "T-GLOBEX").conversation
    door = WallDoor(wall, unguarded_model=True)

    async def post(texts: Mapping[str, str]) -> None:
        sent.append(texts["text"])

    async def told(text: str) -> None:
        sent.append(text)

    async def run() -> None:
        turn = await door.enter(said("hello"), told)
        act = Act(method="post", destination=turn.destination, texts={"text": "yours"})
        await door.send(act, post)
        with pytest.raises(Denied):
            await door.send(Act(method="post", destination=other, texts={"text": "yours"}), post)

    await door.deliver(run)
    await door.drain(60)
    assert sent[0] == "yours"
    assert "yours" not in sent[1:], "it went to one person"
    effects = [row for row in dumped(path, "effects") if row[7] == "post"]
    assert len(effects) == 1, "what was not sent was not intended"
    (intended,) = effects
    async with wall.turn(said("again")) as turn:
        assert intended[8] == turn.opened.ledger.digest(["yours"]), "its words, by a keyed digest"


@pytest.mark.parametrize("secret", ["", None])
def test_L85_a_blank_secret_stops_the_start(secret: str | None) -> None:
    with pytest.raises(MisuseError):
        SlackChannel("xoxb-1", signing_secret=secret or "")
    with pytest.raises(MisuseError):
        TelegramChannel(token="1:A", webhook_url="https://example.org/", secret_token=secret)


def test_every_channel_of_ours_can_be_made_without_asking_anybody() -> None:
    made: list[Channel] = [
        SlackChannel("xoxb-1", app_token="xapp-1"),
        TelegramChannel(token="1:A"),
        DiscordChannel("x"),
    ]
    assert [each.name for each in made] == ["slack", "telegram", "discord"]
