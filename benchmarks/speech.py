"""Ordinary speech: how often one person's everyday words disturb another's, on a recorded chat.

`python -m benchmarks.speech` reads a chat of many people in the order in which it was said. Before a message
is learned as its sender's own, it is judged as what a bot would say to that sender: words that anybody might
say, and that nobody accounts for. Whatever is cut then was cut because of what somebody else said before, or
for its type. The chat is judged twice: with each channel as a tenant, and with all of them as one.

Messages of the channels' own bots are left out, as the wall leaves them: a bot owns no private data, and what
it says to everybody is nobody's.

The three figures of a replay stand below: values of others that were shown, prompts with messages of others,
and values of one's own that were taken away.
"""

import argparse
import asyncio
import gzip
import json
import logging
import re
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from adapters.replay import read
from firewall.core.identity import Conversation, ConversationKind, Principal, SenderKind
from firewall.core.ids import MessageId, PrincipalId, Ref, SessionId, TenantId, TurnId
from firewall.core.label import Owned, Principals, audience_of
from firewall.core.ports import Detector
from firewall.core.session import SessionKey, Turn
from firewall.core.subject import ModelReply, leaf
from firewall.core.verdict import Allow, Case, Verdict
from firewall.detect.disguise.unmasked import Unmasking
from firewall.detect.excerpts.index import Excerpts
from firewall.detect.keys import Keys
from firewall.layers.redaction import Redaction
from partywall.cli.planting import Planting, spans_of
from partywall.config import Config, Store
from partywall.detecting import detector_of
from partywall.replay import Replay, Score
from partywall.wall import Wall
from vault.sqlite import MEMORY

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CHAT = DATA / "chat" / "ubuntu_irc_test.jsonl.gz"
VALUES = DATA / "pii" / "presidio_generated_large.jsonl.gz"
RESULTS = Path(__file__).parent / "results"
# At most one message in a hundred may be touched.
LIMIT = 0.01
_BUCKET = 2_000
# The bots of these channels, by name: the data does not say which senders are people.
_BOTS = re.compile(r"(ubotu|ubottu|floodbot\d*)", re.IGNORECASE)
EXCERPT = "excerpt"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One message of a chat."""

    channel: str
    sender: str
    text: str


@dataclass(slots=True, kw_only=True)
class Disturbed:
    """What was cut or denied of everyday words.

    Attributes:
        messages: Messages judged.
        touched: Those of which anything was cut, or that were denied.
        causes: Messages by cause; one with two causes counts in both.
        characters: Characters cut, by cause.
        lengths: Excerpts by their length in characters.
        people: Excerpts by the person whose words were cut, as a number only.
        growth: Touched messages among each 2,000, by cause, oldest first.
    """

    messages: int = 0
    touched: int = 0
    causes: Counter[str] = field(default_factory=Counter[str])
    characters: Counter[str] = field(default_factory=Counter[str])
    lengths: Counter[int] = field(default_factory=Counter[int])
    people: Counter[int] = field(default_factory=Counter[int])
    growth: list[dict[str, int]] = field(default_factory=list[dict[str, int]])

    @property
    def share(self) -> float:
        """The share of messages that were touched, 0 to 1."""
        return self.touched / self.messages if self.messages else 0.0

    def by(self, cause: str) -> float:
        """The share of messages that were touched for one cause, 0 to 1."""
        return self.causes[cause] / self.messages if self.messages else 0.0

    def plain(self) -> dict[str, Any]:
        """Give the figures for JSON: numbers and kinds, nothing that anybody said."""
        people = sorted(self.people.values(), reverse=True)
        return {
            "messages": self.messages,
            "touched": self.touched,
            "share": self.share,
            "causes": dict(self.causes.most_common()),
            "characters": dict(self.characters.most_common()),
            "excerpt_lengths": {str(size): count for size, count in sorted(self.lengths.items())},
            "excerpts_of_one_person": {
                "people": len(people), "most": people[:1], "over_10": sum(one > 10 for one in people)
            },
            "growth": self.growth,
        }  # fmt: skip


class Judge:
    """Judges what is said to each person by the last layer as it runs, and learns it as theirs.

    Args:
        detector: Finds typed values.
        one: True if all channels are one tenant's.
    """

    def __init__(self, detector: Detector, *, one: bool) -> None:
        self._excerpts = Excerpts()
        self._layer = Redaction(excerpts=Unmasking(self._excerpts), detector=detector, keys=Keys(detector))
        self._one = one
        self._people: dict[tuple[str, str], int] = {}
        self.figures = Disturbed()

    def take(self, said: Said) -> None:
        """Judge one message as a reply to its own sender, count, and learn it."""
        figures = self.figures
        if figures.messages % _BUCKET == 0:
            figures.growth.append({})
        figures.messages += 1
        tenant = TenantId("one" if self._one else said.channel)
        person = self._people.setdefault((tenant, said.sender), len(self._people))
        turn = _turn(tenant, person)
        verdict = asyncio.run(self._judged(turn, said.text))
        self._count(verdict, person)
        label = Owned(tenant=tenant, readers=Principals(ids=frozenset({turn.principal.id})))
        self._excerpts.learn(said.text, label)

    async def _judged(self, turn: Turn, text: str) -> Verdict:
        reply = ModelReply(leaves=(leaf("text", text, None),))
        return await self._layer.judge(Case(turn=turn, subject=reply))

    def _count(self, verdict: Verdict, person: int) -> None:
        figures, causes = self.figures, Counter[str]()
        for each in verdict.findings:
            size = each.stop - each.start
            causes[each.rule] += 1
            figures.characters[each.rule] += size
            if each.rule == EXCERPT:
                figures.lengths[size] += 1
                figures.people[person] += 1
        if not isinstance(verdict, Allow):
            causes[verdict.reason.value] += 1
        figures.touched += bool(causes)
        figures.causes.update(causes.keys())
        bucket = figures.growth[-1]
        for cause in causes:
            bucket[cause] = bucket.get(cause, 0) + 1


def chat(path: Path, limit: int | None = None) -> Iterator[Said]:
    """Give the messages of a chat, oldest first."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in islice(lines, limit):
            row = json.loads(line)
            if not _BOTS.fullmatch(row["sender"]):
                yield Said(channel=row["channel"], sender=row["sender"], text=row["text"])


