"""Guard mutants: each switches one guard off, and names the scenario that must then fail.

A guard that can be switched off without any scenario noticing is a guard that nobody tests, or none at all.
"""

import copy
import random
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

from adapters import replies
from firewall import executor, guard
from firewall.core import label
from firewall.core.ids import canonical
from firewall.core.message import Message, Part, operator_part
from firewall.core.session import SessionKey, Turn
from firewall.core.steps import Steps
from firewall.core.subject import Span
from firewall.core.verdict import Allow, Case
from firewall.detect.excerpts.index import Excerpts
from firewall.kinds import CurrentTenant, Text
from firewall.layers.accounting import Accounting
from firewall.layers.history_reset import HistoryReset
from firewall.layers.policy import Policy
from firewall.layers.redaction import Redaction
from firewall.layers.storage_sandbox import StorageSandbox
from firewall.layers.tenant_boundary import TenantBoundary
from firewall.layers.tool_denial import ToolDenial
from firewall.ledger import Asked, Ledger
from partywall import builtin, requests
from partywall.handle import TurnHandle
from partywall.messages import message
from tests.fakes.services import ROOT
from tests.noninterference.plans import Bot, Difference, Driver, Place, Plan, Step
from tests.noninterference.play import Outcome, compared
from tests.noninterference.scheduling import ACTOR, swapped
from tests.noninterference.worlds import OBSERVED, OTHER, Hooks, World

NO_BOARD = ROOT / "tests" / "data" / "policy" / "no-board.cedar"


def _value(seed: int, word: str) -> str:
    rng = random.Random(f"{seed} {word}")
    return f"{word} {rng.getrandbits(48):012x} ZX-{rng.randrange(10**7, 10**8)}"


def _plan(seed: int, **changes: Any) -> Plan:
    """Two colleagues in two DMs; the second world's other says something else."""
    one, two = _value(seed, "one"), _value(seed, "two")
    plan = Plan(
        seed=seed,
        bot=Bot.SHARED,
        driver=Driver.ECHO,
        difference=Difference.CHANGED,
        observed=(_dm("good morning"), _dm("what did they say?")),
        other=((_dm(f"note {one}"),), (_dm(f"note {two}"),)),
        vault=((("entry-0", one),), (("entry-0", two),)),
        same_tenant=True,
        frozen=True,
        taught=False,
    )
    return replace(plan, **changes)


def _dm(text: str, *calls: tuple[str, str], note: tuple[str, str] | None = None) -> Step:
    return Step(text=text, place=Place.DM, calls=calls, note=note)


def _room(text: str, *calls: tuple[str, str]) -> Step:
    return Step(text=text, place=Place.ROOM, calls=calls)


def _each(seed: int, make: Callable[[str], tuple[Step, ...]]) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
    return make(_value(seed, "one")), make(_value(seed, "two"))


def a_shared_list_shows_each_only_their_own(seed: int) -> Outcome:
    """The bot presents one list for everybody, without decoration of its own."""
    return compared(_plan(seed), Hooks(templates=(), say=_plain_list))


async def _plain_list(world: World, turn: TurnHandle, step: Step) -> None:
    world.list.append({"role": "user", "content": f"<{ACTOR.get()}> {step.text}"})
    answer = await world.guarded("answer", world.ask(model="m", messages=list(world.list)))
    if answer is not None:
        world.list.append({"role": "assistant", "content": answer["choices"][0]["message"]["content"]})


def a_room_is_told_nothing_of_its_tenants_own_data(seed: int) -> Outcome:
    """A tool reads what all members may read; in a room with guests its result is refused."""
    arguments = '{"text":"x"}'
    plan = _plan(
        seed,
        bot=Bot.MANAGED,
        observed=(_room("hello", ("wiki", arguments)),),
        other=_each(seed, lambda value: (_dm("hi", ("wiki", f'{{"text":"{value}"}}')),)),
    )
    return compared(plan, Hooks(tools=_wiki))


def _wiki() -> Sequence[tuple[Callable[..., Any], str]]:
    kept: list[str] = []

    async def wiki(text: Text, tenant: CurrentTenant) -> list[str]:
        """Write a line into the members' wiki and read all of it."""
        kept.append(text)
        return list(kept)

    return ((wiki, "tenant"),)


