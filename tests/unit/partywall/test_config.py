"""The configuration: what is accepted, where an error points, and that the docs list every setting."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from firewall.core.errors import ConfigError
from partywall.alerts.settings import AlertKeeping, AlertRoute
from partywall.cli.init import TEMPLATE
from partywall.config import (
    Config,
    FileArea,
    FilesIn,
    Limits,
    Profile,
    Realm,
    RecordKeeping,
    Store,
    Tenant,
    ToolGrants,
    load,
    parse,
)
from partywall.settings.bots import DiscordBot, ServedBot, SlackBot, TelegramBot
from partywall.settings.detection import (
    Enhancer,
    Injections,
    LinkHosts,
    Links,
    Oracle,
    Pii,
    PublicText,
    Secrets,
    TenantPii,
)
from partywall.settings.plugins import Plugins
from partywall.settings.policy import PlacePolicy, PolicyFiles, Ruled, TaskPolicy
from tests.fakes.services import ROOT

DOCS = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
SECTIONS: dict[str, type[BaseModel]] = {
    "": Config,
    "store": Store,
    "records": RecordKeeping,
    "alerts": AlertKeeping,
    "files": FileArea,
    "attachments": FilesIn,
    "limits": Limits,
    "links": Links,
    "oracle": Oracle,
    "pii": Pii,
    "pii.enhancer": Enhancer,
    "secrets": Secrets,
    "excerpts": PublicText,
    "injection": Injections,
    "plugins": Plugins,
    "bot": ServedBot,
    "bot.slack": SlackBot,
    "bot.telegram": TelegramBot,
    "bot.discord": DiscordBot,
    "tenant": Tenant,
    "tenant.realms": Realm,
    "tenant.tools": ToolGrants,
    "tenant.links": LinkHosts,
    "tenant.pii": TenantPii,
    "tenant.policy": PolicyFiles,
    "policy": Ruled,
    "policy.conversation": PlacePolicy,
    "policy.task": TaskPolicy,
    "alert": AlertRoute,
}

LISTS = ("tenant", "tenant.realms", "alert", "policy.conversation", "policy.task")
TWO = """\
[[tenant]]
id = "ACME"
realms = [{ channel = "slack", realm = "T1" }]

