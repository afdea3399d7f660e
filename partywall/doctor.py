"""What `partywall doctor` looks at: the machine, the installation, the configuration and the state.

It changes nothing: no migration, no new database, no key. What it says holds ids, counts, modes and remedies,
never anything that was said or kept.
"""

import importlib.metadata
import importlib.util
import platform
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import cast

from firewall.core.errors import PartywallError
from firewall.layers.tool_denial import dangerous
from partywall import origin
from partywall.config import Config, Profile
from sandbox import process
from sandbox.resolve import best_resolver, openat2
from vault.address import is_server
from vault.keyfile import FILE_NAME
from vault.sqlite import MEMORY

# Presidio's NLP engines that fetch nothing, and the modules that they need beside spaCy.
_ENGINES = {"spacy": (), "slim": (), "transformers": ("transformers",)}
OLDEST, NEWEST = (3, 11), (3, 14)
_OTHERS = 0o077


class State(StrEnum):
    """How a check ended; a fault is what keeps a wall from serving, or from being believed."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: What, in one word or two.
        state: How it is.
        detail: What was found; no content.
        remedy: What to do; empty where there is nothing to do.
    """

    name: str
    state: State
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Check:
    """Report that something is as it should be."""
    return Check(name=name, state=State.OK, detail=detail)


def warning(name: str, detail: str, remedy: str) -> Check:
    """Report something that an operator should know and may want to change."""
    return Check(name=name, state=State.WARNING, detail=detail, remedy=remedy)


def fault(name: str, detail: str, remedy: str) -> Check:
    """Report something that must be mended."""
    return Check(name=name, state=State.FAULT, detail=detail, remedy=remedy)


async def machine() -> list[Check]:
    """Check the platform, the interpreter, the kernel and the installed packages."""
    return [
        *packages(Path.cwd()),
        python(sys.version_info[:2]),
        system(platform.system()),
        _openat2(),
        confinement(await process.unavailable()),
        _litellm(),
    ]


def packages(folder: Path) -> Iterator[Check]:
    """Check that the five packages are ours, and that the working directory holds no other of their names."""
    found = [*origin.strays(), *origin.nearby(folder)]
    for stray in found:
        yield fault("packages", str(stray), "rename it")
    if not found:
        yield ok("packages", f"{', '.join(origin.PACKAGES)} come from one installation")


def python(version: tuple[int, int]) -> Check:
    """Check the interpreter's version."""
    shown = ".".join(map(str, version))
    if version < OLDEST:
        return fault("python", f"{shown} is too old", "use Python 3.11 to 3.14")
    if version > NEWEST:
        return warning("python", f"{shown} is newer than what was tested", "use Python 3.11 to 3.14")
    return ok("python", shown)


def system(name: str) -> Check:
    """Check the platform; a grant that it cannot keep is denied, never weakened."""
    match name:
        case "Linux":
            return ok("platform", "Linux")
        case "Darwin":
            return warning("platform", "macOS: exec grants stay denied", "run bots that need exec on Linux")
        case "Windows":
            return fault(
                "platform", "Windows is not supported", "use WSL 2: `wsl --install`, then install there"
            )
        case _:
            return fault("platform", f"{name or 'this system'} is not supported", "use Linux")


def confinement(reason: str | None) -> Check:
    """Say whether commands can be confined; where they cannot, exec stays denied."""
    if reason is None:
        return ok("bubblewrap", "commands can be confined; exec runs where it is granted")
    return warning("bubblewrap", f"exec stays denied: {reason}", "install bubblewrap, or do without exec")


def _openat2() -> Check:
    if best_resolver() is openat2:
        return ok("openat2", "the kernel keeps paths inside their compartment")
    return warning("openat2", "paths are walked name by name, which is slower", "use Linux 5.6 or newer")


def _litellm() -> Check:
    # Importing it takes seconds and much memory; whether it can be imported is all that is asked.
    if importlib.util.find_spec("litellm") is None:
        return fault("litellm", "not installed", "pip install litellm")
    return ok("litellm", f"version {importlib.metadata.version('litellm')}")


def detectors(config: Config) -> Iterator[Check]:
    """Check what the profile's detectors need; one that is missing keeps the wall from opening."""
    if config.profile is Profile.LIGHT:
        yield ok("presidio", "not used by the profile light")
        return
    if importlib.util.find_spec("presidio_analyzer") is None:
        yield fault("presidio", "not installed", "pip install 'partywall[pii]', or set profile = \"light\"")
        return
    yield ok("presidio", f"version {importlib.metadata.version('presidio_analyzer')}")
    if config.pii.nlp is None:
        yield ok("nlp models", "none configured: patterns only, so names and places are not found")
        return
    engine = str(config.pii.nlp.get("nlp_engine_name"))
    lacking = [each for each in _ENGINES.get(engine, ()) if importlib.util.find_spec(each) is None]
    if engine not in _ENGINES or lacking:
        what = f"engine {engine} needs {', '.join(lacking)}" if lacking else f"there is no engine {engine}"
        yield fault("nlp models", what, f"install it, or name one of {', '.join(_ENGINES)}")
        return
    models = list(_models(config.pii.nlp))
    missing = [model for model in models if not _installed(model)]
    if missing or not models:
        names = ", ".join(missing) or "none is named"
        yield fault(
            "nlp models", f"not installed: {names}", "install them with pip; nothing is downloaded at start"
        )
    else:
        yield ok("nlp models", f"{len(models)} installed")


