"""What an argument of a tool is, as types that any schema maker still reads as text.

Judged kinds are looked at before the tool runs. Bound kinds are filled in by the wall, are absent from the
model's schema, and a value for one that comes from a model is refused.
"""

from typing import Annotated, BinaryIO, TypeAlias

from firewall.core.session import Turn
from firewall.core.subject import ArgumentKind

ReadPath: TypeAlias = Annotated[str, ArgumentKind.READ_PATH]
WritePath: TypeAlias = Annotated[str, ArgumentKind.WRITE_PATH]
ReadFile: TypeAlias = Annotated[BinaryIO, ArgumentKind.READ_FILE]
Url: TypeAlias = Annotated[str, ArgumentKind.URL]
Command: TypeAlias = Annotated[str, ArgumentKind.COMMAND]
Query: TypeAlias = Annotated[str, ArgumentKind.QUERY]
Text: TypeAlias = Annotated[str, ArgumentKind.TEXT]
CurrentTenant: TypeAlias = Annotated[str, ArgumentKind.BOUND_TENANT]
CurrentRealm: TypeAlias = Annotated[str, ArgumentKind.BOUND_REALM]
CurrentPrincipal: TypeAlias = Annotated[str, ArgumentKind.BOUND_PRINCIPAL]
CurrentSession: TypeAlias = Annotated[str, ArgumentKind.BOUND_SESSION]

# For the built-in tools only: a path that is judged and placed but opened by the file store's own verbs, and
# the turn itself.
PlacedRead: TypeAlias = Annotated[str, ArgumentKind.PLACED_READ]
PlacedWrite: TypeAlias = Annotated[str, ArgumentKind.PLACED_WRITE]
CurrentTurn: TypeAlias = Annotated[Turn, ArgumentKind.BOUND_TURN]