def a_tool_that_nobody_granted_does_not_run(seed: int) -> Outcome:
    """A tool that searches everybody's lines takes a query, and no grant names it."""
    plan = _plan(
        seed,
        bot=Bot.MANAGED,
        observed=(_dm("hello", ("everybodys", '{"query":"x"}')),),
        other=_each(seed, lambda value: (_dm("hi", ("diary", f'{{"text":"{value}"}}')),)),
    )
    return compared(plan)


def an_undeclared_path_is_refused(seed: int) -> Outcome:
    """A tool opens whatever name it is given, and did not declare that it takes a path."""
    path = "/srv/data/plan.txt"
    plan = _plan(
        seed,
        bot=Bot.MANAGED,
        observed=(_dm("hello", ("open_any", f'{{"name":"{path}","text":""}}')),),
        other=_each(seed, lambda value: (_dm("hi", ("open_any", f'{{"name":"{path}","text":"{value}"}}')),)),
    )
    return compared(plan, Hooks(tools=_disk))


def _disk() -> Sequence[tuple[Callable[..., Any], str]]:
    disk: dict[str, str] = {}

    async def open_any(name: str, text: str) -> str:
        """Write a text to a file, or read it where the text is empty."""
        if text:
            disk[name] = text
        return disk.get(name, "no such file")

    return ((open_any, "own"),)


def a_tool_that_a_policy_forbids_does_not_run(seed: int) -> Outcome:
    """A tool keeps one board for everybody and says it is public; a policy forbids it to this tenant."""
    arguments = '{"text":"x"}'
    plan = _plan(
        seed,
        bot=Bot.MANAGED,
        observed=(_dm("hello", ("board", arguments)),),
        other=_each(seed, lambda value: (_dm("hi", ("board", f'{{"text":"{value}"}}')),)),
    )
    return compared(plan, Hooks(tools=_board, config={"policy": {"files": [str(NO_BOARD)]}}))


def _board() -> Sequence[tuple[Callable[..., Any], str]]:
    kept: list[str] = []

    async def board(text: Text) -> list[str]:
        """Write a line onto the board and read all of it."""
        kept.append(text)
        return list(kept)

    return ((board, "public"),)


def a_strict_bot_says_only_what_its_model_said(seed: int) -> Outcome:
    """The bot keeps the last message of anybody and shows it to the next."""
    plan = _plan(seed, bot=Bot.MANAGED, strict=True)
    last: dict[int, str] = {}

    async def gossip(world: World, turn: TurnHandle, step: Step) -> None:
        said, last[world.side] = last.get(world.side, "nothing"), step.text
        await world.guarded("reply", turn.reply(f"somebody said: {said}"))

    return compared(plan, Hooks(say=gossip))


def what_a_model_remembers_past_the_wall_is_cut(seed: int) -> Outcome:
    """The model remembers everybody's values; the live index knows whose they are."""
    return compared(_plan(seed, bot=Bot.SHARED, driver=Driver.UNMEDIATED, frozen=False))


def two_in_one_room_have_two_histories(seed: int) -> Outcome:
    """Two people speak in one room; the bot shows the session's own history."""
    plan = _plan(
        seed,
        bot=Bot.MANAGED,
        observed=(_room("good morning"), _room("go on")),
        other=_each(seed, lambda value: (_room(f"note {value}"),)),
    )
    return compared(plan)


def _same_person(field: str) -> Callable[[str, Step], Message]:
    """Give the same person, in the same conversation, with one field of the place different."""

    def make(actor: str, step: Step) -> Message:
        other = actor == OTHER
        return message(
            step.text,
            channel="slack",
            realm="T3" if other and field == "realm" else "T2",
            sender_realm="T2",
            app="second" if other and field == "app" else "bot",
            sender=OBSERVED,
            conversation="D1",
        )

    return make


def _two_realms_of_one_tenant() -> Mapping[str, object]:
    realms = [{"channel": "slack", "realm": realm} for realm in ("T2", "T3")]
    return {"tenant": [{"id": "GLOBEX", "realms": realms}]}


def one_person_in_two_realms_has_two_histories(seed: int) -> Outcome:
    """The same person writes in two workspaces, where conversations have equal ids."""
    return _elsewhere(seed, "realm")


def one_person_with_two_bots_has_two_histories(seed: int) -> Outcome:
    """The same person writes to two bots."""
    return _elsewhere(seed, "app")


