"""Plans: what two worlds have in common, and how they differ, all drawn from one seed."""

import hashlib
import random
from dataclasses import dataclass
from enum import StrEnum

from firewall.core.ids import canonical, derived

SECRET = bytes(range(32))
PROMPT = "You are Otto, the assistant of this house."
DECORATION = "Message from {who}: {text}"


class Bot(StrEnum):
    """How the bot is built."""

    MANAGED = "managed"  # keeps nothing; the wall presents the session's own history
    SHARED = "shared"  # one list for everybody, decorated with names
    STREAMING = "streaming"  # the same list, answered in chunks
    OWN_CLIENT = "own_client"  # the same list through `admit` and `release`


class Driver(StrEnum):
    """How the model behaves."""

    ECHO = "echo"
    ADVERSARY = "adversary"
    STATEFUL = "stateful"  # remembers, per `user`, all it was ever told
    UNMEDIATED = "unmediated"  # remembers, in one memory for everybody, all it was ever told


class Difference(StrEnum):
    """How the second world differs from the first."""

    CHANGED = "changed"
    ABSENT = "absent"
    SCHEDULE = "schedule"


class Place(StrEnum):
    """Where a message is written."""

    DM = "dm"
    ROOM = "room"
    ASIDE = "aside"  # in the room, answered to the sender alone


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One message, and what the bot does in its turn beyond asking the model."""

    text: str
    place: Place
    calls: tuple[tuple[str, str], ...] = ()  # tool, JSON arguments
    note: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Two worlds.

    Attributes:
        observed: What the observed actor does, equal in both worlds.
        other: What the other does in the first world, and in the second.
        vault: The other's vault entries, in the first world and in the second.
        same_tenant: The two actors are colleagues.
        restart: After this many of the observed actor's steps the wall is closed and opened again.
        cancel_observed: Awaits of the observed actor that are cancelled, equal in both worlds.
        cancel_other: Awaits of the other that are cancelled, in each world.
        frozen: The excerpt index knows the same texts in both worlds and learns nothing.
        full: The standard profile on a database file.
        strict: The strict profile.
        taught: A frozen index knows what the other says; else it is empty, and the first wall stands alone.
        audited: The observed actor's stores are read back at the end.
    """

    seed: int
    bot: Bot
    driver: Driver
    difference: Difference
    observed: tuple[Step, ...]
    other: tuple[tuple[Step, ...], tuple[Step, ...]]
    vault: tuple[tuple[tuple[str, str], ...], tuple[tuple[str, str], ...]]
    same_tenant: bool = False
    concurrent: bool = False
    restart: int | None = None
    cancel_observed: frozenset[int] = frozenset()
    cancel_other: tuple[frozenset[int], frozenset[int]] = (frozenset(), frozenset())
    frozen: bool = False
    full: bool = False
    strict: bool = False
    audited: bool = True
    taught: bool = True

    @property
    def planted(self) -> tuple[str, ...]:
        """Every value of the other that must never be seen."""
        return tuple(value for entries in self.vault for _, value in entries)


_COMMON = ("ok", "hello", "thanks", "what did the others say?", "a", "yes please", "hello and thanks", "")
_NAMES = ("alice", "bob", "Otto", "you", "[bob]")


def drawn(seed: int) -> Plan:
    """Draw a plan; equal seeds give equal plans, whatever the interpreter's hash seed."""
    rng = random.Random(seed)
    bot, driver = rng.choice(list(Bot)), rng.choice(list(Driver))
    frozen = driver is not Driver.UNMEDIATED and rng.random() < 0.6
    difference = rng.choice(list(Difference))
    own = _values(rng, "own", 3)
    first, second = _values(rng, "one", 3), _values(rng, "two", 3)
    known = _known((*first, *second))
    same_tenant = rng.random() < 0.5
    observed = tuple(_step(rng, own, known) for _ in range(rng.randint(2, 3)))
    shape = rng.getrandbits(32)
    count = rng.randint(1, 3)
    # What is said in a room that both are in is for both to read, so it is no secret of the other's.
    places = (Place.DM,) if driver is Driver.UNMEDIATED else (Place.DM, Place.DM, Place.ROOM, Place.ASIDE)
    mine, changed = (_others(shape, count, values, known, places) for values in (first, second))
    other = {
        Difference.CHANGED: (mine, changed),
        Difference.ABSENT: (mine, ()),
        Difference.SCHEDULE: (mine, mine),
    }[difference]
    entries = tuple(tuple((f"entry-{n}", value) for n, value in enumerate(each)) for each in (first, second))
    concurrent = difference is Difference.SCHEDULE or rng.random() < 0.4
    cancels = rng.random() < 0.3
    return Plan(
        seed=seed,
        bot=bot,
        driver=driver,
        difference=difference,
        observed=observed,
        other=other,
        vault=(entries[0], entries[0 if difference is Difference.SCHEDULE else 1]),
        same_tenant=same_tenant,
        concurrent=concurrent,
        restart=rng.randint(1, len(observed) - 1) if rng.random() < 0.08 else None,
        cancel_observed=frozenset({rng.randint(1, 60)}) if cancels else frozenset(),
        cancel_other=(_some(rng), _some(rng)) if rng.random() < 0.4 else (frozenset(), frozenset()),
        frozen=frozen,
        full=rng.random() < 0.01,
    )


