"""Examples beside policies: a request in plain fields, and what the policies must say to it."""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, assert_never

from pydantic import Field, JsonValue, ValidationError

from firewall.core.errors import BadIdentifier, ConfigError
from firewall.core.identity import Conversation, ConversationKind, Principal, Sender, SenderKind
from firewall.core.ids import CallId, MessageId, PartId, Ref, SessionId, TenantId, TurnId
from firewall.core.label import Label, Members, Operator, Owned, Principals, Room, audience_of
from firewall.core.message import Origin, Part
from firewall.core.session import SessionKey, Turn
from firewall.core.subject import (
    ArgumentKind,
    Filed,
    Form,
    Inbound,
    ModelCall,
    ModelReply,
    Outbound,
    Reads,
    Subject,
    SubjectKind,
    ToolCall,
    ToolResult,
    ToolSpec,
    leaf,
)
from firewall.core.verdict import Case
from firewall.policy.cedar import fits
from firewall.policy.facts import Unclear, questions
from firewall.policy.policies import agreed
from firewall.policy.scope import Level, Opinion, Scope
from partywall.config_faults import line_of, malformed, remedy
from partywall.egress import host_of
from partywall.policies import read, text_of
from partywall.settings.section import Section

Expected = Literal["allow", "deny", "approve", "redact"]
Fact = Literal["private", "room", "members", "tools", "quoted", "files"]
_MONDAY = datetime(2026, 1, 5, 10, tzinfo=UTC)
_ORIGINS = {"tools": Origin.TOOL, "quoted": Origin.QUOTED, "files": Origin.FILE}


class Attached(Section):
    """A file that came with the message."""

    bytes: int = Field(ge=0)
    media_type: str | None = None


class Example(Section):
    """One request and what must come of it; what is left out is harmless and the same for all."""

    name: str = Field(min_length=1)
    expect: Expected
    rule: str | None = None
    shadow: frozenset[str] | None = None
    subject: SubjectKind = SubjectKind.TOOL_CALL
    tenant: str = "example"
    channel: str = "example"
    app: str = "bot"
    realm: str = "R1"
    sender: str = "U1"
    kind: SenderKind = SenderKind.HUMAN
    roles: frozenset[str] = frozenset()
    guest: bool = False
    conversation: str = "C1"
    conversation_kind: ConversationKind = ConversationKind.DM
    thread: str | None = None
    closed: bool = False
    private: bool = False
    job: str | None = None
    at: datetime = _MONDAY
    read: frozenset[Fact] = frozenset()
    text: str = ""
    tool: str = "tool"
    reads: Reads = Reads.PUBLIC
    effect: bool = False
    arguments: Mapping[str, JsonValue] = {}
    kinds: Mapping[str, ArgumentKind] = {}
    tools: tuple[str, ...] = ()
    form: Form = Form.MESSAGE
    file: Attached | None = None


