"""The six things that are judged, all of them made of labelled text.

A subject holds its text as leaves. The guard that built it knows where each leaf belongs (`slot`) and puts
the judged text back; so what is judged is what is sent, byte for byte.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, TypeAlias, cast

from firewall.core.identity import Conversation, Sender
from firewall.core.ids import CallId, TenantId
from firewall.core.label import Label
from firewall.core.message import Part

Json: TypeAlias = bool | int | float | str | list["Json"] | dict[str, "Json"] | None


def frozen(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Give a JSON value that nobody can change: mappings and tuples in the place of dicts and lists."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value)
        return MappingProxyType({key: frozen(each) for key, each in pairs.items()})
    return tuple(map(frozen, cast("list[Any]", value))) if isinstance(value, (list, tuple)) else value


def thawed(value: Any) -> Any:  # noqa: ANN401  any JSON value
    """Give a copy of a frozen JSON value, to be written as text or handed to a tool."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value)
        return {key: thawed(each) for key, each in pairs.items()}
    return list(map(thawed, cast("list[Any]", value))) if isinstance(value, (list, tuple)) else value


class SubjectKind(StrEnum):
    """The edges between the world and the agent."""

    INBOUND = "inbound"
    MODEL_CALL = "model_call"
    MODEL_REPLY = "model_reply"
    TOOL_CALL = "tool_call"
    TOOL_RESULT = "tool_result"
    OUTBOUND = "outbound"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A stretch of text and the part it was taken from; None where nobody accounts for it."""

    text: str
    source: Part | None

    def __repr__(self) -> str:
        return f"Span({len(self.text)} code points, {'unaccounted' if self.source is None else 'accounted'})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One string at one place of a subject.

    Attributes:
        slot: Where it stands, as program structure (`messages.3.content`), never taken from content.
        spans: Its text in order, each stretch with its source.
        group: Index of the message it belongs to, in a model call; below zero for what belongs to the
            request itself and cannot be dropped; 0 elsewhere.
        fixed: True where the text must not be altered (a path, url, command, id or a dictionary key):
            a finding there denies.
    """

    slot: str
    spans: tuple[Span, ...]
    group: int = 0
    fixed: bool = False

    @property
    def text(self) -> str:
        """The whole string."""
        return "".join(span.text for span in self.spans)


def leaf(slot: str, text: str, source: Part | None, *, group: int = 0, fixed: bool = False) -> Leaf:
    """Make a leaf that comes from one source."""
    return Leaf(slot=slot, spans=(Span(text=text, source=source),), group=group, fixed=fixed)


class ArgumentKind(StrEnum):
    """What an argument of a tool is, which decides how it is judged."""

    READ_PATH = "read_path"
    WRITE_PATH = "write_path"
    READ_FILE = "read_file"
    PLACED_READ = "placed_read"
    PLACED_WRITE = "placed_write"
    URL = "url"
    COMMAND = "command"
    QUERY = "query"
    TEXT = "text"
    UNDECLARED = "undeclared"
    BOUND_TENANT = "bound_tenant"
    BOUND_REALM = "bound_realm"
    BOUND_PRINCIPAL = "bound_principal"
    BOUND_SESSION = "bound_session"
    BOUND_TURN = "bound_turn"

    @property
    def bound(self) -> bool:
        """True if the wall fills it in and a value from the model is refused."""
        return self.value.startswith("bound_")

    @property
    def is_path(self) -> bool:
        """True if the value names a file in the sender's compartment."""
        return (
            self.value.endswith("_path") or self.value.startswith("placed_") or self is ArgumentKind.READ_FILE
        )

    @property
    def writes(self) -> bool:
        """True if the file it names may be changed."""
        return self in (ArgumentKind.WRITE_PATH, ArgumentKind.PLACED_WRITE)


