"""Two tenants whose people tell their own data: the provider never sees it, and everybody sees theirs again.

The model repeats every word it is sent, so a value that reached it would come out, and a placeholder that was
restored for somebody else would be seen.
"""

import asyncio
import json
import os
import random
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import pytest

import partywall as pw
from firewall.core.errors import ConfigError, Denied
from firewall.core.ids import Ref, derived
from firewall.core.message import Message
from firewall.core.subject import Form
from firewall.ledger import Ledger
from firewall.placeholders import Placeholders
from firewall.tokens import BODY, token
from partywall.config import parse
from partywall.testing import EchoModel
from partywall.wall import Wall
from tests.fakes.models import Call, Messages, Scripted

SYSTEM = "Tell everybody to write to help@acme.com."
# Lowered, so that the suite stays short; `PARTYWALL_TURNS=1000` is what the documentation quotes.
TURNS = int(os.environ.get("PARTYWALL_TURNS", "60"))
PEOPLE = 10
ANN, BOB = "ann.lee@corp.com", "bob.ray@corp.com"
TOKEN = re.compile(r"Pw(?:EmailAddress|CreditCard|Other)[0-9a-z]{13}")
PAGE = (Path(__file__).resolve().parents[2] / "docs/detection/placeholders.md").read_text(encoding="utf-8")
STREAMED = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])

Open = Callable[..., AbstractAsyncContextManager[Wall]]


@pytest.fixture
def opened(tmp_path: Path) -> Open:
    def made(store: str = ":memory:", **settings: object) -> AbstractAsyncContextManager[Wall]:
        given: Mapping[str, object] = {
            "profile": "standard",
            "prompts": [SYSTEM],
            "pii": {"own": "substitute"},
            "store": {"path": store},
            "files": {"path": str(tmp_path / "files")},
            **settings,
        }
        return pw.open(given)

    return made


@pytest.fixture
async def wall(opened: Open) -> AsyncIterator[Wall]:
    async with opened() as one:
        yield one


def says(text: str, who: str = "ann", realm: str = "ACME", **where: Any) -> Message:
    given: dict[str, Any] = {"conversation": f"D-{who}", **where}
    return pw.message(text, channel="slack", realm=realm, sender=who, **given)


def echo(messages: Messages) -> str:
    return "You said: " + " / ".join(str(each["content"]) for each in messages if each["role"] == "user")


def parrot(piece: int = 7) -> Scripted:
    return Scripted([echo], piece_codepoints=piece)


def sent(model: Scripted | EchoModel) -> str:
    return json.dumps(model.requests, ensure_ascii=False)


async def answered(wall: Wall, model: Any, message: Message, *, stream: bool = False) -> str:
    """Have the model answer a message, and give what was shown."""
    guarded = wall.guard_model(model, trusted_system=[SYSTEM])
    async with wall.turn(message) as turn:
        asked = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": message.text}]
        answer = await guarded(model="m", messages=asked, stream=stream)
        if stream:
            return await turn.reply_stream(answer)
        return await turn.reply(str(answer["choices"][0]["message"]["content"]))


@STREAMED
async def test_a_provider_sees_placeholders_and_the_sender_their_own_data(wall: Wall, stream: bool) -> None:
    for realm, who, own in (("ACME", "ann", ANN), ("GLOBEX", "bob", BOB)):
        model = parrot()
        text = f"I am {own}, my card is 4111 1111 1111 1111."
        assert await answered(wall, model, says(text, who, realm), stream=stream) == f"You said: {text}"
        assert own not in sent(model)
        assert "4111" not in sent(model)
        assert "I am PwEmailAddress" in sent(model)


async def test_an_operators_own_prompt_is_sent_as_it_is_registered(wall: Wall) -> None:
    model = parrot()
    await answered(wall, model, says("Where do I write to? help@acme.com?"))
    system, asked = (each["content"] for each in model.requests[0]["messages"])
    assert system == SYSTEM
    assert "help@acme.com" not in asked


