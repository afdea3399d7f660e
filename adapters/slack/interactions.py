"""Slash commands, button presses, modals and shortcuts, as messages."""

from adapters.errors import Unreadable
from adapters.slack.form import Action, Command, Interaction, Presser
from adapters.slack.where import alone_with, kind_of, stamp
from adapters.wire import MAX_QUOTES, shown_name
from firewall.core.identity import Conversation, Sender, SenderKind
from firewall.core.ids import MessageId
from firewall.core.message import Message, Quote

INTERACTIONS = frozenset({"block_actions", "view_submission", "view_closed", "shortcut", "message_action"})
_TYPED = frozenset({"plain_text_input", "email_text_input", "url_text_input", "number_input"})
# A modal of Slack has at most 100 blocks, each with at most one input.
_MAX_INPUTS = 100


def commanded(command: Command, app: str, verified: bool) -> Message:
    """A slash command is answered to its sender alone, in the place where it was given.

    Taken for a direct message, as a gateway once did, all commands of a channel would share one history.
    """
    return Message(
        id=MessageId(command.trigger_id),
        delivery=command.trigger_id,
        sender=_human(Presser(id=command.user_id, team_id=command.team_id), command.team_id, app, verified),
        conversation=Conversation(
            channel="slack",
            app=app,
            realm=command.team_id,
            id=command.channel_id,
            kind=kind_of(command.channel_id, None),
        ),
        text=command.text,
        private=True,
        name=shown_name(command.user_name),
        command=command.command.removeprefix("/"),
    )


def interacted(done: Interaction, app: str, verified: bool) -> Message:
    """Give what an interaction says; the sender is who did it.

    Raises:
        Unreadable: It names no workspace, or a press in a channel no channel.
    """
    realm = _realm(done)
    if done.type == "block_actions" and done.view is None:
        return _pressed(done, _room(done, realm, app), app, verified)
    if done.type == "message_action":
        return _about(done, _room(done, realm, app), app, verified)
    place = alone_with(done.user.id, app=app, realm=realm)
    if done.type == "block_actions":
        return _pressed(done, place, app, verified)
    return _message(done, place, _filled_in(done), (), app, verified, private=True)


def _realm(done: Interaction) -> str:
    """Give the workspace of the installation; a modal opened by a stranger names theirs as the team."""
    named = done.view.app_installed_team_id if done.view is not None else None
    realm = named or (done.team.id if done.team is not None else None)
    if not realm:
        raise Unreadable("no workspace is named", where="team")
    return realm


def _room(done: Interaction, realm: str, app: str) -> Conversation:
    if done.channel is None:
        raise Unreadable("no channel is named", where="channel")
    shown = done.message
    thread = shown.thread_ts if shown is not None and shown.thread_ts != shown.ts else None
    return Conversation(
        channel="slack",
        app=app,
        realm=realm,
        id=done.channel.id,
        thread=thread,
        kind=kind_of(done.channel.id, None),
    )


def _human(who: Presser, realm: str, app: str, verified: bool) -> Sender:
    """Give who did it. One whose workspace is not named may be of any: a channel may be shared."""
    kind = SenderKind.HUMAN if who.team_id == realm else SenderKind.EXTERNAL
    if not who.team_id:
        kind, verified = SenderKind.UNKNOWN, False
    return Sender(
        channel="slack", app=app, realm=who.team_id or "unknown", id=who.id, kind=kind, verified=verified
    )


def _message(
    done: Interaction,
    place: Conversation,
    text: str,
    quotes: tuple[Quote, ...],
    app: str,
    verified: bool,
    *,
    private: bool,
) -> Message:
    named = done.trigger_id or (done.view.id if done.view is not None else "")
    return Message(
        id=MessageId(named),
        delivery=named,
        sender=_human(done.user, place.realm, app, verified),
        conversation=place,
        text=text,
        quotes=quotes,
        private=private,
        name=shown_name(done.user.name or done.user.username),
    )


def _pressed(done: Interaction, place: Conversation, app: str, verified: bool) -> Message:
    """A button was pressed: its value is a quote, since the bot wrote it; what was typed is the presser's."""
    if len(done.actions) > MAX_QUOTES:
        raise Unreadable(f"{len(done.actions)} actions; at most {MAX_QUOTES} are read", where="actions")
    shown = done.message.ts if done.message is not None else done.container.message_ts
    message = MessageId(shown) if shown else None
    typed = "\n".join(one.value or "" for one in done.actions if one.type in _TYPED)
    chosen = [one.chosen for one in done.actions if one.type not in _TYPED]
    quotes = tuple(Quote(text=text, message=message) for text in chosen if text)
    private = done.container.is_ephemeral or done.view is not None
    return _message(done, place, typed, quotes, app, verified, private=private)


def _about(done: Interaction, place: Conversation, app: str, verified: bool) -> Message:
    """A shortcut was taken on a message: who took it speaks, and the message is a quote."""
    shown = done.message
    if shown is None:
        raise Unreadable("the message is missing", where="message")
    quote = Quote(text=shown.text or "", message=MessageId(stamp(shown.ts, "message.ts")))
    return _message(done, place, "", (quote,) if quote.text else (), app, verified, private=False)


def _filled_in(done: Interaction) -> str:
    """Give what somebody typed into a modal, field by field."""
    if done.view is None or done.type != "view_submission":
        return ""
    fields = [one for block in done.view.state.values.values() for one in block.values()]
    if len(fields) > _MAX_INPUTS:
        raise Unreadable(f"{len(fields)} fields; at most {_MAX_INPUTS} are read", where="view.state")
    return "\n".join(text for one in fields if (text := _typed(one)))


def _typed(field: Action) -> str:
    return field.value or field.chosen
