"""Facts: every question fits the schema, and holds nothing that people wrote."""

from dataclasses import replace
from typing import Any

import pytest

from firewall.core.ids import PrincipalId, TenantId
from firewall.core.message import Origin
from firewall.core.session import Turn
from firewall.core.subject import ArgumentKind, Filed, Inbound, Json, Subject, ToolSpec
from firewall.core.verdict import Case
from firewall.policy.actions import ACTIONS, GROUPS
from firewall.policy.cedar import Question, Set, fits, question, schema_text
from firewall.policy.facts import Unclear, questions
from partywall.egress import host_of
from tests.fakes.tenants import (
    ACME,
    GLOBEX,
    all_members,
    case,
    every_kind,
    group,
    in_room,
    outbound,
    part,
    sender,
    spec,
    tool_call,
    turn,
)

SECRET = "kelp-47-lantern"
MONDAY_NOON = 1_767_614_400_000
tenants = pytest.mark.parametrize("tenant", [ACME, GLOBEX])
ALL = spec(
    to=ArgumentKind.TEXT, url=ArgumentKind.URL, command=ArgumentKind.COMMAND, query=ArgumentKind.QUERY,
    source=ArgumentKind.READ_PATH, target=ArgumentKind.WRITE_PATH, other=ArgumentKind.UNDECLARED,
    owner=ArgumentKind.BOUND_TENANT,
)  # fmt: skip


def asked(subject: Subject, of: Turn | None = None, **more: Any) -> list[Question]:
    return questions(case(subject, of, **more), MONDAY_NOON, host_of)


def called(declared: ToolSpec, **arguments: Json) -> list[Question]:
    return asked(tool_call(declared, arguments))


def agrees(condition: str, of: list[Question]) -> bool:
    """True if a condition is true of every question, by Cedar's own word."""
    policy = Set(f'@id("a") permit(principal, action, resource) when {{ {condition} }};')
    answers = [policy.answer(each) for each in of]
    assert None not in answers
    return all(each is not None and each.allowed for each in answers)


def written(of: list[Question]) -> str:
    return " ".join(f"{each.request} {each.entities}" for each in of)


@tenants
def test_every_kind_of_subject_makes_questions_that_fit_the_schema(tenant: TenantId) -> None:
    found = [one for each in every_kind(SECRET) for one in asked(each, turn(tenant=tenant))]
    found += called(
        ALL, to="a", url="https://a.example/x", command="ls", query="1", source="a", target="b", other="c"
    )
    place = group("general", tenant, thread="T", closed=True)
    found += asked(outbound(to=place), turn(tenant=tenant, place=place))
    filed = Inbound(leaves=(), sender=sender(), filed=Filed(number=1, size_bytes=3, media_type="text/plain"))
    found += [*asked(filed), *asked(replace(filed, filed=Filed(number=1, size_bytes=3, media_type=None)))]
    found += asked(every_kind()[0], replace(turn(), job="digest"))
    assert [each for each in found if not fits(each)] == []
    assert {each.action for each in found} == ACTIONS


def test_the_schema_and_the_lists_of_actions_are_the_same() -> None:
    text = schema_text()
    assert {each for each in ACTIONS if f"action {each} " in text} == ACTIONS
    assert text.count("\naction ") == len(ACTIONS) + len(GROUPS)
    assert text.count(" in [tool] ") == len(GROUPS["tool"])


def test_a_question_that_does_not_fit_is_told_from_one_that_does() -> None:
    one = asked(every_kind()[0])[0]
    assert fits(one)
    assert not fits(replace(one, request={**one.request, "context": "{}"}))
    half: dict[str, Any] = {"uid": {"type": "Tool", "id": "\ud800"}, "attrs": {}, "parents": []}
    with pytest.raises(ValueError, match="deserialization"):
        question("inbound", {}, {}, {}, [half])


@tenants
def test_what_people_wrote_is_in_no_question(tenant: TenantId) -> None:
    private = part(SECRET, origin=Origin.TOOL)
    subjects = [each for each in every_kind(SECRET, private) if each.kind != "tool_call"]
    found = [one for each in subjects for one in asked(each, turn(tenant=tenant), read=[private])]
    assert SECRET not in written(found)
    assert SECRET not in repr(found)