async def test_values_are_kept_by_default_and_one_tenant_may_want_otherwise(opened: Open) -> None:
    tenants = [
        {"id": "acme", "realms": [{"channel": "slack", "realm": "ACME"}], "pii": {"own": "substitute"}},
        {"id": "globex", "realms": [{"channel": "slack", "realm": "GLOBEX"}]},
    ]
    async with opened(pii={}, tenant=tenants) as wall:
        for realm, who, own in (("ACME", "ann", ANN), ("GLOBEX", "bob", BOB)):
            model = parrot()
            assert own in await answered(wall, model, says(f"I am {own}", who, realm))
            assert (own in sent(model)) is (realm == "GLOBEX")


@pytest.mark.parametrize("profile", ["light", "observe"])
async def test_a_profile_that_would_replace_nothing_does_not_open(opened: Open, profile: str) -> None:
    with pytest.raises(ConfigError, match="does nothing in the profile"):
        async with opened(profile=profile):
            pass


async def test_replacing_is_counted_and_no_violation(wall: Wall) -> None:
    await answered(wall, parrot(), says(f"I am {ANN}"))
    runtime = await wall.runtime()
    async with wall.turn(says(f"Not {ANN} but {BOB}")) as turn:
        await wall.guard_model(parrot())(model="m", messages=[{"role": "user", "content": turn.text}])
        rows = await runtime.vault.records.why(Ref(turn.ref))
    told = [each.record for each in rows if each.record.layer == "placeholders"]
    # The history is sent with it: one of three stands there, and one in what was answered.
    assert [(each.rule, each.count, each.violation) for each in told] == [("pii.EMAIL_ADDRESS", 4, False)]
    assert not any(each.record.violation for each in rows)


async def test_a_tool_gets_the_values_and_its_result_goes_back_as_placeholders(wall: Wall) -> None:
    ran: list[tuple[str, str]] = []

    @wall.tool(reads="own")
    async def mail(to: pw.Text, about: pw.Text) -> str:
        """Send a mail."""
        ran.append((to, about))
        return f"sent to {to}, a copy to {BOB}"

    def call(messages: Messages) -> list[Call]:
        token = TOKEN.findall(str(messages[-1]["content"]))[0]
        return [Call(name="mail", arguments={"to": token, "about": f'"{token.upper()}" \\ and you'})]

    model = Scripted([call, lambda messages: str(messages[-1]["content"])])
    guarded = wall.guard_model(model)
    async with wall.turn(says(f"Mail me, I am {ANN}")) as turn:
        messages: list[Any] = [{"role": "user", "content": turn.text}]
        tools = [{"type": "function", "function": {"name": "mail"}}]
        first = (await guarded(model="m", messages=messages, tools=tools))["choices"][0]["message"]
        function = first["tool_calls"][0]["function"]
        assert json.loads(function["arguments"]) == {"to": ANN, "about": f'"{ANN}" \\ and you'}
        result = await turn.call_tool(function["name"], function["arguments"])
        messages += [first, {"role": "tool", "tool_call_id": first["tool_calls"][0]["id"], "content": result}]
        last = (await guarded(model="m", messages=messages, tools=tools))["choices"][0]["message"]["content"]
    assert ran == [(ANN, f'"{ANN}" \\ and you')]
    assert last == f"sent to {ANN}, a copy to {BOB}"
    assert ANN not in sent(model)
    assert BOB not in sent(model)


async def test_a_model_of_ones_own_is_admitted_hidden_and_released_restored(wall: Wall) -> None:
    ran: list[str] = []

    @wall.tool(reads="own")
    async def note(text: pw.Text) -> str:
        """Take a note."""
        ran.append(text)
        return "noted"

    async with wall.turn(says(f"I am {ANN}")) as turn:
        admitted = await turn.admit([{"role": "user", "content": turn.text}])
        token = TOKEN.findall(admitted[0]["content"])[0]
        assert ANN not in json.dumps(admitted)
        await turn.call_tool("note", {"text": f"{token} called"})
        assert await turn.release(f"Hello {token}") == f"Hello {ANN}"
        # What was admitted may be presented again: it is on record.
        again = await turn.admit(admitted)
        assert again[-1] == admitted[0]
        assert await turn.reply(f"Bye {token.lower()}") == f"Bye {ANN}"
        rows = await (await wall.runtime()).vault.records.why(Ref(turn.ref))
    assert ran == [f"{ANN} called"]
    assert not [each for each in rows if each.record.layer == "history_reset"]


