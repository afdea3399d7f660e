import os
from pathlib import Path

import msgspec
import pytest

from firewall.detect.secrets import stretch
from firewall.detect.secrets.cache import Cache, name_of

NAME = name_of(b"acme", b"globex")


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(folder=tmp_path / "gates")
    cache.write(NAME, b"acme and globex")
    return cache


def test_what_was_written_is_read(cache: Cache) -> None:
    assert cache.read(NAME) == b"acme and globex"
    assert cache.read(name_of(b"other")) is None


def test_only_the_owner_may_read_it(cache: Cache) -> None:
    assert cache.folder.stat().st_mode & 0o777 == 0o700
    assert (cache.folder / NAME).stat().st_mode & 0o777 == 0o600
    assert os.listdir(cache.folder) == [NAME]


def test_names_do_not_run_into_each_other() -> None:
    assert name_of(b"ac", b"me") != name_of(b"acm", b"e")


@pytest.mark.parametrize("place", [0, 20, -1])
def test_a_changed_byte_is_not_read(cache: Cache, place: int) -> None:
    path = cache.folder / NAME
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    assert cache.read(NAME) is None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o622])
def test_a_file_that_others_may_write_is_not_read(cache: Cache, mode: int) -> None:
    (cache.folder / NAME).chmod(mode)
    assert cache.read(NAME) is None


def test_a_folder_that_others_may_write_is_neither_read_nor_written(cache: Cache) -> None:
    cache.folder.chmod(0o770)
    assert cache.read(NAME) is None
    cache.write(name_of(b"new"), b"new")
    assert os.listdir(cache.folder) == [NAME]


def test_a_link_is_not_followed(cache: Cache, tmp_path: Path) -> None:
    (cache.folder / NAME).rename(tmp_path / "elsewhere")
    (cache.folder / NAME).symlink_to(tmp_path / "elsewhere")
    assert cache.read(NAME) is None
    (tmp_path / "linked").symlink_to(cache.folder, target_is_directory=True)
    assert Cache(folder=tmp_path / "linked").read(NAME) is None


def test_a_folder_of_somebody_else_is_not_read(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: os.getuid() + 1)
    assert cache.read(NAME) is None


def test_a_pipe_in_its_place_does_not_block(cache: Cache) -> None:
    (cache.folder / NAME).unlink()
    os.mkfifo(cache.folder / NAME, 0o600)
    assert cache.read(NAME) is None


def test_a_place_that_cannot_be_written_is_no_fault(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    cache = Cache(folder=tmp_path / "file" / "gates")
    cache.write(NAME, b"acme")
    assert cache.read(NAME) is None


def test_what_cannot_be_put_in_place_leaves_nothing_behind(cache: Cache) -> None:
    (cache.folder / NAME).unlink()
    (cache.folder / NAME).mkdir()
    cache.write(NAME, b"globex")
    assert os.listdir(cache.folder) == [NAME]


def test_which_patterns_need_no_stretch_is_read_again_where_it_was_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    patterns = ["acme_[0-9]{4}", "globex[a-z]{16}", "tenant"]
    assert stretch.unstretched(patterns, None) == [0, 2]
    assert stretch.unstretched(patterns, tmp_path / "gates") == [0, 2]
    monkeypatch.setattr(stretch, "stretched", None)
    assert stretch.unstretched(patterns, tmp_path / "gates") == [0, 2]
    with pytest.raises(TypeError):
        stretch.unstretched(patterns[:2], tmp_path / "gates")


@pytest.mark.parametrize("kept", [b"\xc1", msgspec.msgpack.encode([0, 3]), msgspec.msgpack.encode(["0"])])
def test_what_was_kept_of_other_patterns_is_not_believed(
    kept: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def named(*_parts: bytes) -> str:
        return NAME

    cache = Cache(folder=tmp_path / "gates")
    monkeypatch.setattr(stretch, "name_of", named)
    cache.write(NAME, kept)
    assert stretch.unstretched(["acme", "globex[a-z]{16}", "tenant"], cache.folder) == [0, 2]
    assert cache.read(NAME) == msgspec.msgpack.encode([0, 2])
