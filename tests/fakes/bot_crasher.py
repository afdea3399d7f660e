"""A bot on Slack by signed HTTP that answers everybody until it is killed, or told to stop.

`python -m tests.fakes.bot_crasher FOLDER API`; it prints the port on which it takes events.
"""

import sys
from pathlib import Path

import partywall as pw
from adapters.channels import Accept, Drop, Forget
from adapters.slack.channel import SlackChannel
from partywall.handle import TurnHandle
from tests.fakes.slack.delivery import SECRET

TOKENS = {"T0ACME001": "xoxb-acme", "T0GLOBEX1": "xoxb-globex"}


def settings(folder: Path) -> dict[str, object]:
    """Give the wall's configuration; without detectors, which take seconds to load in each life."""
    return {
        "profile": "light",
        "store": {"path": str(folder / "wall.db")},
        "files": {"path": str(folder / "files")},
        "limits": {"waiting_a_tenant": 100_000},
    }


class Told(SlackChannel):
    """A channel that says on which port it listens."""

    async def open(self, accept: Accept, forget: Forget, drop: Drop) -> None:
        """Open, and say so."""
        await super().open(accept, forget, drop)
        sys.stdout.write(f"{self.port}\n")
        sys.stdout.flush()


async def answer(turn: TurnHandle) -> str:
    """Repeat what was said."""
    return f"re: {turn.text}"


def main(folder: Path, api: str) -> None:
    """Serve until the end."""
    channel = Told(TOKENS, signing_secret=SECRET, port=0, base_url=api)
    pw.Bot(pw.open(settings(folder)), answer, [channel]).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