def test_an_argument_is_seen_where_its_kind_is_declared_and_named_where_it_is_not() -> None:
    found = called(ALL, to="bob", other=SECRET)
    assert SECRET not in written(found)
    assert agrees('resource.getTag("to") == "bob" && resource.unseen == ["other"]', found)


def test_numbers_and_truth_values_are_seen_whatever_their_kind() -> None:
    declared = spec(n=ArgumentKind.UNDECLARED, yes=ArgumentKind.UNDECLARED, x=ArgumentKind.TEXT)
    found = called(declared, n=2**63 - 1, yes=True, x=1.5)
    assert agrees('context.numbers.getTag("n") > 5 && resource.getTag("yes") == "true"', found)
    assert agrees('resource.unseen.contains("x")', found)
    assert agrees('resource.unseen.contains("n")', called(declared, n=2**63, yes=False))


def test_a_call_is_asked_about_once_as_a_call_and_once_for_each_thing_that_it_reaches_for() -> None:
    found = called(
        ALL, to="a", url="https://Docs.Example/x", command="ls", query="1", source="in", target="out"
    )
    assert [each.action for each in found] == [
        *("tool_call", "tool_reach", "tool_command", "tool_query", "tool_read", "tool_write")
    ]
    by = {each.action: [each] for each in found}
    assert agrees('resource.name == "docs.example" && resource.argument == "url"', by["tool_reach"])
    assert agrees('resource.name == "in" && resource.argument == "source"', by["tool_read"])
    assert agrees('resource.name == "out"', by["tool_write"])
    assert agrees('action in Action::"tool" && context.tool.getTag("to") == "a"', found)


def test_facts_of_the_turn_are_its_own() -> None:
    place = group("general", GLOBEX, closed=True)
    of = replace(turn("bob", GLOBEX, place=place), job="digest")
    found = asked(every_kind()[0], of, read=[part("x", all_members(GLOBEX), origin=Origin.FILE)])
    assert agrees('context.tenant == "GLOBEX" && principal in Tenant::"GLOBEX"', found)
    assert agrees('!(principal in Tenant::"ACME") && principal.id == "bob" && principal.realm == "T2"', found)
    assert agrees("context.read.members && context.read.files && !context.read.private", found)
    assert agrees("!context.audience.private && context.audience.members && resource.closed", found)
    assert agrees("context.time.hour == 12 && context.time.minute == 0 && context.time.weekday == 1", found)
    assert agrees('context has job && context.job == "digest"', found)
    mine = asked(every_kind("12345", part("12345"))[0], turn(), read=[part("x"), part("y", in_room(group()))])
    assert agrees("context.read.private && context.read.room && !context.read.tools", mine)
    assert agrees("context.text.codepoints == 5 && !context.text.unaccounted && !(context has job)", mine)
    assert agrees("context.text.unaccounted", asked(every_kind("x")[1]))


@pytest.mark.parametrize(
    "unclear",
    [
        pytest.param(case(tool_call(None, {})), id="a-tool-that-nobody-declared"),
        pytest.param(case(tool_call(ALL, {"url": "https://a.example\\@b.example"})), id="a-url-of-two-hosts"),
        pytest.param(case(tool_call(ALL, {"source": ["a"]})), id="a-path-that-is-no-text"),
        pytest.param(case(tool_call(ALL, {"to": "\ud800"})), id="half-a-character"),
        pytest.param(
            case(
                every_kind()[0],
                replace(turn(), principal=replace(turn().principal, id=PrincipalId('["unverified","x"]'))),
            ),
            id="a-sender-of-no-channel",
        ),
    ],
)
def test_what_no_question_can_be_made_of_is_unclear(unclear: Case) -> None:
    with pytest.raises(Unclear) as error:
        questions(unclear, MONDAY_NOON, host_of)
    assert str(error.value) == ""
    assert error.value.__cause__ is None
