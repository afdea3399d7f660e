"""Which violations a route asks for, when it is tried again, and which routes do not load."""

from dataclasses import replace
from datetime import UTC, datetime
from ipaddress import ip_address

import pytest
from pydantic import ValidationError

from firewall.core.errors import ConfigError
from firewall.core.ids import Ref, TenantId
from firewall.core.receipt import RecordKind
from firewall.core.verdict import Severity
from partywall.alerts.backoff import exhausted, wait_s
from partywall.alerts.post import Post, inside
from partywall.alerts.routes import asks, awake, checked, routes_of
from partywall.alerts.senders import sender_of
from partywall.alerts.settings import AlertRoute
from tests.fakes.ids import CountedIds
from vault.outbox import Violation

ACME, GLOBEX = TenantId("ACME"), TenantId("GLOBEX")
PD: dict[str, object] = {"name": "ops", "kind": "pagerduty", "keys_env": ["PD"]}
HOOK: dict[str, object] = {
    "name": "hook",
    "kind": "webhook",
    "keys_env": ["K"],
    "url": "https://hook.example.org/",
}
MAIL: dict[str, object] = {
    "name": "mail",
    "kind": "email",
    "host": "smtp.example.org",
    "sender": "a@b.org",
    "to": ["c@d.org"],
}
ENVIRONMENT = {
    "PD": "r" * 32,
    "K": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "URL": "https://hooks.example.org/services/SECRET",
}
HAPPENED = Violation(
    id=1,
    tenant=ACME,
    kind=RecordKind.DENIAL,
    layer="tool_denial",
    rule="unknown_tool",
    severity=Severity.HIGH,
    preview="tool, 4",
    ref=Ref("ref-1"),
    at_ms=0,
)


def route(**given: object) -> AlertRoute:
    return AlertRoute.model_validate({**PD, **given})


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        pytest.param({}, True, id="everything-from-medium-up"),
        pytest.param({"tenants": ["ACME"]}, True, id="its-tenant"),
        pytest.param({"tenants": ["GLOBEX"]}, False, id="another-tenant"),
        pytest.param({"severity": "high"}, True, id="just-severe-enough"),
        pytest.param({"severity": "critical"}, False, id="not-severe-enough"),
        pytest.param({"layers": ["tool_denial", "redaction"]}, True, id="one-of-its-layers"),
        pytest.param({"layers": ["redaction"]}, False, id="another-layer"),
        pytest.param({"rules": ["unknown_tool"]}, True, id="its-rule"),
        pytest.param({"rules": ["unknown"]}, False, id="a-rule-that-begins-so"),
    ],
)
def test_a_route_asks_for_what_its_filters_name_and_for_no_tenant_but_its_own(
    given: dict[str, object], asked: bool
) -> None:
    assert asks(route(**given), HAPPENED) is asked
    if "tenants" in given:
        assert asks(route(**given), replace(HAPPENED, tenant=GLOBEX)) is not asked


@pytest.mark.parametrize(
    ("hours", "days", "now", "is_awake"),
    [
        pytest.param("08:00-18:00", [], "2026-01-05T08:00", True, id="from-its-first-minute"),
        pytest.param("08:00-18:00", [], "2026-01-05T18:00", False, id="until-its-last"),
        pytest.param("22:00-06:00", [], "2026-01-05T23:00", True, id="before-midnight"),
        pytest.param("22:00-06:00", [], "2026-01-06T05:59", True, id="after-midnight"),
        pytest.param("22:00-06:00", [], "2026-01-06T06:00", False, id="in-the-morning"),
        pytest.param(None, ["mon"], "2026-01-05T12:00", True, id="on-its-day"),
        pytest.param(None, ["tue", "wed"], "2026-01-05T12:00", False, id="on-another-day"),
        pytest.param("22:00-06:00", ["mon"], "2026-01-06T05:00", True, id="the-night-that-began-on-its-day"),
        pytest.param("22:00-06:00", ["tue"], "2026-01-06T05:00", False, id="the-night-before-its-day"),
    ],
)
def test_hours_and_days_are_of_utc_and_a_night_belongs_to_its_evening(
    hours: str | None, days: list[str], now: str, is_awake: bool
) -> None:
    now_ms = int(datetime.fromisoformat(now).replace(tzinfo=UTC).timestamp() * 1000)
    assert awake(route(hours=hours, days=days), now_ms) is is_awake


