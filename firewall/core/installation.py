"""An app's installation in one workspace: the bot token that the workspace gave out, and for whom."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InstallationKey:
    """Which installation it is.

    Attributes:
        app: The app's client id.
        enterprise: The organisation that the workspace is in, or None.
        team: The workspace.
    """

    app: str
    enterprise: str | None
    team: str

    @property
    def fields(self) -> tuple[str, str | None, str]:
        """All of it, in order."""
        return (self.app, self.enterprise, self.team)


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """What a workspace gave to the app; `repr` shows which it is and no token.

    Attributes:
        key: Which it is.
        token: The bot's token.
        bot_user: The bot's id as somebody who speaks.
        bot: The bot's id as a bot.
        scopes: What the token may do.
        installer: Who installed it, by the workspace's own id.
        at_ms: When, in milliseconds since 1970.
        refresh: What a token that ends is renewed with, or None.
        end_ms: When the token ends, in milliseconds since 1970, or None.
    """

    key: InstallationKey
    token: str
    bot_user: str
    bot: str
    scopes: tuple[str, ...]
    installer: str
    at_ms: int
    refresh: str | None = None
    end_ms: int | None = None

    def __repr__(self) -> str:
        return f"Installation({self.key!r})"