[[tenant]]
id = "GLOBEX"
realms = [{ channel = "slack", realm = "T2" }]
"""


def settings() -> Iterator[tuple[str, FieldInfo]]:
    for section, model in SECTIONS.items():
        for field, info in model.model_fields.items():
            name = ".".join(part for part in (section, info.alias or field) if part)
            if name not in SECTIONS or name in LISTS:
                yield name, info


def default_of(info: FieldInfo) -> str:
    """Give a default as the docs must write it, in a form that compares."""
    if info.is_required():
        return "required"
    value: object = info.default
    if value is None:
        return "none"
    if isinstance(value, frozenset):
        return repr(sorted(str(each) for each in cast("frozenset[object]", value)))
    return repr(list(cast("tuple[object, ...]", value)) if isinstance(value, tuple) else plain(value))


def plain(value: object) -> object:
    return value.value if isinstance(value, Profile) else value


def documented() -> dict[str, str]:
    rows = re.findall(r"^\| `([a-z_.]+)` \| (none|required|`[^`]*`) \|", DOCS, re.MULTILINE)
    return {
        name: default
        if default in ("none", "required")
        else repr(tomllib.loads(f"value = {default.strip('`')}")["value"])
        for name, default in rows
    }


def test_the_docs_list_every_setting_with_its_default_and_no_other() -> None:
    assert documented() == {name: default_of(info) for name, info in settings()}


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", DOCS, re.DOTALL))
def test_every_example_of_the_docs_loads(block: str) -> None:
    parse(block)


@pytest.mark.parametrize("block", re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL))
def test_every_python_example_of_the_docs_runs(block: str) -> None:
    exec(compile(block, "docs/configuration.md", "exec"), {})  # noqa: S102 - our own documentation


def test_the_file_that_init_writes_loads_and_gives_the_defaults() -> None:
    assert parse(TEMPLATE) == Config()


def test_every_line_of_the_template_that_is_commented_out_loads_when_it_is_not() -> None:
    lines = [re.sub(r"^# (?=\[|[a-z_]+ = |    \{|\])", "", line) for line in TEMPLATE.splitlines()]
    config = parse("\n".join(lines))
    assert config.tenants[0].tools.grants == {"exec"}
    assert len(config.tenants[0].realms) == 2
    assert config.limits == Limits()


def test_the_template_names_every_setting_but_the_rare_ones() -> None:
    missing = [name for name, _ in settings() if not re.search(rf"\b{name.split('.')[-1]}\b", TEMPLATE)]
    assert missing == ["pii.entities", "pii.nlp"]


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param('profil = "strict"\n', 1, "profil is not a setting", id="unknown-key"),
        pytest.param('[store]\npath = "x"\n\n[store]\n', 4, "only once", id="doubled-table"),
        pytest.param('profile = "light"\nprofile = "strict"\n', 2, "only once", id="doubled-key"),
        pytest.param(
            "[limits]\nmax_rounds = 8\nmax_round = 9\n", 3, "max_round is not", id="unknown-in-a-table"
        ),
        pytest.param("[limits]\nturn_timeout_s = -1\n", 2, "greater than 0", id="out-of-range"),
        pytest.param(
            'profile = "loose"\n', 1, "'strict', 'standard', 'light' or 'observe'", id="unknown-profile"
        ),
        pytest.param("profile = \n", 1, "not TOML", id="no-value"),
        pytest.param(
            f'{TWO}[tenant.tools]\ngrant = ["exec"]\n', 9, "grant is not a setting", id="second-tenant"
        ),
        pytest.param('[[tenant]]\nid = ""\n', 2, "at least 1 character", id="empty-tenant"),
        pytest.param(
            '[[tenant]]\nid = "ACME"\n[[tenant]]\nid = "ACME"\n', 4, "two tenants", id="one-name-twice"
        ),
        pytest.param(TWO.replace("T2", "T1"), 7, "a realm has one tenant", id="one-realm-for-two-tenants"),
        pytest.param("[[tenant]]\nrealms = []\n", 1, "Field required", id="a-tenant-without-a-name"),
        pytest.param('[store]\nsynchronous = "OFF"\n', 2, "pattern", id="not-durable-at-all"),
        pytest.param('serve = ["human", "ghost"]\n', 1, "serve", id="unknown-kind-of-sender"),
    ],
)
def test_a_wrong_configuration_names_the_line_and_the_remedy(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as raised:
        parse(text)
    assert words in str(raised.value)
    assert raised.value.line == line


def test_a_wrong_value_is_not_repeated_in_the_error() -> None:
    with pytest.raises(ConfigError) as raised:
        parse('model = ["sk-live-0123456789"]\n')
    assert "sk-live" not in str(raised.value)


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="partywall init"):
        load(tmp_path / "none.toml")


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "partywall.toml"
    path.write_bytes(b'profile = "\xff"')
    with pytest.raises(ConfigError, match="UTF-8"):
        load(path)


def test_nothing_gives_safe_defaults() -> None:
    assert load(None) == load({}) == Config()
    assert load({"tenant": [{"id": "ACME"}, {"id": "GLOBEX"}]}).tenants[1].id == "GLOBEX"


@pytest.mark.parametrize("host", ["https://docs.example.org", "Docs.example.org", "docs", "1.2.3.4", ""])
def test_a_host_that_no_link_could_have_is_refused(host: str) -> None:
    with pytest.raises(ConfigError, match="links"):
        load({"links": {"hosts": [host]}})
    assert load({"links": {"hosts": ["docs.example.org", ".example.net"]}}).links.given_by_tools
