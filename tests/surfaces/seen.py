"""What somebody can read in whatever reached them, told without any code of the wall's own."""

import html
import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, cast

# So much of a value, or of what it is disguised as, says it.
_SHARE: Final = 0.6


def strings(value: object) -> Iterator[str]:
    """Give every text in a value, keys, numbers and bytes included, in order."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, bytes):
        yield value.decode("utf-8", "replace")
    elif isinstance(value, bool) or value is None:
        return
    elif isinstance(value, int | float):
        yield str(value)
    elif isinstance(value, Mapping):
        for key, one in cast("Mapping[object, object]", value).items():
            yield from strings(key)
            yield from strings(one)
    elif isinstance(value, list | tuple | set | frozenset):
        for one in cast("list[object]", value):
            yield from strings(one)
    else:
        dump = getattr(value, "model_dump", None)
        yield from strings(dump()) if callable(dump) else (str(value),)


def bare(text: str) -> str:
    """Give the letters and digits of a text, however they are dressed."""
    plain = unicodedata.normalize("NFKD", text).casefold()
    return "".join(char for char in plain if char.isalnum())


def leaked(value: str, disguised: str, given: object, *, split: bool = False) -> bool:
    """True if most of a value, or of what it was disguised as, can be read in what was given.

    It may be read in one text or in several behind each other, and JSON may have been written as text. What
    was split may be read in any order.
    """
    if split and kept(disguised, given, split=True):
        return True
    texts = list(strings(given))
    whole = "".join(texts)
    spelled = whole.encode().decode("unicode_escape", "replace") if "\\u" in whole else whole
    shown = bare(whole) + "\n" + bare(spelled)
    if _mostly(bare(value), shown):
        return True
    return any(
        _mostly(form, text) for form in (disguised, json.dumps(disguised)[1:-1]) for text in (whole, *texts)
    )


def halves(text: str) -> tuple[str, str]:
    """Give a text in two."""
    middle = len(text) // 2
    return text[:middle], text[middle:]


def escaped(text: str) -> str:
    """Give a text as JSON may write it: every unit of UTF-16 by its number."""
    data = text.encode("utf-16-be")
    return "".join(f"\\u{data[at]:02x}{data[at + 1]:02x}" for at in range(0, len(data), 2))


def _dumped(text: str, times: int) -> Iterator[str]:
    """Give a text as it stands in JSON, and in JSON in JSON."""
    for plainly in (False, True):
        form = text
        for _ in range(times):
            form = json.dumps(form, ensure_ascii=plainly)[1:-1]
            yield form


def _read(text: str) -> Iterator[str]:
    """Give every text in a text that is JSON."""
    try:
        value: object = json.loads(text)
    except ValueError:
        return
    if not isinstance(value, str):
        yield from strings(value)


def kept(disguised: str, given: object, *, split: bool = False) -> bool:
    """True if all of what was said stands in what was given, in one text or in several behind each other."""
    texts = list(strings(given))
    inner = [one for text in texts for one in _read(text)]
    # Letters may have other strings between them, such as the keys of what they stand in.
    letters = [one for one in (*texts, *inner) if len(one) == 1]
    texts += ["".join(each) for each in (inner, letters) if split and each]
    if split and bare(disguised) and bare(disguised) in bare("".join(texts)):
        return True
    whole = ["".join(texts), *texts]
    if split and all(_stands(half, whole) for half in halves(disguised)):
        return True
    return _stands(disguised, whole)


def _stands(said: str, texts: Sequence[str]) -> bool:
    forms = (said, escaped(said), html.escape(said, quote=False), *_dumped(said, 2))
    return any(form in text for form in forms for text in texts)


def _mostly(form: str, text: str) -> bool:
    size = max(6, int(len(form) * _SHARE))
    return any(form[at : at + size] in text for at in range(max(1, len(form) - size + 1)))


def plain(value: object) -> Any:
    """Give an answer of whatever type as plain values."""
    dump = getattr(value, "model_dump", None)
    return dump() if callable(dump) else value
