"""One world: a wall, a bot that serves two people, and what the observed one of them gets to see."""

import asyncio
import os
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from firewall import tools as firewall_tools
from firewall.core.errors import Denied
from firewall.core.ids import PrincipalId, Ref, TenantId, canonical, derived
from firewall.core.label import Label, Members, Owned, Principals
from firewall.core.message import Message
from firewall.core.ports import IdSource
from firewall.core.steps import Steps, at_once
from firewall.detect.detectors import All
from firewall.detect.excerpts.index import Excerpts
from firewall.kinds import CurrentPrincipal, CurrentTenant, Query, ReadPath, Text, WritePath
from partywall import runtime as wiring
from partywall.config import load
from partywall.handle import TurnHandle
from partywall.messages import message
from partywall.wall import Wall
from sandbox import process
from tests.noninterference.models import Provider
from tests.noninterference.observation import Observation
from tests.noninterference.plans import DECORATION, PROMPT, SECRET, Bot, Place, Plan, Step
from tests.noninterference.scheduling import ACTOR, Scheduler, swapped

OBSERVED, OTHER = "bob", "alice"
_REALMS = {OBSERVED: "T2", OTHER: "T1"}
_TOOLS = ("read", "write", "list", "vault_lookup", "diary", "keep_file", "read_kept", "everybodys", "exec")
_ROUNDS = 2
_FAILED = "That did not work."


class StillClock:
    """A clock that does not move."""

    def now_ms(self) -> int:
        return 1_700_000_000_000

    def monotonic_s(self) -> float:
        return 0.0

    def cpu_s(self) -> float:
        return 0.0


class FixedIds:
    """Ids from one fixed secret; its randomness is real, so nothing observed can hold any of it."""

    def __init__(self, secret: bytes) -> None:
        self._secret = SECRET

    def derived(self, purpose: str, *fields: str | None) -> str:
        return derived(self._secret, purpose, *fields)

    def random(self, count: int) -> bytes:
        return os.urandom(count)


class FrozenExcerpts(Excerpts):
    """An index that knows the same in both worlds: all that the other says in either of them."""

    taught: tuple[tuple[str, Label], ...] = ()

    def __init__(self) -> None:
        super().__init__()
        for text, label in self.taught:
            at_once(super().learning(text, label, whole=True))

    def learning(self, text: str, label: Label, *, whole: bool = False) -> Steps[None]:
        """Learn nothing."""
        yield from ()

    def learn_many(self, learned: Sequence[tuple[str, Label, bool]]) -> None:
        """Learn nothing."""


@dataclass(slots=True)
class Hooks:
    """What a scenario changes: the bot's own list, or a tool of its own. Nothing in a drawn plan does."""

    say: Callable[["World", TurnHandle, Step], Any] | None = None
    tools: Callable[[], Sequence[tuple[Callable[..., Any], str]]] = tuple
    templates: Sequence[str] = (DECORATION,)
    sender: Callable[[str, Step], Message] | None = None
    config: Mapping[str, object] = field(default_factory=dict[str, object])


