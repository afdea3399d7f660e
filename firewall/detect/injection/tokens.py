"""The tokens of a model: a text in pieces that a model can read, and prompts that a text cannot leave.

The attack is a text that holds the model's own signs, such as the one that ends a message and begins the
answer: read as signs, it would answer for the model. So a text is cut and read with signs as plain letters;
where a prompt must have signs, those in the text are broken, and the prompt must have as many as without it.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, cast

import jinja2
import jinja2.sandbox
from tokenizers import Tokenizer

from firewall.core.errors import ConfigError, ServiceUnavailable
from firewall.detect.injection.card import TEMPLATES, TOKENIZER, read

# A text of more pieces, some 20,000 words, is left unexamined; it is never half read.
MOST: Final = 64
OVERLAP: Final = 64
_PROBE: Final = "what is said here"


class Tokens:
    """The tokens of one model. For several threads.

    Raises:
        ConfigError: The tokenizer is missing or malformed.
    """

    def __init__(self, folder: Path) -> None:
        path = folder / TOKENIZER
        try:
            told = path.read_text(encoding="utf-8")
            self._signs = _whole(Tokenizer.from_str(told))
            self._plain = _whole(Tokenizer.from_str(told))
        except Exception as error:  # the library raises bare exceptions
            raise ConfigError(
                f"{path} is no tokenizer that can be read; copy the model's folder anew"
            ) from error
        self._plain.encode_special_tokens = True
        added: Mapping[int, Any] = self._signs.get_added_tokens_decoder()
        names = sorted((str(each.content) for each in added.values() if each.special), key=len, reverse=True)
        self._special = frozenset(number for number, each in added.items() if each.special)
        self._names = re.compile("|".join(map(re.escape, names)) or r"(?!)")
        self.around: int = self._plain.num_special_tokens_to_add(is_pair=False)

    def pieces(self, text: str, size: int) -> Iterator[tuple[int, int]]:
        """Cut a text into overlapping pieces of at most so many tokens, which together hold all of it.

        Raises:
            ServiceUnavailable: There would be more than `MOST`.
        """
        places: Sequence[tuple[int, int]] = self._plain.encode(
            _written(text), add_special_tokens=False
        ).offsets
        overlap = min(OVERLAP, size // 4)
        firsts = range(0, max(len(places) - overlap, 1), size - overlap)
        if len(firsts) > MOST:
            raise ServiceUnavailable("the text has more pieces than a model is asked about")
        for first in firsts if places else ():
            last = min(first + size, len(places)) - 1
            start = 0 if first == 0 else places[first][0]
            stop = len(text) if last == len(places) - 1 else places[last][1]
            yield start, stop

    def plain(self, text: str) -> Sequence[int]:
        """Give a text as the model reads it alone, between the signs that stand around every text."""
        ids: Sequence[int] = self._plain.encode(_written(text)).ids
        return ids

    def signed(self, prompt: str) -> Sequence[int]:
        """Give a prompt, whose signs are signs."""
        ids: Sequence[int] = self._signs.encode(_written(prompt), add_special_tokens=False).ids
        return ids

    def signs(self, ids: Sequence[int]) -> int:
        """Count the signs."""
        return sum(each in self._special for each in ids)

    def broken(self, text: str) -> str:
        """Give the text with every sign in it broken apart."""
        return self._names.sub(lambda found: f"{found[0][0]} {found[0][1:]}", text)

    def words(self, ids: Sequence[int]) -> str:
        """Give what tokens say."""
        return str(self._signs.decode(list(ids), skip_special_tokens=False))


class Template:
    """How a model wants to be asked about a message: its own chat template, which may compute and do nothing.

    Raises:
        ConfigError: There is none, it cannot be rendered, or leaves out what was said.
    """

    def __init__(self, folder: Path) -> None:
        settings = read(folder / TEMPLATES[1])
        source = _source(folder, settings)
        self._given = {name: _name(settings.get(name)) for name in ("bos_token", "eos_token")}
        # The template comes with the weights: sandboxed, it reaches nothing of this process.
        environment: Any = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
        environment.globals["raise_exception"] = _refuse
        try:
            self._template = environment.from_string(source)
            shapes = (_PROBE, [{"type": "text", "text": _PROBE}])
            self._parted = next(bool(n) for n, shape in enumerate(shapes) if _PROBE in self._render(shape))
        except (jinja2.TemplateError, TypeError, StopIteration) as error:
            raise ConfigError(
                f"the chat template in {folder} gives no prompt with the message in it; copy the folder anew"
            ) from error

    def prompt(self, text: str) -> str:
        """Give the prompt that asks about a text."""
        return self._render([{"type": "text", "text": text}] if self._parted else text)

    def _render(self, content: object) -> str:
        messages = [{"role": "user", "content": content}]
        return str(self._template.render(messages=messages, add_generation_prompt=True, **self._given))


def _source(folder: Path, settings: Mapping[str, Any]) -> str:
    path = folder / TEMPLATES[0]
    try:
        source = path.read_text(encoding="utf-8") if path.is_file() else settings.get("chat_template")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} cannot be read") from error
    if not isinstance(source, str):
        raise ConfigError(f"{folder} holds no chat template; it stands in one of {', '.join(TEMPLATES)}")
    return source


def _name(token: object) -> str:
    if isinstance(token, dict):
        return str(cast("dict[str, object]", token).get("content", ""))
    return token if isinstance(token, str) else ""


def _written(text: str) -> str:
    # Half a surrogate pair cannot be written; what stands for it keeps its place.
    return text.encode("utf-8", "replace").decode()


def _refuse(_message: str) -> str:
    raise jinja2.TemplateError("the template refused")


def _whole(tokenizer: Tokenizer) -> Tokenizer:
    # A tokenizer is often stored with a length from which it leaves out the rest, silently.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
