"""Plug-ins are found by name alone, and whatever is wrong with one keeps the wall closed and is told."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from firewall.core.errors import ConfigError
from firewall.core.verdict import ReasonCode
from partywall.alerts.senders import sender_of
from partywall.alerts.settings import AlertRoute
from partywall.config import Config, load, parse
from partywall.detecting import rules_of
from partywall.doctor import State
from partywall.enforcement import policy_of
from partywall.plugged.detector import detectors_of
from partywall.plugged.examining import examined
from partywall.plugged.layer import layers_of
from partywall.plugged.packs import packs_of
from partywall.settings.detection import Secrets
from partywall.settings.plugins import Plugins
from partywall.testing import memory_wall
from tests.fakes.distribution import installed, laid

SECRET = "sesame-4417"
TENANTS = {"tenant": [{"id": "ACME"}, {"id": "GLOBEX"}]}
MODULE = f"""
import sys
def broken(options):
    raise ValueError("{SECRET}")
def leaves(options):
    sys.exit("{SECRET}")
def nothing(options):
    return object()
def unruly(options):
    class Unruly:
        watches = frozenset()
        @property
        def rules(self):
            raise ValueError("{SECRET}")
        def scan(self, text):
            return []
        async def judge(self, case):
            return None
    return Unruly()
def blind(options):
    class Blind:
        rules = ("a",)
        watches = frozenset()
        async def judge(self, case):
            return None
    return Blind()
def sound(options):
    class Sound:
        rules = ("a",)
        def scan(self, text):
            return []
    options.clear()
    return Sound()
def files(options):
    return [options["file"]] if options else []
def no_files(options):
    return 7
