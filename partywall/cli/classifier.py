"""`partywall classifier`: teaches a classifier of injections by an operator's own labelled texts."""

import importlib
import importlib.util
import math
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
import typer

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.injection.stored import MANIFEST, load, save
from partywall.cli.desk import AsJson, give, say, show, warn

app = typer.Typer(no_args_is_help=True, help="A classifier of injections, taught by texts of your own.")

Data = Annotated[
    Path, typer.Option("--data", help='JSON lines {"text": "...", "label": 0 or 1}; 1 is an injection.')
]
Out = Annotated[Path, typer.Option("--out", help="A folder that holds no classifier yet.")]
Model = Annotated[Path, typer.Option("--model", help="The folder of a classifier.")]
Share = Annotated[
    float,
    typer.Option(
        "--false-positives", min=0.0, max=0.5, help="The largest share of harmless texts that may be flagged."
    ),
]
_COLUMNS = ("texts", "attacks", "found", "recall", "harmless", "flagged", "false_positives")


class _Line(msgspec.Struct):
    text: str
    label: Literal[0, 1]


@app.command()
def train(data: Data, out: Out, false_positives: Share = 0.01, as_json: AsJson = False) -> None:
    """Teach a classifier and write it, with what it finds and flags among texts that it was not taught by."""
    if (out / MANIFEST).exists():
        raise ConfigError(f"{out} holds a classifier already; it stays. Name another folder")
    training = _training()
    trained = training.train(_samples(data, training), false_positives=false_positives)
    parts = {"taught": trained.taught, "chosen": trained.chosen, "kept": trained.kept}
    rows = [_row(name, measure) for name, measure in parts.items()]
    measured = {name: asdict(measure) for name, measure in parts.items()}
    made = save(out, trained.classifier, measured=measured | {"limit": false_positives})
    if math.floor(false_positives * trained.chosen.harmless) == 0 and false_positives > 0:
        warn(
            f"{trained.chosen.harmless} harmless texts are too few to tell {false_positives:g} from none; "
            "none of them is flagged"
        )
    if as_json:
        give({"digest": made.digest, "cut": made.cut, "limit": false_positives, "parts": rows})
        return
    show("Classifier", _COLUMNS, rows, empty="")
    say(f"Written. It is used where the configuration has injection.classifier = {str(out)!r}.")


@app.command()
def evaluate(data: Data, model: Model, as_json: AsJson = False) -> None:
    """Tell what a classifier finds and flags among labelled texts; take others than those that taught it."""
    training = _training()
    made = load(model)
    row = _row("evaluated", training.measure(made, _samples(data, training)))
    if as_json:
        give({"digest": made.digest, **row})
    else:
        show("Classifier", _COLUMNS, [row], empty="")


def _training() -> Any:  # noqa: ANN401  the module is loaded by its name
    lacking = [name for name in ("sklearn", "scipy") if importlib.util.find_spec(name) is None]
    if lacking:
        raise ServiceUnavailable("scikit-learn is not installed: pip install 'partywall[classifier]'")
    # It takes seconds to import, so it is loaded here and nowhere else.
    return importlib.import_module("firewall.detect.injection.training")


def _samples(path: Path, training: Any) -> Iterator[Any]:  # noqa: ANN401  the module is loaded by its name
    decoder = msgspec.json.Decoder(_Line)
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _sample(decoder, line, number, training)
    except OSError as error:
        raise ConfigError(f"{path} cannot be read ({error.strerror})") from error


def _sample(decoder: "msgspec.json.Decoder[_Line]", line: bytes, number: int, training: Any) -> Any:  # noqa: ANN401
    try:
        one = decoder.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        # Its own text may hold what was read.
        raise ConfigError('not {"text": "...", "label": 0 or 1}', line=number) from None
    return training.Sample(text=one.text, attack=one.label == 1, line=number)


def _row(name: str, measure: Any) -> dict[str, object]:  # noqa: ANN401  the module is loaded by its name
    return {
        "texts": name,
        **asdict(measure),
        "recall": _share(measure.found, measure.attacks),
        "false_positives": _share(measure.flagged, measure.harmless),
    }


def _share(some: int, of: int) -> float | None:
    return round(some / of, 4) if of else None
