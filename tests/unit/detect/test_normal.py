import pytest

from firewall.detect.normal import PLAIN, SKELETON


@pytest.mark.parametrize(
    ("shown", "skeleton"),
    [
        pytest.param("AB-12 345", "ab12345", id="separators-and-case"),
        pytest.param("ＡＢ－１２", "ab12", id="full-width"),
        pytest.param(
            "s\u200be\u00adc\u2060r\ufeffe\U000e0065t", "secret", id="invisible-characters-and-tags"
        ),
        pytest.param("re\u0301sume\u0301", "resume", id="combining-marks"),
        pytest.param("rés\u202eumé", "resume", id="composed-marks-and-bidi"),
        pytest.param("İstanbul", "istanbul", id="dotted-capital-i"),
        pytest.param("Straße", "strasse", id="sharp-s"),
        pytest.param("eﬃcient ﬀ", "efficientff", id="ligatures"),
        pytest.param("раураl", "paypal", id="cyrillic-look-alikes"),
        pytest.param("٤٨٢", "482", id="digits-of-another-script"),
        pytest.param("line\u2011wrap\r\nped", "linewrapped", id="typographic-dash-and-line-wrap"),
        pytest.param("\u3164\u2800", "", id="blank-letters"),
    ],
)
def test_disguises_leave_the_same_skeleton(shown: str, skeleton: str) -> None:
    assert SKELETON.fold(shown) == skeleton


@pytest.mark.parametrize(
    ("shown", "plain"),
    [
        pytest.param("ann\u200b@Example.com", "ann@Example.com", id="zero-width-in-an-address"),
        pytest.param("＋１ ２１２\u2011555", "+1 212-555", id="full-width-and-dash"),
        pytest.param("café\u00a0x", "café x", id="accents-stay"),
        pytest.param("a\tb\nc\x00d", "a\tb\ncd", id="control-characters-go"),
    ],
)
def test_plain_text_is_what_a_reader_sees(shown: str, plain: str) -> None:
    assert PLAIN.fold(shown) == plain


def test_one_code_point_that_gives_two_characters_is_covered_by_either() -> None:
    normal = SKELETON.normal("aßb")
    assert normal.text == "assb"
    assert normal.span(1, 2) == (1, 2)
    assert normal.span(2, 3) == (1, 2)
    assert normal.span(2, 4) == (1, 3)


def test_a_span_takes_in_what_stands_inside_it_and_nothing_beside_it() -> None:
    normal = SKELETON.normal("- a\u200b-b -")
    assert normal.span(0, 2) == (2, 6)


def test_neither_a_folded_text_nor_its_table_shows_characters_in_a_traceback() -> None:
    assert "secret" not in repr(SKELETON.normal("secret"))
    assert repr(SKELETON) == "Form(skeleton)"