class Reads(StrEnum):
    """Whose a tool's result is."""

    OWN = "own"
    TENANT = "tenant"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolSpec:
    """What a tool declared about itself at start-up.

    Attributes:
        name: The name the model calls it by.
        arguments: Kind of every parameter, by name.
        reads: Whose its results are.
        effect: True if it changes something outside the wall's own stores.
        owner_key: Field of a result row that names the row's tenant, or None.
    """

    name: str
    arguments: Mapping[str, ArgumentKind]
    reads: Reads
    effect: bool = False
    owner_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A file that came with a message, by what can be told of it so far.

    Attributes:
        number: Which of the message's files it is, from 1.
        size_bytes: How long it is, or is said to be before it was fetched.
        media_type: What its bytes are; None before it was fetched.
    """

    number: int
    size_bytes: int
    media_type: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Inbound:
    """A message has arrived, or a file of it, or a job is due.

    Attributes:
        leaves: The sender's words, then what they quote.
        sender: Who spoke, or whose job it is.
        stranger: True for a job whose creator has never spoken where its answer would go.
        filed: The file that is judged, or None where it is the message.
    """

    leaves: tuple[Leaf, ...]
    sender: Sender
    stranger: bool = False
    filed: Filed | None = None
    kind: SubjectKind = SubjectKind.INBOUND


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCall:
    """A model is about to be asked.

    Attributes:
        leaves: Every string of the request in order, tool-call arguments and names included.
        exchanges: Groups of messages that stay or go together (a tool call and its results).
        system: Messages that claim to be the operator's.
        tools: Names offered to the model.
        ours: True if some of what was presented is on record in this session.
    """

    leaves: tuple[Leaf, ...]
    exchanges: tuple[frozenset[int], ...] = ()
    system: frozenset[int] = frozenset()
    tools: tuple[str, ...] = ()
    ours: bool = True
    kind: SubjectKind = SubjectKind.MODEL_CALL


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReply:
    """A model has answered; nobody accounts for its words yet."""

    leaves: tuple[Leaf, ...]
    kind: SubjectKind = SubjectKind.MODEL_REPLY


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """A tool is about to run.

    Attributes:
        call: Names this call in the record.
        name: The name asked for, which may be unknown.
        spec: The declaration, or None for a tool nobody declared.
        arguments: Canonical arguments as they will be executed.
        leaves: Every string in the arguments, keys included.
        fits: True if the arguments match the declared schema.
        rewritten: True once a path was rewritten; a second rewrite denies.
        said: What the sender wrote in the message that the call answers; empty for a job.
    """

    call: CallId
    name: str
    spec: ToolSpec | None
    arguments: Mapping[str, Json]
    leaves: tuple[Leaf, ...]
    fits: bool = True
    rewritten: bool = False
    said: tuple[Part, ...] = ()
    kind: SubjectKind = SubjectKind.TOOL_CALL

    def __post_init__(self) -> None:
        # One judge must not change in place what the judge before it has seen.
        object.__setattr__(self, "arguments", frozen(self.arguments))

    def __repr__(self) -> str:
        return f"ToolCall(call={self.call!r}, {len(self.arguments)} arguments, fits={self.fits})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolResult:
    """A tool has returned.

    Attributes:
        call: The call it answers.
        spec: The tool's declaration.
        label: The label its text will carry.
        owners: Tenants named by the result's own rows.
        fits: True if the result is what the tool promised to return.
    """

    call: CallId
    spec: ToolSpec
    label: Label
    leaves: tuple[Leaf, ...]
    owners: frozenset[TenantId] = frozenset()
    fits: bool = True
    kind: SubjectKind = SubjectKind.TOOL_RESULT


class Form(StrEnum):
    """What kind of thing goes out; `UNKNOWN` is what an edge could not read, and is never shown."""

    MESSAGE = "message"
    CHUNK = "chunk"
    EDIT = "edit"
    FILE = "file"
    NOTICE = "notice"
    NOTE = "note"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outbound:
    """Something is about to be shown to people.

    Attributes:
        names: Slots of names that a program gave and no client shows; nobody's words account for them.
    """

    destination: Conversation
    private: bool
    form: Form
    leaves: tuple[Leaf, ...]
    names: frozenset[str] = frozenset()
    kind: SubjectKind = SubjectKind.OUTBOUND


Subject: TypeAlias = Inbound | ModelCall | ModelReply | ToolCall | ToolResult | Outbound


def with_leaves(subject: Subject, leaves: tuple[Leaf, ...]) -> Subject:
    """Give the same subject with other text."""
    return replace(subject, leaves=leaves)
