"""A tool runs only if it was declared, is not of a dangerous class, or is named by the tenant's own grant."""

import pytest

from firewall.core.ids import TenantId
from firewall.core.subject import ArgumentKind, Json, Reads, Subject, ToolCall, ToolSpec
from firewall.core.verdict import Deny, ReasonCode, Severity
from firewall.layers.tool_denial import Grants, ToolDenial, dangerous
from tests.fakes.clock import at_once
from tests.fakes.stores import Confinement, NamedHosts
from tests.fakes.tenants import ACME, GLOBEX, case, every_kind, spec, tool_call, turn


def layer(*, reason: str | None = None, **grants: Grants) -> ToolDenial:
    return ToolDenial(
        fetcher=NamedHosts(),
        runner=Confinement(reason=reason),
        grants={TenantId(name): each for name, each in grants.items()},
    )


def judged(subject: Subject, by: ToolDenial | None = None, tenant: TenantId = ACME) -> Deny | None:
    verdict = at_once((by or layer()).judge(case(subject, turn(tenant=tenant))))
    return verdict if isinstance(verdict, Deny) else None


def reason(subject: Subject, by: ToolDenial | None = None, tenant: TenantId = ACME) -> ReasonCode | None:
    denied = judged(subject, by, tenant)
    return None if denied is None else denied.reason


def call(name: str, *, fits: bool = True, value: Json = "x", **kinds: ArgumentKind) -> ToolCall:
    declared = ToolSpec(name=name, arguments=kinds, reads=Reads.OWN)
    return tool_call(declared, dict.fromkeys(kinds, value), fits=fits)


HARMLESS = call("weather", city=ArgumentKind.TEXT)


def test_a_declared_and_harmless_tool_passes_without_a_grant() -> None:
    assert reason(HARMLESS) is None


def test_a_tool_nobody_declared_is_refused() -> None:
    denied = judged(tool_call(None, {}, name="weather"))
    assert denied is not None
    assert (denied.reason, denied.severity) == (ReasonCode.UNKNOWN_TOOL, Severity.MEDIUM)


SHELLS = [
    "exec", "shell", "bash", "sh", "zsh", "python", "node", "ruby", "run", "cmd", "powershell", "pwsh",
    "perl", "terminal", "subprocess", "eval", "sudo", "ssh", "execute", "popen", "php", "system", "console",
]  # fmt: skip
EGRESS = [
    "web_fetch", "http_get", "http_post", "http_put", "http_delete", "fetch", "curl", "wget", "nc", "netcat",
    "socat", "webhook", "download", "upload", "browser", "request",
]  # fmt: skip
DRESSES = {
    "plain": "{}",
    "namespace": "mcp__x__{}",
    "dotted": "functions.{}",
    "slashed": "tools/{}",
    "colons": "srv::{}",
    "prefixed": "my_{}",
    "padded": " {} ",
}


@pytest.mark.parametrize("dress", DRESSES)
@pytest.mark.parametrize("name", [*SHELLS, *EGRESS])
def test_every_shell_and_network_tool_is_a_dangerous_class(name: str, dress: str) -> None:
    for each in (name, name.upper(), name.title(), name.replace("_", "-")):
        assert dangerous(DRESSES[dress].format(each)) is not None


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("Bash", id="case"),
        pytest.param("mcp__x__Bash", id="namespace-and-case"),
        pytest.param("runShell", id="camel"),
        pytest.param("execCommand", id="camel-first"),
        pytest.param("WebFetch", id="pascal"),
        pytest.param("PythonREPL", id="acronym-behind"),
        pytest.param("codeInterpreter", id="interpreter"),
        pytest.param("cURL", id="odd-case"),
        pytest.param("\uff45\uff58\uff45\uff43", id="full-width"),
        pytest.param("\U0001d41b\U0001d41a\U0001d42c\U0001d421", id="mathematical-letters"),
        pytest.param("bash_tool", id="wrapper"),
        pytest.param("run_in_terminal", id="wrapped"),
        pytest.param("python3.11", id="version"),
        pytest.param("HTTPGet", id="acronym-before"),
        pytest.param("SSHRun", id="short-acronym-before"),
        pytest.param("BASHTool", id="shouted-before"),
        pytest.param("python2", id="older-version"),
        pytest.param("node18", id="version-without-a-dot"),
    ],
)
def test_a_dangerous_class_is_recognised_in_any_dress(name: str) -> None:
    assert dangerous(name) is not None


@pytest.mark.parametrize(
    "name",
    ["weather", "shellfish_prices", "executive_summary", "crunch", "washer", "run_report", ""],
)
def test_a_harmless_name_is_not_taken_for_a_shell(name: str) -> None:
    assert dangerous(name) is None


@pytest.mark.parametrize("declared", [True, False])
def test_a_dangerous_tool_is_named_to_the_operator_whether_declared_or_not(declared: bool) -> None:
    asked = call("mcp__x__Bash") if declared else tool_call(None, {}, name="mcp__x__Bash")
    denied = judged(asked)
    assert denied is not None
    assert (denied.reason, denied.rule) == (ReasonCode.DENIED_CLASS, "denied_class:bash")


