"""Layer 1: every path a model names lands in the compartment of the turn that named it.

The layer decides what a path means; opening it beneath the compartment is the executor's work, by a handle
that cannot leave. So even a path this layer misjudged reaches no other compartment.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

from firewall.core.ports import PathRules
from firewall.core.subject import ArgumentKind, SubjectKind, ToolCall
from firewall.core.verdict import Allow, Case, Deny, ReasonCode, RewritePath, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSandbox:
    """Rewrites paths into the sender's compartment and refuses those that mean nothing there."""

    paths: PathRules
    name: str = "storage_sandbox"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.TOOL_CALL})

    async def judge(self, case: Case) -> Verdict:
        """Ask for a rewrite of every path that is not already canonical; deny what cannot be placed.

        An argument without a declared kind that looks like a path, url or command is refused: nobody said
        that the tool confines it.
        """
        call = case.subject
        if not isinstance(call, ToolCall):
            return Deny(reason=ReasonCode.UNKNOWN_SUBJECT)
        if call.spec is None:
            return Deny(reason=ReasonCode.UNKNOWN_TOOL)
        rewrites: list[RewritePath] = []
        for name, kind in call.spec.arguments.items():
            value = call.arguments.get(name)
            if value is None:
                continue
            if kind.is_path:
                placed = self._placed(value, write=kind.writes)
                if placed is None:
                    return Deny(reason=ReasonCode.PATH_REFUSED)
                if placed != value:
                    rewrites.append(RewritePath(argument=name, path=placed))
            elif kind is ArgumentKind.UNDECLARED and self._suspicious(value):
                return Deny(reason=ReasonCode.UNDECLARED_PATH)
        return Allow(obligations=tuple(rewrites))

    def _placed(self, value: object, *, write: bool) -> str | None:
        if not isinstance(value, str):
            return None
        try:
            return self.paths.place(value, write=write)
        except ValueError:
            return None

    def _suspicious(self, value: object) -> bool:
        if isinstance(value, str):
            return self.paths.suspicious(value)
        if isinstance(value, Mapping):
            pairs = cast("Mapping[str, object]", value)
            return any(self._suspicious(key) or self._suspicious(each) for key, each in pairs.items())
        return isinstance(value, tuple) and any(map(self._suspicious, cast("tuple[object, ...]", value)))
