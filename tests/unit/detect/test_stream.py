from collections.abc import Sequence

import pytest

from firewall.core.errors import ServiceUnavailable
from firewall.core.ports import Match
from firewall.detect.detectors import All
from firewall.detect.identifiers import Identifiers
from firewall.detect.marker import redacted
from firewall.detect.pii.detector import PresidioDetector
from firewall.detect.stream import Holdback

IDS = All([Identifiers()])
ENOUGH = "and this is long enough to decide it."


def test_a_finished_line_leaves_once_enough_has_followed() -> None:
    stream = Holdback(IDS.scan)
    assert stream.feed("order AB-12345\n") == ""
    assert stream.feed("and this is long") == ""
    assert stream.feed(" enough to decide it.") == "order [REDACTED:ID]\n"
    assert stream.finish() == ENOUGH


def test_a_finished_sentence_leaves_before_its_line_ends() -> None:
    stream = Holdback(IDS.scan)
    assert stream.feed(f"It is done. A{ENOUGH}") == "It is done. "


def test_a_value_split_over_chunks_is_found() -> None:
    stream = Holdback(IDS.scan)
    out = [stream.feed(chunk) for chunk in ("pin 48", "29", "13", "\n", ENOUGH)]
    assert "".join(out) + stream.finish() == f"pin [REDACTED:ID]\n{ENOUGH}"


def test_the_end_of_the_stream_decides_the_rest() -> None:
    stream = Holdback(IDS.scan)
    assert stream.feed("pin 482913") == ""
    assert stream.finish() == "pin [REDACTED:ID]"


def test_personal_data_streams_as_it_stands(presidio: PresidioDetector) -> None:
    detector = All([Identifiers(), presidio])
    text = "Write to ann@example.com. Then call 212-555-0100\nor pay with 4111 1111 1111 1111.\n" + ENOUGH
    for size in (1, 3, 17, 400):
        stream = Holdback(detector.scan)
        out = "".join(stream.feed(text[at : at + size]) for at in range(0, len(text), size)) + stream.finish()
        assert out == redacted(text, detector.scan(text))[0]
        assert "ann@" not in out
        assert "[REDACTED:PHONE_NUMBER]" in out


def test_what_cannot_be_decided_in_bounds_closes_the_stream() -> None:
    stream = Holdback(IDS.scan, max_held=50)
    with pytest.raises(ServiceUnavailable) as caught:
        stream.feed("secret" * 10)
    assert "secret" not in str(caught.value)
    with pytest.raises(ServiceUnavailable):
        stream.feed("a")
    with pytest.raises(ServiceUnavailable):
        stream.finish()


def test_a_stream_ends_once() -> None:
    stream = Holdback(IDS.scan)
    assert stream.finish() == ""
    with pytest.raises(ServiceUnavailable):
        stream.finish()


def test_a_scan_that_fails_releases_nothing() -> None:
    def broken(text: str) -> Sequence[Match]:
        raise ServiceUnavailable("cannot look")

    stream = Holdback(broken)
    with pytest.raises(ServiceUnavailable):
        stream.feed(f"line\n{ENOUGH}")
    with pytest.raises(ServiceUnavailable):
        stream.finish()


def test_text_that_becomes_foreign_while_it_streams_is_cut_from_there_on() -> None:
    foreign: list[str] = []

    def scan(text: str) -> Sequence[Match]:
        return [
            Match(
                start=text.index(value), stop=text.index(value) + len(value), kind="EXCERPT", rule="excerpt"
            )
            for value in foreign
            if value in text
        ]

    stream = Holdback(scan)
    first = stream.feed(f"one and two\nthree and four\n{ENOUGH}")
    assert first == "one and two\nthree and four\n"
    foreign.append(f"three and four\n{ENOUGH}")
    assert stream.finish() == "[REDACTED:EXCERPT]"


def test_released_text_is_not_scanned_for_ever() -> None:
    longest = 0

    def scan(text: str) -> Sequence[Match]:
        nonlocal longest
        longest = max(longest, len(text))
        return ()

    stream = Holdback(scan)
    line = "one more line of the answer\n"
    for _ in range(300):
        stream.feed(line)
    assert longest <= 6 * len(line)


def test_a_chunk_that_ends_no_segment_is_not_scanned() -> None:
    calls = 0

    def scan(text: str) -> Sequence[Match]:
        nonlocal calls
        calls += 1
        return ()

    stream = Holdback(scan)
    for char in f"a first line\n{ENOUGH}":
        stream.feed(char)
    assert calls == 1
