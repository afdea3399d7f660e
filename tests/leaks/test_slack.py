"""Published leaks that a bot on Slack can have, each by its number in our catalogue: played with the wall.

Where the unguarded bot has it too, the same play is shown to leak there first.
"""

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest

import partywall as pw
from firewall.core.errors import Denied
from firewall.turns import current
from partywall.guarding import guard
from partywall.wall import Wall
from tests.fakes.slack import shapes
from tests.fakes.slack.filer import Filer, filer
from tests.fakes.slack.hosts import running
from tests.fakes.slack.managed import files
from tests.fakes.slack.records import Fault
from tests.fakes.slack.server import FakeSlack
from tests.fakes.slack.shapes import Person
from tests.fakes.slack.stage import PLANTED, SECRET, Mode, Stage, leaks, stage
from tests.fakes.slack.town import Town, settle

ASKED = "What did I just say? Word for word, please."
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(40)
BOTH = pytest.mark.parametrize("mode", ["bare", "guarded"])


def sessions(on: Stage, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Note in which session each question is asked."""
    found: list[str] = []
    original: Any = on.bot.asks

    async def asks(text: str) -> str:
        found.append(pw.turn().session_id)
        return str(await original(text))

    monkeypatch.setattr(on.bot, "asks", asks)
    return found


async def done(on: Stage, count: int = 1) -> None:
    for _ in range(count):
        await asyncio.wait_for(on.bot.handled.acquire(), 5)
    await on.quiet()


@asynccontextmanager
async def filing(
    wall: Wall, folder: Path, mode: Mode, *, by_turn: bool = False
) -> AsyncGenerator[tuple[FakeSlack, Town, Filer]]:
    """Run a bot that passes files on, with the wall or without."""
    async with FakeSlack() as slack, wall:
        bot = Filer(folder, by_turn=by_turn)
        app = filer(slack, bot)
        if mode != "bare":
            guard(app, wall, unguarded_model=True)
        async with running(slack, app, "async-socket"):
            yield slack, settle(slack.acme, slack.globex), bot


def named(path: Path) -> list[str]:
    return sorted(each.name for each in path.rglob("*.png"))


def said_after(on: Stage, before: int) -> list[str]:
    return leaks(on.slack.records.sent[before:])


@BOTH
async def test_L01_slash_commands_in_one_channel_are_not_one_session(
    wall: Wall, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, mode) as on:
        found = sessions(on, monkeypatch) if mode == "guarded" else []
        await on.slack.acme.commands(on.town.ada, on.town.kitchen, "/otto", PLANTED)
        await done(on)
        before = len(on.slack.records.sent)
        await on.slack.acme.commands(on.town.ben, on.town.kitchen, "/otto", ASKED)
        await done(on)
        assert bool(said_after(on, before)) is (mode == "bare")
        assert len(set(found)) == len(found)


async def test_L02_a_message_of_another_does_not_stop_a_run_in_flight(wall: Wall) -> None:
    async with stage(wall, "guarded") as on:
        go = asyncio.Event()
        original: Any = on.bot.asks

        async def slow(text: str) -> str:
            if SECRET in text:
                await go.wait()
            return str(await original(text))

        on.bot.asks = slow  # type: ignore[method-assign]  # the bot's own method, slowed down
        await on.slack.acme.says(on.town.ada, on.town.three, PLANTED)
        await on.slack.acme.says(on.town.ben, on.town.three, ASKED)
        await asyncio.wait_for(on.bot.handled.acquire(), 5)
        assert leaks(on.slack.records.sent) == []
        go.set()
        await done(on)
        assert leaks(on.slack.records.sent) == ["chat.postMessage"]


async def test_L03_and_L20_in_one_thread_each_sender_has_a_session(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, "guarded") as on:
        found, at = sessions(on, monkeypatch), on.slack.acme
        root = await at.says(on.town.ada, on.town.kitchen, "root")
        for who in (on.town.ada, on.town.ben, on.town.ada):
            await at.says(who, on.town.kitchen, "in the thread", thread=root.ts)
            await on.quiet()
        await done(on, 4)
        assert len(set(found)) == 3
        assert (found[1] == found[3], found[1] == found[2]) == (True, False)


@pytest.mark.parametrize("user", ["", " ", "null", None], ids=["empty", "blank", "placeholder", "missing"])
async def test_L04_a_message_without_a_sender_is_refused(wall: Wall, user: str | None) -> None:
    async with stage(wall, "guarded") as on:
        delivery = await on.slack.acme.says(on.town.ada, on.town.kitchen, PLANTED, user=user)
        assert (await on.slack.records.ack(delivery)).status == 200
        await on.quiet()
        assert on.slack.records.sent == []
        assert on.bot.messages[1:] == []


async def test_L05_ids_with_separators_in_them_are_not_joined(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, "guarded") as on:
        found, at = sessions(on, monkeypatch), on.slack.acme
        for user, place in (("a:b", "c"), ("a", "b:c"), ("a:b:c", "d")):
            who = at.joins(Person(id=user, name="x", team=at.id))
            await at.says(who, at.opens(place, "x", who), "hello")
        await done(on, 3)
        assert len(set(found)) == 3


@BOTH
async def test_L07_two_workspaces_with_equal_ids_never_share_a_session(
    wall: Wall, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, mode) as on:
        found = sessions(on, monkeypatch) if mode == "guarded" else []
        other = on.slack.globex.people[on.town.ada.id]
        await on.slack.acme.says(on.town.ada, on.town.kitchen, PLANTED)
        await done(on)
        before = len(on.slack.records.sent)
        await on.slack.globex.says(other, on.slack.globex.places[on.town.kitchen.id], ASKED)
        await done(on)
        assert bool(said_after(on, before)) is (mode == "bare")
        assert len(set(found)) == len(found)


async def test_L08_one_person_who_talks_to_two_bots_has_two_sessions(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, "guarded") as on:
        found = sessions(on, monkeypatch)
        delivery = await on.slack.acme.says(on.town.ada, on.town.kitchen, "hello")
        await done(on)
        again = {**delivery.payload, "api_app_id": "A0OTHER01", "event_id": "Ev999"}
        await on.slack.deliver("events_api", on.slack.acme.id, again)
        await done(on)
        assert len(set(found)) == 2


@BOTH
async def test_L09_without_any_configuration_two_direct_messages_are_apart(wall: Wall, mode: Mode) -> None:
    async with stage(wall, mode) as on:
        await on.plant()
        before = len(on.slack.records.sent)
        await on.slack.acme.says(on.town.ben, on.slack.acme.dm(on.town.ben), ASKED)
        await done(on)
        assert bool(said_after(on, before)) is (mode == "bare")


async def test_L13_ids_that_differ_by_case_only_are_two(wall: Wall, monkeypatch: pytest.MonkeyPatch) -> None:
    async with stage(wall, "guarded") as on:
        found, at = sessions(on, monkeypatch), on.slack.acme
        for user in ("U0CASE", "U0case", "U0CA\u017fE"):
            await at.says(at.joins(Person(id=user, name="x", team=at.id)), on.town.kitchen, "hello")
        await done(on, 3)
        assert len(set(found)) == 3


@pytest.mark.parametrize("kind", ["channel", "group", "salon"])
async def test_L15_a_direct_message_that_is_called_a_room_is_refused(wall: Wall, kind: str) -> None:
    async with stage(wall, "guarded") as on:
        delivery = await on.slack.acme.says(on.town.ada, on.slack.acme.dm(on.town.ada), "hello")
        await done(on)
        delivery.payload["event"]["channel_type"] = kind
        before = len(on.slack.records.sent)
        await on.slack.deliver("events_api", on.slack.acme.id, delivery.payload)
        await on.quiet()
        assert len(on.slack.records.sent) == before


async def test_L16_and_L21_many_at_once_are_each_answered_where_they_asked(wall: Wall) -> None:
    async with stage(wall, "guarded") as on:
        at, count = on.slack.acme, 12
        for number in range(count):
            place = at.opens(f"C0ROOM{number:03d}", f"room-{number}", on.town.ada)
            await at.says(on.town.ada, place, f"I am in room-{number}.")
        await done(on, count)
        answers = [one for one in on.slack.records.sent if one.method == "chat.postMessage"]
        assert len(answers) == count
        for one in answers:
            number = int(str(one.channel)[-3:])
            rooms = [other for other in range(count) if one.holds(f"room-{other}.")]
            assert rooms == [number]


@BOTH
async def test_L18_a_button_that_names_a_session_is_not_believed(
    wall: Wall, mode: Mode, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, mode) as on:
        at, room = on.slack.acme, on.town.kitchen
        found = sessions(on, monkeypatch) if mode == "guarded" else ["adas"]
        await at.commands(on.town.ada, room, "/otto", PLANTED)
        await done(on)
        before = len(on.slack.records.sent)
        said = await at.says(on.town.ben, room, "Hello!")
        await done(on)
        await at.presses(on.town.ben, room, said.ts, "more", found[0])
        await done(on)
        assert bool(said_after(on, before)) is (mode == "bare")
        assert found[0] not in found[1:]


async def test_L22_a_message_that_says_it_is_the_bots_own_is_nobodys(wall: Wall) -> None:
    async with stage(wall, "guarded") as on:
        delivery = await on.slack.acme.says(on.slack.acme.bot, on.town.kitchen, PLANTED)
        await on.slack.records.ack(delivery)
        await on.quiet()
        assert on.bot.messages[1:] == []


async def test_L25_what_is_left_of_a_broken_answer_goes_nowhere_else(wall: Wall) -> None:
    """The third piece of an answer fails; the bot then tries the channel in the place of the thread."""
    outcome: list[str] = []

    async def job(a: Any) -> None:
        await a.ack()
        for piece in ("one", "two", "three"):
            try:
                await a.client.chat_postMessage(channel=a.body["user"]["id"], text=piece)
            except Exception:  # noqa: BLE001  what a careless bot does
                try:
                    await a.client.chat_postMessage(channel="C0CELLAR1", text=piece)
                except Denied as denied:
                    outcome.append(denied.reason)

    async with stage(wall, "searched") as on:
        faults = [None, None, Fault(failure="rate_limited")]
        original = on.slack.records.next_fault
        on.slack.records.next_fault = lambda method: (  # type: ignore[method-assign]  # the third call fails
            faults.pop(0) if method == "chat.postMessage" and faults else original(method)
        )
        await on.plays(job)
        assert outcome == ["wrong_destination"]
        assert {one.channel for one in on.slack.records.sent if one.method == "chat.postMessage"} == {
            "D0BEN0001"
        }


@pytest.mark.parametrize(
    "where", ["C0NOBODY1", "#general", "U0ADA0001", "C0CELLAR1", "", "C0KITCHEN,C0CELLAR1"]
)
async def test_L26_and_L27_an_answer_goes_nowhere_that_was_not_asked_from(wall: Wall, where: str) -> None:
    """The sender chooses where: by a button's value, a modal's field, or a word in the text."""

    async def job(a: Any) -> None:
        await a.ack()
        await a.client.chat_postMessage(channel=where, text="the answer")

    async with stage(wall, "searched") as on:
        with pytest.raises(Denied):
            await on.plays(job)
        assert [one.method for one in on.slack.records.sent] == ["response_url"]


@BOTH
async def test_L30_a_token_that_was_resolved_wrongly_answers_nobody(wall: Wall, mode: Mode) -> None:
    async with stage(wall, mode) as on:
        authorization: Any = next(
            one for one in on.app._async_middleware_list if "Authorization" in type(one).__name__
        )
        right = authorization.authorize

        async def wrong(**named: Any) -> Any:
            return await right(**{**named, "team_id": on.slack.acme.id})

        authorization.authorize = wrong
        other = on.slack.globex.people[on.town.ada.id]
        said = await on.slack.globex.says(other, on.slack.globex.places["C0KITCHEN"], PLANTED)
        await on.slack.records.ack(said)
        if mode == "bare":
            await done(on)
            assert [one.team for one in on.slack.records.sent] == [on.slack.acme.id]
        else:
            await on.quiet()
            assert on.slack.records.sent == []


async def test_L32_a_stream_ends_where_it_began(wall: Wall) -> None:
    """The bot looks up where to write at each piece, and that has changed meanwhile."""

    async def job(a: Any) -> None:
        await a.ack()
        here: dict[str, Any] = {"channel": a.body["channel"]["id"]}
        started = await a.client.chat_startStream(
            **here,
            thread_ts=a.body["message"]["ts"],
            recipient_team_id=a.context.team_id,
            recipient_user_id=a.body["user"]["id"],
        )
        await a.client.chat_appendStream(**here, ts=started["ts"], markdown_text="begun here, " * 9)
        here["channel"] = "C0CELLAR1"
        await a.client.chat_appendStream(**here, ts=started["ts"], markdown_text="and ended there")

    async with stage(wall, "searched") as on:
        with pytest.raises(Denied):
            await on.plays(job)
        streams = {one.channel for one in on.slack.records.sent if "Stream" in one.method}
        assert streams == {"C0KITCHEN"}


MENTIONS = ["MEDIA:{path}", "{path}", "Here: {path} .", "file://{path}", "../bot/{name}"]


@pytest.mark.parametrize("mention", MENTIONS)
@pytest.mark.parametrize("mode", ["bare", "searched"])
async def test_L75_a_path_that_an_answer_mentions_shows_nobody_anothers_file(
    wall: Wall, tmp_path: Path, mode: Mode, mention: str
) -> None:
    async with filing(wall, tmp_path / "bot", mode) as (slack, town, bot):
        await slack.acme.uploads(town.ada, slack.acme.dm(town.ada), "plan.png", PICTURE)
        await asyncio.wait_for(bot.handled.acquire(), 5)
        bot.says = mention.format(path=bot.folder / "plan.png", name="plan.png")
        other = slack.globex.people[town.ada.id]
        for at, who in ((slack.acme, town.ben), (slack.globex, other)):
            await at.says(who, at.dm(who), "hello")
            await asyncio.wait_for(bot.handled.acquire(), 5)
            assert files(at, at.dm(who)) == ([PICTURE] if mode == "bare" else [])
        assert [type(one) for one in bot.failures] == ([] if mode == "bare" else [Denied, Denied])


@pytest.mark.parametrize("name", ["plan.png", "../bot/plan.png", "./plan.png", "{folder}/plan.png"])
@pytest.mark.parametrize("mode", ["bare", "searched"])
async def test_L77_a_name_that_a_sender_chose_overwrites_nobodys_file(
    wall: Wall, tmp_path: Path, mode: Mode, name: str
) -> None:
    by_turn = mode == "searched"
    async with filing(wall, tmp_path / "bot", mode, by_turn=by_turn) as (slack, town, bot):
        other = slack.globex.people[town.ada.id]
        mine, theirs = slack.acme.dm(town.ada), slack.globex.dm(other)
        await slack.acme.uploads(town.ada, mine, "plan.png", PICTURE)
        await asyncio.wait_for(bot.handled.acquire(), 5)
        kept = dict(bot.paths)
        await slack.globex.uploads(other, theirs, name.format(folder=bot.folder), PICTURE + b"\1")
        await asyncio.wait_for(bot.handled.acquire(), 5)
        bot.paths |= kept
        await slack.acme.says(town.ada, mine, "plan.png please")
        await asyncio.wait_for(bot.handled.acquire(), 5)
        assert files(slack.acme, mine) == [PICTURE + b"\1" if mode == "bare" else PICTURE]
    digests = [hashlib.sha256(one).hexdigest() for one in (PICTURE, PICTURE + b"\1")]
    assert named(tmp_path) == (
        ["plan.png"] if mode == "bare" else sorted(f"{digest}.png" for digest in digests)
    )


async def test_L83_who_takes_anothers_name_is_not_the_other(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, "guarded") as on:
        found, at = sessions(on, monkeypatch), on.slack.acme
        await at.says(on.town.ada, on.town.kitchen, "hello")
        twin = at.joins(Person(id="U0TWIN001", name="ada", team=at.id))
        await at.says(twin, on.town.kitchen, "hello", username="ada", user_profile={"name": "ada"})
        await done(on, 2)
        assert len(set(found)) == 2


@BOTH
@pytest.mark.parametrize("kind", ["reaction", "rename"])
async def test_L84_every_kind_of_event_passes_the_same_gate(wall: Wall, mode: Mode, kind: str) -> None:
    async with stage(wall, mode) as on:

        async def renamed(args: Any) -> None:
            on.bot.messages.append({"role": "system", "content": args.event["channel"]["name"]})
            on.bot.handled.release()

        on.app.event("channel_rename")(renamed)
        if kind == "reaction":
            root = await on.slack.acme.says(on.town.alarm, on.town.bridge, "root")
            if mode == "bare":
                await done(on)
            delivery = await on.slack.acme.reacts(on.town.eve, on.town.bridge, root.ts, "eyes")
        else:
            event = {"type": "channel_rename", "channel": {"id": "C1", "name": SECRET}, "event_ts": "1.1"}
            delivery = await on.slack.acme.event(on.town.bridge, event)
        await on.slack.records.ack(delivery)
        if mode == "bare":
            await done(on)
        await on.quiet()
        assert (len(on.bot.messages) > 1) is (mode == "bare")


@BOTH
async def test_L86_a_bot_that_relays_is_never_the_person_it_claims(wall: Wall, mode: Mode) -> None:
    async with stage(wall, mode) as on:
        delivery = await on.slack.acme.says(on.town.alarm, on.town.kitchen, PLANTED, user=on.town.ada.id)
        await on.slack.records.ack(delivery)
        if mode == "bare":
            await done(on)
        await on.quiet()
        assert (len(on.bot.messages) > 1) is (mode == "bare")


@BOTH
async def test_L88_somebody_of_another_company_in_a_shared_channel_is_no_member(
    wall: Wall, mode: Mode
) -> None:
    async with stage(wall, mode) as on:
        delivery = await on.slack.acme.says(on.town.eve, on.town.bridge, "What do you know?")
        await on.slack.records.ack(delivery)
        if mode == "bare":
            await done(on)
        await on.quiet()
        assert bool(on.slack.records.sent) is (mode == "bare")


async def test_L90_an_edit_is_judged_as_its_editors_and_by_nobody_else(
    wall: Wall, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with stage(wall, "guarded") as on:
        found, at = sessions(on, monkeypatch), on.slack.acme
        said = await at.says(on.town.ada, on.town.kitchen, "hello")
        await done(on)
        await at.edits(on.town.ada, on.town.kitchen, said.ts, "hello again")
        await done(on)
        assert len(set(found)) == 1
        await on.slack.records.ack(await at.edits(on.town.ben, on.town.kitchen, said.ts, PLANTED))
        await on.quiet()
        assert len(found) == 2
        assert not any(SECRET in one["content"] for one in on.bot.messages)


# Ways in which more people read along than an id says


@BOTH
@pytest.mark.parametrize("way", ["command", "press"])
async def test_an_answer_between_two_people_is_for_a_room_and_holds_nothing_that_one_told_the_bot_alone(
    wall: Wall, mode: Mode, way: str
) -> None:
    """Commands and buttons work in the direct messages of two people, too, where both read the answer."""
    async with stage(wall, mode) as on:
        at, bot = on.slack.acme, on.bot
        rooms: list[object] = []
        await on.plant()

        async def loud(args: Any) -> None:
            await args.ack()
            try:
                if mode == "guarded":
                    rooms.append(current().turn.audience.room)
                said = await cast("Any", bot.asks(args.payload.get("value") or args.payload["text"]))
                await args.respond(said, response_type="in_channel")
            except Denied:
                assert way == "command"
            finally:
                bot.handled.release()

        on.app.command("/loud")(loud)
        on.app.action("loud")(loud)
        between = at.opens("D0ADABEN1", "", on.town.ada, on.town.ben, room="im")
        before = len(on.slack.records.sent)
        if way == "command":
            await at.commands(on.town.ada, between, "/loud", ASKED)
        else:
            root = at.ts()
            between.messages[root] = {"type": "message", "ts": root, "text": "root"}
            await at.presses(on.town.ada, between, root, "loud", ASKED)
        await done(on)
        public = [one for one in on.slack.records.sent[before:] if one.user is None]
        assert bool(leaks(public)) is (mode == "bare")
        # A command is answered to its sender alone, so a loud answer is denied; a press is, in the room.
        assert bool(public) is (mode == "bare" or way == "press")
        assert len(rooms) == (mode == "guarded")
        assert None not in rooms


async def test_what_two_people_write_to_each_other_is_in_no_direct_messages_with_the_bot(wall: Wall) -> None:
    """An application that one of them authorized hears it: Slack delivers it on that person's behalf."""
    async with stage(wall, "guarded") as on:
        at, rooms, original = on.slack.acme, list[object](), cast("Any", on.bot.asks)

        async def asks(text: str) -> str:
            rooms.append(current().turn.audience.room)
            return str(await original(text))

        on.bot.asks = asks  # type: ignore[method-assign]  # the bot's own method, looked at
        between = at.opens("D0ADABEN1", "", on.town.ada, on.town.ben, room="im")
        for place, person in ((between, True), (at.dm(on.town.ada), True), (at.dm(on.town.ada), False)):
            said = shapes.message(on.town.ada, "hello", team=at.id, ts=at.ts(), thread=None, number=1)
            said |= {"channel": place.id, "channel_type": "im", "event_ts": said["ts"]}
            body = shapes.event(said, place, team=at.id, bot=at.bot.id, number=900 + len(rooms))
            if person:
                body["authorizations"][0] |= {"user_id": on.town.ben.id, "is_bot": False}
            await on.slack.deliver("events_api", at.id, body)
            await done(on)
        assert [one is None for one in rooms] == [False, True, True]


async def test_in_the_direct_messages_with_the_bot_a_press_is_answered_with_what_was_told_there(
    wall: Wall,
) -> None:
    async with stage(wall, "guarded") as on:
        at, place = on.slack.acme, on.slack.acme.dm(on.town.ada)
        await on.plant()
        root = at.ts()
        place.messages[root] = {"type": "message", "ts": root, "text": "root"}
        before = len(on.slack.records.sent)
        await at.presses(on.town.ada, place, root, "more", ASKED)
        await done(on)
        assert "response_url" in said_after(on, before)


@BOTH
async def test_a_press_of_somebody_whose_workspace_is_not_named_is_answered_by_nobody(
    wall: Wall, mode: Mode
) -> None:
    async with stage(wall, mode) as on:
        nameless = dataclasses.replace(on.town.eve, team="")
        root = on.slack.acme.ts()
        on.town.bridge.messages[root] = {"type": "message", "ts": root, "text": "root"}
        delivery = await on.slack.acme.presses(nameless, on.town.bridge, root, "more", "go")
        assert (await on.slack.records.ack(delivery)).status == 200
        if mode == "bare":
            await done(on)
        await on.quiet()
        assert bool(on.slack.records.sent) is (mode == "bare")


async def test_an_answer_to_what_one_person_sees_is_for_that_person_whatever_slack_would_assume(
    wall: Wall,
) -> None:
    """Slack shows what answers a press to the whole channel by default, and so where the kind is misspelt."""
    async with stage(wall, "searched") as on:
        failures: list[Exception] = []

        async def quiet(args: Any) -> None:
            await args.ack()
            await args.respond("for you", replace_original=False)
            try:
                await args.respond("for all", response_type="In_Channel", replace_original=False)
            except Denied as denied:
                failures.append(denied)
            on.bot.handled.release()

        on.app.action("quiet")(quiet)
        await on.slack.acme.presses(on.town.ben, on.town.kitchen, "1760000000.000001", "quiet", "go")
        await done(on)
        first, *notices = on.slack.records.sent
        assert first.holds("for you")
        assert [one.payload.get("response_type") for one in (first, *notices)] == ["ephemeral"] * 2
        assert len(failures) == 1
