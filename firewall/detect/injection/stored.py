"""A classifier as two files: its weights, and a manifest that says by a digest that they belong together.

Nothing in them is code: no pickle is written and none is read, so a file from somewhere else can be wrong and
can do nothing. The digest tells damage and hands that change one file; whoever writes both is told by the
receipts, whose policy digest covers it.
"""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, cast

import numpy as np

from firewall.core.errors import ConfigError
from firewall.detect.injection import features
from firewall.detect.injection.classifier import Classifier, Weights, empty

MANIFEST: Final = "classifier.json"
WEIGHTS: Final = "classifier.npz"
FORMAT: Final = "partywall-classifier"
VERSION: Final = 1
# More than the weights need; a larger file is none of ours, and is not read.
_LARGEST: Final = features.BUCKETS * 4 + 65_536
_REMEDY: Final = "train it again with `partywall classifier train`, or copy both files anew"


def save(folder: Path, made: Classifier, *, measured: Mapping[str, Any]) -> Classifier:
    """Write a classifier into a folder that holds none, and give it with its digest.

    Raises:
        ConfigError: There is one already, or the folder cannot be written.
    """
    body = io.BytesIO()
    np.savez(body, weights=made.weights)
    told = {
        "format": FORMAT,
        "version": VERSION,
        "features": {
            "bits": features.BITS,
            "characters": list(features.CHARACTERS),
            "words": list(features.WORDS),
            "sizes": list(features.SIZES),
            "probe": features.probe(),
        },
        "bias": made.bias,
        "cut": made.cut,
        "measured": dict(measured),
    }
    manifest = told | {"sha256": _digest(told, body.getvalue())}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # The manifest last: without it there is no classifier.
        _write(folder / WEIGHTS, body.getvalue())
        _write(folder / MANIFEST, json.dumps(manifest, indent=2).encode() + b"\n")
    except FileExistsError as error:
        raise ConfigError(f"{folder} holds a classifier already; it stays. Name another folder") from error
    except OSError as error:
        raise ConfigError(f"{folder} cannot be written ({error.strerror}); name another folder") from error
    return load(folder)


def load(folder: Path) -> Classifier:
    """Read a classifier.

    Raises:
        ConfigError: A file is missing, damaged, changed, or of another version.
    """
    manifest = _manifest(folder)
    if manifest.get("format") != FORMAT or manifest.get("version") != VERSION:
        raise _wrong(folder, "is of another version")
    body = _read(folder / WEIGHTS)
    digest = _digest({key: manifest[key] for key in manifest if key != "sha256"}, body)
    # Before anything of it is read: what was changed is not looked into.
    if manifest.get("sha256") != digest:
        raise _wrong(folder, "was changed or damaged: the digest is another")
    seen = manifest.get("features")
    if not isinstance(seen, dict) or cast("dict[str, object]", seen).get("probe") != features.probe():
        raise _wrong(folder, "was made by another version, which sees texts otherwise")
    bias, cut = manifest.get("bias"), manifest.get("cut")
    if not isinstance(bias, float) or not isinstance(cut, float) or not np.isfinite([bias, cut]).all():
        raise _wrong(folder, "has no bias or no cut")
    return Classifier(weights=_weights(folder, body), bias=bias, cut=cut, digest=digest)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        value: object = json.loads(_read(folder / MANIFEST))
    except (ValueError, RecursionError) as error:
        raise _wrong(folder, f"has no readable {MANIFEST}") from error
    if not isinstance(value, dict):
        raise _wrong(folder, f"has no readable {MANIFEST}")
    return cast("dict[str, Any]", value)


def _weights(folder: Path, body: bytes) -> Weights:
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            if sum(each.file_size for each in archive.infolist()) > _LARGEST:
                raise _wrong(folder, "has weights of another size")
        with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
            weights: Weights = arrays["weights"]
    except (ValueError, KeyError, OSError, EOFError, zipfile.BadZipFile) as error:
        raise _wrong(folder, "has no readable weights") from error
    if weights.dtype != np.float32 or empty(weights):
        raise _wrong(folder, "has weights of another size, or some that are no numbers")
    return weights


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            body = file.read(_LARGEST + 1)
    except OSError as error:
        raise ConfigError(
            f"the classifier's file {path} cannot be read ({error.strerror}); {_REMEDY}"
        ) from error
    if len(body) > _LARGEST:
        raise ConfigError(f"the classifier's file {path} is too large to be one; {_REMEDY}")
    return body


def _write(path: Path, body: bytes) -> None:
    # Exclusive: a classifier that a running bot names is never changed beneath it.
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(body)


def _digest(told: Mapping[str, Any], body: bytes) -> str:
    text = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.sha256(len(text).to_bytes(8, "big") + text + body).hexdigest()


def _wrong(folder: Path, what: str) -> ConfigError:
    return ConfigError(f"the classifier in {folder} {what}; {_REMEDY}")