value = 7
"""
RULE = """[[rule]]
id = "acme-badge"
provider = "ACME"
description = "Badge"
pattern = 'acmebadge_[A-Za-z0-9]{12}'
positive = ["acmebadge_kR8vq2LmT4zW"]
negative = ["acmebadge_"]
"""
NAMES = ("broken", "leaves", "nothing", "unruly", "blind", "sound", "files", "no_files", "value", "absent")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "site"
    points = {name.replace("_", "-"): f"acmeplug:{name}" for name in NAMES}
    groups = ("detectors", "rules", "layers", "alerts")
    both = {f"partywall.{group}": {**points, "gone": "acmegone:make"} for group in groups}
    laid(folder, "acme-plug", both, acmeplug=MODULE)
    laid(folder, "globex-plug", {"partywall.detectors": {"twice": "acmeplug:sound"}})
    laid(folder, "globex-plug-2", {"partywall.detectors": {"twice": "acmeplug:sound"}})
    with installed(folder):
        yield folder


def made(kind: str, name: str, **options: object) -> None:
    plugins = Plugins.model_validate({kind: [name], "options": {name: options} if options else {}})
    detectors_of(plugins, limit_s=1)
    packs_of(plugins)
    layers_of(plugins)


FAULTS = [
    pytest.param("detectors", "missing", "install the one that does", id="missing"),
    pytest.param("detectors", "twice", "globex-plug and globex-plug-2 both offer", id="doubled"),
    pytest.param("detectors", "gone", "cannot be imported", id="no-such-module"),
    pytest.param("detectors", "absent", "cannot be imported", id="no-such-name"),
    pytest.param("detectors", "value", "acme-plug 1.0 is nothing that can be called", id="no-callable"),
    pytest.param("detectors", "broken", "could not be made", id="raises"),
    pytest.param("detectors", "leaves", "could not be made", id="exits"),
    pytest.param("detectors", "nothing", "is no detector", id="no-detector"),
    pytest.param("detectors", "unruly", "is no detector", id="rules-that-raise"),
    pytest.param("layers", "nothing", "is no layer", id="no-layer"),
    pytest.param("layers", "unruly", "is no layer", id="a-layer-without-rules"),
    pytest.param("layers", "blind", "is no layer", id="a-layer-that-is-never-asked"),
    pytest.param("layers", "sound", "is no layer", id="a-detector-for-a-layer"),
    pytest.param("rules", "broken", "could not be made", id="a-pack-that-raises"),
    pytest.param("rules", "files", "has no file of rules", id="an-empty-pack"),
    pytest.param("rules", "no-files", "gives no list of files", id="no-list"),
]


@pytest.mark.parametrize(("kind", "name", "words"), FAULTS)
def test_what_is_wrong_with_a_plug_in_is_told_without_its_own_words(
    site: Path, kind: str, name: str, words: str
) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        made(kind, name)
    assert SECRET not in str(raised.value)
    assert raised.value.__cause__ is None
    assert SECRET not in str(raised.value.__context__)


@pytest.mark.parametrize("kind", ["detectors", "layers", "rules"])
async def test_the_wall_does_not_open_with_one_that_is_wrong(site: Path, tmp_path: Path, kind: str) -> None:
    wall = memory_wall(
        tmp_path,
        profile="standard",
        pii={"entities": ["CREDIT_CARD"]},
        plugins={kind: ["broken"]},
        **TENANTS,
    )
    with pytest.raises(ConfigError, match="acme-plug"):
        async with wall:
            pass


def test_the_doctor_finds_each_fault_and_goes_on(site: Path) -> None:
    config = load({"plugins": {"detectors": ["broken", "sound"], "layers": ["nothing"]}})
    states = [(check.state, SECRET in check.detail) for check in examined(config)]
    assert states == [(State.FAULT, False), (State.OK, False), (State.FAULT, False)]
    assert [check.state for check in examined(Config())] == [State.OK]


async def test_a_detector_that_a_profile_would_not_use_is_refused(site: Path, tmp_path: Path) -> None:
    settings = {"profile": "light", "plugins": {"detectors": ["sound"]}}
    with pytest.raises(ConfigError, match="light"):
        async with memory_wall(tmp_path, **settings, **TENANTS):
            pass
    assert [check.state for check in examined(load(settings))][:1] == [State.FAULT]


def test_options_are_a_copy_and_their_digest_is_part_of_the_policy(site: Path) -> None:
    def config(**options: object) -> Config:
        return load({"plugins": {"detectors": ["sound"], "options": {"sound": options}}, **TENANTS})

    first = config(a=1, b=[2])
    detectors_of(first.plugins, limit_s=1)
    assert first.plugins.options["sound"] == {"a": 1, "b": [2]}
    digests = [policy_of(each, []) for each in (first, config(b=[2], a=1), config(a=2, b=[2]), load(TENANTS))]
    assert digests[0] == digests[1]
    assert len(set(digests)) == 3


def test_another_version_is_another_policy(site: Path) -> None:
    config = load({"plugins": {"detectors": ["sound"]}})
    before = policy_of(config, [])
    (site / "acme_plug-1.0.dist-info" / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: acme-plug\nVersion: 1.1\n", encoding="utf-8"
    )
    with installed(site):
        assert policy_of(config, []) != before


def test_a_pack_is_examined_like_an_operators_file(site: Path, tmp_path: Path) -> None:
    file = tmp_path / "acme.toml"
    file.write_text(RULE, encoding="utf-8")
    plugins = Plugins(rules=("files",), options={"files": {"file": str(file)}})
    assert [rule.id for rule in packs_of(plugins)] == ["acme-badge"]
    assert rules_of(Secrets(), plugins)[-1].id == "acme-badge"
    config = Config(plugins=plugins)
    before = policy_of(config, [])
    file.write_text(RULE.replace("{12}", "{13}"), encoding="utf-8")
    assert policy_of(config, []) != before
    file.write_text(RULE.replace("{12}", "{12"), encoding="utf-8")
    assert len(packs_of(plugins)) == 1
    for broken in (RULE.replace("[A-Za-z0-9]", "(("), ""):
        file.write_text(broken, encoding="utf-8")
        with pytest.raises(ConfigError, match=r"acme-plug.*acme\.toml"):
            packs_of(plugins)


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        pytest.param("missing", "install the one that does", id="missing"),
        pytest.param("broken", "could not be made", id="raises"),
        pytest.param("value", "is nothing that can be called", id="no-callable"),
    ],
)
def test_a_kind_of_alert_that_is_wrong_is_told(site: Path, kind: str, words: str) -> None:
    route = AlertRoute.model_validate({"name": "a", "kind": kind, "url": "https://a.example/"})
    with pytest.raises(ConfigError, match=words) as raised:
        sender_of(route, {})
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        pytest.param('[plugins]\ndetectors = ["a", "a"]\n', 1, "twice", id="one-name-twice"),
        pytest.param("[plugins]\n[plugins.options.a]\nb = 1\n", 1, "not named", id="options-for-nobody"),
        pytest.param('[plugins]\ndetectors = ["A b"]\n', 2, "pattern", id="no-name"),
        pytest.param(
            '[plugins]\nlayers = ["a"]\n[plugins.options.a]\nwhen = 1979-05-27\n', 4, "JSON", id="a-date"
        ),
        pytest.param(
            '[[alert]]\nname = "a"\nkind = "chat"\nurl = "https://a.example/"\n',
            3,
            "plugins.alerts",
            id="kind",
        ),
        pytest.param(
            '[plugins]\nalerts = ["chat"]\n[[alert]]\nname = "a"\nkind = "chat"\n',
            3,
            "either url or url_env",
            id="no-address",
        ),
        pytest.param(
            '[[alert]]\nname = "a"\nkind = "discord"\nurl_env = "U"\noptions = { a = 1 }\n',
            1,
            "options are for the kinds of plug-ins",
            id="options-of-ours",
        ),
    ],
)
def test_a_configuration_that_could_mean_nothing_is_refused(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        parse(text)
    assert raised.value.line == line


def test_looking_for_a_plug_in_imports_nothing(site: Path) -> None:
    policy_of(load({"plugins": {"detectors": ["sound"], "layers": ["blind"]}}), [])
    assert "acmeplug" not in sys.modules


def test_what_plug_ins_may_import_is_there() -> None:
    public: Any = __import__("partywall.plugins", fromlist=["__all__"])
    assert all(hasattr(public, name) for name in public.__all__)
    assert public.ReasonCode.PLUGIN_DENIED is ReasonCode.PLUGIN_DENIED
