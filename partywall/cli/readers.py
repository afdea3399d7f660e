"""Readers as operators write them: `members`, `room:…`, `principal:…`.

The fields of a room or principal stand between slashes, each percent-encoded: a slash in an id is written
`%2F`, so no two ids are written alike.
"""

from collections.abc import Sequence
from typing import assert_never
from urllib.parse import quote, unquote

from firewall.core.errors import MisuseError
from firewall.core.identity import Conversation, ConversationKind, Sender, SenderKind
from firewall.core.ids import PrincipalId
from firewall.core.label import Members, Principals, Readers, Room
from partywall.cli.ids import fields_of

FORMS = (
    "--readers members | --readers room:CHANNEL/APP/REALM/CONVERSATION[/THREAD] | "
    "--readers principal:CHANNEL/REALM/SENDER (may be repeated)"
)


def parsed(texts: Sequence[str]) -> Readers:
    """Read the values of `--readers`.

    Raises:
        MisuseError: None is given, a form is unknown, or forms are mixed; there is no default.
        BadIdentifier: A field is empty, a placeholder or malformed.
    """
    kinds = {text.partition(":")[0] for text in texts}
    if kinds == {"principal"}:
        return Principals(ids=frozenset(_principal(text.partition(":")[2]) for text in texts))
    if len(texts) == 1 and texts[0] == "members":
        return Members()
    if len(texts) == 1 and kinds == {"room"}:
        return _room(texts[0].partition(":")[2])
    raise MisuseError(f"say who may read it: {FORMS}")


def written(readers: Readers) -> list[str]:
    """Give the values of `--readers` that name exactly these readers, sorted."""
    match readers:
        case Members():
            return ["members"]
        case Room():
            fields = [readers.channel, readers.app, readers.realm, readers.conversation]
            return ["room:" + _joined([*fields, *([] if readers.thread is None else [readers.thread])])]
        case Principals(ids=ids):
            return sorted(_written_principal(each) for each in ids)
        case _:
            assert_never(readers)


def _principal(text: str) -> PrincipalId:
    fields = [unquote(field) for field in text.split("/")]
    if len(fields) not in (3, 4):
        raise MisuseError("a principal is written principal:CHANNEL/REALM/SENDER, each percent-encoded")
    channel, realm, sender = fields[:3]
    try:
        kind = SenderKind(fields[3]) if fields[3:] else SenderKind.HUMAN
    except ValueError as error:
        raise MisuseError(f"a sender's kind is one of {', '.join(SenderKind)}") from error
    # The app plays no part in who somebody is; the sender checks the ids.
    return Sender(channel=channel, app=channel, realm=realm, id=sender, kind=kind, verified=True).principal_id


def _room(text: str) -> Room:
    fields = [unquote(field) for field in text.split("/")]
    if len(fields) not in (4, 5):
        raise MisuseError(
            "a room is written room:CHANNEL/APP/REALM/CONVERSATION[/THREAD], each percent-encoded"
        )
    channel, app, realm, conversation = fields[:4]
    place = Conversation(
        channel=channel,
        app=app,
        realm=realm,
        id=conversation,
        thread=fields[4] if fields[4:] else None,
        kind=ConversationKind.GROUP,
    )
    return Room.of(place)


def _written_principal(principal: PrincipalId) -> str:
    fields = fields_of(principal)
    if fields is None or len(fields) != 4:
        return f"principal:{_joined([principal])}"
    return "principal:" + _joined(fields[:3] if fields[3] == SenderKind.HUMAN else fields)


def _joined(fields: Sequence[str]) -> str:
    return "/".join(quote(field, safe="@#:") for field in fields)