def _some(rng: random.Random) -> frozenset[int]:
    return frozenset(rng.randint(1, 80) for _ in range(rng.randint(0, 3)))


def _values(rng: random.Random, word: str, count: int) -> tuple[str, ...]:
    """Values that any detector of excerpts keeps; those of two plans never meet."""
    return tuple(
        f"{word} {rng.getrandbits(48):012x} ZX-{rng.randrange(10**7, 10**8)} {rng.getrandbits(40):010x}"
        for _ in range(count)
    )


def _known(values: tuple[str, ...]) -> tuple[str, ...]:
    """All that an adversary could have found out: values, digests, ids, paths, names."""
    digests = tuple(hashlib.sha256(value.encode()).hexdigest() for value in values)
    contents = tuple(derived(SECRET, "content", canonical(value)) for value in values[:2])
    fixed = ("entry-0", "entry-1", "notes.txt", "../notes.txt", "/etc/passwd", "by-sender", PROMPT)
    return (*values, *digests, *contents, *fixed, *_NAMES)


def _text(rng: random.Random, words: tuple[str, ...]) -> str:
    return " ".join(rng.choice(words) for _ in range(rng.randint(1, 2)))


def _step(rng: random.Random, own: tuple[str, ...], known: tuple[str, ...]) -> Step:
    words = (*_COMMON[:-1], *own, *known)
    calls = tuple(_call(rng, words) for _ in range(rng.randint(0, 2)))
    note = (rng.choice(known), _text(rng, words)) if rng.random() < 0.4 else None
    place = rng.choice((Place.DM, Place.DM, Place.ROOM, Place.ASIDE))
    return Step(text=_text(rng, words), place=place, calls=calls, note=note)


def _others(
    shape: int, count: int, values: tuple[str, ...], known: tuple[str, ...], places: tuple[Place, ...]
) -> tuple[Step, ...]:
    """The other's steps: of one shape in both worlds, with other values in them.

    It never keeps a note in the room, which is written for everybody in there to read.
    """
    rng = random.Random(shape)
    steps: list[Step] = []
    for _ in range(count):
        words = (*_COMMON, *values, *values, *known)
        place = rng.choice(places)
        calls = tuple(_call(rng, words) for _ in range(rng.randint(0, 3)))
        note = (rng.choice(("plan", "entry-0")), rng.choice(values))
        text = _text(rng, words) or " "
        steps.append(Step(text=text, place=place, calls=calls, note=None if place is Place.ROOM else note))
    return tuple(steps)


_PATHS = ("notes.txt", "plan/x.txt", "entry-0", "../notes.txt", "/notes.txt", ".")


def _call(rng: random.Random, words: tuple[str, ...]) -> tuple[str, str]:
    path, text = rng.choice(_PATHS), _text(rng, words)
    arguments: dict[str, dict[str, str]] = {
        "read": {"path": path},
        "write": {"path": path, "text": text},
        "append": {"path": path, "text": text},
        "delete": {"path": path},
        "move": {"source": path, "target": rng.choice(_PATHS)},
        "list": {},
        "glob": {"pattern": "**/*"},
        "grep": {"text": rng.choice(words)},
        "vault_lookup": {"name": rng.choice(("entry-0", "entry-1", "shared", "mine"))},
        "diary": {"text": text},
        "keep_file": {"path": path, "text": text},
        "exec": {"command": "cat ../*/notes.txt"},
        "fetch": {"url": "https://example.org/"},
        "nothing": {"text": text},
        "everybodys": {"query": text},
    }
    name = rng.choice(sorted(arguments))
    given = arguments[name]
    if rng.random() < 0.1:
        given = {**given, rng.choice(("principal", "tenant", "turn", "owner")): rng.choice(words)}
    return name, canonical_object(given)


def canonical_object(given: dict[str, str]) -> str:
    """Write an object as JSON text, in the order of its keys."""
    pairs = (f"{canonical(key)[1:-1]}:{canonical(value)[1:-1]}" for key, value in given.items())
    return "{" + ",".join(pairs) + "}"
