"""What is taken out of a record of the library's log."""

import logging

import pytest

from adapters.discord.logs import Cut, Logs

ACME, GLOBEX = "aW50ZXJhY3Rpb246acme", "aW50ZXJhY3Rpb246globex"


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        (
            f"POST https://discord.com/api/v10/webhooks/1/{ACME}",
            "POST https://discord.com/api/v10/webhooks/1/…",
        ),
        (f"/webhooks/1/{ACME}/messages/@original", "/webhooks/1/…/messages/@original"),
        (f"/webhooks/1/{ACME}?wait=true", "/webhooks/1/…?wait=true"),
        (f"/interactions/1/{ACME}/callback", "/interactions/1/…/callback"),
        (f"/webhooks/1/{ACME} /interactions/2/{GLOBEX}", "/webhooks/1/… /interactions/2/…"),
        ("/channels/1/messages/2", "/channels/1/messages/2"),
        ("/channels/1/webhooks", "/channels/1/webhooks"),
    ],
)
def test_a_token_is_cut_out_of_an_address_and_the_rest_stays(text: str, cut: str) -> None:
    for msg, args in ((text, ()), ("%s", (text,)), ("%(url)s", ({"url": text},)), ("%s %.2f", (text, 1))):
        record = logging.LogRecord("discord.http", logging.WARNING, "", 0, msg, args, None)
        assert Cut().filter(record)
        assert record.getMessage().removesuffix(" 1.00") == cut
        assert ACME not in str(vars(record))


def test_two_who_need_the_filter_take_each_their_own_off() -> None:
    ours = logging.getLogger("discord.http")
    before = list(ours.filters)
    one, other = Logs(), Logs()
    assert len(ours.filters) == len(before) + 2
    one.leave()
    one.leave()
    assert len(ours.filters) == len(before) + 1
    other.leave()
    assert ours.filters == before