async def token_of(wall: Wall, message: Message, value: str) -> str:
    """Give the placeholder of the one value that a message tells."""
    model = parrot()
    await answered(wall, model, message)
    token = TOKEN.findall(model.requests[-1]["messages"][-1]["content"])[0]
    assert value not in sent(model)
    return str(token)


def moved(where: str) -> Message:
    """Give a message that says the same value in another session."""
    text = f"I am {ANN}"
    return {
        "another sender": says(text, "eve", conversation="D-ann"),
        "another tenant": says(text, realm="GLOBEX"),
        "another conversation": says(text, conversation="D-other"),
        "another thread": says(text, conversation="C1", kind="group", thread="7"),
        "a room": says(text, conversation="C1", kind="group"),
    }[where]


ELSEWHERE = ("another sender", "another tenant", "another conversation", "another thread", "a room")


async def mixed_up(wall: Wall, where: str) -> list[str]:
    """Say what is wrong between ann's session and one elsewhere in which the same value was told."""
    token = await token_of(wall, says(f"I am {ANN}"), ANN)
    faults: list[str] = []
    if await token_of(wall, moved(where), ANN) == token:
        faults.append("one value has one placeholder in two sessions: a provider can link them")
    if ANN in await answered(wall, Scripted([f"It is {token}."]), says_again(moved(where))):
        faults.append("a placeholder was restored in a session that is not its own")
    return faults


def says_again(message: Message) -> Message:
    return pw.message(
        "And now?",
        channel="slack",
        realm=message.sender.realm,
        sender=message.sender.id,
        conversation=message.conversation.id,
        kind=message.conversation.kind.value,
        thread=message.conversation.thread,
    )


@pytest.mark.parametrize("where", ELSEWHERE)
async def test_a_placeholder_means_nothing_elsewhere(wall: Wall, where: str) -> None:
    assert await mixed_up(wall, where) == []


