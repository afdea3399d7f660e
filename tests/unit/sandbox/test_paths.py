"""What a model wrote becomes names beneath a root, or nothing."""

import os
from pathlib import Path

import pytest
from pyfakefs.fake_filesystem import FakeFilesystem, OSType

from sandbox.errors import PathFault, PathRefused
from sandbox.paths import ROOT, JailPath, looks_like_path, parse


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("notes/a.txt", (b"notes", b"a.txt"), id="relative"),
        pytest.param("/notes/a.txt", (b"notes", b"a.txt"), id="absolute-is-rerooted"),
        pytest.param("/etc/passwd", (b"etc", b"passwd"), id="absolute-elsewhere-is-rerooted"),
        pytest.param("./a//b/./c/", (b"a", b"b", b"c"), id="dots-and-doubled-slashes-vanish"),
        pytest.param("a/../b", (b"b",), id="climbing-within-is-folded"),
        pytest.param(".", (), id="the-top"),
        pytest.param("/", (), id="the-top-absolute"),
        pytest.param("...", (b"...",), id="three-dots-are-a-name"),
        pytest.param("..%2f..%2fetc", (b"..%2f..%2fetc",), id="percent-is-never-decoded"),
        pytest.param(
            "\uff0e\uff0e\uff0fetc", ("\uff0e\uff0e\uff0fetc".encode(),), id="full-width-is-never-folded"
        ),
        pytest.param("-rf", (b"-rf",), id="leading-dash-is-a-name"),
        pytest.param("caf\u00e9", ("caf\u00e9".encode(),), id="nfc-stays"),
        pytest.param("cafe\u0301", ("cafe\u0301".encode(),), id="nfd-stays-another-name"),
        pytest.param("a~", (b"a~",), id="tilde-within"),
        pytest.param("x" * 255, (b"x" * 255,), id="longest-name"),
    ],
)
def test_a_path_means_names_beneath_the_root(text: str, parts: tuple[bytes, ...]) -> None:
    assert parse(text).parts == parts


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        pytest.param("", PathFault.EMPTY, id="empty"),
        pytest.param(" \u3000", PathFault.EMPTY, id="blank"),
        pytest.param("a\0b", PathFault.CONTROL_CHARACTER, id="nul"),
        pytest.param("a\nb", PathFault.CONTROL_CHARACTER, id="line-feed"),
        pytest.param("a\x85b", PathFault.CONTROL_CHARACTER, id="c1"),
        pytest.param("a\u2028b", PathFault.CONTROL_CHARACTER, id="line-separator"),
        pytest.param("a\u2029b", PathFault.CONTROL_CHARACTER, id="paragraph-separator"),
        pytest.param("exe\u202etxt", PathFault.CONTROL_CHARACTER, id="direction-override"),
        pytest.param("a\ud800", PathFault.NOT_UNICODE, id="lone-surrogate"),
        pytest.param("a\\b", PathFault.FOREIGN_SYNTAX, id="backslash"),
        pytest.param("C:/boot.ini", PathFault.FOREIGN_SYNTAX, id="drive"),
        pytest.param("c:boot.ini", PathFault.FOREIGN_SYNTAX, id="drive-relative"),
        pytest.param("//server/share", PathFault.FOREIGN_SYNTAX, id="network-share"),
        pytest.param("file:///etc/passwd", PathFault.FOREIGN_SYNTAX, id="url"),
        pytest.param("~/x", PathFault.FOREIGN_SYNTAX, id="home"),
        pytest.param("~root/x", PathFault.FOREIGN_SYNTAX, id="somebodys-home"),
        pytest.param("./C:/boot.ini", PathFault.FOREIGN_SYNTAX, id="drive-behind-a-dot"),
        pytest.param("a/../~root", PathFault.FOREIGN_SYNTAX, id="home-behind-a-step-up"),
        pytest.param("/file:/etc/passwd", PathFault.FOREIGN_SYNTAX, id="url-behind-a-slash"),
        pytest.param("..", PathFault.CLIMBS, id="parent"),
        pytest.param("/..", PathFault.CLIMBS, id="parent-of-the-top"),
        pytest.param("a/../../b", PathFault.CLIMBS, id="climbs-after-descending"),
        pytest.param("x" * 256, PathFault.COMPONENT_TOO_LONG, id="long-name"),
        pytest.param("\u00e9" * 128, PathFault.COMPONENT_TOO_LONG, id="long-name-in-bytes"),
        pytest.param("a/" * 2048, PathFault.TOO_LONG, id="long-path"),
    ],
)
def test_what_means_elsewhere_on_some_system_is_refused_without_quoting_it(
    text: str, fault: PathFault
) -> None:
    with pytest.raises(PathRefused) as refused:
        parse(text)
    assert refused.value.fault is fault
    assert refused.value.length == len(text)
    assert len(refused.value.digest) == 16
    assert str(refused.value) == fault.value


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        pytest.param("/srv/bot/ws/a.txt", (b"a.txt",), id="prefix-is-taken-off"),
        pytest.param("/srv/bot/ws", (), id="the-workspace-itself"),
        pytest.param("/srv//bot/./ws/a", (b"a",), id="prefix-in-another-spelling"),
        pytest.param("/srv/bot/wsx/a", (b"srv", b"bot", b"wsx", b"a"), id="a-sibling-is-not-the-prefix"),
        pytest.param("srv/bot/ws/a", (b"srv", b"bot", b"ws", b"a"), id="a-relative-path-keeps-its-names"),
    ],
)
def test_the_workspace_is_taken_off_absolute_paths(text: str, parts: tuple[bytes, ...]) -> None:
    assert parse(text, workspace="/srv/bot/ws").parts == parts