def test_waits_grow_to_hours_over_more_than_a_day_and_no_two_are_alike() -> None:
    ids = CountedIds()
    waits = [wait_s(attempts, ids) for attempts in range(1, 16)]
    even = [min(5.0 * 3**number, 10_800.0) for number in range(15)]
    assert all(0.8 * want <= got <= 1.2 * want for want, got in zip(even, waits, strict=True))
    assert sum(even) > 86_400
    assert wait_s(3, ids) != wait_s(3, ids)
    assert [exhausted(attempts) for attempts in (1, 15, 16)] == [False, False, True]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({"name": "ops", "kind": "pagerduty"}, "needs keys_env", id="pagerduty-without-its-key"),
        pytest.param({"name": "s", "kind": "slack", "keys_env": ["T"]}, "needs channel", id="no-channel"),
        pytest.param({"name": "s", "kind": "slack_webhook"}, "needs url_env", id="slack-without-address"),
        pytest.param({"name": "d", "kind": "discord"}, "needs url_env", id="discord-without-address"),
        pytest.param({**MAIL, "to": []}, "needs to", id="mail-to-nobody"),
        pytest.param({**MAIL, "user": "u"}, "password", id="a-user-without-a-password"),
        pytest.param({**HOOK, "keys_env": []}, "needs keys_env", id="a-webhook-that-nobody-signs"),
        pytest.param({**HOOK, "url_env": "URL"}, "either url or url_env", id="two-addresses"),
        pytest.param({**PD, "keys_env": ["A", "B"]}, "one variable", id="two-routing-keys"),
        pytest.param({**PD, "name": "on call"}, "name", id="a-name-with-a-space"),
        pytest.param({**MAIL, "to": ["a@b.org\nBcc: x@y.org"]}, "to", id="a-line-end-in-an-address"),
        pytest.param({**PD, "hours": "8-18"}, "hours", id="hours-that-are-none"),
    ],
)
def test_a_route_that_could_never_deliver_does_not_load(given: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        AlertRoute.model_validate(given)


def test_two_routes_of_one_name_and_a_route_for_nobody_are_refused() -> None:
    with pytest.raises(ConfigError, match="two alert routes are called ops"):
        checked([route(), route()], [])
    with pytest.raises(ConfigError, match="not configured"):
        checked([route(tenants=["ACNE"])], [ACME, GLOBEX])
    checked([route(tenants=["ACME"])], [ACME, GLOBEX])
    checked([route(tenants=["T0123"])], [])


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param({**PD, "keys_env": ["NONE"]}, "NONE is not set", id="a-secret-that-is-not-there"),
        pytest.param({**HOOK, "keys_env": ["PD"]}, "signing key", id="no-signing-key"),
        pytest.param({**HOOK, "url": "http://hook.example.org/"}, "https only", id="http-outside"),
        pytest.param({**HOOK, "url": "https://10.0.0.1/"}, "use its name", id="an-address-in-digits"),
        pytest.param({**HOOK, "url": "https://u:p@hook.example.org/"}, "credentials", id="credentials"),
        pytest.param({**MAIL, "host": "10.0.0.1"}, "host name", id="a-mail-server-in-digits"),
    ],
)
def test_what_cannot_be_reached_is_refused_at_the_start(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        sender_of(AlertRoute.model_validate(given), ENVIRONMENT)


def test_every_kind_has_a_way_out_and_no_secret_address_becomes_a_mark() -> None:
    given: list[dict[str, object]] = [
        PD,
        HOOK,
        MAIL,
        {"name": "slack-hook", "kind": "slack_webhook", "url_env": "URL"},
        {"name": "slack", "kind": "slack", "keys_env": ["K"], "channel": "C1"},
        {"name": "discord", "kind": "discord", "url_env": "URL"},
    ]
    made = routes_of([AlertRoute.model_validate(each) for each in given], (), CountedIds(), ENVIRONMENT)
    assert [each.name for each in made] == [str(each["name"]) for each in given]
    assert len({each.receiver.mark for each in made}) == 6
    assert not any("SECRET" in repr(each) or "r" * 32 in repr(each) for each in made)
    for each in made:
        each.sender.close()


def test_an_address_of_the_link_is_never_reached_however_it_is_written() -> None:
    refused = ["169.254.169.254", "::ffff:169.254.169.254", "fe80::1", "224.0.0.1", "0.0.0.0", "::"]  # noqa: S104
    assert not any(inside(ip_address(each)) for each in refused)
    assert all(inside(ip_address(each)) for each in ["10.0.0.1", "127.0.0.1", "::1", "8.8.8.8"])


def test_a_refused_address_is_not_repeated() -> None:
    with pytest.raises(ConfigError) as raised:
        Post("https://hooks.example.org\\SECRET", private=False, timeout_s=1)
    assert "SECRET" not in str(raised.value)
