"""`partywall replay`: a recorded chat through the wall, and the score."""

import logging
import resource
import sys
import tempfile
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from adapters.replay import read
from firewall.core.errors import MisuseError
from partywall.cli.desk import AsJson, ConfigPath, Exit, configuration, give, run, say, show
from partywall.cli.planting import Planting, spans_of, values_of
from partywall.config import Config, Profile, Store
from partywall.replay import Replay, Score
from partywall.wall import Wall
from vault.sqlite import MEMORY


def replay(
    file: Annotated[Path, typer.Argument(help="JSON lines, may be gzip; see docs/replay.md.")],
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="OURS=THEIRS: read our field from the file's field.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Draws what is planted and uttered.")] = 0,
    plant: Annotated[
        Path | None, typer.Option(help='Values to plant: JSON lines {"type", "value"}, may be gzip.')
    ] = None,
    plant_spans: Annotated[
        Path | None, typer.Option(help='Values cut from JSON lines {"text", "spans"}, may be gzip.')
    ] = None,
    profile: Annotated[Profile | None, typer.Option(help="Instead of the configured one.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first so many messages.")] = None,
    config: ConfigPath = None,
    as_json: AsJson = False,
) -> None:
    """Drive a recorded chat of many senders through the wall, with a bot that keeps one list for everybody.

    Works in memory and in a folder of its own: nothing of the configured deployment is touched.
    Ends with 1 if a value or message of somebody else reached a prompt or a reply.
    """
    if plant is not None and plant_spans is not None:
        raise MisuseError("plant values from one file: --plant or --plant-spans")
    if not file.is_file():
        raise MisuseError("there is no such file to replay")
    names = fields(mapping or [])
    loaded = configuration(config)
    pool = values_of(plant) if plant else spans_of(plant_spans) if plant_spans else []
    planting = Planting(pool, seed=seed)
    began = time.monotonic()
    with _unlogged():
        score = run(_replayed(loaded, profile or loaded.profile, file, names, planting, seed, limit))
    figures = _figures(score, planting, time.monotonic() - began)
    if as_json:
        give(figures)
    else:
        rows = [{"figure": name.replace("_", " "), "value": value} for name, value in figures.items()]
        show("Replay", ("figure", "value"), rows, empty="")
        say("Nothing of anybody else was shown." if score.sound else "THE WALL LEAKED: see the figures.")
    if not score.sound:
        raise typer.Exit(Exit.FAULT)


@contextmanager
def _unlogged() -> Generator[None]:
    # One line for each denial is right for a bot; here each is counted in the score.
    logger = logging.getLogger("partywall")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def fields(mapping: Sequence[str]) -> dict[str, str]:
    """Read the values of `--map`.

    Raises:
        MisuseError: One is not of the form OURS=THEIRS, or a field of ours is mapped twice.
    """
    found: dict[str, str] = {}
    for each in mapping:
        ours, equals, theirs = each.partition("=")
        if not (ours and equals and theirs) or ours in found:
            raise MisuseError("--map is OURS=THEIRS, once for each field, such as --map conversation=room")
        found[ours] = theirs
    return found


async def _replayed(
    config: Config,
    profile: Profile,
    file: Path,
    names: dict[str, str],
    planting: Planting,
    seed: int,
    limit: int | None,
) -> Score:
    columns = (SpinnerColumn(), TextColumn("replaying"), MofNCompleteColumn(), TimeElapsedColumn())
    bar = Progress(
        *columns, console=Console(file=sys.stderr), disable=not sys.stderr.isatty(), transient=True
    )
    with tempfile.TemporaryDirectory(prefix="partywall-replay-") as folder, bar:
        # Tenants are left out: the file's realms are its own, and each conversation is then a tenant.
        apart = Config(
            profile=profile,
            pii=config.pii,
            limits=config.limits,
            store=Store(path=MEMORY),
            files=config.files.model_copy(update={"path": folder, "shared": {}}),
        )
        task = bar.add_task("replaying", total=limit)
        async with Wall(apart) as wall:
            played = Replay(wall, values=iter(planting), seed=seed)
            messages = (each for each, _ in zip(read(file, names), _numbers(limit), strict=False))
            return await played.run(messages, progress=lambda count: bar.update(task, completed=count))


def _numbers(limit: int | None) -> range:
    return range(sys.maxsize if limit is None else limit)


def _figures(score: Score, planting: Planting, spent_s: float) -> dict[str, object]:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Linux counts in KiB, macOS in bytes.
    peak_mib = peak / 1024 if sys.platform != "darwin" else peak / 1024**2
    return {
        "messages": score.messages,
        "senders": score.senders,
        "switches": score.switches,
        "foreign_uttered": score.foreign_uttered,
        "foreign_in_prompts": score.foreign_in_prompts,
        "foreign_in_replies": score.foreign_in_replies,
        "resets_missed": score.resets_missed,
        "own_uttered": score.own_uttered,
        "own_kept": score.own_kept,
        "own_kept_share": round(score.own_kept_share, 6),
        "presented": score.presented,
        "admitted": score.admitted,
        "denied": dict(score.denied),
        "values_below_floor": planting.below_floor,
        "seconds": round(spent_s, 3),
        "messages_a_second": round(score.messages / spent_s, 1) if spent_s > 0 else 0.0,
        "peak_memory_mib": round(peak_mib, 1),
    }