def _models(nlp: Mapping[str, object]) -> Iterator[str]:
    listed = nlp.get("models")
    for each in cast("list[object]", listed) if isinstance(listed, list) else []:
        name = cast("dict[str, object]", each).get("model_name") if isinstance(each, dict) else None
        names = list(cast("dict[str, object]", name).values()) if isinstance(name, dict) else [name]
        yield from (one for one in names if isinstance(one, str))


def _installed(model: str) -> bool:
    # As the wall looks for them: a name with a dot or a slash in it is no module, and a module no model.
    if Path(model).is_dir():
        return True
    try:
        importlib.metadata.distribution(model)
    except (importlib.metadata.PackageNotFoundError, ValueError):
        return False
    return True


def grants(config: Config) -> Iterator[Check]:
    """List the grants that give a model reach; they are the operator's will, and worth reading again."""
    told = False
    for tenant in config.tenants:
        for tool in sorted(tenant.tools.grants):
            kind = dangerous(tool)
            if kind is not None:
                told = True
                yield warning(
                    "grants", f"tenant {tenant.id!r} may use {tool!r} ({kind})", "remove it if unused"
                )
        for host in tenant.tools.hosts:
            if host.startswith("."):
                told = True
                yield warning(
                    "grants", f"tenant {tenant.id!r} reaches every host of {host!r}", "name the hosts"
                )
    if not told:
        yield ok("grants", "no dangerous tool and no whole domain is granted")


def served(config: Config) -> Check:
    """Say which senders are served; anything but a person may be worn by several people at once."""
    others = sorted(kind.value for kind in config.serve if kind.value != "human")
    if others:
        return warning("serve", f"also serves {', '.join(others)}", "serve humans only, unless you need this")
    return ok("serve", "humans only")


STRUCTURAL = ("tenant_boundary", "attachments", "tool_denial", "storage_sandbox", "history_reset")
LAYERS = (*STRUCTURAL, "accounting", "policy", "injection", "redaction")


def layers(profile: Profile) -> dict[str, str]:
    """Say what each layer does under a profile, in the order of judgement, as `docs/profiles.md` does."""
    accounting = "denies" if profile is Profile.STRICT else "records"
    redaction = {
        Profile.STRICT: "cuts excerpts and typed values",
        Profile.STANDARD: "cuts excerpts and typed values",
        Profile.LIGHT: "cuts excerpts; looks for no typed values",
        Profile.OBSERVE: "records excerpts and typed values, changes nothing",
    }
    structural = dict.fromkeys(STRUCTURAL, "enforces")
    injection = "records" if profile is Profile.OBSERVE else "as `injection.mode` says; by default records"
    return {
        **structural,
        "accounting": f"{accounting} unaccounted text",
        "policy": "records" if profile is Profile.OBSERVE else "as each policy's `@mode` says",
        "injection": injection,
        "redaction": redaction[profile],
    }


def key_file(config: Config) -> Iterator[Check]:
    """Check who can read the master key, and whether it lies beside what it opens."""
    if config.store.path == MEMORY:
        yield ok("master key", "drawn at each start, for a database in memory")
        return
    own = config.store.master_key_file
    if own is None and is_server(config.store.path):
        make = "make a file of 32 random bytes, mode 0600, and name it in store.master_key_file"
        yield fault("master key", "none; beside a server there is no place to keep one", make)
        return
    path = Path(own) if own is not None else Path(config.store.path).parent / FILE_NAME
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        if own is None and not Path(config.store.path).exists():
            yield ok("master key", "will be made with the database, at the first start")
        else:
            yield fault("master key", "missing", "put the key's file back; without it the data stays sealed")
        return
    except OSError as error:
        yield fault("master key", f"cannot be looked at ({error.strerror})", "check the path and its owner")
        return
    if mode & _OTHERS:
        yield fault("master key", f"others can read it (mode {mode:04o})", "chmod 600 on the key's file")
    elif path.resolve().parent == Path(config.store.path).resolve().parent:
        move = "move it elsewhere and name it in store.master_key_file"
        yield warning("master key", "lies beside the database: whoever copies the folder can read all", move)
    else:
        yield ok("master key", f"mode {mode:04o}, apart from the database")


def failure(name: str, error: PartywallError) -> Check:
    """Report an error of ours, whose text says the remedy."""
    return fault(name, str(error), "see the text, and docs/errors.md")


def sound(checks: Sequence[Check]) -> bool:
    """True if nothing is a fault; warnings are for reading."""
    return all(check.state is not State.FAULT for check in checks)
