"""Layer 1.5: a tool runs only if it was declared, is not of a dangerous class, or is named by a grant.

The name a model writes proves nothing, so a dangerous class is recognised in any case, namespace or wrapper:
`Bash`, `mcp__x__Bash`, `functions.exec`, `runShell` and `exec` in full-width letters are all shells.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from firewall.core.ids import TenantId
from firewall.core.ports import Fetcher, Runner
from firewall.core.subject import ArgumentKind, SubjectKind, ToolCall, ToolSpec
from firewall.core.verdict import Allow, Case, Deny, ReasonCode, Severity, Verdict

# Words that name a shell, an interpreter or a network client wherever they stand in a name.
# fmt: off
_STRONG = frozenset({
    "exec", "execute", "shell", "bash", "sh", "zsh", "fish", "dash", "ksh", "csh", "cmd",
    "powershell", "pwsh", "terminal", "subprocess", "popen", "spawn", "python", "python3",
    "ipython", "node", "nodejs", "deno", "bun", "ruby", "perl", "php", "lua", "eval", "repl",
    "interpreter", "sudo", "ssh", "scp", "sftp", "ftp", "telnet", "nc", "ncat", "netcat", "socat",
    "curl", "wget", "fetch", "http", "https", "webhook", "socket",
})
# Words that do so only when they are the whole name.
_WHOLE = frozenset({
    "run", "system", "os", "console", "command", "script", "code", "browse", "browser", "download",
    "upload", "request",
})
# fmt: on
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_NOT_WORD = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grants:
    """What one tenant's bot may do beyond its declared, harmless tools.

    Attributes:
        tools: Names granted although they are of a dangerous class or take commands or queries.
        hosts: Hosts that URL arguments may name (`example.org`, or `.example.org` for its subdomains).
        only: If not None, no tool outside this set runs.
    """

    tools: frozenset[str] = frozenset()
    hosts: tuple[str, ...] = ()
    only: frozenset[str] | None = None


NOTHING = Grants()


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolDenial:
    """Denies every tool that nothing permits.

    Attributes:
        grants: By tenant; a tenant without an entry has none.
        fetcher: Decides whether a URL is within the granted hosts.
        runner: Says whether commands can be confined on this machine; where they cannot, they are denied.
    """

    fetcher: Fetcher
    runner: Runner
    grants: Mapping[TenantId, Grants] = field(default_factory=dict[TenantId, Grants])
    name: str = "tool_denial"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.TOOL_CALL})

    async def judge(self, case: Case) -> Verdict:
        """Deny unknown, ungranted and dangerous tools, values for bound arguments, and ungranted hosts."""
        call = case.subject
        if not isinstance(call, ToolCall):
            return Deny(reason=ReasonCode.UNKNOWN_SUBJECT)
        grants = self.grants.get(case.tenant, NOTHING)
        denied = dangerous(call.name)
        if denied is not None and call.name not in grants.tools:
            # The class is named even for a tool nobody declared: that is what an operator looks for.
            return Deny(reason=ReasonCode.DENIED_CLASS, rule=f"denied_class:{denied}")
        if call.spec is None:
            return Deny(reason=ReasonCode.UNKNOWN_TOOL, severity=Severity.MEDIUM)
        if grants.only is not None and call.name not in grants.only:
            return Deny(reason=ReasonCode.TOOL_NOT_GRANTED, severity=Severity.MEDIUM)
        for name, kind in call.spec.arguments.items():
            if kind.bound and name in call.arguments:
                return Deny(reason=ReasonCode.BOUND_ARGUMENT, rule=f"bound:{name}")
        if not call.fits:
            return Deny(reason=ReasonCode.BAD_ARGUMENTS, severity=Severity.LOW)
        return self._arguments(call, call.spec, grants)

    def _arguments(self, call: ToolCall, spec: ToolSpec, grants: Grants) -> Verdict:
        kinds = set(spec.arguments.values())
        if kinds & {ArgumentKind.COMMAND, ArgumentKind.QUERY} and call.name not in grants.tools:
            return Deny(reason=ReasonCode.TOOL_NOT_GRANTED, severity=Severity.MEDIUM)
        if ArgumentKind.COMMAND in kinds and self.runner.unavailable() is not None:
            return Deny(reason=ReasonCode.EXEC_UNAVAILABLE, severity=Severity.MEDIUM)
        for name, kind in spec.arguments.items():
            if kind is ArgumentKind.URL and name in call.arguments:
                value = call.arguments[name]
                if not isinstance(value, str) or not self.fetcher.allows(value, grants.hosts):
                    return Deny(reason=ReasonCode.HOST_NOT_GRANTED)
        return Allow()


def dangerous(name: str) -> str | None:
    """Give the word that puts a tool's name into a dangerous class, or None."""
    folded = unicodedata.normalize("NFKC", name)
    words = [word for word in _NOT_WORD.split(_CAMEL.sub(" ", folded).casefold()) if word]
    # `EXEC` and `WebFetch` alike: also look at the words as they are without the camel humps.
    words += [word for word in _NOT_WORD.split(folded.casefold()) if word]
    for word in words:
        if (plain := _plain(word)) in _STRONG:
            return plain
    last = _plain(words[-1]) if words else ""
    return last if last in _WHOLE else None


def _plain(word: str) -> str:
    """Take off a version (`node18`) and the plural (`requests`), which change nothing about what it is."""
    bare = word.rstrip("0123456789")
    return bare.removesuffix("s") if bare.removesuffix("s") in _STRONG | _WHOLE else bare
