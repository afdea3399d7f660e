"""The parts of Slack's payloads that are read.

Source: docs.slack.dev, Events API, slash commands and interaction payloads.
"""

import msgspec

# What is kept of a file that was deleted, or that the workspace pays no storage for.
_GONE = frozenset({"tombstone", "hidden_by_limit"})


class Edited(msgspec.Struct, frozen=True, kw_only=True):
    """Who changed a message, and when."""

    ts: str
    user: str | None = None


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """A field of an attachment."""

    title: str | None = None
    value: str | None = None


class Attachment(msgspec.Struct, frozen=True, kw_only=True):
    """A shared message, a link preview, or whatever a bot attached."""

    is_share: bool = False
    channel_id: str | None = None
    ts: str | int | float | None = None
    pretext: str | None = None
    title: str | None = None
    text: str | None = None
    fallback: str | None = None
    fields: list[Field] = []

    @property
    def words(self) -> str:
        """All its words, one piece a line; the fallback where there are no others."""
        rows = [
            self.pretext,
            self.title,
            self.text,
            *(text for one in self.fields for text in (one.title, one.value)),
        ]
        return "\n".join(row for row in rows if row) or self.fallback or ""


class Filed(msgspec.Struct, frozen=True, kw_only=True):
    """A file of a message. One that comes from another company may be told of by its id alone."""

    id: str
    name: str | None = None
    title: str | None = None
    mimetype: str | None = None
    size: int | None = None
    mode: str | None = None

    @property
    def there(self) -> bool:
        """True unless nothing but its name is left."""
        return self.mode not in _GONE


class Profile(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody calls themselves."""

    display_name: str | None = None
    real_name: str | None = None
    name: str | None = None

    @property
    def shown(self) -> str:
        """The name that Slack shows."""
        return self.display_name or self.real_name or self.name or ""


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one message says and who said it."""

    ts: str | None = None
    subtype: str | None = None
    user: str | None = None
    bot_id: str | None = None
    team: str | None = None
    user_team: str | None = None
    source_team: str | None = None
    text: str | None = None
    thread_ts: str | None = None
    attachments: list[Attachment] | None = None
    files: list[Filed] | None = None
    username: str | None = None
    user_profile: Profile | None = None

    @property
    def shown(self) -> str:
        """What its author is shown as, if it says so."""
        return (self.user_profile.shown if self.user_profile is not None else "") or self.username or ""


class Inner(Said, frozen=True, kw_only=True):
    """A message inside an event about it."""

    edited: Edited | None = None


class Event(Said, frozen=True, kw_only=True):
    """An event of the Events API."""

    type: str
    channel: str
    channel_type: str | None = None
    event_ts: str | None = None
    deleted_ts: str | None = None
    message: Inner | None = None
    previous_message: Inner | None = None


class Authorization(msgspec.Struct, frozen=True, kw_only=True):
    """An installation that may see an event."""

    team_id: str | None = None
    enterprise_id: str | None = None
    is_enterprise_install: bool = False
    user_id: str | None = None
    is_bot: bool = False


class Delivered(msgspec.Struct, frozen=True, kw_only=True):
    """What every event comes in."""

    event_id: str
    team_id: str | None = None
    context_team_id: str | None = None
    enterprise_id: str | None = None
    is_ext_shared_channel: bool | None = None
    authorizations: list[Authorization] = []


class Envelope(Delivered, frozen=True, kw_only=True):
    """An event with a message in it."""

    event: Event


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody reacted to."""

    type: str
    channel: str | None = None
    ts: str | None = None


class Reaction(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody put an emoji to something, or took it away."""

    user: str
    item: Item


class Reactions(Delivered, frozen=True, kw_only=True):
    """A reaction in its envelope."""

    event: Reaction


class HomeOpened(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody opened the app's own pages."""

    user: str
    channel: str
    tab: str = "home"


class HomesOpened(Delivered, frozen=True, kw_only=True):
    """That, in its envelope."""

    event: HomeOpened


class AssistantThread(msgspec.Struct, frozen=True, kw_only=True):
    """A thread of somebody with the assistant."""

    user_id: str
    channel_id: str
    thread_ts: str | None = None


class AssistantEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Such a thread was opened, or what its reader looks at has changed."""

    assistant_thread: AssistantThread


class Assistants(Delivered, frozen=True, kw_only=True):
    """That, in its envelope."""

    event: AssistantEvent


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A slash command."""

    command: str
    team_id: str
    channel_id: str
    user_id: str
    trigger_id: str
    text: str = ""
    user_name: str | None = None


class Team(msgspec.Struct, frozen=True, kw_only=True):
    """A workspace."""

    id: str


class Presser(msgspec.Struct, frozen=True, kw_only=True):
    """Who pressed a button."""

    id: str
    team_id: str | None = None
    name: str | None = None
    username: str | None = None


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """A chosen option."""

    value: str = ""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What was pressed, chosen or typed."""

    type: str
    value: str | None = None
    selected_option: Option | None = None
    selected_options: list[Option] = []

    @property
    def chosen(self) -> str:
        """The value a bot gave to what was chosen."""
        options = [*self.selected_options, *([self.selected_option] if self.selected_option else [])]
        return self.value or "\n".join(one.value for one in options)


class Container(msgspec.Struct, frozen=True, kw_only=True):
    """Where a button stood."""

    message_ts: str | None = None
    is_ephemeral: bool = False


class Values(msgspec.Struct, frozen=True, kw_only=True):
    """What was filled in, by block and action."""

    values: dict[str, dict[str, Action]] = {}


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A modal or a Home tab."""

    id: str
    app_installed_team_id: str | None = None
    state: Values = Values()


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """A button press, a modal sent off or closed, or a shortcut."""

    type: str
    user: Presser
    trigger_id: str = ""
    container: Container = Container()
    actions: list[Action] = []
    team: Team | None = None
    channel: Team | None = None
    message: Inner | None = None
    view: View | None = None
