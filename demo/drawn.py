"""Private data, drawn fresh from a seed: all of it invented, none of it a constant of this program."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

_FIRST = (
    *("Ada", "Bela", "Cosima", "Dario", "Edda", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Leif"),
    *("Mira", "Nils", "Oda", "Piet", "Rosa", "Selim", "Tilda", "Umar", "Vera", "Willem", "Yara", "Zeno"),
)
_LAST = (
    *("Abendroth", "Brunswick", "Castellan", "Dahlberg", "Eberhart", "Fontaine", "Grimaldi", "Halvorsen"),
    *("Ivanovic", "Jespersen", "Kowalczyk", "Lindqvist", "Montague", "Nakamura", "Oberholz", "Pellegrin"),
)
_WORDS = (
    *("amber", "birch", "cobalt", "delta", "ember", "fjord", "garnet", "heron", "indigo", "juniper", "kelp"),
    *("lantern", "maple", "nectar", "onyx", "pebble", "quartz", "rudder", "saffron", "tundra", "willow"),
)
_STREETS = ("Harbour Lane", "Orchard Row", "Windmill Street", "Castle Terrace", "Juniper Close", "Mill Road")
_TOWNS = ("Ashford Bay", "Brackenholm", "Carrow Hill", "Dunmere", "Eastwick Sands", "Fallowgate")


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """One of ACME's clients, with everything about them that is nobody else's business."""

    name: str
    order: str
    card: str
    phone: str
    address: str
    password: str

    @property
    def values(self) -> tuple[str, ...]:
        """Each private value by itself."""
        return (self.name, self.order, self.card, self.phone, self.address, self.password)


def clients(seed: int, count: int) -> tuple[Client, ...]:
    """Draw clients who share no value with each other; at most 200."""
    rng = random.Random(seed)
    names = rng.sample([f"{first} {last}" for first in _FIRST for last in _LAST], count)
    # 07700 900000 to 900999 are set aside for fiction by Ofcom.
    phones = rng.sample(range(1000), count)
    orders = rng.sample(range(10_000, 100_000), count)
    codes = _codes(rng)
    return tuple(
        Client(
            name=name,
            order=f"ORD-{order}",
            card=card_number(rng),
            phone=f"+44 7700 900{phone:03}",
            address=f"{rng.randrange(100, 1000)} {rng.choice(_STREETS)}, {rng.choice(_TOWNS)}",
            password=next(codes),
        )
        for name, order, phone in zip(names, orders, phones, strict=True)
    )


def codes(seed: int, count: int) -> tuple[str, ...]:
    """Draw codes such as `heron-47-lantern-birch`, of another stream than the clients' passwords."""
    drawn = _codes(random.Random(f"codes {seed}"))
    return tuple(next(drawn) for _ in range(count))


def card_number(rng: random.Random) -> str:
    """Draw a card number that passes the check of its last digit, under a prefix that no bank issues."""
    digits = [4, 0, 0, 0, 0, 0, *(rng.randrange(10) for _ in range(9))]
    text = "".join(map(str, [*digits, _luhn(digits)]))
    return " ".join(text[at : at + 4] for at in range(0, 16, 4))


def _luhn(digits: list[int]) -> int:
    """Give the check digit that belongs behind these. Source: ISO/IEC 7812-1, annex B."""
    doubled = [digit * 2 if index % 2 == 0 else digit for index, digit in enumerate(reversed(digits))]
    return -sum(digit // 10 + digit % 10 for digit in doubled) % 10


def _codes(rng: random.Random) -> Iterator[str]:
    while True:
        first, second, third = rng.sample(_WORDS, 3)
        yield f"{first}-{rng.randrange(10, 100)}-{second}-{third}"
