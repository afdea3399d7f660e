"""One directory per owner, with a name that nobody can guess, aim at, or make collide."""

from __future__ import annotations

import hashlib
import hmac
import os
import shutil
import stat
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sandbox.errors import PathRefused, SetupFault, SetupRefused
from sandbox.held import Held
from sandbox.jail import Jail
from sandbox.paths import JailPath
from sandbox.quota import Quota
from sandbox.resolve import DIRECTORY_FLAGS, Resolver
from sandbox.staging import made_directory, translated

KEY_BYTES_MIN = 32
_BY_SENDER = b"by-sender"
_DOMAIN = b"sandbox.compartment.v1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reached:
    """Which tree a path of a compartment means, and the path in that tree."""

    jail: Jail
    path: JailPath


@dataclass(frozen=True, slots=True, kw_only=True)
class Compartment:
    """What one owner can reach: a tree of their own and the shared ones."""

    own: Jail
    shared: Mapping[bytes, Jail]

    def reach(self, path: JailPath) -> Reached:
        """Say which tree a path means: a shared one where its first name says so, else the owner's."""
        if path.parts and path.parts[0] in self.shared:
            return Reached(jail=self.shared[path.parts[0]], path=JailPath(parts=path.parts[1:]))
        return Reached(jail=self.own, path=path)

    def close(self) -> None:
        """Release the owner's tree; the shared ones belong to `Compartments`."""
        self.own.close()

    def __enter__(self) -> Self:
        """Use the compartment and close it afterwards."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the compartment."""
        self.close()


class Compartments:
    """All compartments beneath one base directory that no compartment reaches."""

    def __init__(
        self,
        base: str | os.PathLike[str],
        *,
        key: bytes,
        quota: Quota,
        shared: Mapping[str, str | os.PathLike[str]] | None = None,
        resolver: Resolver | None = None,
    ) -> None:
        """Open the base, made with 0700 where missing.

        Args:
            base: Directory of ours alone; nothing else may write to it.
            key: At least 32 random bytes. Another key gives other compartments: the old ones are not found.
            quota: What each owner may hold.
            shared: Read-only trees by the name under which everybody sees them.
            resolver: How to open beneath a directory; the best of this kernel by default.

        Raises:
            SetupRefused: The key is short, the base is not ours alone, or a shared tree is unusable.
        """
        if len(key) < KEY_BYTES_MIN:
            raise SetupRefused(SetupFault.KEY_TOO_SHORT)
        self._key = key
        self._quota = quota
        self._resolver = resolver
        self._shared = {
            _mount_name(name): Jail.shared(tree, resolver=resolver) for name, tree in (shared or {}).items()
        }
        self._by_sender = _opened_base(base)

    def of(self, owner: bytes) -> Compartment:
        """Give an owner's compartment, made where missing. The caller closes it.

        Args:
            owner: Canonical and injective, with the label composed in; two owners that differ in any byte
                never share a compartment.

        Raises:
            SetupRefused: The owner is empty (no principal, no data), or the directory was tampered with.
        """
        with translated():
            home = made_directory(self._by_sender.fd, self._name(owner))
        _require_ours(home)
        own = Jail.own(home, quota=self._quota, resolver=self._resolver)
        return Compartment(own=own, shared=self._shared)

    def count(self, owner: bytes) -> int:
        """Count the files in an owner's compartment, 0 if there is none; links are not followed."""
        name = os.fsdecode(self._name(owner))
        with translated(), suppress(FileNotFoundError):
            found = os.fwalk(name, dir_fd=self._by_sender.fd)
            return sum(len(files) for _, _, files, _ in found)
        return 0

    def erase(self, owner: bytes) -> None:
        """Remove an owner's compartment with everything in it; links in it are removed, not followed."""
        name = os.fsdecode(self._name(owner))
        with translated(), suppress(FileNotFoundError):
            shutil.rmtree(name, dir_fd=self._by_sender.fd)

    def close(self) -> None:
        """End the views of the shared trees; the base is released with this object."""
        for jail in self._shared.values():
            jail.close()

    def _name(self, owner: bytes) -> bytes:
        """Give the directory's name: injective by collision resistance, secret by the key.

        The attack is a name that two senders share. Replacing odd characters by `-` makes `slack:U1` and
        `slack-U1` one sender, and cutting a hash makes collisions affordable; hence the full HMAC.
        """
        if not owner:
            raise SetupRefused(SetupFault.OWNER_MISSING)
        return hmac.new(self._key, _DOMAIN + owner, hashlib.sha256).hexdigest().encode("ascii")


def _opened_base(base: str | os.PathLike[str]) -> Held:
    try:
        os.makedirs(base, mode=0o700, exist_ok=True)
        top = Held(os.open(base, DIRECTORY_FLAGS | os.O_CLOEXEC))
        by_sender = made_directory(top.fd, _BY_SENDER)
    except OSError:
        raise SetupRefused(SetupFault.BASE_UNUSABLE) from None
    _require_ours(by_sender)
    return by_sender


def _require_ours(directory: Held) -> None:
    """Refuse a directory that somebody else owns or may enter: they could swap what is in it."""
    status = os.fstat(directory.fd)
    if status.st_uid != os.geteuid() or stat.S_IMODE(status.st_mode) & 0o077:
        raise SetupRefused(SetupFault.BASE_NOT_OURS)


def _mount_name(name: str) -> bytes:
    try:
        path = JailPath(parts=(name.encode("utf-8"),))
    except (PathRefused, UnicodeEncodeError):
        raise SetupRefused(SetupFault.SHARED_NAME) from None
    return path.name
