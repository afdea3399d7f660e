"""Slack's events, slash commands and interactions, as messages.

Ids are local to a workspace: `C1` of one is not `C1` of another, so the realm stands in every id. The realm
of a conversation is the workspace the app was installed in; the realm of a sender is the workspace the
sender belongs to. In a channel shared with another company these differ, and the stranger is `external` in
a realm of their own.

A conversation is `closed` only if Slack says that the channel is not shared (`is_ext_shared_channel:
false`) and the installation belongs to no Enterprise organisation, whose channels several workspaces may
read without that flag.
"""

from collections.abc import Mapping
from urllib.parse import parse_qsl

import msgspec

from adapters.errors import Unreadable
from adapters.slack.form import Attachment, Command, Envelope, Event, Filed, Inner, Interaction, Said
from adapters.slack.gestures import GESTURES, gesture
from adapters.slack.interactions import INTERACTIONS, commanded, interacted
from adapters.slack.where import place_of, realm_of, stamp, team_of
from adapters.wire import MAX_QUOTES, Deleted, body, decode, identified, shown_name
from firewall.core.identity import Conversation, Sender, SenderKind
from firewall.core.ids import MessageId
from firewall.core.message import Attachment as Came
from firewall.core.message import Message, Quote

# What people write. Joins, topics, pins and the rest are not messages; they are refused, not read as words.
_SPOKEN = frozenset({None, "thread_broadcast", "file_share", "me_message", "bot_message"})
_SLACKBOT = "USLACKBOT"
# Slack itself lets nobody send more than ten at once.
_MAX_FILES = 20


def parse(payload: bytes | Mapping[str, object], *, app: str, verified: bool) -> Message | Deleted:
    """Give what one delivery of Slack says.

    Args:
        payload: A body of the Events API, of a slash command or of an interaction, or what Bolt parsed of it.
        app: The bot it was delivered to.
        verified: True if the transport checked Slack's signature (or it came by Socket Mode).

    Raises:
        Unreadable: Not a message, or not in the documented form; the error holds nothing of it.
        BadIdentifier: An id is missing, empty or malformed.
    """
    data = body(payload)
    if not data.lstrip().startswith(b"{"):
        data = _form(data)
    kind = decode(data, _Kind)
    if kind.command is not None:
        return identified(commanded(decode(data, Command), app, verified))
    if kind.type in INTERACTIONS:
        return identified(interacted(decode(data, Interaction), app, verified))
    if kind.type == "event_callback":
        named = kind.event.type if kind.event is not None else None
        if named in GESTURES:
            return identified(gesture(data, named, app, verified))
        return identified(_event(decode(data, Envelope), app, verified))
    raise Unreadable("this kind of delivery is not a message")


class _EventKind(msgspec.Struct):
    type: str | None = None


class _Kind(msgspec.Struct):
    type: str | None = None
    command: str | None = None
    event: _EventKind | None = None


def _form(data: bytes) -> bytes:
    """Give a form as JSON; a field that stands twice says two things, so it is refused."""
    problem = ""
    pairs: list[tuple[str, str]] = []
    try:
        pairs = parse_qsl(
            data.decode(), keep_blank_values=True, strict_parsing=True, max_num_fields=64, errors="strict"
        )
    except ValueError:
        problem = "neither JSON nor a form"
    found = dict(pairs)
    if problem or len(found) != len(pairs):
        raise Unreadable(problem or "a field stands twice")
    return found["payload"].encode() if "payload" in found else body(found)


def _event(envelope: Envelope, app: str, verified: bool) -> Message | Deleted:
    event = envelope.event
    if event.type not in ("message", "app_mention"):
        raise Unreadable("this kind of event is not a message", where="event.type")
    if event.subtype == "message_deleted":
        return _deleted(envelope, app, verified)
    said: Said | Inner = event
    edit = 0
    if event.subtype == "message_changed":
        if event.message is None:
            raise Unreadable("the changed message is missing", where="event.message")
        said = event.message
        if said.subtype == "tombstone":
            return _deleted(envelope, app, verified)
        edit = _edit(event, said)
    if said.subtype not in _SPOKEN:
        raise Unreadable("this kind of message is nobody's words", where="event.subtype")
    return Message(
        id=MessageId(stamp(said.ts, "event.ts")),
        delivery=envelope.event_id,
        sender=_sender(envelope, said, app, verified),
        conversation=_conversation(envelope, event, said, app),
        text=said.text or "",
        quotes=_quotes(said.attachments or [], event.channel),
        edit=edit,
        name=shown_name(said.shown),
        attachments=_files(said.files or []),
    )


