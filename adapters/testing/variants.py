"""Damaged copies of one delivery: fields lost, doubled and of other types; bytes cut and broken.

A delivery in JSON or as a form is damaged field by field. Of any other format only the bytes are damaged.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias, cast
from urllib.parse import parse_qsl, urlencode

# A JSON value; what it holds is of no interest, only where.
Tree: TypeAlias = Any
Path: TypeAlias = tuple[str | int, ...]

DEEP = 20_000


def tree(payload: bytes) -> Tree | None:
    """Give the JSON value that a delivery is, or None if it is none."""
    try:
        found: Tree = json.loads(payload)
    except ValueError:
        return None
    return found


def pairs(payload: bytes) -> list[tuple[str, str]]:
    """Give the fields of a delivery that is a form, or none."""
    try:
        return parse_qsl(payload.decode(), keep_blank_values=True, strict_parsing=True)
    except ValueError:
        return []


def losses(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the delivery without each of its fields, with the place of that field."""
    whole = tree(payload)
    if whole is not None:
        for path in _fields(whole):
            yield shown(path), _with(whole, path, None)
    form = pairs(payload) if whole is None else []
    for number, (name, _) in enumerate(form):
        yield name, urlencode(form[:number] + form[number + 1 :]).encode()


def replaced(payload: bytes, value: str) -> Iterator[tuple[str, bytes]]:
    """Yield the delivery with each of its fields in turn replaced by this JSON text."""
    whole = tree(payload)
    if whole is not None:
        for path in _fields(whole):
            yield shown(path), _with(whole, path, value)
    form = pairs(payload) if whole is None else []
    for number, (name, _) in enumerate(form):
        yield name, urlencode([*form[:number], (name, value), *form[number + 1 :]]).encode()


def doubled(payload: bytes, value: str) -> Iterator[tuple[str, bytes]]:
    """Yield the delivery with each of its fields in turn standing twice: first as this, then as it was."""
    whole = tree(payload)
    if whole is not None:
        for path in _fields(whole):
            if isinstance(path[-1], str):
                yield shown(path), _twice(whole, path, value)
    form = pairs(payload) if whole is None else []
    for name, _ in form:
        yield name, urlencode([(name, value), *form]).encode()


def cut(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield the delivery cut off after each sixteenth of its length."""
    for part in range(1, 16):
        yield f"cut after {part}/16", payload[: len(payload) * part // 16]


def broken(payload: bytes, words: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield what is no delivery at all, some of it made from a genuine one.

    Args:
        payload: A genuine delivery.
        words: Text in it, in whose place bytes are put that are no UTF-8.
    """
    yield from {
        "nothing": b"",
        "a blank": b" ",
        "a zero byte": b"\x00",
        "an empty object": b"{}",
        "an empty list": b"[]",
        "null": b"null",
        "a number": b"1e999",
        "a text": b'"text"',
        "two deliveries": payload + payload,
        "a list of it": b"[" + payload + b"]" if tree(payload) is not None else b"[]",
        "bytes after it": payload + b"\xff",
        "bytes that are no UTF-8": payload.replace(words, b"\xff\xfe" + words),
        "an overlong UTF-8 form": payload.replace(words, b"\xc0\xaf" + words),
        "UTF-16": payload.decode(errors="replace").encode("utf-16"),
        "a number that is none": payload.replace(b":", b":NaN,", 1),
    }.items()


def deep(payload: bytes) -> Iterator[tuple[str, bytes]]:
    """Yield brackets without end, alone and in the place of each field."""
    nest = "[" * DEEP + "]" * DEEP
    yield "brackets alone", nest.encode()
    yield "brackets that never close", b'{"a":' * DEEP
    yield from replaced(payload, nest)


def shown(path: Path) -> str:
    """Give a place in a delivery as text."""
    return ".".join(str(step) for step in path)


def written(value: Tree, change: Callable[[Path, str], str | None]) -> bytes:
    """Give the JSON text of a value, as bytes, each part as `change` makes it; None leaves it out."""
    return (_text(value, change, ()) or "null").encode()


def _text(value: Tree, change: Callable[[Path, str], str | None], path: Path) -> str | None:
    if isinstance(value, dict):
        fields = cast("dict[str, Tree]", value)
        rows = [(name, _text(one, change, (*path, name))) for name, one in fields.items()]
        text = "{" + ",".join(f"{json.dumps(name)}:{row}" for name, row in rows if row is not None) + "}"
    elif isinstance(value, list):
        texts = [
            _text(one, change, (*path, number)) for number, one in enumerate(cast("Sequence[Tree]", value))
        ]
        text = "[" + ",".join(item for item in texts if item is not None) + "]"
    else:
        text = json.dumps(value)
    return change(path, text)


def _with(whole: Tree, path: Path, value: str | None) -> bytes:
    return written(whole, lambda at, text: value if at == path else text)


def _twice(whole: Tree, path: Path, value: str) -> bytes:
    name = json.dumps(path[-1])
    return written(whole, lambda at, text: f"{value},{name}:{text}" if at == path else text)


def _fields(value: Tree, path: Path = ()) -> Iterator[Path]:
    """Yield the place of every field and item, the outer before the inner."""
    if path:
        yield path
    if isinstance(value, dict):
        for name, one in cast("dict[str, Tree]", value).items():
            yield from _fields(one, (*path, name))
    elif isinstance(value, list):
        for number, one in enumerate(cast("Sequence[Tree]", value)):
            yield from _fields(one, (*path, number))