class Examples(Section):
    """A file of examples: the policies of each scope, by paths beside it, and the examples."""

    deployment: tuple[str, ...] = ()
    tenant: tuple[str, ...] = ()
    conversation: tuple[str, ...] = ()
    task: tuple[str, ...] = ()
    examples: tuple[Example, ...] = Field(alias="example", min_length=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What came of one example.

    Attributes:
        example: As it was written.
        got: What the policies said.
        rule: The rule that said so; empty where all agree.
        shadow: Watched rules that would have had it otherwise.
    """

    example: Example
    got: Expected
    rule: str
    shadow: frozenset[str]

    @property
    def holds(self) -> bool:
        """True if the policies said what was expected, by the rule that was expected."""
        wanted = self.example
        return (
            self.got == wanted.expect
            and wanted.rule in (None, self.rule)
            and wanted.shadow in (None, self.shadow)
        )


def tried(path: Path) -> Iterator[Tried]:
    """Try every example of a file on the policies that it names.

    Raises:
        ConfigError: The file or a policy is refused, or an example is no request.
    """
    wanted = _examples(path)
    levels = (
        (Level.DEPLOYMENT, wanted.deployment),
        (Level.TENANT, wanted.tenant),
        (Level.CONVERSATION, wanted.conversation),
        (Level.TASK, wanted.task),
    )
    scopes = [
        Scope(level=level, rules=tuple(rule for each in files for rule in read(path.parent / each)))
        for level, files in levels
        if files
    ]
    for example in wanted.examples:
        opinion = _opinion(example, scopes, path)
        got, rule = _said(opinion)
        yield Tried(example=example, got=got, rule=rule, shadow=opinion.shadows)


def _examples(path: Path) -> Examples:
    text = text_of(path)
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = malformed(str(error), text)
    else:
        try:
            return Examples.model_validate(tree)
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = tuple(str(step) for step in first["loc"])
            fault = ConfigError(remedy(where, first), line=line_of(text, where))
    # Not chained: the parser's error carries the whole file.
    raise ConfigError(f"{path}: {fault}")


def _opinion(example: Example, scopes: list[Scope], path: Path) -> Opinion:
    try:
        asked = questions(_case(example), round(example.at.timestamp() * 1000), host_of)
    except (BadIdentifier, Unclear):
        asked = []
    if not asked or not all(map(fits, asked)):
        raise ConfigError(
            f"{path}, example {example.name!r}: this is no request that the wall could make; look at its "
            "ids, URLs and kinds"
        )
    return agreed(scopes, asked)


def _said(opinion: Opinion) -> tuple[Expected, str]:
    if opinion.denied is not None:
        return "deny", opinion.denied
    if not opinion.duties:
        return "allow", ""
    duty, rule = min(opinion.duties)
    return duty.value, rule


def _case(example: Example) -> Case:
    sender = Sender(
        channel=example.channel,
        app=example.app,
        realm=example.realm,
        id=example.sender,
        kind=example.kind,
        verified=True,
    )
    principal = Principal(
        tenant=TenantId(example.tenant),
        id=sender.principal_id,
        kind=example.kind,
        roles=example.roles,
        guest=example.guest,
    )
    place = Conversation(
        channel=example.channel,
        app=example.app,
        realm=example.realm,
        id=example.conversation,
        thread=example.thread,
        kind=example.conversation_kind,
        closed=example.closed,
    )
    turn = Turn(
        id=TurnId("example"),
        ref=Ref("example"),
        session=SessionId("example"),
        key=SessionKey.of(principal, place),
        principal=principal,
        audience=audience_of(principal, place, private=example.private),
        destination=place,
        message=MessageId("example"),
        job=example.job,
    )
    return Case(turn=turn, subject=_subject(example, sender, place), read=tuple(_parts(example, turn)))


def _parts(example: Example, turn: Turn) -> Iterator[Part]:
    labels: dict[str, Label] = {
        "private": Owned(
            tenant=turn.principal.tenant, readers=Principals(ids=frozenset({turn.principal.id}))
        ),
        "room": Owned(tenant=turn.principal.tenant, readers=Room.of(turn.destination)),
        "members": Owned(tenant=turn.principal.tenant, readers=Members()),
    }
    for each in sorted(example.read):
        yield Part(
            id=PartId(each),
            text=each,
            label=labels.get(each, Operator()),
            origin=_ORIGINS.get(each, Origin.SENDER),
        )


def _subject(example: Example, sender: Sender, place: Conversation) -> Subject:
    leaves = (leaf("text", example.text, None),)
    match example.subject:
        case SubjectKind.INBOUND:
            return Inbound(leaves=leaves, sender=sender, filed=_filed(example.file))
        case SubjectKind.MODEL_CALL:
            return ModelCall(leaves=leaves, tools=example.tools)
        case SubjectKind.MODEL_REPLY:
            return ModelReply(leaves=leaves)
        case SubjectKind.TOOL_CALL:
            return ToolCall(
                call=CallId("example"),
                name=example.tool,
                spec=_spec(example),
                arguments=dict[str, Any](example.arguments),
                leaves=leaves,
            )
        case SubjectKind.TOOL_RESULT:
            return ToolResult(call=CallId("example"), spec=_spec(example), label=Operator(), leaves=leaves)
        case SubjectKind.OUTBOUND:
            return Outbound(destination=place, private=example.private, form=example.form, leaves=leaves)
        case _:
            assert_never(example.subject)


def _spec(example: Example) -> ToolSpec:
    kinds = {name: example.kinds.get(name, ArgumentKind.TEXT) for name in example.arguments}
    return ToolSpec(name=example.tool, arguments=kinds, reads=example.reads, effect=example.effect)


def _filed(file: Attached | None) -> Filed | None:
    return None if file is None else Filed(number=1, size_bytes=file.bytes, media_type=file.media_type)
