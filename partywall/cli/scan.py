"""`partywall scan`: what stands in files, folders, differences and rows that should not stand there."""

import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import IO, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from firewall.core.errors import ConfigError, PartywallError, UnavailableError
from firewall.core.ports import Detector
from firewall.detect.excerpts.listed import Foreign
from firewall.detect.identifiers import Identifiers
from partywall.cli.desk import AsJson, ConfigPath, Exit, configuration, give, plain, say, warn
from partywall.config import Config
from partywall.detecting import personal, secrets
from partywall.plugged.detector import detectors_of
from partywall.scanning import Finding, Scanned, Scanner
from partywall.texts import Text, added, decoded, files, row_of, rows

_STDIN = Path("-")
_STREAM = "standard input"
_LONG_BYTES = 1_000_000
_MIB = 1 << 20
_FAULT = "this text could not be examined because of a fault in Partywall; please report it without the text"


class What(StrEnum):
    """What is looked for."""

    PII = "pii"
    SECRETS = "secrets"
    IDS = "ids"


Paths = Annotated[
    list[Path] | None, typer.Argument(help="Files and folders; - or nothing for standard input.")
]
Only = Annotated[
    list[What] | None,
    typer.Option("--only", help="Look for these alone; without it for pii and secrets."),
]
Entity = Annotated[
    list[str] | None, typer.Option("--entity", help="Personal data of these kinds alone, such as URL.")
]
ForeignFile = Annotated[
    Path | None,
    typer.Option("--foreign", help='Values that must not appear: JSON lines {"owner": …, "value": …}.'),
]
Diff = Annotated[bool, typer.Option("--diff", help="The input is a unified difference; scan what it adds.")]
Rows = Annotated[
    bool | None,
    typer.Option("--rows/--no-rows", help='The input is JSON lines {"id", "text"}; seen by itself if it is.'),
]


def scan(
    paths: Paths = None,
    config: ConfigPath = None,
    only: Only = None,
    entity: Entity = None,
    foreign: ForeignFile = None,
    diff: Diff = False,
    as_rows: Rows = None,
    as_json: AsJson = False,
) -> None:
    """Find personal data, secrets and foreign values in texts, in any disguise.

    Ends with 0 if nothing was found, 1 if something was, 2 if something could not be examined.
    """
    began = time.monotonic()
    try:
        settings = configuration(config)
        scanner = Scanner(list(_detectors(settings, only, entity, foreign)))
        texts = Source(paths=paths or [_STDIN], diff=diff, rows=as_rows)
        told = _scanned(scanner, texts, as_json)
    except PartywallError as error:
        # Whatever it is, nothing was said of the texts: for a pipeline that is one case.
        sys.stderr.write(f"error: {plain(str(error))}\n")
        raise typer.Exit(Exit.MISUSE) from None
    told.end(time.monotonic() - began)


def _detectors(
    config: Config, only: Sequence[What] | None, entity: Sequence[str] | None, foreign: Path | None
) -> Iterator[Detector]:
    # Values that were named are what is asked for; the rest has to be asked for beside them.
    wanted = set(only or (() if foreign or entity else (What.PII, What.SECRETS)))
    if foreign:
        yield _foreign(foreign)
    if What.SECRETS in wanted:
        yield secrets(config.secrets, config.plugins)
    if What.PII in wanted or entity:
        yield personal(config.pii.model_copy(update={"entities": tuple(entity)} if entity else {}))
    if What.IDS in wanted:
        yield Identifiers()
    if not (only or entity or foreign):
        yield from detectors_of(config.plugins, limit_s=config.plugins.timeout_s)


def _foreign(path: Path) -> Foreign:
    with _opened(path) as lines:
        values = [_value(line, number) for number, line in enumerate(lines, 1) if line.strip()]
    found = Foreign(values)
    if found.weak:
        warn(
            f"{len(found.weak)} of {len(set(values))} values are so short or so plain that ordinary words "
            "may match them; they count only where they stand as words of their own"
        )
    return found


def _value(line: bytes, number: int) -> str:
    try:
        row: Any = json.loads(line)
        value = row["value"]
    except (ValueError, TypeError, KeyError):
        value = None
    if not isinstance(value, str) or not value:
        raise ConfigError(f'line {number} of the foreign values is no {{"owner": …, "value": "…"}}')
    return value


def _opened(path: Path) -> IO[bytes]:
    try:
        return sys.stdin.buffer if path == _STDIN else path.open("rb")
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


