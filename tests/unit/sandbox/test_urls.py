"""A URL has one meaning or none."""

import pytest

from sandbox.errors import EgressFault, EgressRefused
from sandbox.urls import is_host_name, parse_url


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://api.example.com", "https://api.example.com/"),
        ("HTTPS://API.Example.COM:443/a?b=c#d", "https://api.example.com/a?b=c"),
        ("http://example.com:8080/x", "http://example.com:8080/x"),
        ("http://example.com?q=1", "http://example.com/?q=1"),
        ("https://b\u00fccher.example/\u00fc?\u00e4", "https://xn--bcher-kva.example/%C3%BC?%C3%A4"),
        ("https://example.com/%2e%2e/x", "https://example.com/%2e%2e/x"),
        ("https://example.com//evil.test/@x:1", "https://example.com//evil.test/@x:1"),
        ("https://1password.com/", "https://1password.com/"),
        ("https://a1.b2c/", "https://a1.b2c/"),
    ],
)
def test_an_ordinary_url_is_read_in_its_canonical_form(text: str, url: str) -> None:
    target = parse_url(text)
    assert target.url == url
    assert parse_url(target.url) == target


def test_the_host_header_and_the_origin_name_the_port_where_it_matters() -> None:
    target = parse_url("http://example.com:8080/x")
    assert (target.host_header, target.origin) == ("example.com:8080", ("http", "example.com", 8080))
    assert parse_url("http://example.com:80/x").host_header == "example.com"


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", EgressFault.MALFORMED),
        ("example.com", EgressFault.MALFORMED),
        ("//example.com/", EgressFault.MALFORMED),
        ("https:example.com", EgressFault.MALFORMED),
        ("https:///path", EgressFault.MALFORMED),
        ("https://:80/", EgressFault.MALFORMED),
        ("https://a:80:90/", EgressFault.MALFORMED),
        ("https://a:/x", EgressFault.MALFORMED),
        ("https://a:http/x", EgressFault.MALFORMED),
        ("https://example.com\\@127.0.0.1/", EgressFault.MALFORMED),
        ("https://example.com/ x", EgressFault.MALFORMED),
        ("https://example.com/\r\nHost: x", EgressFault.MALFORMED),
        ("https://exam\tple.com/", EgressFault.MALFORMED),
        (" https://example.com/", EgressFault.MALFORMED),
        ("https://example.com/\u202e", EgressFault.MALFORMED),
        ("https://example.com/\ud800", EgressFault.MALFORMED),
        ("https://example.com/" + "x" * 9000, EgressFault.MALFORMED),
        ("https://exa_mple.com/", EgressFault.MALFORMED),
        ("https://-a.com/", EgressFault.MALFORMED),
        ("https://example.com./", EgressFault.MALFORMED),
        ("https://a..com/", EgressFault.MALFORMED),
        ("https://" + "a" * 64 + ".com/", EgressFault.MALFORMED),
        ("https://" + "a." * 127 + "com/", EgressFault.MALFORMED),
        ("https://ex%61mple.com/", EgressFault.MALFORMED),
        ("https://\u24d4\u24e7\u24d0\u24dc\u24df\u24db\u24d4.com/", EgressFault.MALFORMED),
        ("https://example\uff0ecom/", EgressFault.MALFORMED),
        ("https://example\u3002com/", EgressFault.MALFORMED),
        ("https://stra\u00dfe.example/", EgressFault.MALFORMED),
        ("https://" + "\u00fc" * 70 + ".com/", EgressFault.MALFORMED),
        ("https://user@example.com/", EgressFault.CREDENTIALS),
        ("https://user:pw@example.com/", EgressFault.CREDENTIALS),
        ("ftp://example.com/", EgressFault.SCHEME),
        ("file:///etc/passwd", EgressFault.SCHEME),
        ("gopher://example.com/", EgressFault.SCHEME),
        ("https://example.com:0/", EgressFault.PORT),
        ("https://example.com:65536/", EgressFault.PORT),
        ("http://127.0.0.1/", EgressFault.NUMERIC_HOST),
        ("http://127.1/", EgressFault.NUMERIC_HOST),
        ("http://2130706433/", EgressFault.NUMERIC_HOST),
        ("http://0x7f000001/", EgressFault.NUMERIC_HOST),
        ("http://0X7F.1/", EgressFault.NUMERIC_HOST),
        ("http://0177.0.0.1/", EgressFault.NUMERIC_HOST),
        ("http://0x/", EgressFault.NUMERIC_HOST),
        ("http://127.0.0.1./", EgressFault.NUMERIC_HOST),
        ("http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/", EgressFault.NUMERIC_HOST),
        ("http://[::1]/", EgressFault.NUMERIC_HOST),
        ("http://[::ffff:127.0.0.1]:80/", EgressFault.NUMERIC_HOST),
    ],
)
def test_an_odd_url_is_refused_without_quoting_it(text: str, fault: EgressFault) -> None:
    with pytest.raises(EgressRefused) as refused:
        parse_url(text)
    assert refused.value.fault is fault
    assert str(refused.value) == fault.value


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a.b", True),
        ("localhost", True),
        ("A.b", False),
        ("a.1", False),
        ("", False),
        (".", False),
        ("a.", False),
    ],
)
def test_a_host_name_is_lower_case_and_no_number(text: str, expected: bool) -> None:
    assert is_host_name(text) is expected
