"""The demo keeps every promise it prints, for any seed, and each layer is needed for its figure."""

import asyncio
import io
import json
import tempfile
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from demo.__main__ import main
from demo.evidence import leaked, owner_keeps_history
from demo.figures import figures, holds
from demo.runs import Played, play
from demo.show import show
from demo.story import EARLIER_MESSAGES, tell
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Allow, Case
from firewall.layers.history_reset import HistoryReset
from firewall.layers.redaction import Redaction
from firewall.layers.storage_sandbox import StorageSandbox
from firewall.layers.tenant_boundary import TenantBoundary
from firewall.layers.tool_denial import ToolDenial

ROOT = Path(__file__).resolve().parents[2]
PICTURE = ROOT / "docs" / "images" / "demo.svg"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which temporary files are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Played:
    """Both runs of seed 7."""
    return asyncio.run(played(tmp_path_factory.mktemp("made") / "play", 7))


async def played(folder: Path, seed: int) -> Played:
    await asyncio.to_thread(folder.mkdir)
    return await play(folder, seed=seed, model=None, progress=lambda _: None)


def walled(made: Played) -> dict[str, Any]:
    return cast("dict[str, Any]", figures(made)["walled"])


@pytest.mark.parametrize("seed", [7, 11, 2024])
def test_nothing_crosses_the_wall_and_the_records_say_why(
    seed: int, temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "--seed", str(seed)]) == 0
    printed = json.loads(capsys.readouterr().out)
    behind = printed["walled"]
    assert printed["seed"] == seed
    assert printed["baseline"]["foreign_values_leaked"] == printed["foreign_values"] > 0
    assert behind["foreign_values_leaked"] == 0
    assert behind["history_cleared"] == EARLIER_MESSAGES == 97
    assert behind["exec_denied"] == 3
    assert behind["reads_sandboxed"] == 2
    assert behind["vault_redactions"] >= 1
    assert behind["strangers_denied"] == 1
    kinds = ("denials", "rewrites", "resets", "redactions")
    assert behind["records"] == sum(behind[kind] for kind in kinds)
    assert (behind["denials"], behind["rewrites"]) == (4, 2)
    assert behind["receipts"] > behind["records"]
    assert behind["receipts_verified"] is True
    assert behind["owner_keeps_history"] is True
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("layer", "figure"),
    [
        pytest.param(TenantBoundary, "strangers_denied", id="tenant-boundary"),
        pytest.param(ToolDenial, "exec_denied", id="tool-denial"),
        pytest.param(StorageSandbox, "reads_sandboxed", id="storage-sandbox"),
        pytest.param(HistoryReset, "history_cleared", id="history-reset"),
        pytest.param(Redaction, "vault_redactions", id="redaction"),
    ],
)
async def test_a_layer_that_is_switched_off_is_missed_in_its_figure(
    layer: type[object], figure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def pass_through(_: object, __: Case) -> Allow:
        return Allow()

    monkeypatch.setattr(layer, "judge", pass_through)
    made = await played(tmp_path / "play", 7)
    found = walled(made)
    assert found[figure] == 0
    # What is missing is this layer's own work: the others still do theirs.
    own = {"strangers_denied", "exec_denied", "reads_sandboxed", "history_cleared", "vault_redactions"}
    if layer is not HistoryReset:
        assert all(found[other] > 0 for other in own - {figure})
    if layer is Redaction:
        assert made.story.vault["alarm code"] in leaked(made.story, made.walled)
        assert not holds(made)


def test_the_figures_are_told_on_two_screens_and_drawn_in_the_documentation(made: Played) -> None:
    screen = Console(file=io.StringIO(), width=100, record=True)
    show(screen, made)
    told = screen.export_text()
    assert len(told.splitlines()) <= 80
    for words in ("tool_denial refused exec", "history_reset cleared 97 messages", "crossed the wall"):
        assert words in " ".join(told.split())
    picture = PICTURE.read_text(encoding="utf-8")
    assert "0&#160;of&#160;71&#160;private&#160;values&#160;crossed&#160;the&#160;wall" in picture
    assert "@font-face" not in picture


def test_the_owner_has_lost_something_if_one_message_is_missing(made: Played) -> None:
    assert owner_keeps_history(made.story, made.walled)
    lost = made.walled[-1].prompts[0].pop(5)
    assert lost["content"] in made.story.past[2].text
    assert not owner_keeps_history(made.story, made.walled)


def test_every_prompt_of_the_attacker_is_cleared_of_the_owners_messages_and_of_no_others(
    made: Played,
) -> None:
    rows = [row for rows in made.found.reasons.values() for row in rows]
    cleared = [row.record.count for row in rows if row.record.kind is RecordKind.RESET]
    assert cleared == [EARLIER_MESSAGES] * sum(len(each.prompts) for each in made.walled if each.foreign)


def test_every_seed_draws_other_values_and_the_same_seed_the_same() -> None:
    first, second = tell(1, "/shared"), tell(2, "/shared")
    assert first == tell(1, "/shared")
    assert not set(first.values) & set(second.values)


@pytest.mark.parametrize("seed", range(20))
def test_a_drawn_card_passes_its_check_digit(seed: int) -> None:
    cards = [value for value in tell(seed, "/shared").values if value.replace(" ", "").isdigit()]
    assert cards
    for card in cards:
        digits = [int(char) for char in reversed(card.replace(" ", ""))]
        doubled = [digit * 2 - 9 * (digit > 4) if index % 2 else digit for index, digit in enumerate(digits)]
        assert sum(doubled) % 10 == 0


def test_a_model_that_cannot_be_reached_is_told_in_one_line(
    temporary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--model", "nosuchprovider/model"]) == 2
    said = capsys.readouterr()
    assert "could not be played" in said.out
    assert "did not answer" in " ".join(said.out.split())
    assert list(temporary.iterdir()) == []
