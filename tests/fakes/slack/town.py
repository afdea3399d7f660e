"""The people and places that a test finds when it comes to the two workspaces."""

from dataclasses import dataclass

from tests.fakes.slack.shapes import Person, Place
from tests.fakes.slack.workspace import Workspace


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """ACME's people and rooms, and Eve of GLOBEX, who meets them in the room that both share."""

    ada: Person
    ben: Person
    guest: Person
    alarm: Person
    eve: Person
    kitchen: Place  # public; GLOBEX has another of the same id
    cellar: Place  # private
    three: Place  # a group message
    bridge: Place  # shared with GLOBEX


def settle(acme: Workspace, globex: Workspace) -> Town:
    """Let everybody in; Ada's id and the kitchen's are those of others in GLOBEX, too."""
    ada = acme.joins(Person(id="U0ADA0001", name="ada", team=acme.id))
    ben = acme.joins(Person(id="U0BEN0001", name="ben", team=acme.id))
    guest = acme.joins(Person(id="U0GUS0001", name="gus", team=acme.id, guest="single"))
    alarm = acme.joins(Person(id="U0ALARM01", name="alarm", team=acme.id, bot_id="B0ALARM01"))
    other = globex.joins(Person(id="U0ADA0001", name="ada", team=globex.id))
    eve = acme.joins(globex.joins(Person(id="U0EVE0001", name="eve", team=globex.id)))
    globex.opens("C0KITCHEN", "kitchen", other, eve)
    bridge = acme.opens("C0BRIDGE1", "bridge", ben, eve)
    acme.shares(bridge, globex)
    return Town(
        ada=ada,
        ben=ben,
        guest=guest,
        alarm=alarm,
        eve=eve,
        kitchen=acme.opens("C0KITCHEN", "kitchen", ada, ben, guest, alarm),
        cellar=acme.opens("C0CELLAR1", "cellar", ada, room="group"),
        three=acme.opens("G0THREE01", "mpdm-ada--ben", ada, ben, room="mpim"),
        bridge=bridge,
    )