class World:
    """Plays one side of a plan."""

    def __init__(self, plan: Plan, side: int, scheduler: Scheduler, hooks: Hooks) -> None:
        self.plan, self.side, self.scheduler, self.hooks = plan, side, scheduler, hooks
        self.observation = Observation()
        self.list: list[dict[str, Any]] = [{"role": "system", "content": PROMPT}]
        self.diaries: dict[str, list[str]] = {}
        self.provider = Provider(plan.driver, self._asked, _known(plan), plan.planted)
        self.ask: Callable[..., Any] = self.provider.__call__
        self._refs: dict[Ref, int] = {}

    async def play(self) -> Observation:
        """Play every step of both actors and give what the observed one saw."""
        with TemporaryDirectory(prefix="ni-", dir=_scratch()) as folder:
            async with AsyncExitStack() as running:
                wall = await self._opened(running, Path(folder), first=True)
                mine, theirs = list(self.plan.observed), list(self.plan.other[self.side])
                if self.plan.restart is not None:
                    half = min(len(theirs), self.plan.restart)
                    await self._both(wall, mine[: self.plan.restart], theirs[:half])
                    await self._noted(wall)
                    await running.aclose()
                    wall = await self._opened(running, Path(folder), first=False)
                    mine, theirs = mine[self.plan.restart :], theirs[half:]
                await self._both(wall, mine, theirs)
                if self.plan.audited:
                    await self._audit(wall)
                await self._noted(wall)
        return self.observation

    @asynccontextmanager
    async def _wall(self, folder: Path, *, first: bool) -> AsyncGenerator[Wall]:
        config: dict[str, object] = {
            "profile": "strict" if self.plan.strict else "standard" if self.plan.full else "light",
            "store": {"path": self._path(folder), "synchronous": "NORMAL"},
            "files": {"path": str(folder / "files")},
            "prompts": [PROMPT],
            "model": "m",
            "tenant": _tenants(self.plan),
            **self.hooks.config,
        }
        ids: Callable[[bytes], IdSource] = FixedIds
        wall = Wall(load(config), clock=StillClock(), ids=ids, master_key=bytes(range(32)))
        for tool in (self.diary, self.keep_file, self.read_kept):
            wall.tool(tool)
        wall.tool(self.everybodys)
        for function, reads in self.hooks.tools():
            wall.tool(reads=reads)(function)
        async with wall:
            if first:
                await self._stocked(wall)
            yield wall

    def _path(self, folder: Path) -> str:
        on_disk = self.plan.full or self.plan.restart is not None
        return str(folder / "wall.db") if on_disk else ":memory:"

    async def _opened(self, running: AsyncExitStack, folder: Path, *, first: bool) -> Wall:
        wall = await running.enter_async_context(self._wall(folder, first=first))
        self.ask = wall.guard_model(self.provider.__call__, trusted_system=list(self.hooks.templates))
        return wall

    async def _stocked(self, wall: Wall) -> None:
        """Keep the vault entries an operator would: the other's, which differ, and the rest, which do not."""
        runtime = await wall.runtime()
        entries, plan = runtime.vault.entries, self.plan
        for name, value in plan.vault[self.side]:
            label = private_label(OTHER, plan)
            await entries.add(label.tenant, name, value, label.readers)
            runtime.excerpts.learn(value, label, whole=True)
        own = private_label(OBSERVED, plan)
        await entries.add(own.tenant, "mine", "a key under the mat 41-77", own.readers)
        await entries.add(own.tenant, "shared", "the door code is 2040-11", Members())

    async def _both(self, wall: Wall, mine: Sequence[Step], theirs: Sequence[Step]) -> None:
        if self.plan.concurrent:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._acts(wall, OBSERVED, mine))
                group.create_task(self._acts(wall, OTHER, theirs))
            return
        for index in range(max(len(mine), len(theirs))):
            await self._acts(wall, OTHER, theirs[index : index + 1])
            await self._acts(wall, OBSERVED, mine[index : index + 1])

    async def _acts(self, wall: Wall, actor: str, steps: Sequence[Step]) -> None:
        for step in steps:
            token = ACTOR.set(actor)
            try:
                task = asyncio.create_task(self._turn(wall, actor, step))
            finally:
                ACTOR.reset(token)
            await asyncio.wait({task})
            if actor == OBSERVED:
                error: BaseException | None = None
                if task.cancelled():
                    error = asyncio.CancelledError()
                elif task.exception() is not None:
                    error = task.exception()
                if error is not None:
                    self.observation.failed(error)
                self.observation.turn += 1
            elif not task.cancelled():
                task.exception()

    async def _turn(self, wall: Wall, actor: str, step: Step) -> None:
        make = self.hooks.sender or self.message
        async with wall.turn(make(actor, step)) as turn:
            if actor == OBSERVED:
                self._refs[Ref(turn.ref)] = self.observation.turn
                self.note("turn", [turn.session_id, turn.ref, turn.text])
            if self.hooks.say is not None:
                await self.hooks.say(self, turn, step)
            else:
                await self._served(turn, actor, step)

    async def _served(self, turn: TurnHandle, actor: str, step: Step) -> None:
        for name, arguments in step.calls:
            await self.called(turn, name, arguments)
        if step.note is not None and not (actor == OTHER and step.place is Place.ROOM):
            await self.guarded("remember", turn.remember(*step.note))
            await self.guarded("recall", turn.recall())
        said = {"role": "user", "content": DECORATION.format(who=actor, text=step.text)}
        self.list.append(said)
        text = await self._answered(turn)
        if text:
            await self.guarded("reply", turn.reply(text))

    async def _answered(self, turn: TurnHandle) -> str:
        match self.plan.bot:
            case Bot.MANAGED:
                return await self._managed(turn)
            case Bot.SHARED | Bot.STREAMING:
                return await self._looped(turn, stream=self.plan.bot is Bot.STREAMING)
            case Bot.OWN_CLIENT:
                messages = await self.guarded("admit", turn.admit(self.list))
                if messages is None:
                    return ""
                raw = await self.provider(model="own", messages=messages, user=turn.session_id)
                text = str(raw["choices"][0]["message"].get("content") or "nothing")
                released = await self.guarded("release", turn.release(text))
                if released:
                    self.list.append({"role": "assistant", "content": released})
                return str(released or "")

    async def _managed(self, turn: TurnHandle) -> str:
        answer = await self.guarded("complete", turn.complete(system=PROMPT, tools=_TOOLS))
        if answer is None:
            return ""
        reply = answer["choices"][0]["message"]
        for call in reply.get("tool_calls") or ():
            await self.called(turn, call["function"]["name"], call["function"]["arguments"])
        return str(reply.get("content") or "")

    async def _looped(self, turn: TurnHandle, *, stream: bool) -> str:
        offered = [{"type": "function", "function": {"name": name}} for name in _TOOLS]
        for _ in range(_ROUNDS):
            request: dict[str, Any] = {"model": "m", "messages": self.list, "tools": offered}
            asking = self._streamed(request) if stream else self.ask(**request)
            reply = await self.guarded("answer", asking)
            if reply is None:
                return ""
            self.list.append(reply if stream else reply["choices"][0]["message"])
            calls = self.list[-1].get("tool_calls") or ()
            said = str(self.list[-1].get("content") or "")
            for call in calls:
                got = await self.called(turn, call["function"]["name"], call["function"]["arguments"])
                self.list.append({"role": "tool", "tool_call_id": call["id"], "content": got})
            if not calls:
                return said
        return ""

    async def _streamed(self, request: Mapping[str, Any]) -> dict[str, Any]:
        text, calls = "", list[dict[str, Any]]()
        async for chunk in await self.ask(**request, stream=True):
            await self.scheduler.checkpoint()
            self.note("chunk", chunk)
            delta = chunk["choices"][0]["delta"]
            text += delta.get("content") or ""
            for call in delta.get("tool_calls") or ():
                calls.append({key: value for key, value in call.items() if key != "index"})
        made: dict[str, Any] = {"role": "assistant", "content": text or None}
        return {**made, "tool_calls": calls} if calls else made

    async def called(self, turn: TurnHandle, name: str, arguments: str) -> str:
        got = await self.guarded(f"call {name}", turn.call_tool(name, arguments))
        return _FAILED if got is None else str(got)

    async def guarded(self, sink: str, awaiting: Any) -> Any:
        """Give what the wall returned, or None for a denial, and note either for the observed actor."""
        try:
            value = await awaiting
        except Denied as denied:
            if ACTOR.get() == OBSERVED:
                self.observation.failed(denied)
            return None
        self.note(sink, value)
        return value

    def note(self, sink: str, value: object) -> None:
        if ACTOR.get() == OBSERVED:
            self.observation.note(sink, value)

    async def _asked(self, request: Mapping[str, Any]) -> None:
        self.note("model", dict(request))
        await self.scheduler.checkpoint()

    async def diary(self, text: Text, principal: CurrentPrincipal) -> list[str]:
        """Write a line into your diary and read all of it."""
        self.note("tool diary", [text, principal])
        await self.scheduler.checkpoint()
        kept = self.diaries.setdefault(principal, [])
        kept.append(text)
        return list(kept)

    async def keep_file(self, path: WritePath, text: Text) -> str:
        """Put a text at the end of a file."""
        # The lent path names a descriptor of this process, so what it holds is noted, not its number.
        with open(path, "r+") as file:  # noqa: ASYNC230  an opened file in memory
            self.note("tool keep_file", [file.read(), text])
            await self.scheduler.checkpoint()
            file.write(text)
        return "kept"

    def read_kept(self, path: ReadPath) -> str:
        """Read a file."""
        content = Path(path).read_text()
        self.note("tool read_kept", content)
        return content

    async def everybodys(self, query: Query, tenant: CurrentTenant) -> list[str]:
        """Search everybody's lines; it is never granted, so nobody reads it."""
        self.note("tool everybodys", [query, tenant])
        return [line for lines in self.diaries.values() for line in lines]

    def message(self, actor: str, step: Step) -> Message:
        """Make the message of a step."""
        realm = _REALMS[OBSERVED if self.plan.same_tenant else actor]
        place = f"dm-{actor}" if step.place is Place.DM else f"room-{realm}"
        return message(
            step.text,
            channel="slack",
            realm=realm,
            sender=actor,
            conversation=place,
            kind="dm" if step.place is Place.DM else "group",
            private=step.place is Place.ASIDE,
        )

    async def _audit(self, wall: Wall) -> None:
        """Read back every store of the observed actor: what the other did must not show in any of them."""
        self.scheduler.cancels = False
        for place in (Place.DM, Place.ROOM):
            await self._acts_audit(wall, Step(text="show me everything", place=place))

    async def _acts_audit(self, wall: Wall, step: Step) -> None:
        token = ACTOR.set(OBSERVED)
        try:
            async with wall.turn((self.hooks.sender or self.message)(OBSERVED, step)) as turn:
                self._refs[Ref(turn.ref)] = self.observation.turn
                await self.guarded("recall", turn.recall())
                for name, given in _AUDIT if step.place is Place.DM else _AUDIT[:1]:
                    await self.called(turn, name, given)
                history = turn.opened.ledger.session.history
                self.note("history", [[part.id, part.text, part.origin.value] for part in history])
        except Exception as error:  # noqa: BLE001  an error is an observation like any other
            self.observation.failed(error)
        finally:
            ACTOR.reset(token)
            self.observation.turn += 1

    async def _noted(self, wall: Wall) -> None:
        runtime = await wall.runtime()
        await runtime.vault.records.settle()
        for ref, turn in self._refs.items():
            for stored in await runtime.vault.records.why(ref):
                if stored.record.rule in ("excerpt", "foreign_excerpt"):
                    self.observation.excerpts.add(turn)


