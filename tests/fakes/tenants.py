"""Two tenants, ACME and GLOBEX: their people, the places where they talk, and what they say there."""

from collections.abc import Sequence

from firewall.core.identity import Conversation, ConversationKind, Principal, Sender, SenderKind
from firewall.core.ids import CallId, MessageId, PartId, PrincipalId, Ref, SessionId, TenantId, TurnId
from firewall.core.label import Label, Members, Owned, Principals, Room, audience_of
from firewall.core.message import Message, Origin, Part, Quote
from firewall.core.session import SessionKey, Turn
from firewall.core.subject import (
    ArgumentKind,
    Form,
    Inbound,
    Json,
    Leaf,
    ModelCall,
    ModelReply,
    Outbound,
    Reads,
    Span,
    Subject,
    ToolCall,
    ToolResult,
    ToolSpec,
    leaf,
)
from firewall.core.verdict import Case
from firewall.guard import argument_leaves

ACME = TenantId("ACME")
GLOBEX = TenantId("GLOBEX")
REALMS = {ACME: "T1", GLOBEX: "T2"}


def sender(
    name: str = "ann", tenant: TenantId = ACME, *, kind: SenderKind = SenderKind.HUMAN, verified: bool = True
) -> Sender:
    return Sender(channel="slack", app="A1", realm=REALMS[tenant], id=name, kind=kind, verified=verified)


def person(name: str = "ann", tenant: TenantId = ACME, *, kind: SenderKind = SenderKind.HUMAN) -> Principal:
    return Principal(tenant=tenant, id=sender(name, tenant, kind=kind).principal_id, kind=kind)


def dm(name: str = "ann", tenant: TenantId = ACME) -> Conversation:
    return Conversation(
        channel="slack", app="A1", realm=REALMS[tenant], id=f"D-{name}", kind=ConversationKind.DM
    )


def group(
    name: str = "general", tenant: TenantId = ACME, *, thread: str | None = None, closed: bool = False
) -> Conversation:
    return Conversation(
        channel="slack",
        app="A1",
        realm=REALMS[tenant],
        id=f"C-{name}",
        thread=thread,
        kind=ConversationKind.GROUP,
        closed=closed,
    )


def turn(
    name: str = "ann",
    tenant: TenantId = ACME,
    *,
    place: Conversation | None = None,
    private: bool = False,
    kind: SenderKind = SenderKind.HUMAN,
) -> Turn:
    principal, where = person(name, tenant, kind=kind), place or dm(name, tenant)
    return Turn(
        id=TurnId(f"turn-{tenant}-{name}"),
        ref=Ref(f"ref-{tenant}-{name}"),
        session=SessionId(f"session-{tenant}-{name}"),
        key=SessionKey.of(principal, where),
        principal=principal,
        audience=audience_of(principal, where, private=private),
        destination=where,
        message=MessageId("m1"),
    )


def message(
    text: str,
    name: str = "ann",
    tenant: TenantId = ACME,
    *,
    place: Conversation | None = None,
    quotes: Sequence[str] = (),
    private: bool = False,
    kind: SenderKind = SenderKind.HUMAN,
    verified: bool = True,
) -> Message:
    return Message(
        id=MessageId("m1"),
        delivery="d1",
        sender=sender(name, tenant, kind=kind, verified=verified),
        conversation=place or dm(name, tenant),
        text=text,
        quotes=tuple(Quote(text=each) for each in quotes),
        private=private,
    )


def alone(name: str = "ann", tenant: TenantId = ACME) -> Owned:
    """The label of what somebody says in a direct message."""
    return Owned(tenant=tenant, readers=Principals(ids=frozenset({person(name, tenant).id})))


def in_room(place: Conversation, tenant: TenantId = ACME) -> Owned:
    """The label of what is said in a group."""
    return Owned(tenant=tenant, readers=Room.of(place))


def all_members(tenant: TenantId = ACME) -> Owned:
    return Owned(tenant=tenant, readers=Members())


def part(text: str, label: Label | None = None, *, origin: Origin = Origin.SENDER, id: str = "p") -> Part:
    return Part(id=PartId(id), text=text, label=label or alone(), origin=origin)


def principals(*names: str) -> Principals:
    return Principals(ids=frozenset(PrincipalId(name) for name in names))


def line(text: str, source: Part | None = None, *, slot: str = "text", group: int = 0) -> Leaf:
    return leaf(slot, text, source, group=group)


def mixed(*spans: tuple[str, Part | None], slot: str = "text", group: int = 0, fixed: bool = False) -> Leaf:
    """A leaf of several stretches, each with its source."""
    return Leaf(
        slot=slot,
        spans=tuple(Span(text=text, source=source) for text, source in spans),
        group=group,
        fixed=fixed,
    )


def spec(
    name: str = "lookup",
    reads: Reads = Reads.OWN,
    *,
    effect: bool = False,
    owner_key: str | None = None,
    **kinds: ArgumentKind,
) -> ToolSpec:
    return ToolSpec(name=name, arguments=kinds, reads=reads, effect=effect, owner_key=owner_key)


def tool_call(
    declared: ToolSpec | None, arguments: dict[str, Json], *, name: str = "lookup", fits: bool = True
) -> ToolCall:
    return ToolCall(
        call=CallId("call"),
        name=declared.name if declared else name,
        spec=declared,
        arguments=arguments,
        leaves=tuple(argument_leaves(arguments)),
        fits=fits,
    )


def outbound(
    *leaves: Leaf, to: Conversation | None = None, private: bool = True, form: Form = Form.MESSAGE
) -> Outbound:
    return Outbound(destination=to or dm(), private=private, form=form, leaves=leaves)


def result(
    text: str = "row",
    label: Label | None = None,
    *,
    owners: frozenset[TenantId] = frozenset(),
    fits: bool = True,
) -> ToolResult:
    return ToolResult(
        call=CallId("call"),
        spec=spec(),
        label=label or alone(),
        leaves=(line(text, slot="result"),),
        owners=owners,
        fits=fits,
    )


def case(subject: Subject, of: Turn | None = None, *, read: Sequence[Part] = ()) -> Case:
    return Case(turn=of or turn(), subject=subject, read=tuple(read))


def every_kind(text: str = "hello", source: Part | None = None) -> tuple[Subject, ...]:
    """One harmless subject of each of the six kinds, as Ann's direct message would make them."""
    said = line(text, source)
    return (
        Inbound(leaves=(said,), sender=sender()),
        ModelCall(leaves=(said,)),
        ModelReply(leaves=(said,)),
        tool_call(spec(text=ArgumentKind.TEXT), {"text": text}),
        result(text),
        outbound(said),
    )
