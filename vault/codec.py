"""What is stored, as bytes: typed on the way in and strict on the way out.

Text is kept as bytes with surrogates passed through, so that what a platform sent comes back exactly.
"""

from typing import TypeAlias, TypeVar, assert_never

import msgspec

from firewall.core.arrival import Arrival
from firewall.core.errors import IntegrityError
from firewall.core.ids import PartId, PrincipalId, TenantId
from firewall.core.installation import Installation
from firewall.core.label import Label, Members, Operator, Owned, Principals, Readers, Room
from firewall.core.message import Origin, Part
from firewall.core.ports import Entry


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class _Members(_Strict, frozen=True, tag="members"):
    pass


class _Room(_Strict, frozen=True, tag="room"):
    channel: str
    app: str
    realm: str
    conversation: str
    thread: str | None


class _Principals(_Strict, frozen=True, tag="principals"):
    ids: tuple[str, ...]


class _Operator(_Strict, frozen=True, tag="operator"):
    pass


class _Owned(_Strict, frozen=True, tag="owned"):
    tenant: str
    readers: _Members | _Room | _Principals


_Label: TypeAlias = _Operator | _Owned


class _Part(_Strict, frozen=True):
    id: str
    text: bytes
    label: _Label
    origin: Origin
    derived_from: tuple[str, ...]


class _Named(_Strict, frozen=True):
    name: bytes
    value: bytes
    label: _Label


_W = TypeVar("_W")
_PART = msgspec.msgpack.Decoder(_Part)
_NAMED = msgspec.msgpack.Decoder(_Named)
_ARRIVAL = msgspec.msgpack.Decoder(Arrival)
_INSTALLATION = msgspec.msgpack.Decoder(Installation)
_ENCODER = msgspec.msgpack.Encoder()


def part_bytes(part: Part) -> bytes:
    """Give a part as bytes that `part_from` reads back equal."""
    wire = _Part(
        id=part.id,
        text=text_bytes(part.text),
        label=_label_wire(part.label),
        origin=part.origin,
        derived_from=part.derived_from,
    )
    return _ENCODER.encode(wire)


def part_from(data: bytes) -> Part:
    """Read a part.

    Raises:
        IntegrityError: A field is missing, unknown or of the wrong type.
    """
    wire = _decoded(_PART, data, "part")
    return Part(
        id=PartId(wire.id),
        text=_text(wire.text),
        label=_label_from(wire.label),
        origin=wire.origin,
        derived_from=tuple(PartId(one) for one in wire.derived_from),
    )


def entry_bytes(entry: Entry) -> bytes:
    """Give a named value with its label as bytes that `entry_from` reads back equal."""
    label = _label_wire(entry.label)
    return _ENCODER.encode(_Named(name=text_bytes(entry.name), value=text_bytes(entry.value), label=label))


def entry_from(data: bytes) -> Entry:
    """Read a named value with its label.

    Raises:
        IntegrityError: A field is missing, unknown or of the wrong type.
    """
    wire = _decoded(_NAMED, data, "entry")
    return Entry(name=_text(wire.name), value=_text(wire.value), label=_label_from(wire.label))


def arrival_bytes(arrival: Arrival) -> bytes:
    """Give what was taken on as bytes that `arrival_from` reads back equal.

    Raises:
        IntegrityError: A text in it is not text; an adapter let it pass.
    """
    try:
        return _ENCODER.encode(arrival)
    except (ValueError, TypeError):
        # Not chained: the error quotes what it met.
        raise IntegrityError("a delivery holds what cannot be kept") from None


def arrival_from(data: bytes) -> Arrival:
    """Read what was taken on.

    Raises:
        IntegrityError: A field is missing or of the wrong type.
    """
    return _decoded(_ARRIVAL, data, "delivery")


def installation_bytes(installation: Installation) -> bytes:
    """Give an installation with its tokens as bytes that `installation_from` reads back equal.

    Raises:
        IntegrityError: A text in it is not text; an adapter let it pass.
    """
    try:
        return _ENCODER.encode(installation)
    except (ValueError, TypeError):
        # Not chained: the error quotes what it met.
        raise IntegrityError("an installation holds what cannot be kept") from None


def installation_from(data: bytes) -> Installation:
    """Read an installation.

    Raises:
        IntegrityError: A field is missing or of the wrong type.
    """
    return _decoded(_INSTALLATION, data, "installation")


def text_bytes(text: str) -> bytes:
    """Give any text as bytes, lone surrogates included."""
    return text.encode("utf-8", "surrogatepass")


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        # Not chained: the driver's error would carry the bytes.
        raise IntegrityError("a stored text is not text") from None


def _decoded(decoder: "msgspec.msgpack.Decoder[_W]", data: bytes, what: str) -> _W:
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not chained: the errors quote what was found. Ids that are no UTF-8 raise the second kind.
        raise IntegrityError(f"a stored {what} cannot be read") from None


def _label_wire(label: Label) -> _Label:
    match label:
        case Operator():
            return _Operator()
        case Owned(tenant=tenant, readers=readers):
            return _Owned(tenant=tenant, readers=_readers_wire(readers))
        case _:
            assert_never(label)


def _readers_wire(readers: Readers) -> _Members | _Room | _Principals:
    match readers:
        case Members():
            return _Members()
        case Room():
            return _Room(readers.channel, readers.app, readers.realm, readers.conversation, readers.thread)
        case Principals(ids=ids):
            return _Principals(ids=tuple(sorted(ids)))
        case _:
            assert_never(readers)


def _label_from(wire: _Label) -> Label:
    match wire:
        case _Operator():
            return Operator()
        case _Owned(tenant=tenant, readers=readers):
            return Owned(tenant=TenantId(tenant), readers=_readers_from(readers))
        case _:
            assert_never(wire)


def _readers_from(wire: _Members | _Room | _Principals) -> Readers:
    match wire:
        case _Members():
            return Members()
        case _Room():
            return Room(
                channel=wire.channel,
                app=wire.app,
                realm=wire.realm,
                conversation=wire.conversation,
                thread=wire.thread,
            )
        case _Principals(ids=ids):
            if not ids:
                raise IntegrityError("a stored label has no readers")
            return Principals(ids=frozenset(PrincipalId(one) for one in ids))
        case _:
            assert_never(wire)
