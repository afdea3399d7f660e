"""Both runs as one object of plain values."""

from dataclasses import asdict

from demo.evidence import leaked, owner_keeps_history
from demo.runs import Played
from demo.story import EARLIER_MESSAGES


def figures(played: Played) -> dict[str, object]:
    """Give what `--json` prints.

    Under `walled` stands every field of `evidence.Walled` but the records themselves.
    """
    found = {name: value for name, value in asdict(played.found).items() if name != "reasons"}
    values = len(played.story.values)
    return {
        "seed": played.seed,
        "model": played.model,
        "earlier_messages": EARLIER_MESSAGES,
        "foreign_values": values,
        "baseline": {"foreign_values_leaked": len(leaked(played.story, played.baseline))},
        "walled": {
            "foreign_values_leaked": len(leaked(played.story, played.walled)),
            **found,
            "owner_keeps_history": owner_keeps_history(played.story, played.walled),
        },
    }


def holds(played: Played) -> bool:
    """True if nothing leaked through the wall, nothing is lost to its owner, and the records stand."""
    return (
        not leaked(played.story, played.walled)
        and owner_keeps_history(played.story, played.walled)
        and played.found.receipts_verified
    )
