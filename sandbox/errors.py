"""Every way the sandbox says no, as one tree.

    SandboxError
    ├── PathRefused        the text is not a path that can be used here
    ├── EscapeRefused      the entry is something through which a caller could reach outside
    ├── EntryUnavailable   an ordinary answer of a file system: missing, exists already, not empty
    ├── ReadOnlyRefused    a write into a shared tree
    ├── QuotaExceeded      the compartment would outgrow what its owner may hold
    ├── KernelUnsupported  this machine cannot give the guarantee, so the feature is denied
    ├── SetupRefused       the operator's configuration would weaken the sandbox
    ├── ProcessFailed      a process could not be started inside the sandbox
    ├── EgressRefused      a request that policy does not allow; nothing was sent to that host
    └── EgressFailed       an allowed request that the network did not answer as it should

A message is a constant with its remedy. Paths, URLs, names and contents are the private data of whoever
owns the compartment, so they are never part of a message; where an operator must recognise a value again,
its digest and length are fields. `OSError` is never chained, because it carries the file name.
"""

from __future__ import annotations

from enum import StrEnum


class PathFault(StrEnum):
    """Why a text is not a path here; the value is what to change."""

    EMPTY = "the path is empty; name a file, or '.' for the top directory"
    TOO_LONG = "the path has more than 4095 bytes; shorten it"
    COMPONENT_TOO_LONG = "one name has more than 255 bytes; shorten it"
    CONTROL_CHARACTER = "the path holds a control or direction character; use printable characters"
    NOT_UNICODE = "the path holds half of a surrogate pair; send valid Unicode"
    FOREIGN_SYNTAX = "backslashes, drive letters, network shares, URLs and '~' are not paths here; use a/b/c"
    CLIMBS = "'..' leads above the top directory; name the file from the top directory"


class EscapeFault(StrEnum):
    """Why an entry is not opened although its path is well formed; the value is what to change."""

    LINK = "the path leads through a symbolic link; name the real file"
    CROSSING = "the path leads to another file system; only the compartment itself is reachable"
    SPECIAL = "only regular files and directories can be used; this is a device, pipe or socket"
    HARD_LINK = "the file has a second name that may lie elsewhere; copy it instead of linking it"
    SET_ID = "the file runs with another identity; remove its setuid and setgid bits"
    RACE = "the tree changed while the path was resolved; try again"


class EntryFault(StrEnum):
    """Ordinary answers of a file system; the value is what to change."""

    MISSING = "there is no such entry; list the directory to see its names"
    EXISTS = "the entry exists already; choose another name or replace it"
    IS_DIRECTORY = "the entry is a directory; name a file"
    NOT_DIRECTORY = "a part of the path is not a directory; list its parent"
    NOT_EMPTY = "the directory is not empty; delete what it holds first"
    TOO_LARGE = "there is more than the caller asked to handle; narrow the request"
    BELOW_ITSELF = "a directory cannot move below itself; choose another target"
    UNTOUCHABLE = "the top directory itself stays; name an entry in it"
    TREES_DIFFER = "source and target lie in different trees; copy instead of moving"
    CLOSED = "this view of the tree was closed; take a new one"
    UNREADABLE = (
        "the machine refused access or reported a fault; the operator should check disk and permissions"
    )


class QuotaLimit(StrEnum):
    """Which limit of a compartment a write would exceed; the value is what to change."""

    BYTES = "the compartment is full; delete files first"
    ENTRIES = "the compartment has too many files and directories; delete some first"
    FILE_BYTES = "the file is larger than one file may be; split it"


class SetupFault(StrEnum):
    """What in the operator's configuration would weaken the sandbox; the value is what to change."""

    KEY_TOO_SHORT = "the key has fewer than 32 bytes; generate one with secrets.token_bytes(32)"
    OWNER_MISSING = "an empty owner has no compartment; pass the full owner key"
    BASE_NOT_OURS = "the directory is not owned by this user or others may enter it; chown it and chmod 700"
    BASE_UNUSABLE = "the directory is missing or cannot be opened; create it outside of every shared tree"
    SHARED_NAME = "a shared tree needs one plain name without a slash"
    NOT_A_HOST = (
        "an allowed host is a lower-case name such as api.example.com, or .example.com for all below it"
    )
    NOT_A_SCHEME = "only http and https can be allowed, and at least one port from 1 to 65535"
    BAD_LIMIT = "every limit is a positive number"