_AUDIT = (
    ("list", "{}"),
    ("glob", '{"pattern":"**/*"}'),
    ("read", '{"path":"notes.txt"}'),
    ("read", '{"path":"plan/x.txt"}'),
    ("grep", '{"text":" "}'),
    ("vault_lookup", '{"name":"entry-0"}'),
    ("vault_lookup", '{"name":"mine"}'),
    ("vault_lookup", '{"name":"shared"}'),
    ("diary", '{"text":"that is all"}'),
)


class _Completion:
    """What `turn.complete` asks, without LiteLLM between."""

    def __init__(self, provider: Provider) -> None:
        self._provider = provider

    async def complete(self, request: Mapping[str, object]) -> Mapping[str, object]:
        answer: Mapping[str, object] = await self._provider(**request)
        return answer


@asynccontextmanager
async def seams(world: World) -> AsyncGenerator[None]:
    """Put fakes at the edges of the machine: no bubblewrap, no LiteLLM, no second making of a schema."""

    async def unavailable() -> str:
        return "not in a world"

    def completion(_: TurnHandle) -> _Completion:
        return _Completion(world.provider)

    FrozenExcerpts.taught = _taught(world.plan) if world.plan.taught else ()
    index = FrozenExcerpts if world.plan.frozen else Excerpts
    with (
        swapped(TurnHandle, "_completion", completion),
        swapped(process, "unavailable", unavailable),
        swapped(wiring, "Excerpts", index),
        swapped(wiring, "detector_of", _detectors if world.plan.full else _no_detector),
        swapped(firewall_tools, "create_model", _model_once),
        swapped(firewall_tools, "_schema", cache(_SCHEMA)),
    ):
        yield