@dataclass(slots=True, kw_only=True)
class Source:
    """Where texts come from, as the command was told.

    Attributes:
        binary: How many files of folders were left out because they are no text.
        unread: What was named itself and is none.
    """

    paths: Sequence[Path]
    diff: bool
    rows: bool | None
    binary: int = 0
    unread: list[str] = field(default_factory=list[str])

    @property
    def size(self) -> int | None:
        """How much there is in bytes, if that is known."""
        if _STDIN in self.paths:
            return None
        return sum(path.stat().st_size for path in files(self.paths))

    def texts(self) -> Iterator[tuple[Text, bool]]:
        """Give each text, and whether it is a row.

        Raises:
            ConfigError: Something is not there, cannot be read, or is not what it was said to be.
        """
        for path in [_STDIN] if self.paths == [_STDIN] else files(self.paths):
            name = _STREAM if path == _STDIN else str(path)
            with _opened(path) as stream:
                yield from self._of(stream, name)

    def _of(self, stream: IO[bytes], name: str) -> Iterator[tuple[Text, bool]]:
        if self.rows or (self.rows is None and not self.diff and name.endswith((".jsonl", "input"))):
            first = stream.readline()
            if self.rows or row_of(first) is not None:
                yield from ((each, True) for each in rows(_joined(first, stream), name))
                return
            content = first + stream.read()
        else:
            content = stream.read()
        text = decoded(content)
        if text is None and (name == _STREAM or Path(name) in self.paths):
            # Whoever names a file wants to hear of it; of a folder, its texts.
            self.unread.append(name)
        elif text is None:
            self.binary += 1
        elif self.diff:
            yield from ((each, False) for each in added(text))
        else:
            yield Text(id=name, text=text, size=len(content)), False


def _joined(first: bytes, rest: IO[bytes]) -> Iterable[bytes]:
    yield first
    yield from rest


@dataclass(slots=True)
class Told:
    """What was told so far."""

    source: Source
    as_json: bool
    texts: int = 0
    bytes: int = 0
    findings: int = 0
    failed: int = 0
    kinds: dict[str, int] = field(default_factory=dict[str, int])

    def text(self, text: Text, found: Scanned, *, row: bool) -> None:
        """Tell of one text."""
        self.texts += 1
        self.bytes += text.size
        self.findings += len(found.findings)
        if self.as_json or row:
            give(_object(text, found, row=row))
        else:
            for line in _lines(text, found.findings):
                say(line)

    def failure(self, text: Text, why: str, *, row: bool) -> None:
        """Tell of a text that could not be examined."""
        self.failed += 1
        if self.as_json or row:
            give({"id": text.id, "error": why})
        sys.stderr.write(f"error: {plain(str(text.id))}: {plain(why)}\n")

    def end(self, seconds: float) -> None:
        """Tell of all of it, and end with the exit code."""
        size = self.bytes / _MIB
        left = f", {self.source.binary} files left out that are no text" if self.source.binary else ""
        sys.stderr.write(
            f"{self.texts} texts, {size:.2f} MiB in {seconds:.1f} s ({size / max(seconds, 1e-9):.2f} MiB/s): "
            f"{self.findings} findings{left}\n"
        )
        for name in self.source.unread:
            sys.stderr.write(f"error: {plain(name)}: this is no text; it was not examined\n")
        if self.failed:
            sys.stderr.write(f"error: {self.failed} texts could not be examined; nothing is known of them\n")
        if self.failed or self.source.unread:
            raise typer.Exit(Exit.MISUSE)
        raise typer.Exit(Exit.FAULT if self.findings else Exit.DONE)


def _scanned(scanner: Scanner, source: Source, as_json: bool) -> Told:
    told, size = Told(source, as_json), source.size
    console = Console(stderr=True)
    shown = console.is_terminal and (size is None or size > _LONG_BYTES)
    columns = (TextColumn("scanning"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not shown) as progress:
        task = progress.add_task("scanning", total=size)
        for text, row in source.texts():
            try:
                found = scanner.scan(text.text)
            except UnavailableError as error:
                told.failure(text, str(error), row=row)
            except Exception:  # noqa: BLE001  a fault of ours must not look like a finding, which 1 says
                told.failure(text, _FAULT, row=row)
            else:
                told.text(text, found, row=row)
            progress.advance(task, text.size)
    return told


def _object(text: Text, found: Scanned, *, row: bool) -> dict[str, object]:
    findings = [
        {
            "start": each.start,
            "stop": each.stop,
            "type": each.kind,
            "score": each.score,
            "via": list(each.via),
        }
        for each in found.findings
    ]
    place = {} if row else {"line": text.line}
    return {"id": text.id, **place, "findings": findings, "redacted": found.redacted}


def _lines(text: Text, findings: Iterable[Finding]) -> Iterator[str]:
    line, seen = text.line, 0
    for each in findings:
        # In order of their starts, so that each line of a long text is counted once.
        line += text.text.count("\n", seen, each.start)
        seen = each.start
        yield _line(text, each, line)


def _line(text: Text, finding: Finding, line: int) -> str:
    column = finding.start - text.text.rfind("\n", 0, finding.start)
    via = f" in {' in '.join(reversed(finding.via))}" if finding.via else ""
    return plain(
        f"{text.id}:{line}:{column}: {finding.kind} of {finding.stop - finding.start} characters{via}"
        f" ({finding.rule}, {finding.score:.2f})"
    )
