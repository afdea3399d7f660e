"""What must not type-check: mypy reads the snippets, with the project's own settings."""

import re
import textwrap
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
HEAD = """
from dataclasses import replace
from firewall.core.errors import Denied
from firewall.core.identity import Principal, SenderKind
from firewall.core.ids import PrincipalId, Ref, SessionId, TenantId, TurnId, canonical
from firewall.core.label import Label, Members, Operator, Owned, Principals, Room, admits, join
from firewall.core.ports import Clock, Layer, RecordStore
from firewall.core.session import SessionKey, Turn
from firewall.core.subject import ModelCall, Subject, SubjectKind, ToolCall
from firewall.core.verdict import Allow, Case, Deny, ReasonCode, Redact, Verdict
from firewall.layers.tool_denial import Grants, ToolDenial

def turn_() -> Turn: ...
def verdict_() -> Verdict: ...
def label_() -> Label: ...

"""

REFUSED = {
    "a-bare-string-names-no-tenant": ('Owned(tenant="ACME", readers=Members())', "arg-type"),
    "a-principal-is-no-tenant": ('Owned(tenant=PrincipalId("ann"), readers=Members())', "arg-type"),
    "a-session-is-no-turn": ('x: TurnId = SessionId("s")', "assignment"),
    "readers-are-never-bare-strings": ('Principals(ids=frozenset({"ann"}))', "arg-type"),
    "readers-are-no-list": ('Principals(ids=[PrincipalId("ann")])', "arg-type"),
    "a-set-of-people-is-no-room": ('r: Room = Principals(ids=frozenset({PrincipalId("a")}))', "assignment"),
    "a-label-needs-its-readers": ('Owned(tenant=TenantId("ACME"))', "call-arg"),
    "values-have-no-positions": ('Owned(TenantId("ACME"), Members())', "misc|call-arg"),
    "a-turn-does-not-change": ('turn_().session = SessionId("other")', "misc"),
    "an-audience-is-not-widened-in-place": ("turn_().audience.private = False", "misc"),
    "a-verdict-is-no-truth-value": ("v: Verdict = True", "assignment"),
    "a-denial-has-a-reason": ("Deny()", "call-arg"),
    "a-reason-is-not-free-text": ('Deny(reason="because")', "arg-type"),
    "a-join-may-not-exist": ("l: Label = join([label_()])", "assignment"),
    "nobody-may-write-nothing": ("l: Label = turn_().writes", "assignment"),
    "an-audience-is-asked-not-a-turn": ("admits(label_(), turn_())", "arg-type"),
    "a-name-is-no-part-of-an-id": ("canonical(7)", "arg-type"),
    "a-choice-is-closed": (
        """
        def seen(verdict: Verdict) -> int:
            match verdict:
                case Allow():
                    return 1
            return 3
        """,
        "exhaustive-match",
    ),
    "a-layer-answers": (
        """
        class Silent:
            name = "silent"
            watches = frozenset({SubjectKind.INBOUND})
            async def judge(self, case: Case) -> None: ...
        layer: Layer = Silent()
        """,
        "assignment",
    ),
    "a-layer-judges-asynchronously": (
        """
        class Blocking:
            name = "blocking"
            watches = frozenset({SubjectKind.INBOUND})
            def judge(self, case: Case) -> Verdict: ...
        layer: Layer = Blocking()
        """,
        "assignment",
    ),
    "grants-are-by-tenant": ('g: dict[TenantId, Grants] = {"ACME": Grants()}', "dict-item"),
    "a-model-call-has-no-arguments": (
        """
        def arguments(subject: Subject) -> object:
            return subject.arguments
        """,
        "union-attr",
    ),
    "a-refusal-has-a-reference": ('Denied("no_owner")', "call-arg"),
}
ACCEPTED = """
owned = Owned(tenant=TenantId("ACME"), readers=Members())
joined: Label | None = join([owned, Operator()])
readable: bool = admits(owned, turn_().audience)
again: Turn = replace(turn_(), session=SessionId("s"))

def seen(verdict: Verdict) -> int:
    match verdict:
        case Allow():
            return 1
        case Deny():
            return 2
"""


@pytest.fixture(scope="module")
def complaints(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str]]:
    """Every complaint of one run over all snippets, by snippet."""
    folder = tmp_path_factory.mktemp("snippets")
    names = {f"s{n}": name for n, name in enumerate([*REFUSED, "accepted"])}
    for short, name in names.items():
        text = ACCEPTED if name == "accepted" else textwrap.dedent(REFUSED[name][0])
        (folder / f"{short}.py").write_text(HEAD + text + "\n")
    files = [str(folder / f"{short}.py") for short in names]
    settings = [
        "--config-file",
        str(ROOT / "pyproject.toml"),
        "--cache-dir",
        str(ROOT / ".mypy_cache" / "types"),
    ]
    # An empty body stands for any value in a snippet; nobody runs it.
    quiet = ["--no-error-summary", "--disable-error-code", "empty-body", "--no-warn-unreachable"]
    found: dict[str, list[str]] = {name: [] for name in names.values()}
    out, err, _ = api.run([*settings, *quiet, *files])
    assert not err, err
    for each in out.splitlines():
        match = re.match(r".*?(s\d+)\.py:\d+: error: (.*)", each)
        if match:
            found[names[match[1]]].append(match[2])
    return found


@pytest.mark.parametrize("name", REFUSED)
def test_what_must_not_type_check_does_not(name: str, complaints: dict[str, list[str]]) -> None:
    codes = REFUSED[name][1].split("|")
    assert complaints[name], "it type-checks"
    assert all(any(each.endswith(f"[{code}]") for code in codes) for each in complaints[name]), complaints[
        name
    ]


def test_what_is_right_does(complaints: dict[str, list[str]]) -> None:
    assert complaints["accepted"] == []
