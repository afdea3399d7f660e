"""What the doctor says of alert routes: what is missing and what would be refused, and no secret."""

import socket
from collections.abc import Mapping, Sequence

import pytest

from firewall.core.ids import TenantId
from partywall.alerts.examining import Resolve, examined
from partywall.alerts.settings import AlertRoute
from partywall.doctor import Check, State

KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SECRET_URL = "https://hooks.example.org/T1/kelp-47-lantern"
ENVIRONMENT = {"HOOK_KEY": KEY, "CHAT_URL": SECRET_URL, "SMTP_PASSWORD": "kelp-47-lantern", "PD": "short"}
TENANTS = [TenantId("ACME"), TenantId("GLOBEX")]
HOOK = {"name": "acmes", "kind": "webhook", "url": "https://siem.example.org/hook", "keys_env": ("HOOK_KEY",)}
MAIL = {
    "name": "mail",
    "kind": "email",
    "host": "smtp.example.org",
    "sender": "wall@example.org",
    "to": ("ops@example.org",),
}


def outside(host: str, port: int) -> Sequence[str]:
    assert (host.endswith(".example.org"), port > 0) == (True, True)
    return ("93.184.216.34", "2606:2800:220:1::1")


async def looked(
    *routes: Mapping[str, object],
    resolve: Resolve = outside,
    environment: Mapping[str, str] = ENVIRONMENT,
) -> list[Check]:
    """Look at these, and at a route of the other tenant that is as it should be."""
    globexs = {**HOOK, "name": "globexs", "tenants": ("GLOBEX",)}
    settings = [AlertRoute.model_validate(each) for each in (*routes, globexs)]
    found = await examined(settings, TENANTS, resolve, environment)
    assert not any("kelp" in f"{each.detail}{each.remedy}" or KEY in each.detail for each in found)
    return [each for each in found if "globexs" not in each.detail]


async def test_a_route_that_could_deliver_is_ready_and_its_trial_is_named() -> None:
    chat = {"name": "chat", "kind": "discord", "url_env": "CHAT_URL"}
    mail = {**MAIL, "user": "wall", "keys_env": ("SMTP_PASSWORD",)}
    found = await looked({**HOOK, "tenants": ("ACME",)}, chat, mail)
    assert [each.state for each in found] == [State.OK] * 3
    assert "partywall alerts test chat" in found[1].detail


async def test_every_variable_that_is_not_set_is_named_and_none_that_is_not_read() -> None:
    chat = {**HOOK, "url": None, "url_env": "CHAT_URL", "keys_env": ("HOOK_KEY", "OLDER_KEY")}
    (found,) = await looked(chat, environment={"HOOK_KEY": KEY, "OLDER_KEY": ""})
    assert found.state is State.FAULT
    assert "CHAT_URL, OLDER_KEY" in found.detail
    (unread,) = await looked({**MAIL, "keys_env": ("NOT_SET",)})
    assert unread.state is State.OK


FAULTS = {
    "an-address-in-digits": ({**HOOK, "url": "https://10.0.0.1/x"}, "name"),
    "http-to-the-outside": ({**HOOK, "url": "http://siem.example.org/x"}, "https only"),
    "a-key-that-is-none": ({**HOOK, "keys_env": ("SMTP_PASSWORD",)}, "whsec_"),
    "a-routing-key-cut-short": ({"name": "p", "kind": "pagerduty", "keys_env": ("PD",)}, "32 letters"),
    "a-tenant-nobody-is": ({**HOOK, "tenants": ("NOBODY",)}, "not configured"),
    "two-of-one-name": ({**HOOK, "name": "globexs"}, "two alert routes"),
    "a-mail-server-in-digits": ({**MAIL, "host": "10.0.0.1"}, "host name"),
}


@pytest.mark.parametrize("case", FAULTS)
async def test_what_keeps_the_bot_from_starting_is_a_fault(case: str) -> None:
    settings, words = FAULTS[case]
    globexs = {**HOOK, "name": "globexs"}
    routes = [AlertRoute.model_validate(each) for each in (settings, globexs)]
    found = await examined(routes, TENANTS, outside, ENVIRONMENT)
    assert [each.state for each in found if words in each.detail] == [State.FAULT]


@pytest.mark.parametrize(
    ("addresses", "private", "state", "words"),
    [
        pytest.param(("10.0.0.1",), False, State.FAULT, "private = true", id="inside"),
        pytest.param(("93.184.216.34", "10.0.0.1"), False, State.FAULT, "private = true", id="one-inside"),
        pytest.param(("10.0.0.1",), True, State.OK, "", id="inside-as-configured"),
        pytest.param(("169.254.169.254",), True, State.FAULT, "another host", id="metadata"),
        pytest.param((), False, State.WARNING, "DNS", id="unknown"),
    ],
)
async def test_an_address_that_would_be_refused_is_told_before_anything_is_sent(
    addresses: Sequence[str], private: bool, state: State, words: str
) -> None:
    def resolve(_: str, __: int) -> Sequence[str]:
        if not addresses:
            raise socket.gaierror
        return addresses

    (found,) = await looked({**HOOK, "private": private}, resolve=resolve)
    assert (found.state, words in found.remedy) == (state, True)


@pytest.mark.parametrize(
    ("settings", "remedy"),
    [
        pytest.param({**HOOK, "url": "http://siem.example.org/x", "private": True}, "https", id="http"),
        pytest.param({**MAIL, "port": 465}, 'tls = "tls"', id="implicit-port"),
        pytest.param({**MAIL, "port": 587, "tls": "tls"}, 'tls = "starttls"', id="submission-port"),
    ],
)
async def test_tls_that_does_not_fit_is_a_warning(settings: Mapping[str, object], remedy: str) -> None:
    (found,) = await looked(settings)
    assert found.state is State.WARNING
    assert remedy in found.remedy


async def test_without_a_route_it_is_said_where_violations_are_seen() -> None:
    (found,) = await examined([], TENANTS, outside, {})
    assert found.state is State.OK
    assert "violations list" in found.detail
