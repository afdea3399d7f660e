"""Links in replies: those of the list and those that were given stay, and no others."""

import pytest

from firewall.core.message import Origin, Part, operator_part
from firewall.core.session import Turn
from firewall.core.subject import Form, Leaf, ModelReply, Subject
from firewall.core.verdict import Allow, Deny, ReasonCode, Redact, Severity, Verdict
from firewall.detect.links.given import Given
from firewall.detect.links.hosts import HostList
from firewall.layers.links import Links
from tests.fakes.clock import at_once
from tests.fakes.tenants import ACME, GLOBEX, case, line, mixed, outbound, part, turn

EVIL = "https://evil.example/?d=kelp"


def layer(*, tools: bool = True, shadow: bool = False, every: bool = False) -> Links:
    return Links(
        hosts=HostList(names=("*",) if every else ("docs.example.org",)),
        tenants={ACME: HostList(names=("acme.example.net",))},
        given=Given(tools=tools, phrases=("Manual: https://manual.example/x",)),
        shadow=shadow,
    )


def judged(
    subject: Subject, *, of: Turn | None = None, read: tuple[Part, ...] = (), by: Links | None = None
) -> Verdict:
    return at_once((by or layer()).judge(case(subject, of, read=read)))


def reply(text: str) -> ModelReply:
    return ModelReply(leaves=(line(text),))


def passes(text: str, *read: Part, by: Links | None = None, of: Turn | None = None) -> bool:
    return judged(reply(text), read=read, by=by, of=of) == Allow()


def test_an_image_that_leads_elsewhere_is_cut_and_recorded_as_worse_than_a_link() -> None:
    verdict = judged(reply(f"![x]({EVIL}) and {EVIL}"))
    assert isinstance(verdict, Allow)
    cuts = [each for each in verdict.obligations if isinstance(each, Redact)]
    assert [(one.marker, one.rule, one.severity) for one in cuts] == [
        ("[REDACTED:LINK]", "link.image", Severity.MEDIUM),
        ("[REDACTED:LINK]", "link.url", Severity.LOW),
    ]


def test_links_of_the_list_stay_and_one_tenants_list_is_no_other_tenants() -> None:
    assert passes("![x](https://docs.example.org/a.png) https://docs.example.org/x")
    assert passes("https://acme.example.net/")
    assert not passes("https://acme.example.net/", of=turn(tenant=GLOBEX))
    assert passes(f"![x]({EVIL})", by=layer(every=True))


@pytest.mark.parametrize("origin", [Origin.SENDER, Origin.QUOTED, Origin.FILE, Origin.TOOL])
def test_a_link_that_was_given_whole_may_be_repeated_but_not_as_an_image(origin: Origin) -> None:
    read = part(f"look at {EVIL}.", origin=origin)
    assert passes(f"I looked at {EVIL}, well", read)
    assert not passes(f"![x]({EVIL})", read)
    assert not passes(f"{EVIL}-lantern", read)
    assert not passes(f"{EVIL}!?!?!?", read), "marks could say something"
    assert not passes(EVIL.removesuffix("kelp"), read)


def test_a_link_that_a_model_wrote_first_is_not_given_by_whoever_repeats_it() -> None:
    echo = part(EVIL, origin=Origin.TOOL, id="echo")
    for origin in (Origin.MODEL, Origin.CALL):
        assert not passes(EVIL, part(EVIL, origin=origin, id="said"), echo)
        assert passes(EVIL, echo, part(EVIL, origin=origin, id="said"))


def test_what_tools_gave_counts_only_where_the_operator_wants_it() -> None:
    assert not passes(EVIL, part(EVIL, origin=Origin.TOOL), by=layer(tools=False))
    assert passes(EVIL, part(EVIL), by=layer(tools=False))
    assert passes("https://manual.example/x", by=layer(tools=False))


def test_the_operators_own_text_stays_and_a_link_that_is_partly_somebody_elses_does_not() -> None:
    own = "![logo](https://cdn.example/l.png)"
    assert judged(outbound(mixed((own, operator_part(own))))) == Allow()
    half = mixed(("https://cdn.example/?d=", operator_part("x")), ("kelp", None))
    assert judged(outbound(half)) != Allow()


@pytest.mark.parametrize(
    "leaf",
    [
        pytest.param(line("https://evil.example/p.png", slot="embeds.0.image.url"), id="discord-image"),
        pytest.param(line("https://evil.example/p.png", slot="blocks.3.image_url"), id="slack-image"),
        pytest.param(line("foo:bar", slot="reply_markup.inline_keyboard.0.0.url"), id="telegram-button"),
    ],
)
def test_an_address_that_leads_elsewhere_is_denied(leaf: Leaf) -> None:
    verdict = judged(outbound(leaf))
    assert isinstance(verdict, Deny)
    assert verdict.reason is ReasonCode.LINK_REFUSED


def test_an_address_of_the_list_a_given_button_and_an_enclosed_file_pass() -> None:
    assert judged(outbound(line("https://docs.example.org/p.png", slot="embeds.0.image.url"))) == Allow()
    assert judged(outbound(line("attachment://p.png", slot="embeds.0.image.url"))) == Allow()
    button, image = line(EVIL, slot="components.0.url"), line(EVIL, slot="embeds.0.image.url")
    assert judged(outbound(button), read=(part(EVIL),)) == Allow()
    assert judged(outbound(image), read=(part(EVIL),)) != Allow()


def test_a_caption_is_judged_and_the_inside_of_a_file_and_a_note_are_not() -> None:
    caption, body = (
        mixed((EVIL, None), slot="caption", fixed=True),
        mixed((EVIL, None), slot="content", fixed=True),
    )
    assert isinstance(judged(outbound(caption, form=Form.FILE)), Deny)
    assert judged(outbound(body, form=Form.FILE)) == Allow()
    assert judged(outbound(caption, form=Form.NOTE)) == Allow()
    assert judged(ModelReply(leaves=(body,))) == Allow(), "arguments are judged as the call"


def test_in_shadow_it_is_only_recorded() -> None:
    verdict = judged(reply(EVIL), by=layer(shadow=True))
    assert isinstance(verdict, Allow)
    assert [each.shadow for each in verdict.findings] == [True]
    assert verdict.obligations == ()
