import random
from typing import Any

from firewall.detect.excerpts.packed import Packed


def test_room_that_is_left_behind_is_filled_again() -> None:
    packed, draw = Packed(), random.Random(3)
    kept: dict[int, str] = {}
    for turn in range(20_000):
        number = turn % 500 if turn < 500 or turn % 500 else 500 + turn // 500 - 1
        # One in five hundred stays, so that pieces are left with a few.
        if number in kept:
            packed.drop(number)
        text = f"acme {turn} " + "globex" * draw.randrange(60)
        kept[number] = text
        packed.put(number, text)
    assert {number: packed[number] for number in kept} == kept
    inside: Any = packed
    assert sum(map(len, inside._pieces)) < 4 * sum(len(text) + 6 for text in kept.values()) + (1 << 16)


def test_texts_of_every_width_come_back_as_they_were() -> None:
    packed = Packed()
    texts = ["", "acme", "é" * 4_096, "三" * 4_096, "\U0001f600" * 4_096, "\ud800"]
    for number, text in enumerate(texts):
        packed.put(number, text)
    assert [packed[number] for number in range(len(texts))] == texts