def _elsewhere(seed: int, field: str) -> Outcome:
    async def history(world: World, turn: TurnHandle, step: Step) -> None:
        said = turn.opened.ledger.session.history
        world.note("history", [turn.session_id, [part.text for part in said]])
        await world.guarded("complete", turn.complete())

    hooks = Hooks(say=history, sender=_same_person(field), config=_two_realms_of_one_tenant())
    return compared(_plan(seed, bot=Bot.MANAGED, audited=False), hooks)


def a_room_is_told_nothing_that_was_said_aside(seed: int) -> Outcome:
    """One person writes in a room and, in the same session, for their own eyes; the room is observed."""

    def make(actor: str, step: Step) -> Message:
        aside = actor == OTHER
        return message(
            step.text,
            channel="slack",
            realm="T2",
            sender=OBSERVED,
            conversation="C1",
            kind="group",
            private=aside,
        )

    async def history(world: World, turn: TurnHandle, step: Step) -> None:
        await world.guarded("complete", turn.complete())

    return compared(_plan(seed, bot=Bot.MANAGED, audited=False), Hooks(say=history, sender=make))


def ids_of_calls_do_not_count_other_peoples(seed: int) -> Outcome:
    """The provider numbers tool calls over all its callers."""

    async def numbering(world: World, turn: TurnHandle, step: Step) -> None:
        world.list.append({"role": "user", "content": f"<{ACTOR.get()}> {step.text}"})
        offered = [{"type": "function", "function": {"name": "diary"}}]
        for _ in range(2):
            asked = world.ask(model="m", messages=list(world.list), tools=offered)
            answer = await world.guarded("answer", asked)
            if answer is None:
                return
            reply = answer["choices"][0]["message"]
            world.list.append(reply)
            for call in reply.get("tool_calls") or ():
                got = await world.called(turn, call["function"]["name"], call["function"]["arguments"])
                world.list.append({"role": "tool", "tool_call_id": call["id"], "content": got})

    plan = _plan(seed, difference=Difference.ABSENT)
    return compared(replace(plan, other=(plan.other[0], ())), Hooks(templates=(), say=numbering))


def a_tool_writes_into_the_callers_own_diary(seed: int) -> Outcome:
    """A tool keeps a diary for each principal, whose id the wall fills in."""
    line = '{"text":"my line"}'
    plan = _plan(
        seed,
        bot=Bot.MANAGED,
        observed=(_dm("hello", ("diary", line)),),
        other=_each(seed, lambda value: (_dm("hi", ("diary", f'{{"text":"{value}"}}')),)),
    )
    return compared(plan)


def files_of_one_name_are_two_files(seed: int) -> Outcome:
    """Two colleagues keep a file under the same name."""
    plan = _plan(
        seed,
        bot=Bot.MANAGED,
        observed=(_dm("hello", ("read", '{"path":"notes.txt"}')),),
        other=_each(seed, lambda value: (_dm("hi", ("write", f'{{"path":"notes.txt","text":"{value}"}}')),)),
    )
    return compared(plan)


def a_provider_tells_two_people_apart(seed: int) -> Outcome:
    """The model remembers, for each `user` of a request, all it was told."""
    return compared(_plan(seed, bot=Bot.SHARED, driver=Driver.STATEFUL), Hooks(templates=(), say=_plain_list))


