"""The demo on a terminal: one table for what was tried, one for what the database says about it."""

import re
from collections import Counter
from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from demo.evidence import leaked, owner_keeps_history, shown
from demo.figures import holds
from demo.runs import Played
from demo.story import EARLIER_MESSAGES, Story
from demo.wire import Delivered
from firewall.core.receipt import RecordKind
from vault.ledger import Stored

_SHOWN_CODEPOINTS = 56
_MARKER = re.compile(r"\[REDACTED:[A-Z_]+\]")
# Why a layer acts, in one line each; what it did stands in the records.
_WHY = {
    ("tenant_boundary", RecordKind.DENIAL): "nobody configured the sender's workspace",
    ("tool_denial", RecordKind.DENIAL): "no grant names it; a shell is a shell by any name",
    ("storage_sandbox", RecordKind.REWRITE): "a path means a place in the sender's own compartment",
    ("history_reset", RecordKind.RESET): "they are on no record of this session",
    ("redaction", RecordKind.REDACTION): "the text is known to be somebody else's",
}
_DID = {
    RecordKind.DENIAL: "refused {rules}",
    RecordKind.REWRITE: "moved {count} path{s}",
    RecordKind.RESET: "cleared {most} messages",
    RecordKind.REDACTION: "cut {rules}",
    RecordKind.NOTICE: "noted {rules}",
    RecordKind.SHADOW: "would cut {rules}",
}


def show(console: Console, played: Played) -> None:
    """Print both runs side by side, what each layer did and why, and the figures."""
    console.print(_heading(played))
    console.print(_attacks(played))
    console.print(_figures(played))
    console.print(_verdict(played))


def _heading(played: Played) -> RenderableType:
    story = (
        f"[cyan]ACME[/] has told the bot {len(played.story.values)} private values in {EARLIER_MESSAGES} "
        "messages on Telegram, had two files written, and keeps two vault entries.\n"
        "[magenta]GLOBEX[/] now talks to the same bot on Slack, and the model helps GLOBEX all it can.\n"
        "Same bot, same messages, twice: without the wall and with it."
    )
    title = f"[bold]Partywall[/] · seed {played.seed} · model {played.model}"
    return Panel(story, title=title, title_align="left", box=box.ROUNDED, border_style="blue", padding=(0, 1))


def _attacks(played: Played) -> Table:
    table = Table(box=box.HORIZONTALS, show_lines=True, expand=True, pad_edge=False, border_style="dim")
    table.add_column("GLOBEX …", style="magenta", ratio=14)
    table.add_column("without the wall", ratio=24, overflow="fold")
    table.add_column("with the wall", ratio=24, overflow="fold")
    table.add_column("what each layer did, and why", ratio=38)
    explained: set[tuple[str, RecordKind]] = set()
    for bare, walled in zip(played.baseline, played.walled, strict=True):
        if bare.foreign:
            told = _reasons(played.found.reasons[walled.ref], explained)
            table.add_row(bare.step.title, _cell(played.story, bare), _cell(played.story, walled), told)
    return table


def _cell(story: Story, delivered: Delivered) -> RenderableType:
    values = shown(story, delivered)
    count = Text(f"{len(values)} values shown", style="bold red" if values else "bold green")
    return Group(count, _quoted(delivered.shown, values))


def _quoted(text: str, values: Sequence[str]) -> Text:
    """Show the stretch of a text around the first leaked value or marker, or else its beginning."""
    flat = " ".join(text.split())
    marked = _MARKER.search(flat)
    first = [flat.find(value) for value in values if value in flat] or [marked.start() if marked else 0]
    start = max(0, min(first) - 12)
    cut = flat[start : start + _SHOWN_CODEPOINTS]
    quoted = Text(f"{'…' if start else ''}{cut}{'…' if start + len(cut) < len(flat) else ''}", style="dim")
    quoted.highlight_words(values, style="not dim red")
    quoted.highlight_regex(_MARKER, style="not dim green")
    return quoted


def _reasons(rows: Sequence[Stored], explained: set[tuple[str, RecordKind]]) -> RenderableType:
    """Tell what each layer did in one turn, and the first time also why."""
    lines: list[Text] = []
    for layer, kind in dict.fromkeys((row.record.layer, row.record.kind) for row in rows):
        own = [row for row in rows if (row.record.layer, row.record.kind) == (layer, kind)]
        line = Text(layer, style="bold")
        line.append(f" {_did(kind, own)}", style="not bold")
        if (layer, kind) in _WHY.keys() - explained:
            line.append(f": {_WHY[layer, kind]}", style="not bold dim")
        explained.add((layer, kind))
        lines.append(line)
    return Group(*lines)


def _did(kind: RecordKind, rows: Sequence[Stored]) -> str:
    rules = Counter(row.record.rule.removeprefix("denied_class:") for row in rows)
    named = ", ".join(rule if count == 1 else f"{rule} ({count} times)" for rule, count in rules.items())
    return _DID[kind].format(
        rules=named,
        count=len(rows),
        most=max(row.record.count for row in rows),
        s="" if len(rows) == 1 else "s",
    )


def _figures(played: Played) -> Table:
    found, story = played.found, played.story
    table = Table(box=box.SIMPLE, show_header=False, expand=True, pad_edge=False)
    for _ in range(2):
        table.add_column(ratio=40)
        table.add_column(justify="right", style="bold", ratio=10)
    kinds = (
        f"records: {found.denials} denials + {found.rewrites} rewrites + {found.resets} resets + "
        f"{found.redactions} redactions"
    )
    left = [
        ("private values leaked without the wall", str(len(leaked(story, played.baseline)))),
        ("private values leaked with the wall", str(len(leaked(story, played.walled)))),
        ("ACME comes back and has its own history", _yes(owner_keeps_history(story, played.walled))),
        ("values of ACME that are at stake", str(len(story.values))),
        ("every record's receipt verifies", f"{_yes(found.receipts_verified)}, {found.receipts}"),
    ]
    right = [
        ("messages of ACME cleared at the switch", str(found.history_cleared)),
        ("shell calls denied · strangers refused", f"{found.exec_denied} · {found.strangers_denied}"),
        ("reads moved into the reader's own files", str(found.reads_sandboxed)),
        ("vault values cut from an answer", str(found.vault_redactions)),
        (kinds, str(found.records)),
    ]
    for one, other in zip(left, right, strict=True):
        table.add_row(*one, *other)
    return table


def _verdict(played: Played) -> Panel:
    through, total = len(leaked(played.story, played.walled)), len(played.story.values)
    bare = len(leaked(played.story, played.baseline))
    text = f"{through} of {total} private values crossed the wall; without it, {bare} did."
    style = "green" if holds(played) else "red"
    return Panel(Text(text, style=f"bold {style}"), box=box.ROUNDED, border_style=style, padding=(0, 1))


def _yes(fact: bool) -> str:
    return "yes" if fact else "NO"
