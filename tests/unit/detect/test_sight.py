import pytest

from firewall.detect.secrets.sight import sight


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        pytest.param("acme token", b"acme token", id="ascii-stays"),
        pytest.param("AP\u0130 \u212aEY \u017fecret", b"APi kEY secret", id="letters-that-fold-to-ascii"),
        pytest.param("a\u00a0b\u2028c", b"a b\nc", id="spaces-and-lines"),
        pytest.param("globex \U0001f511\u4e09", b"globex ??", id="one-byte-for-one-code-point"),
        pytest.param("\ud800x", b"?x", id="a-lone-surrogate-is-no-error"),
    ],
)
def test_every_code_point_is_one_byte(text: str, seen: bytes) -> None:
    assert sight(text) == seen
    assert len(seen) == len(text)
