"""The four profiles: the stack that each one builds, and that the docs say the same.

Structural isolation is on in all four; only detection differs.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from firewall.core.errors import Denied
from firewall.core.ids import Ref
from firewall.core.label import Owned, Principals
from firewall.core.message import Message
from firewall.core.receipt import RecordKind
from firewall.layers.accounting import Accounting
from firewall.layers.oracle import Budgeted
from firewall.layers.redaction import Redaction
from partywall import doctor
from partywall.config import Profile, load
from partywall.messages import message
from partywall.runtime import Runtime
from partywall.wall import Wall
from tests.fakes.services import ROOT
from vault.ledger import Filter

OURS, THEIRS = "ada", "ben"
VALUE = "ORCHID-4417-0093"
TYPED = "carla@example.com"
STRUCTURAL = [
    *("tenant_boundary", "oracle", "attachments", "tool_denial", "storage_sandbox", "egress"),
    "history_reset",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Golden:
    strict_outbound: bool
    shadow: bool
    typed: bool


GOLDEN = {
    Profile.STRICT: Golden(strict_outbound=True, shadow=False, typed=True),
    Profile.STANDARD: Golden(strict_outbound=False, shadow=False, typed=True),
    Profile.LIGHT: Golden(strict_outbound=False, shadow=False, typed=False),
    Profile.OBSERVE: Golden(strict_outbound=False, shadow=True, typed=True),
}
profiles = pytest.mark.parametrize("profile", list(Profile), ids=str)


def wall_of(profile: Profile, folder: Path) -> Wall:
    return Wall(
        load({"profile": profile, "store": {"path": ":memory:"}, "files": {"path": str(folder / "f")}})
    )


def said(sender: str, text: str, tenant: str = "ACME") -> Message:
    return message(
        text, channel="own", realm=tenant, sender=sender, conversation="room", kind="group", private=True
    )


def layers_of(runtime: Runtime) -> list[object]:
    # The plan of the stack in its order: what will really be asked, not what was meant to be.
    plan = getattr(runtime.stack, "_plan")  # noqa: B009 - a golden test looks inside on purpose
    found: list[object] = []
    for layers in plan.values():
        found += [layer for layer in layers if layer not in found]
    return found


def test_every_profile_has_its_golden_line() -> None:
    assert set(GOLDEN) == set(Profile)


@profiles
async def test_the_stack_of_a_profile_is_the_documented_one(profile: Profile, tmp_path: Path) -> None:
    golden = GOLDEN[profile]
    async with wall_of(profile, tmp_path) as wall:
        runtime = await wall.runtime()
        layers = layers_of(runtime)
    names = {getattr(layer, "name", "") for layer in layers}
    assert names == {*STRUCTURAL, "accounting", "policy", "links", "injection", "redaction"}
    accounting = next(layer for layer in layers if isinstance(layer, Accounting))
    budgeted = next(layer for layer in layers if isinstance(layer, Budgeted))
    redaction = budgeted.redaction
    assert isinstance(redaction, Redaction)
    assert accounting.strict is golden.strict_outbound
    assert redaction.shadow is golden.shadow
    assert bool(redaction.detector.scan(f"write to {TYPED} today")) is golden.typed
    # Injection only watches unless it is told to enforce; the others do where everything that detects does.
    shadows = {
        getattr(layer, "name", "") for layer in (*layers, redaction) if getattr(layer, "shadow", False)
    }
    assert shadows == {"injection", *(("redaction", "links", "egress") if golden.shadow else ())}


@profiles
async def test_the_history_of_others_is_dropped_in_every_profile(profile: Profile, tmp_path: Path) -> None:
    seen: list[str] = []

    async def model(**request: object) -> dict[str, Any]:
        seen.append(repr(request["messages"]))
        return {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": "ok"}, "finish_reason": "stop"}
            ]
        }

    shared = [{"role": "user", "content": "the code of the safe is 7781"}]
    async with wall_of(profile, tmp_path) as wall:
        guarded = wall.guard_model(model)
        async with wall.turn(said(OURS, "the code of the safe is 7781")):
            await guarded(model="m", messages=shared)
        async with wall.turn(said(THEIRS, "what did she say?")):
            await guarded(model="m", messages=[*shared, {"role": "user", "content": "what did she say?"}])
    assert "7781" in seen[0]
    assert "7781" not in seen[1]


@profiles
async def test_an_ungranted_tool_and_a_path_outside_are_denied_in_every_profile(
    profile: Profile, tmp_path: Path
) -> None:
    async with wall_of(profile, tmp_path) as wall, wall.turn(said(OURS, "hello")) as turn:
        with pytest.raises(Denied) as shell:
            await turn.call_tool("exec", {"command": "id"})
        with pytest.raises(Denied) as outside:
            await turn.call_tool("read", {"path": "../../etc/passwd"})
    assert (shell.value.reason, outside.value.reason) == ("denied_class", "path_refused")


@profiles
async def test_detection_does_what_the_profile_says(profile: Profile, tmp_path: Path) -> None:
    golden = GOLDEN[profile]

    async def model(**_: object) -> dict[str, Any]:
        content = f"it is {VALUE}, ask {TYPED}"
        return {
            "choices": [
                {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
            ]
        }

    async with wall_of(profile, tmp_path) as wall:
        runtime = await wall.runtime()
        guarded = wall.guard_model(model)
        async with wall.turn(said(OURS, "hello")) as first:
            label = first.opened.turn.writes
        assert isinstance(label, Owned)
        assert isinstance(label.readers, Principals)
        runtime.excerpts.learn(VALUE, label, whole=True)
        async with wall.turn(said(THEIRS, "tell me")) as turn:
            answer = await guarded(model="m", messages=[{"role": "user", "content": "tell me"}])
            shown = answer["choices"][0]["message"]["content"]
            found = [each.record.kind for each in await runtime.vault.records.why(Ref(turn.ref))]
    assert (VALUE in shown) is golden.shadow
    assert (TYPED in shown) is (golden.shadow or not golden.typed)
    assert (RecordKind.SHADOW in found) is golden.shadow
    assert (RecordKind.REDACTION in found) is not golden.shadow


@profiles
async def test_unaccounted_words_are_denied_by_strict_and_recorded_by_the_others(
    profile: Profile, tmp_path: Path
) -> None:
    async with wall_of(profile, tmp_path) as wall:
        runtime = await wall.runtime()
        async with wall.turn(said(OURS, "hello")) as turn:
            if GOLDEN[profile].strict_outbound:
                with pytest.raises(Denied):
                    await turn.reply("words of nobody")
            else:
                assert await turn.reply("words of nobody") == "words of nobody"
        rows = await runtime.vault.records.violations(Filter(ref=Ref(turn.ref)))
    assert [row.record.rule for row in rows] == ["unaccounted_outbound"]


def test_the_docs_and_the_doctor_say_the_same() -> None:
    text = (ROOT / "docs" / "profiles.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip().strip("`") for cell in row.split("|")[1:-1]]
        for row in re.findall(r"^\|.*\|$", text, re.M)
    ]
    header, table = rows[0], {row[0]: row[1:] for row in rows[2:]}
    assert header[1:] == [profile.value for profile in Profile]
    for column, profile in enumerate(Profile):
        assert {layer: cells[column] for layer, cells in table.items()} == doctor.layers(profile)
