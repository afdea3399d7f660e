"""Tools that reach outside carry what the message says, and nothing else that is private."""

import base64
import codecs
from collections.abc import Callable
from dataclasses import replace

import pytest

from firewall.core.ids import TenantId
from firewall.core.message import Origin, Part, operator_part
from firewall.core.subject import ArgumentKind, ToolCall
from firewall.core.verdict import Allow, Deny, ReasonCode, Verdict
from firewall.detect.detectors import All
from firewall.detect.identifiers import Identifiers
from firewall.detect.keys import Keys
from firewall.detect.links.given import Given
from firewall.layers.egress import Egress
from firewall.layers.tool_denial import dangerous
from tests.fakes.clock import at_once
from tests.fakes.tenants import ACME, GLOBEX, case, part, spec, tool_call, turn

DIARY = "the northern plant fell short of everything that we had hoped for"
URL = "https://allowed.example/?d="
TYPED = All([Identifiers()])
DISGUISES: dict[str, Callable[[str], str]] = {
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64url": lambda text: base64.urlsafe_b64encode(text.encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "reversed": lambda text: text[::-1],
    "rot13": lambda text: codecs.encode(text, "rot13"),
    "looks": lambda text: text.upper().replace(" ", "-"),
}


def layer(*, shadow: bool = False) -> Egress:
    return Egress(
        detector=TYPED,
        keys=Keys(TYPED),
        given=Given(tools=True),
        word=dangerous,
        carry={GLOBEX: frozenset({"get"})},
        phrases=("version 20261122",),
        shadow=shadow,
    )


def call(text: str, *said: Part, name: str = "get", kind: ArgumentKind = ArgumentKind.URL) -> ToolCall:
    return replace(tool_call(spec(name, x=kind), {"x": text}), said=said)


def judged(subject: ToolCall, *read: Part, tenant: TenantId = ACME, shadow: bool = False) -> Verdict:
    return at_once(
        layer(shadow=shadow).judge(case(subject, turn(tenant=tenant), read=(*read, *subject.said)))
    )


def denied(verdict: Verdict) -> bool:
    return isinstance(verdict, Deny) and verdict.reason is ReasonCode.PRIVATE_EGRESS


OWN = part("what about AB-12345?", id="now")
FILE = part(f"order ZX-98765; {DIARY}", origin=Origin.TOOL, id="file")


def test_a_value_that_the_message_says_may_be_carried_and_another_one_may_not() -> None:
    assert judged(call(f"{URL}AB-12345", OWN), FILE) == Allow()
    assert judged(call(f"{URL}20261122", OWN), FILE) == Allow()
    assert denied(judged(call(f"{URL}ZX-98765", OWN), FILE))
    assert denied(judged(call(f"{URL}QQ-11111", OWN), FILE)), "owned or not"


@pytest.mark.parametrize("name", sorted(DISGUISES))
def test_a_run_of_private_text_is_denied_in_every_disguise(name: str) -> None:
    disguise = DISGUISES[name]
    assert denied(judged(call(URL + disguise(DIARY[4:50]), OWN), FILE))
    verdict = judged(call(URL + disguise(DIARY[4:50]), part(DIARY, id="now")), FILE)
    # Hexadecimal digits may look like an id that nobody said.
    assert verdict == Allow() or (isinstance(verdict, Deny) and verdict.rule == "egress.value")


def test_private_is_what_is_neither_everybodys_nor_this_messages() -> None:
    text = f"{URL}{DIARY[:40]}"
    assert denied(judged(call(text, OWN), part(DIARY, id="before")))
    assert judged(call(text, OWN), operator_part(DIARY)) == Allow()
    assert judged(call(f"{URL}{DIARY[:20]}", OWN), FILE) == Allow(), "too short to tell"


def test_an_address_that_was_given_whole_may_be_called_unless_the_model_made_it() -> None:
    url = f"{URL}ZX-98765"
    assert judged(call(url, OWN), part(f"see {url}", origin=Origin.TOOL)) == Allow()
    made = (part(url, origin=Origin.CALL, id="a"), part(url, origin=Origin.TOOL, id="b"))
    assert denied(judged(call(url, OWN), *made))


def test_only_tools_that_reach_outside_are_judged_and_a_grant_is_its_own_tenants() -> None:
    assert judged(call("ZX-98765", OWN, name="note", kind=ArgumentKind.TEXT), FILE) == Allow()
    assert denied(judged(call("ZX-98765", OWN, name="web_fetch", kind=ArgumentKind.TEXT), FILE))
    assert judged(call(f"{URL}ZX-98765"), tenant=GLOBEX) == Allow()
    assert denied(judged(call(f"{URL}ZX-98765", name="put"), tenant=GLOBEX))


def test_in_shadow_it_is_only_recorded() -> None:
    verdict = judged(call(f"{URL}ZX-98765", OWN), FILE, shadow=True)
    assert isinstance(verdict, Allow)
    assert [each.rule for each in verdict.findings] == ["egress.value"]