def test_climbing_out_of_the_workspace_is_refused() -> None:
    with pytest.raises(PathRefused):
        parse("/srv/bot/ws/../other/a", workspace="/srv/bot/ws")


@pytest.mark.parametrize("part", [b"", b".", b"..", b"a/b", b"a\0", b"x" * 256])
def test_a_jail_path_cannot_be_made_with_a_name_that_climbs(part: bytes) -> None:
    with pytest.raises(PathRefused):
        JailPath(parts=(part,))


def test_a_jail_path_is_never_longer_than_the_kernel_takes() -> None:
    with pytest.raises(PathRefused):
        JailPath(parts=(b"x" * 255,) * 17)


def test_a_jail_path_knows_its_name_parent_and_children() -> None:
    path = parse("a/b")
    assert (path.name, path.parent, path.child(b"c")) == (b"b", parse("a"), parse("a/b/c"))
    assert (ROOT.name, ROOT.parent, bytes(ROOT), str(ROOT)) == (b"", ROOT, b".", ".")
    assert str(JailPath(parts=(b"\xff",))) == "\ufffd"


@pytest.mark.parametrize(
    "text",
    [
        *(
            "/etc/passwd",
            "./x",
            "../x",
            "~/x",
            "C:\\x",
            "c:x",
            "\\\\srv\\share",
            "file:///etc/passwd",
            "a\0b",
        ),
        *("notes/a.txt", "a.txt", ".env", "a\\b", "Europe/Berlin", "'/etc/passwd'", " /etc/passwd "),
        *(
            "%2e%2e%2fetc",
            "%252e%252e%252fetc",
            "\uff0e\uff0e\uff0fetc",
            "my files/a b.txt",
            "see .. / .. /x",
        ),
        *("prose with a/../b in it",),
    ],
)
def test_an_argument_that_a_naive_tool_would_open_looks_like_a_path(text: str) -> None:
    assert looks_like_path(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "hello",
        "Berlin",
        "what is 1/2 of it?",
        "1/2",
        "2024/01/02",
        "a.b@example.com",
        "v1.2",
        "3.14",
        "and so on...",
    ],
)
def test_prose_numbers_and_addresses_do_not_look_like_paths(text: str) -> None:
    assert not looks_like_path(text)


_HOSTILE = [
    *("../globex/secret.txt", "..\\globex\\secret.txt", "C:\\base\\globex\\secret.txt", "C:secret.txt"),
    *("/base/globex/secret.txt", "\\\\?\\C:\\base\\globex\\secret.txt", "//./C:/base/globex/secret.txt"),
    *("a/../../globex/secret.txt", "ACME/../GLOBEX/SECRET.TXT", "notes.txt", "NOTES.TXT", "sub/notes.txt"),
]


@pytest.mark.parametrize(
    "system", [OSType.WINDOWS, OSType.MACOS, OSType.LINUX], ids=lambda system: system.value
)
@pytest.mark.parametrize("text", _HOSTILE)
def test_what_parses_stays_beneath_the_root_on_every_system(
    fs: FakeFilesystem, system: OSType, text: str
) -> None:
    fs.os = system
    top = "C:" if system is OSType.WINDOWS else ""
    base = f"{top}{fs.path_separator}base"
    root, other = fs.joinpaths(base, "acme"), fs.joinpaths(base, "globex")
    for folder, name, owner in ((root, "notes.txt", "acme"), (other, "secret.txt", "globex")):
        os.makedirs(folder)
        with open(fs.joinpaths(folder, name), "w", encoding="utf-8") as file:
            file.write(owner)
    try:
        parts = parse(text).parts
    except PathRefused:
        return
    joined = os.path.join(root, *(part.decode() for part in parts))
    assert os.path.realpath(joined).startswith(root + fs.path_separator)
    assert not os.path.exists(joined) or Path(joined).read_text() == "acme"
