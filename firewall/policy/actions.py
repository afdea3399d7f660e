"""The actions of the schema: one for each kind of subject, and one for each thing that a tool reaches for."""

from collections.abc import Mapping
from typing import Final

TOOL: Final = "tool"
TOOL_CALL: Final = "tool_call"
# What a policy may name for all of them, as the schema's groups do.
GROUPS: Final[Mapping[str, frozenset[str]]] = {
    TOOL: frozenset({TOOL_CALL, "tool_command", "tool_query", "tool_reach", "tool_read", "tool_write"})
}
ACTIONS: Final = frozenset({"inbound", "model_call", "model_reply", "outbound", "tool_result", *GROUPS[TOOL]})
# Subjects whose text may be altered.
REDACTED: Final = frozenset({"model_reply", "outbound", "tool_result"})