def disturbed(messages: Iterable[Said], detector: Detector, *, one: bool) -> Disturbed:
    """Judge and learn every message in order, and give what was disturbed."""
    judge = Judge(detector, one=one)
    for said in messages:
        judge.take(said)
    return judge.figures


async def replayed(path: Path, values: Path, limit: int | None) -> Score:
    """Play the chat to a bot that keeps one list a channel for everybody, and give the score."""
    names = {"conversation": "channel"}
    logging.getLogger("partywall").setLevel(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="partywall-speech-") as folder:
        config = Config.model_validate({"store": {"path": MEMORY}, "files": {"path": folder}})
        assert config.store == Store(path=MEMORY)
        async with Wall(config) as wall:
            played = Replay(wall, values=iter(Planting(spans_of(values), seed=0)), seed=0)
            return await played.run(islice(read(path, names), limit))


def drawn(found: Mapping[str, Disturbed], score: Score | None) -> Table:
    """Draw the figures."""
    table = Table(title="Everyday words that were touched", title_justify="left")
    for name in ("tenants", "messages", "touched", "share", "by excerpt", "by type", ""):
        table.add_column(name, justify="right")
    for name, each in found.items():
        typed = sum(count for cause, count in each.causes.items() if cause != EXCERPT)
        met = "[green]met[/]" if each.by(EXCERPT) <= LIMIT else "[red]not met[/]"
        cells = [f"{each.messages:,}", f"{each.touched:,}", f"{each.share:.2%}"]
        table.add_row(name, *cells, f"{each.by(EXCERPT):.2%}", f"{typed:,}", met)
    if score is not None:
        table.caption = (
            f"replay of {score.messages:,}: {score.foreign_in_replies} foreign values shown,"
            f" {score.resets_missed} resets missed, {score.own_uttered - score.own_kept} of"
            f" {score.own_uttered:,} own values blocked"
        )
    return table


def _turn(tenant: TenantId, person: int) -> Turn:
    principal = Principal(tenant=tenant, id=PrincipalId(f"p{person}"), kind=SenderKind.HUMAN)
    place = Conversation(
        channel="replay", app="replay", realm=tenant, id=f"d{person}", kind=ConversationKind.DM
    )
    return Turn(
        id=TurnId("t"),
        ref=Ref("r"),
        session=SessionId("s"),
        key=SessionKey.of(principal, place),
        principal=principal,
        audience=audience_of(principal, place, private=True),
        destination=place,
        message=MessageId("m"),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show the table, write the numbers; 1 if a limit is not met, 2 without data."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speech", description=__doc__)
    parser.add_argument("--chat", type=Path, default=CHAT)
    parser.add_argument("--values", type=Path, default=VALUES)
    parser.add_argument("--limit", type=int, help="only the first so many messages")
    parser.add_argument("--replay", type=int, default=2_000, help="messages of the replay; 0 for none")
    parser.add_argument("--json", action="store_true", help="print the numbers instead of the table")
    asked = parser.parse_args(arguments)
    if not (asked.chat.is_file() and asked.values.is_file()):
        print("the chat or the values are not here; name them by --chat and --values", file=sys.stderr)
        return 2
    messages = list(chat(asked.chat, asked.limit))
    detector, found = detector_of(Config()), dict[str, Disturbed]()
    with Progress(console=Console(stderr=True), disable=not sys.stderr.isatty(), transient=True) as bar:
        for name, one in (("a channel each", False), ("one for all", True)):
            task = bar.add_task(name, total=len(messages))
            found[name] = disturbed(bar.track(messages, task_id=task), detector, one=one)
    score = asyncio.run(replayed(asked.chat, asked.values, asked.replay)) if asked.replay else None
    numbers = _numbers(found, score)
    if asked.limit is None:
        RESULTS.mkdir(exist_ok=True)
        day = datetime.fromtimestamp(time.time(), UTC).date()
        (RESULTS / f"speech-{day}.json").write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    if asked.json:
        print(json.dumps(numbers))
    else:
        Console().print(drawn(found, score))
    return int(any(each.by(EXCERPT) > LIMIT for each in found.values()))


def _numbers(found: Mapping[str, Disturbed], score: Score | None) -> dict[str, Any]:
    numbers: dict[str, Any] = {name: each.plain() for name, each in found.items()}
    if score is not None:
        numbers["replay"] = {
            "messages": score.messages,
            "foreign_values_shown": score.foreign_in_replies,
            "foreign_values_in_prompts": score.foreign_in_prompts,
            "resets_missed": score.resets_missed,
            "own_values_blocked": score.own_uttered - score.own_kept,
            "own_values": score.own_uttered,
        }
    return numbers


if __name__ == "__main__":
    sys.exit(main())
