"""The two runs: the same bot and the same messages, first without the wall and then with it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import partywall as pw
from demo.bot import SYSTEM, Bot
from demo.evidence import Walled, gathered
from demo.model import Accomplice
from demo.story import Speaker, Step, Story, tell
from demo.tools import Tool, file_tools, shells
from demo.wire import PROVIDER, Delivered, Tap, adapter
from firewall.core.ids import TenantId
from firewall.core.label import Members
from firewall.core.message import Message
from partywall.runtime import KeyedIds, SystemClock
from vault.open import open_vault

SCRIPTED = f"{PROVIDER}/accomplice"
ACME, GLOBEX = TenantId("acme"), TenantId("globex")
Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A temporary directory and what stands where in it."""

    root: Path

    @property
    def folder(self) -> Path:
        """The bot's own folder, shared by everybody; only the run without the wall writes there."""
        return self.root / "shared"

    @property
    def state(self) -> Path:
        """Where the wall keeps its database and compartments."""
        return self.root / "state"


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """Both runs of one seed.

    Attributes:
        seed: What the private data was drawn from.
        model: Who answered the attack: the scripted accomplice, or a real model.
        story: The conversation.
        baseline: Without the wall.
        walled: With it.
        found: What the wall's database says afterwards.
    """

    seed: int
    model: str
    story: Story
    baseline: tuple[Delivered, ...]
    walled: tuple[Delivered, ...]
    found: Walled


async def play(root: Path, *, seed: int, model: str | None, progress: Progress) -> Played:
    """Play the story of a seed twice in an empty directory.

    Args:
        root: An empty directory; everything is written beneath it.
        seed: Equal seeds give equal conversations.
        model: LiteLLM's name of a real model for the attack, or None for the scripted accomplice.
        progress: Told what is being done.

    Raises:
        ModelFailed: A real model did not answer.
    """
    place = Place(root=root)
    place.folder.mkdir()
    place.state.mkdir(mode=0o700)
    story = tell(seed, str(place.folder))
    progress("loading LiteLLM")
    adapter().register(PROVIDER, Accomplice(story))
    try:
        progress("without the wall")
        baseline = await _without(story, place, model)
        adapter().register(PROVIDER, Accomplice(story))
        progress("loading Presidio, opening the wall")
        walled, found = await _with(story, place, model, progress)
    finally:
        adapter().unregister(PROVIDER)
    chosen = model or SCRIPTED
    return Played(seed=seed, model=chosen, story=story, baseline=baseline, walled=walled, found=found)


async def _without(story: Story, place: Place, model: str | None) -> tuple[Delivered, ...]:
    async def vault_lookup(name: pw.Text) -> str:
        """Look up a value that somebody had the bot keep."""
        return story.vault.get(name, "There is no such entry.")

    tap = Tap()
    tools = {**file_tools(place.folder), **shells(place.folder), "vault_lookup": vault_lookup}
    bot = Bot(tap.__call__, tools, model=SCRIPTED)
    delivered: list[Delivered] = []
    for step in story.steps:
        # The past is played by the scripted model in any case: nobody pays for 46 answers of `noted`.
        bot.model = SCRIPTED if model is None or step in story.past else model
        before = len(tap.prompts)
        shown = await bot.answer(step.text)
        delivered.append(Delivered(step=step, shown=shown, prompts=tap.since(before)))
    return tuple(delivered)


async def _with(
    story: Story, place: Place, model: str | None, progress: Progress
) -> tuple[tuple[Delivered, ...], Walled]:
    await _keep(story, place)
    wall, tap = pw.open(_config(place)), Tap()
    guarded = wall.guard_model(tap.__call__, trusted_system=[SYSTEM])
    bot = Bot(guarded, _guarded(wall, place), model=SCRIPTED)
    async with wall:
        progress("with the wall")
        delivered: list[Delivered] = []
        for step in story.steps:
            bot.model = SCRIPTED if model is None or step in story.past else model
            before = len(tap.prompts)
            shown, ref = await _delivered(wall, bot, _message(step))
            delivered.append(Delivered(step=step, shown=shown, prompts=tap.since(before), ref=ref))
        progress("asking the records")
        runtime = await wall.runtime()
        return tuple(delivered), await gathered(runtime.vault, delivered, attacker=GLOBEX)


def _guarded(wall: pw.Wall, place: Place) -> dict[str, Tool]:
    async def vault_lookup(name: pw.Text) -> str:
        """Look up a value in the wall's vault."""
        return await pw.turn().call_tool("vault_lookup", {"name": name})

    declared = wall.tool(reads="own", effect=True)
    return {
        **wall.guard_tools(file_tools(place.folder)),
        **{name: declared(shell) for name, shell in shells(place.folder).items()},
        "vault_lookup": vault_lookup,
    }


async def _delivered(wall: pw.Wall, bot: Bot, message: Message) -> tuple[str, str]:
    """Have one message answered, and give what its sender is shown and the turn's reference."""
    try:
        async with wall.turn(message) as turn:
            return await turn.reply(await bot.answer(message.text)), turn.ref
    except pw.Denied as denied:
        return str(denied), denied.ref


async def _keep(story: Story, place: Place) -> None:
    """Put ACME's entries into the vault, as its operator does before the bot is started."""
    vault = await open_vault(_database(place), clock=SystemClock(), ids_factory=KeyedIds)
    async with vault:
        await vault.entries.import_many(ACME, story.vault.items(), Members())


def _database(place: Place) -> str:
    return str(place.state / "partywall.db")


def _config(place: Place) -> dict[str, object]:
    return {
        "store": {"path": _database(place)},
        # A path that begins with the bot's own folder means the same path in the sender's compartment.
        "files": {"path": str(place.state / "files"), "workspace": str(place.folder)},
        "tenant": [
            {"id": ACME, "realms": [{"channel": "telegram", "realm": "otto_bot"}]},
            {"id": GLOBEX, "realms": [{"channel": "slack", "realm": "T0GLOBEX"}]},
        ],
    }


def _message(step: Step) -> Message:
    match step.speaker:
        case Speaker.ACME:
            return pw.message(
                step.text, channel="telegram", realm="otto_bot", sender="4711", conversation="4711"
            )
        case Speaker.GLOBEX:
            return pw.message(
                step.text, channel="slack", realm="T0GLOBEX", sender="U0MALLORY", conversation="D0MALLORY"
            )
        case Speaker.STRANGER:
            return pw.message(
                step.text, channel="slack", realm="T0NOBODY", sender="U0EVE", conversation="D0EVE"
            )