_detectors = vars(wiring)["detector_of"]


def _no_detector(*_: object) -> All:
    return All([])


_CREATE: Callable[..., Any] = vars(firewall_tools)["create_model"]
_SCHEMA: Callable[..., Any] = vars(firewall_tools)["_schema"]
_MODELS: dict[str, Any] = {}


def _model_once(name: str, /, **fields: Any) -> Any:
    key = repr((name, {each: value for each, value in fields.items() if not each.startswith("__")}))
    if key not in _MODELS:
        _MODELS[key] = _CREATE(name, **fields)
    return _MODELS[key]


def _taught(plan: Plan) -> tuple[tuple[str, Label], ...]:
    label = private_label(OTHER, plan)
    said = [step.text for steps in plan.other for step in steps]
    return tuple((text, label) for text in (*said, *plan.planted) if text.strip())


def private_label(actor: str, plan: Plan) -> Owned:
    """Give the label of what only this actor may read."""
    realm = _REALMS[OBSERVED if plan.same_tenant else actor]
    principal = PrincipalId(canonical("slack", realm, actor, "human"))
    return Owned(tenant=tenant_of(realm), readers=Principals(ids=frozenset({principal})))


def tenant_of(realm: str) -> TenantId:
    return TenantId("ACME" if realm == "T1" else "GLOBEX")


def _tenants(plan: Plan) -> list[dict[str, object]]:
    return [
        {"id": tenant_of(realm), "realms": [{"channel": "slack", "realm": realm}]} for realm in ("T1", "T2")
    ]


def _known(plan: Plan) -> tuple[str, ...]:
    """Give the adversary the same knowledge in both worlds."""
    session = derived(SECRET, "session", "ACME", "slack", "bot", "T1", f"dm-{OTHER}", None, OTHER, "human")
    return (*plan.planted, session, f"dm-{OTHER}", "T1", "ACME", OTHER, "../notes.txt", "entry-0", PROMPT)


def _scratch() -> str | None:
    return "/dev/shm" if os.path.isdir("/dev/shm") else None
