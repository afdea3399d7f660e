"""What the doctor says of each thing it looks at."""

import os
from pathlib import Path

import pytest

from firewall.core.errors import ChainBroken
from partywall import doctor
from partywall.config import Config, parse
from partywall.doctor import Check, State

SECRET = "hunter2-0451-secret"


def states(checks: list[Check]) -> list[State]:
    return [check.state for check in checks]


@pytest.mark.parametrize(
    ("version", "state"),
    [((3, 10), State.FAULT), ((3, 11), State.OK), ((3, 14), State.OK), ((3, 15), State.WARNING)],
)
def test_python_is_served_from_3_11_to_3_14(version: tuple[int, int], state: State) -> None:
    assert doctor.python(version).state is state


@pytest.mark.parametrize(
    ("name", "state", "words"),
    [
        pytest.param("Linux", State.OK, "", id="linux"),
        pytest.param("Darwin", State.WARNING, "exec", id="macos-has-no-exec"),
        pytest.param("Windows", State.FAULT, "WSL", id="windows-is-refused-with-the-way-out"),
        pytest.param("Plan9", State.FAULT, "Linux", id="anything-else"),
    ],
)
def test_the_platform_decides(name: str, state: State, words: str) -> None:
    found = doctor.system(name)
    assert found.state is state
    assert words in found.remedy


def test_without_bubblewrap_exec_stays_denied_and_the_reason_is_named() -> None:
    found = doctor.confinement("no user namespaces")
    assert found.state is State.WARNING
    assert "no user namespaces" in found.detail
    assert doctor.confinement(None).state is State.OK


def test_a_folder_that_shadows_is_a_fault_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "adapters").mkdir()
    found = list(doctor.packages(tmp_path))
    assert states(found) == [State.FAULT]
    assert "adapters" in found[0].detail
    (tmp_path / "adapters").rmdir()
    assert states(list(doctor.packages(tmp_path))) == [State.OK]


def test_dangerous_grants_are_listed_by_tenant() -> None:
    config = parse(
        '[[tenant]]\nid = "ACME"\n[tenant.tools]\n'
        'grants = ["exec", "orders"]\nhosts = [".example.org", "a.b"]\n'
        '[[tenant]]\nid = "GLOBEX"\n'
    )
    found = list(doctor.grants(config))
    assert states(found) == [State.WARNING, State.WARNING]
    assert all("ACME" in each.detail for each in found)
    assert "orders" not in "".join(each.detail for each in found)
    assert states(list(doctor.grants(Config()))) == [State.OK]


def test_serving_more_than_people_is_a_warning() -> None:
    assert doctor.served(parse('serve = ["human", "bot"]\n')).state is State.WARNING
    assert doctor.served(Config()).state is State.OK


def test_a_key_that_others_can_read_is_a_fault(tmp_path: Path) -> None:
    key, database = tmp_path / "keys" / "k", tmp_path / "state" / "db"
    key.parent.mkdir()
    database.parent.mkdir()
    database.touch()
    config = parse(f'[store]\npath = "{database}"\nmaster_key_file = "{key}"\n')
    assert states(list(doctor.key_file(config))) == [State.FAULT]
    key.write_bytes(bytes(32))
    key.chmod(0o640)
    found = list(doctor.key_file(config))
    assert states(found) == [State.FAULT]
    assert "0640" in found[0].detail
    key.chmod(0o600)
    assert states(list(doctor.key_file(config))) == [State.OK]


def test_a_key_beside_its_database_is_to_be_moved(tmp_path: Path) -> None:
    config = parse(f'[store]\npath = "{tmp_path / "db"}"\n')
    assert states(list(doctor.key_file(config))) == [State.OK]
    (tmp_path / "db").touch()
    assert states(list(doctor.key_file(config))) == [State.FAULT]
    (tmp_path / "master.key").touch(mode=0o600)
    os.chmod(tmp_path / "master.key", 0o600)
    found = list(doctor.key_file(config))
    assert states(found) == [State.WARNING]
    assert "move" in found[0].remedy


def test_a_missing_nlp_model_is_a_fault_and_nothing_is_loaded_to_find_out() -> None:
    config = parse(
        '[pii.nlp]\nnlp_engine_name = "spacy"\nmodels = [{ lang_code = "en", model_name = "xx_not_there" }]\n'
    )
    found = list(doctor.detectors(config))
    assert found[-1].state is State.FAULT
    assert "xx_not_there" in found[-1].detail
    assert states(list(doctor.detectors(parse('profile = "light"\n')))) == [State.OK]


def test_an_error_of_ours_becomes_a_fault_with_its_own_words() -> None:
    found = doctor.failure("receipts", ChainBroken("receipt 3 does not follow receipt 2"))
    assert not doctor.sound([found])
    assert doctor.sound([doctor.warning("a", "b", "c"), doctor.ok("a", "b")])
