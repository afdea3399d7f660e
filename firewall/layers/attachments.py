"""What may come with a message: how many files, how long, and of which kinds by what their bytes are."""

import fnmatch
from dataclasses import dataclass

from firewall.core.subject import Filed, Inbound, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, ReasonCode, Severity, Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachments:
    """Denies a file that is too long, one too many, or not of an allowed kind.

    Attributes:
        max_count: Most files of one message.
        max_bytes: Longest file.
        types: Patterns of the media types that are allowed (`image/*`).
    """

    max_count: int
    max_bytes: int
    types: tuple[str, ...]
    name: str = "attachments"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.INBOUND})

    async def judge(self, case: Case) -> Verdict:
        """Deny what is over a limit; the kind is judged once the bytes are here."""
        inbound = case.subject
        if not isinstance(inbound, Inbound):
            return Deny(reason=ReasonCode.UNKNOWN_SUBJECT)
        return Allow() if inbound.filed is None else self._judged(inbound.filed)

    def _judged(self, filed: Filed) -> Verdict:
        if filed.number > self.max_count:
            return Deny(reason=ReasonCode.FILE_REFUSED, rule="file:count", severity=Severity.LOW)
        if filed.size_bytes > self.max_bytes:
            return Deny(reason=ReasonCode.TOO_LARGE, rule="file:size", severity=Severity.LOW)
        kind = filed.media_type
        if kind is not None and not any(fnmatch.fnmatchcase(kind, each) for each in self.types):
            return Deny(reason=ReasonCode.FILE_REFUSED, rule="file:type", severity=Severity.LOW)
        return Allow()
