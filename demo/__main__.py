"""The leak attempt: `python -m demo [--seed N] [--json] [--svg FILE] [--model NAME]`."""

import argparse
import asyncio
import io
import json
import logging
import re
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console

from demo.figures import figures, holds
from demo.runs import Played, play
from demo.show import show
from demo.wire import ModelFailed
from firewall.core.errors import PartywallError

DEFAULT_SEED = 7
PICTURE_COLUMNS = 120
# Without the fonts that rich would have every reader of the picture fetch from somebody's server.
_PICTURE = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Play the demo; give 0 if the wall held, 1 if it did not, 2 if it could not be played."""
    asked = _parser().parse_args(arguments)
    # The wall logs a line for each denial, which here are the show itself.
    logging.getLogger("partywall").addHandler(logging.NullHandler())
    terminal = Console(stderr=asked.json)
    try:
        played = _played(terminal, seed=asked.seed, model=asked.model)
    except (ModelFailed, PartywallError) as error:
        terminal.print(f"[red]The demo could not be played:[/] {error}")
        return 2
    if asked.svg is not None:
        _draw(played, asked.svg)
    if asked.json:
        sys.stdout.write(json.dumps(figures(played)) + "\n")
    else:
        show(terminal, played)
    return 0 if asked.model is not None or holds(played) else 1


def _played(terminal: Console, *, seed: int, model: str | None) -> Played:
    """Play in a directory that is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="partywall-demo-") as root,
        terminal.status("starting") as status,
    ):
        return asyncio.run(
            play(
                Path(root).resolve(), seed=seed, model=model, progress=lambda what: status.update(f"{what} …")
            )
        )


def _draw(played: Played, file: Path) -> None:
    canvas = Console(record=True, width=PICTURE_COLUMNS, file=io.StringIO(), force_terminal=True)
    show(canvas, played)
    canvas.save_svg(str(file), title="python -m demo", code_format=_PICTURE, unique_id="demo")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m demo",
        description="Two tenants, one bot: a leak attempt without the wall and with it. No key, no network.",
    )
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED, help="draw other private data")
    parser.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
    parser.add_argument("--svg", type=Path, metavar="FILE", help="also draw the tables as a picture")
    parser.add_argument(
        "--model",
        metavar="NAME",
        help="let a real model answer the attack: its LiteLLM name; the key comes from the environment",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
