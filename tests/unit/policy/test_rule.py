"""Reading policies: what is refused, with its place in the file, and what the annotations come to."""

import pytest

from firewall.core.errors import ConfigError
from firewall.core.verdict import Severity
from firewall.policy.actions import ACTIONS, GROUPS
from firewall.policy.rule import Duty, Effect, rules

HEAD = '@id("a")\n'
ANY = "(principal, action, resource)"


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as error:
        rules(text, "acme.cedar")
    return str(error.value)


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        pytest.param(f"{HEAD}forbid{ANY} when {{\n  context.time.hour >> 3 }};", 3, 22, "`>`", id="token"),
        pytest.param(f"{HEAD}forbid{ANY}", 2, 35, "unexpected end", id="no-end"),
        pytest.param(f"{HEAD}forbid{ANY} when {{ foo }};", 2, 44, "foo", id="unknown-variable"),
        pytest.param(f'{HEAD}forbid{ANY} when {{ "x }};', 2, 44, "invalid token", id="text-without-end"),
        pytest.param(
            f'{HEAD}forbid(principal, action == Action::"nope", resource);', 2, 29, "nope", id="no-action"
        ),
        pytest.param(f"{HEAD}forbid{ANY} when {{ context.secret }};", 2, 52, "secret", id="unknown-fact"),
        pytest.param(
            f'// why\n\n{HEAD}forbid{ANY} when {{ principal.name == "Ann" }};', 4, 54, "name", id="no-names"
        ),
        pytest.param(
            f'{HEAD}forbid(principal, action == Action::"tool_call", resource)\n'
            'when { resource.getTag("to") == "x" };',
            3, 24, "safety", id="an-argument-that-may-be-missing",
        ),
        pytest.param(f'{HEAD}forbid{ANY} when {{ context.time.hour == "x" }};', 1, 1, "types", id="types"),
        pytest.param(f'{HEAD}@id("b") forbid{ANY};', 1, 1, "duplicate", id="doubled-annotation"),
        pytest.param(f'{HEAD}@owner("me") forbid{ANY};', 2, 1, "no annotation @owner", id="annotation"),
        pytest.param(f"forbid{ANY};", 1, 1, "@id", id="no-id"),
        pytest.param(f'@mode("enforce")\n@id("A b") forbid{ANY};', 2, 1, "@id", id="malformed-id"),
        pytest.param(f'{HEAD}@mode("off") forbid{ANY};', 2, 1, "enforce, shadow", id="mode"),
        pytest.param(f'{HEAD}@severity("bad") forbid{ANY};', 2, 1, "info, low", id="severity"),
        pytest.param(f'{HEAD}@reason("") forbid{ANY};', 2, 1, "1 to 200", id="empty-reason"),
        pytest.param(f'{HEAD}@reason("a\\nb") forbid{ANY};', 2, 1, "one line", id="reason-of-lines"),
        pytest.param(f'{HEAD}@obligation("log") permit{ANY};', 2, 1, "redact, approve", id="obligation"),
        pytest.param(f'{HEAD}@obligation("approve") forbid{ANY};', 2, 1, "permit", id="obligation-of-forbid"),
        pytest.param(
            f'{HEAD}@obligation("redact") permit{ANY};', 2, 1, "only text", id="redacts-what-is-no-text"
        ),
        pytest.param(
            f"{HEAD}permit(principal == ?principal, action, resource);", 1, 1, "template", id="template"
        ),
        pytest.param("// nothing yet\n", 1, 1, "no policy in it", id="empty-file"),
        pytest.param(f"{HEAD}forbid{ANY};\n{HEAD}permit{ANY};", 3, 1, "in acme.cedar, line 1", id="twice"),
    ],
)  # fmt: skip
def test_a_policy_is_refused_where_it_is_wrong(text: str, line: int, column: int, words: str) -> None:
    said = refusal(text)
    assert said.startswith(f"acme.cedar, line {line}, column {column}: ")
    assert words in said


def test_a_file_is_read_in_order_with_what_its_annotations_say() -> None:
    text = (
        '// one; "two"\n@id("a") @mode("shadow") @severity("low") @reason("try; it")\n'
        f'forbid{ANY} when {{ context.tenant == "; //" }};\n'
        '@id("b") @obligation("approve")\npermit(principal, action in Action::"tool", resource);\n'
        '@id("c") @mode("enforce") @obligation("redact")\n'
        'permit(principal, action in [Action::"outbound", Action::"tool_result"], resource);\n'
        '@id("d") permit(principal, action == Action::"inbound", resource);'
    )
    a, b, c, d = rules(text, "f")
    assert (a.id, a.effect, a.shadow, a.severity, a.reason) == (
        "a", Effect.FORBID, True, Severity.LOW, "try; it"
    )  # fmt: skip
    assert (a.actions, b.actions, c.actions, d.actions) == (
        ACTIONS,
        GROUPS["tool"],
        frozenset({"outbound", "tool_result"}),
        frozenset({"inbound"}),
    )
    assert [each.duty for each in (a, b, c, d)] == [None, Duty.APPROVE, Duty.REDACT, None]
    assert [(each.at.line, each.at.column) for each in (a, b, c, d)] == [(2, 1), (4, 1), (6, 1), (8, 1)]
    assert not b.shadow
    assert b.severity is Severity.HIGH