def test_a_tool_runs_only_when_the_tenants_own_grant_names_it() -> None:
    granted = layer(ACME=Grants(tools=frozenset({"bash"})))
    assert reason(call("bash"), granted) is None
    assert reason(call("bash"), granted, GLOBEX) is ReasonCode.DENIED_CLASS
    assert reason(call("Bash"), granted) is ReasonCode.DENIED_CLASS
    assert reason(call("mcp__bash"), granted) is ReasonCode.DENIED_CLASS


def test_a_grant_makes_no_unknown_tool_known() -> None:
    granted = layer(ACME=Grants(tools=frozenset({"bash"})))
    assert reason(tool_call(None, {}, name="bash"), granted) is ReasonCode.UNKNOWN_TOOL


def test_a_tenant_with_a_closed_list_runs_nothing_else() -> None:
    closed = layer(ACME=Grants(only=frozenset({"news"})), GLOBEX=Grants(only=frozenset()))
    assert reason(call("news"), closed) is None
    assert reason(HARMLESS, closed) is ReasonCode.TOOL_NOT_GRANTED
    assert reason(call("news"), closed, GLOBEX) is ReasonCode.TOOL_NOT_GRANTED


@pytest.mark.parametrize("kind", [each for each in ArgumentKind if each.bound])
@pytest.mark.parametrize("value", ["GLOBEX", "", None, ["GLOBEX"]], ids=repr)
def test_a_value_for_a_bound_argument_is_refused_whatever_it_is(kind: ArgumentKind, value: Json) -> None:
    asked = call("orders", value=value, tenant=kind)
    denied = judged(asked, layer(ACME=Grants(tools=frozenset({"orders"}))))
    assert denied is not None
    assert (denied.reason, denied.rule) == (ReasonCode.BOUND_ARGUMENT, "bound:tenant")


def test_arguments_that_do_not_fit_the_schema_are_refused() -> None:
    assert reason(call("weather", fits=False)) is ReasonCode.BAD_ARGUMENTS


@pytest.mark.parametrize("kind", [ArgumentKind.COMMAND, ArgumentKind.QUERY])
def test_commands_and_queries_need_a_grant_of_their_own(kind: ArgumentKind) -> None:
    asked = call("report", text=kind)
    granted = layer(ACME=Grants(tools=frozenset({"report"})))
    assert reason(asked) is ReasonCode.TOOL_NOT_GRANTED
    assert reason(asked, granted, GLOBEX) is ReasonCode.TOOL_NOT_GRANTED
    assert reason(asked, granted) is None
    unset = tool_call(spec("report", text=kind), {})
    assert reason(unset) is ReasonCode.TOOL_NOT_GRANTED


def test_a_granted_command_is_denied_where_it_cannot_be_confined() -> None:
    grants = Grants(tools=frozenset({"report"}))
    asked, query = call("report", text=ArgumentKind.COMMAND), call("report", text=ArgumentKind.QUERY)
    assert reason(asked, layer(reason="no bubblewrap", ACME=grants)) is ReasonCode.EXEC_UNAVAILABLE
    assert reason(query, layer(reason="no bubblewrap", ACME=grants)) is None


@pytest.mark.parametrize(
    ("url", "passes"),
    [
        pytest.param("https://example.org/a", True, id="granted"),
        pytest.param("https://example.org.evil.net/", False, id="a-longer-name"),
        pytest.param("http://169.254.169.254/", False, id="metadata"),
        pytest.param(None, False, id="null"),
        pytest.param(["https://example.org/a"], False, id="a-list"),
        pytest.param({"u": "https://example.org/a"}, False, id="an-object"),
    ],
)
def test_a_url_goes_to_hosts_of_the_tenants_own_grant_only(url: Json, passes: bool) -> None:
    asked = call("lookup", value=url, url=ArgumentKind.URL)
    granted = layer(ACME=Grants(hosts=("example.org",)))
    assert reason(asked, granted) is (None if passes else ReasonCode.HOST_NOT_GRANTED)
    assert reason(asked, granted, GLOBEX) is ReasonCode.HOST_NOT_GRANTED
    assert reason(asked) is ReasonCode.HOST_NOT_GRANTED


def test_a_url_that_is_left_out_is_no_url() -> None:
    assert reason(tool_call(spec("lookup", url=ArgumentKind.URL), {})) is None


def test_every_url_counts() -> None:
    two: ToolSpec = spec("lookup", a=ArgumentKind.URL, b=ArgumentKind.URL)
    granted = layer(ACME=Grants(hosts=("example.org",)))
    urls: dict[str, Json] = {"a": "https://example.org/", "b": "https://evil.net/"}
    assert reason(tool_call(two, urls), granted) is ReasonCode.HOST_NOT_GRANTED


@pytest.mark.parametrize("subject", every_kind(), ids=lambda each: each.kind.value)
def test_what_is_no_tool_call_is_not_its_to_allow(subject: Subject) -> None:
    expected = None if isinstance(subject, ToolCall) else ReasonCode.UNKNOWN_SUBJECT
    assert reason(subject) is expected