async def test_a_token_without_the_sessions_key_would_be_noticed(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    def keyless(_: Ledger, *fields: str) -> str:
        return derived(b"one key for all", "placeholder", *fields)

    monkeypatch.setattr(Ledger, "_stand_in", keyless)
    assert len(await mixed_up(wall, "another tenant")) == 2


async def test_a_table_for_everybody_would_be_noticed(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    made, texts = Placeholders.__init__, dict[str, str]()

    def shared(self: Placeholders, *args: Any) -> None:
        made(self, *args)
        vars(self)["_texts"] = texts

    monkeypatch.setattr(Placeholders, "__init__", shared)
    assert len(await mixed_up(wall, "another tenant")) == 1


async def test_a_private_answers_placeholder_stays_text_in_the_same_persons_room(wall: Wall) -> None:
    room: dict[str, Any] = {"conversation": "C1", "kind": "group"}
    token = await token_of(wall, says(f"I am {ANN}", private=True, **room), ANN)
    assert token in await answered(wall, Scripted([f"It is {token}."]), says(f"I am {ANN}", **room))


async def test_a_forged_placeholder_looks_like_one_that_somebody_has(wall: Wall) -> None:
    theirs = await token_of(wall, says(f"I am {BOB}", "bob", "GLOBEX"), BOB)
    nobodys = theirs[:-13] + "0" * 13
    shown = [
        (await answered(wall, parrot(), says(f"Who is {each}?"))).replace(each, "_")
        for each in (theirs, nobodys)
    ]
    assert shown[0] == "You said: Who is _?"
    assert shown[1].endswith("Who is _?")


async def test_a_placeholder_lives_through_a_restart(opened: Open, tmp_path: Path) -> None:
    store = str(tmp_path / "wall.db")
    async with opened(store) as wall:
        token = await token_of(wall, says(f"I am {ANN}"), ANN)
    async with opened(store) as wall:
        assert await answered(wall, Scripted([f"It is {token}."]), says("Who am I?")) == f"It is {ANN}."


async def test_an_unexaminable_message_is_hidden_as_a_whole(wall: Wall) -> None:
    model = Scripted(["I cannot read that."])
    text = f"{ANN} " + "x" * 150_000
    await answered(wall, model, says(text))
    assert re.fullmatch(TOKEN, model.requests[0]["messages"][-1]["content"])


async def test_a_failure_to_hide_denies_and_is_on_record(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> object:
        raise RuntimeError(ANN)

    monkeypatch.setattr(Placeholders, "hide", broken)
    model = parrot()
    with pytest.raises(Denied, match="operator") as denied:
        await answered(wall, model, says(f"I am {ANN}"))
    assert model.requests == []
    rows = await (await wall.runtime()).vault.records.why(Ref(denied.value.ref))
    assert [(each.record.layer, each.record.rule) for each in rows] == [("stack", "placeholders")]


class Shuffled(EchoModel):
    """An echo that answers after a random number of turns of the loop, so that answers overtake others."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._random = random.Random(seed)

    async def __call__(self, **request: Any) -> Any:
        answer = await super().__call__(**request)
        for _ in range(self._random.randrange(20)):
            await asyncio.sleep(0)
        return answer


async def crowd(wall: Wall, turns: int) -> tuple[int, int, int]:
    """Have so many turns of two tenants at once; count the turns, the values sent out, and the mix-ups."""
    model = Shuffled(turns)
    people = [(realm, f"p{number}") for number in range(PEOPLE) for realm in ("ACME", "GLOBEX")]

    async def one(number: int) -> tuple[str, str]:
        realm, who = people[number % len(people)]
        # Everybody says the same value, and each a value of their own.
        own = f"{who}.{realm.lower()}@own.com"
        place = f"D-{who}-{number}"
        text = f"I am {own}, number {number}, and so are you: {ANN}"
        answer = await answered(
            wall, model, says(text, who, realm, conversation=place), stream=number % 2 == 1
        )
        return own, answer

    shown = await asyncio.gather(*map(one, range(turns)))
    out = sent(model)
    mixed = sum(
        set(re.findall(r"[\w.]+@[\w]+[.]com", answer)) != {own, ANN} or "Pw" in answer
        for own, answer in shown
    )
    return len(shown), len(re.findall(r"own\.com|ann\.lee", out)), mixed


async def test_a_thousand_turns_at_once_mix_nothing_up(wall: Wall) -> None:
    assert await crowd(wall, TURNS) == (TURNS, 0, 0)


async def test_numbers_in_one_table_would_be_noticed(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    made, texts = Placeholders.__init__, dict[str, str]()

    def shared(self: Placeholders, *args: Any) -> None:
        made(self, *args)
        vars(self)["_texts"] = texts

    def numbered(self: Placeholders, value: str, _key: str, kind: str) -> None:
        own: dict[str, str] = vars(self)["_tokens"]
        if value not in own:
            body = str(len(own)).zfill(BODY)
            own[value], texts[body] = token(kind, body), value

    monkeypatch.setattr(Placeholders, "__init__", shared)
    monkeypatch.setattr(Placeholders, "_name", numbered)
    _, _, mixed = await crowd(wall, 8)
    assert mixed > 0


async def test_a_file_is_judged_as_it_is_shown(wall: Wall) -> None:
    runtime = await wall.runtime()
    async with wall.turn(says(f"I am {ANN}")) as turn:
        admitted = await turn.admit([{"role": "user", "content": turn.text}])
        text = admitted[0]["content"]
        ledger = turn.opened.ledger
        for form, shown in ((Form.FILE, text), (Form.MESSAGE, turn.text), (Form.NOTE, turn.text)):
            judged = await runtime.guard.outbound(
                ledger,
                {"text": text},
                destination=ledger.turn.destination,
                private=True,
                form=form,
                templates=(),
            )
            assert judged == {"text": shown}


async def test_a_placeholder_as_a_key_of_arguments_stays_one(wall: Wall) -> None:
    ran: list[object] = []

    @wall.tool(reads="own")
    async def note(fields: dict[str, str]) -> str:
        """Take notes."""
        ran.append(fields)
        return "noted"

    async with wall.turn(says(f"I am {ANN}")) as turn:
        admitted = await turn.admit([{"role": "user", "content": turn.text}])
        token_ = TOKEN.findall(admitted[0]["content"])[0]
        await turn.call_tool("note", {"fields": {token_: token_, ANN: "two"}})
    assert ran == [{token_: ANN, ANN: "two"}]


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL))
def test_the_example_of_the_docs_runs(block: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    exec(compile(block, "docs/detection/placeholders.md", "exec"), {})  # noqa: S102  the page's own example


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_configuration_of_the_docs_loads(block: str) -> None:
    config = parse(block)
    assert (config.pii.own, config.tenants[0].pii.own) == ("substitute", "keep")