class ProcessFault(StrEnum):
    """Why no process was started; the value is what to change."""

    EMPTY_COMMAND = "the command is empty; name a program"
    BAD_ARGUMENT = "an argument holds NUL, is not valid Unicode, or all together are longer than 128 KiB"
    NOT_STARTED = "bubblewrap did not start the command; run the doctor for the reason"


class EgressFault(StrEnum):
    """Why a request is not made; the value is what to change."""

    MALFORMED = "the address is not a plain absolute URL; use https://host/path"
    CREDENTIALS = "the URL carries credentials; send them as a header instead"
    SCHEME = "this scheme is not allowed; use one the operator allowed"
    PORT = "this port is not allowed; use one the operator allowed"
    NUMERIC_HOST = "the host is a number or an address; use its name"
    HOST = "this host is not on the allow-list; ask the operator to add it"
    ADDRESS = "the host resolves to an address that is not public; nothing was sent"
    METHOD = "this method or header is not allowed here"
    REDIRECT = "the answer redirects where this request may not follow"
    DOWNGRADE = "the answer redirects from https to http"


class EgressFailure(StrEnum):
    """Why an allowed request brought no answer; the value is what to change."""

    UNRESOLVED = "the host name did not resolve; check the name"
    UNREACHABLE = "no connection to the host; try again later"
    TLS = "the host's certificate was not accepted; tell the operator"
    TIMEOUT = "the host took too long; try again later"
    TOO_LARGE = "the answer is larger than allowed; request less"
    PROTOCOL = "the host did not answer in HTTP; tell the operator"


class SandboxError(Exception):
    """Something the sandbox will not or cannot do; the message is safe to show to anybody."""


class PathRefused(SandboxError):
    """The text names nothing in any compartment."""

    def __init__(self, fault: PathFault, *, digest: str, length: int) -> None:
        """Keep the digest (first 16 hex of SHA-256) and the length in code points, never the text."""
        super().__init__(fault.value)
        self.fault = fault
        self.digest = digest
        self.length = length


class EscapeRefused(SandboxError):
    """The entry could lead outside its tree, so it was not used."""

    def __init__(self, fault: EscapeFault) -> None:
        """Say through what the path would have led."""
        super().__init__(fault.value)
        self.fault = fault


class EntryUnavailable(SandboxError):
    """The tree has no such entry, or not of this kind."""

    def __init__(self, fault: EntryFault) -> None:
        """Say which ordinary answer it was."""
        super().__init__(fault.value)
        self.fault = fault


class ReadOnlyRefused(SandboxError):
    """The tree is shared and can only be read."""

    def __init__(self) -> None:
        """Carry nothing: there is one reason."""
        super().__init__("this tree is shared and read-only; write to a path of your own")


class QuotaExceeded(SandboxError):
    """The write would exceed a limit; whatever was there before is unchanged."""

    def __init__(self, limit: QuotaLimit, *, allowed: int) -> None:
        """Name the limit and its configured value."""
        super().__init__(limit.value)
        self.limit = limit
        self.allowed = allowed


class KernelUnsupported(SandboxError):
    """The machine cannot give a guarantee, so what needs it is denied."""

    def __init__(self, feature: str) -> None:
        """Name the missing feature in the operator's words."""
        super().__init__(f"this machine lacks {feature}; run the doctor, or leave what needs it denied")
        self.feature = feature


class SetupRefused(SandboxError):
    """The configuration is refused before it can weaken anything."""

    def __init__(self, fault: SetupFault) -> None:
        """Say what to change."""
        super().__init__(fault.value)
        self.fault = fault


class ProcessFailed(SandboxError):
    """No process ran; a command that ran and failed is a result, not an error."""

    def __init__(self, fault: ProcessFault) -> None:
        """Say why it did not start."""
        super().__init__(fault.value)
        self.fault = fault


class EgressRefused(SandboxError):
    """The request is not allowed; no byte of it was sent to the refused host."""

    def __init__(self, fault: EgressFault) -> None:
        """Say which rule refused it."""
        super().__init__(fault.value)
        self.fault = fault


class EgressFailed(SandboxError):
    """The request was allowed but brought no usable answer."""

    def __init__(self, failure: EgressFailure) -> None:
        """Say what went wrong on the network."""
        super().__init__(failure.value)
        self.failure = failure