Scenario = Callable[[int], Outcome]
Swap = tuple[Any, str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """A guard, switched off.

    Attributes:
        name: The guard.
        swaps: What stands in its place: owner, attribute, value.
        killed_by: The scenario that must fail without it, and holds with it.
    """

    name: str
    swaps: tuple[Swap, ...]
    killed_by: Scenario

    @contextmanager
    def applied(self) -> Generator[None]:
        """Switch the guard off inside this block."""
        with ExitStack() as all_swaps:
            for owner, name, value in self.swaps:
                all_swaps.enter_context(swapped(owner, name, value))
            yield

    def fires(self, seed: int) -> bool:
        """True if the scenario notices that the guard is off."""
        with self.applied():
            return self.killed_by(seed).diverged


async def _nods(self: object, case: Case) -> Allow:
    return Allow()


def _without(index: int) -> property:
    """Give the fields of a session key with one of them left out."""

    def fields(self: SessionKey) -> tuple[str | None, ...]:
        everything = _FIELDS.fget(self)
        return (*everything[:index], *everything[index + 1 :])

    return property(fields)


_FIELDS: Any = SessionKey.fields


def _everything_derived(text: str, produced: Sequence[Part]) -> tuple[Span, ...]:
    return (Span(text=text, source=operator_part(text)),)


def _providers_own_id(call: dict[str, Any], name: str) -> dict[str, Any]:
    return {"id": call["id"], "type": "function", "function": call["function"]}


def _as_presented(ledger: Ledger, reply: dict[str, Any], part: Part) -> dict[str, Any]:
    for choice in reply["choices"]:
        for call in choice["message"].get("tool_calls") or ():
            ledger.calls[call["id"]] = Asked(message=copy.deepcopy(choice["message"]), part=part)
    return reply


def _one_compartment(turn: Turn) -> str:
    return canonical(turn.principal.tenant, "everybody")


def _no_identity(self: object, ledger: object) -> dict[str, str]:
    return {"user": "everybody"}


def _everybody_may_read(readers: object, audience: object) -> bool:
    return True


def _everybodys_name(kind: object, turn: object) -> str:
    return "everybody"


def _finds_nothing(self: object, text: str, audience: object) -> Steps[Sequence[Any]]:
    yield from ()
    return []


MUTANTS = (
    Mutant(
        name="layer tenant_boundary",
        swaps=((TenantBoundary, "judge", _nods),),
        killed_by=a_room_is_told_nothing_of_its_tenants_own_data,
    ),
    Mutant(
        name="layer tool_denial",
        swaps=((ToolDenial, "judge", _nods),),
        killed_by=a_tool_that_nobody_granted_does_not_run,
    ),
    Mutant(
        name="layer storage_sandbox",
        swaps=((StorageSandbox, "judge", _nods),),
        killed_by=an_undeclared_path_is_refused,
    ),
    Mutant(
        name="layer history_reset",
        swaps=((HistoryReset, "judge", _nods),),
        killed_by=a_shared_list_shows_each_only_their_own,
    ),
    Mutant(
        name="layer accounting",
        swaps=((Accounting, "judge", _nods),),
        killed_by=a_strict_bot_says_only_what_its_model_said,
    ),
    Mutant(
        name="layer policy",
        swaps=((Policy, "judge", _nods),),
        killed_by=a_tool_that_a_policy_forbids_does_not_run,
    ),
    Mutant(
        name="layer redaction",
        swaps=((Redaction, "judge", _nods),),
        killed_by=what_a_model_remembers_past_the_wall_is_cut,
    ),
    Mutant(
        name="session key without principal",
        swaps=((SessionKey, "fields", _without(6)),),
        killed_by=two_in_one_room_have_two_histories,
    ),
    Mutant(
        name="session key without realm",
        swaps=((SessionKey, "fields", _without(3)),),
        killed_by=one_person_in_two_realms_has_two_histories,
    ),
    Mutant(
        name="session key without app",
        swaps=((SessionKey, "fields", _without(2)),),
        killed_by=one_person_with_two_bots_has_two_histories,
    ),
    Mutant(
        name="label admits everybody",
        swaps=((label, "_readers_admit", _everybody_may_read),),
        killed_by=a_room_is_told_nothing_that_was_said_aside,
    ),
    Mutant(
        name="everything is accounted for",
        swaps=((guard, "derived_spans", _everything_derived),),
        killed_by=a_strict_bot_says_only_what_its_model_said,
    ),
    Mutant(
        name="ids of calls as the provider drew them",
        swaps=((replies, "_call", _providers_own_id), (requests, "_noted", _as_presented)),
        killed_by=ids_of_calls_do_not_count_other_peoples,
    ),
    Mutant(
        name="excerpt index finds nothing",
        swaps=((Excerpts, "finding", _finds_nothing), (Excerpts, "finding_mirrored", _finds_nothing)),
        killed_by=what_a_model_remembers_past_the_wall_is_cut,
    ),
    Mutant(
        name="bound arguments are everybody's",
        swaps=((executor, "_bound", _everybodys_name),),
        killed_by=a_tool_writes_into_the_callers_own_diary,
    ),
    Mutant(
        name="one compartment for a tenant",
        swaps=((executor, "owner_of", _one_compartment), (builtin, "owner_of", _one_compartment)),
        killed_by=files_of_one_name_are_two_files,
    ),
    Mutant(
        name="one user for the provider",
        swaps=((requests.Gate, "_identity", _no_identity),),
        killed_by=a_provider_tells_two_people_apart,
    ),
)