def _edit(event: Event, said: Inner) -> int:
    """Give the time of the change in microseconds.

    Link previews change a message too, without `edited`. An edit by anybody but its author is refused: the
    words would stand under the name of one person and be another's.
    """
    if said.edited is None:
        return int(stamp(event.event_ts or event.ts, "event.event_ts").replace(".", ""))
    if said.edited.user not in (None, said.user):
        raise Unreadable("the message was changed by somebody else", where="event.message.edited.user")
    return int(stamp(said.edited.ts, "event.message.edited.ts").replace(".", ""))


def _deleted(envelope: Envelope, app: str, verified: bool) -> Deleted:
    event = envelope.event
    before = event.previous_message or event.message
    gone = event.deleted_ts or (before.ts if before is not None else None)
    return Deleted(
        ids=(MessageId(stamp(gone, "event.deleted_ts")),),
        conversation=_conversation(envelope, event, before or event, app),
        delivery=envelope.event_id,
        verified=verified,
    )


def _conversation(envelope: Envelope, event: Event, said: Said | Inner, app: str) -> Conversation:
    thread = said.thread_ts if said.thread_ts != said.ts else None
    return place_of(envelope, app, event.channel, thread=thread, kind=event.channel_type)


def _sender(envelope: Envelope, said: Said | Inner, app: str, verified: bool) -> Sender:
    realm = realm_of(envelope)
    team = team_of(envelope, said, realm)
    kind = SenderKind.HUMAN if team == realm else SenderKind.EXTERNAL
    name = said.user
    if said.bot_id is not None or said.subtype == "bot_message":
        # `username` and `user` of a bot's post are what the bot says; its id is what Slack says.
        kind, name = SenderKind.BOT, said.bot_id
    elif name == _SLACKBOT:
        kind = SenderKind.SYSTEM
    elif any(one.is_bot and one.user_id == name for one in envelope.authorizations):
        kind = SenderKind.BOT
    elif team is None:
        kind, verified = SenderKind.UNKNOWN, False
    return Sender(
        channel="slack", app=app, realm=team or "unknown", id=name or "", kind=kind, verified=verified
    )


def _quotes(attachments: list[Attachment], channel: str) -> tuple[Quote, ...]:
    """Give what a message shows of others. A poster writes attachments freely, so they name no author."""
    quotes = [Quote(text=one.words, message=_shared(one, channel)) for one in attachments if one.words]
    if len(quotes) > MAX_QUOTES:
        raise Unreadable(f"{len(quotes)} attachments; at most {MAX_QUOTES} are read", where="attachments")
    return tuple(quotes)


def _files(files: list[Filed]) -> tuple[Came, ...]:
    """Give the files of a message. Those of a forwarded one are not among them: who forwards may name any."""
    there = [one for one in files if one.there]
    if len(there) > _MAX_FILES:
        raise Unreadable(f"{len(there)} files; at most {_MAX_FILES} are read", where="files")
    return tuple(
        Came(
            id=one.id,
            name=shown_name(one.name or one.title),
            media_type=one.mimetype or "",
            size_bytes=one.size if one.size is not None and one.size >= 0 else None,
        )
        for one in there
    )


def _shared(attachment: Attachment, channel: str) -> MessageId | None:
    """Give the id of a message shared within its own channel; elsewhere the same id names another message."""
    ts = attachment.ts
    inside = attachment.is_share and attachment.channel_id == channel
    return MessageId(stamp(ts, "attachments.ts")) if inside and isinstance(ts, str) else None
