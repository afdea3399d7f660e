"""Whose workspace, which place and when, as several kinds of delivery say it."""

import re

from adapters.errors import Unreadable
from adapters.slack.form import Delivered, Inner, Said
from firewall.core.identity import Conversation, ConversationKind

_TS = re.compile(r"[0-9]{9,11}\.[0-9]{6}")
_KINDS = {
    "im": ConversationKind.DM,
    "app_home": ConversationKind.DM,
    "mpim": ConversationKind.GROUP,
    "group": ConversationKind.GROUP,
    "channel": ConversationKind.PUBLIC,
}


def stamp(ts: str | None, where: str) -> str:
    """Give a message's timestamp, which is its id."""
    if ts is None or not _TS.fullmatch(ts):
        raise Unreadable("a Slack timestamp was expected", where=where)
    return ts


def realm_of(delivered: Delivered) -> str:
    """Give the workspace of the installation; in a shared channel the body's may be the other company's."""
    if len(delivered.authorizations) > 1:
        raise Unreadable("several installations are named", where="authorizations")
    named = [one.team_id for one in delivered.authorizations if one.team_id]
    realm = named[0] if named else delivered.context_team_id or delivered.team_id
    if not realm:
        raise Unreadable("no workspace is named", where="team_id")
    return realm


def kind_of(channel: str, kind: str | None) -> ConversationKind:
    """Give how far words carry. Mentions do not say; then only an id with D in front is a direct message.

    A delivery whose type and id disagree is refused: read as a direct message, a room would be answered
    with what one person may read.
    """
    direct = channel.startswith("D")
    if kind is None:
        return ConversationKind.DM if direct else ConversationKind.PUBLIC
    if kind not in _KINDS or (_KINDS[kind] is ConversationKind.DM) != direct:
        raise Unreadable("the conversation's type and id do not agree", where="event.channel_type")
    return _KINDS[kind]


def team_of(delivered: Delivered, said: Said | Inner, realm: str) -> str | None:
    """Give the sender's own workspace, or None where Slack leaves it open.

    `user_team` decides alone where it is given. A stranger from an Enterprise organisation has an `E…` id
    there and may have *our* workspace in `team`; to fall back on that would make the stranger a member.
    """
    named = said.user_team or said.team
    if named is None:
        return realm if delivered.is_ext_shared_channel is False else None
    if said.user_team is None and said.source_team not in (None, named):
        return None
    if named.startswith("T"):
        return named
    ours = {delivered.enterprise_id, *(one.enterprise_id for one in delivered.authorizations)}
    return realm if named in ours else None


def place_of(
    delivered: Delivered, app: str, channel: str, *, thread: str | None = None, kind: str | None = None
) -> Conversation:
    """Give a place in the workspace of the installation."""
    in_enterprise = delivered.enterprise_id or any(
        one.enterprise_id or one.is_enterprise_install for one in delivered.authorizations
    )
    return Conversation(
        channel="slack",
        app=app,
        realm=realm_of(delivered),
        id=channel,
        thread=thread,
        kind=kind_of(channel, kind),
        closed=delivered.is_ext_shared_channel is False and not in_enterprise,
    )


def alone_with(user: str, *, app: str, realm: str) -> Conversation:
    """Give the place of what one person alone sees and no channel holds: a modal, a Home tab, a shortcut.

    Slack opens the direct messages with somebody for whoever posts to their id, so this names these, too.
    """
    return Conversation(channel="slack", app=app, realm=realm, id=user, kind=ConversationKind.DM)
