"""How a turn's answers reach its audience: judged whole, shown in pieces, or growing."""

from collections.abc import AsyncIterable, Callable, Sequence
from typing import Protocol

from firewall.core.subject import Form
from firewall.templates import Template
from firewall.turns import OpenTurn
from partywall.attachments import Attachments, Given
from partywall.runtime import Runtime
from partywall.splitting import pieces


class Outlet(Protocol):
    """The one place to which a turn's answers go.

    Attributes:
        max_units: Longest text of one message, in UTF-16 units.
        edits_every_s: Shortest time between two edits of one message, in seconds; None where
            none can be made.
    """

    max_units: int
    edits_every_s: float | None

    async def post(self, text: str) -> str:
        """Show a text and give an id by which `edit` finds it."""
        ...

    async def edit(self, posted: str, text: str) -> None:
        """Show another text in the place of one that was posted."""
        ...

    async def attach(self, name: str, content: bytes) -> None:
        """Show a file under this name."""
        ...


class Undelivered:
    """The outlet of a loop of one's own: nothing is sent, whoever opened the turn delivers it."""

    max_units: int = 1 << 40
    edits_every_s: float | None = None

    async def post(self, text: str) -> str:
        """Send nothing."""
        del text
        return ""

    async def edit(self, posted: str, text: str) -> None:
        """Send nothing; a message that is delivered elsewhere is not edited here."""
        del posted, text

    async def attach(self, name: str, content: bytes) -> None:
        """Send nothing; whoever delivers the text takes the file by `turn.attach`."""
        del name, content


class Showing:
    """Shows texts of one turn.

    Args:
        runtime: The opened wall.
        opened: The turn.
        templates: Prompts of the operator, which count as the bot's own words.
        outlet: Where it all goes.
    """

    def __init__(
        self, runtime: Runtime, opened: OpenTurn, templates: Sequence[Template], outlet: Outlet
    ) -> None:
        self._runtime = runtime
        self._opened = opened
        self._templates = templates
        self._outlet = outlet

    async def whole(self, text: str) -> str:
        """Judge a text whole, show it in as many pieces as it takes, and give what was shown.

        Where a piece cannot be sent, those behind it are not: they would stand alone.

        Raises:
            Denied: It may not be shown; nothing of it was.
        """
        judged = await self._judged(text)
        for piece in pieces(judged, self._outlet.max_units):
            await self._post(piece)
        return judged

    async def growing(self, parts: AsyncIterable[str]) -> str:
        """Show a text while it comes, in one message that is edited, and give what was shown.

        What is shown can no longer be part of a match. Where messages cannot be edited it is shown whole at
        the end. A text that outgrows one message goes on in the next.
        """
        every_s = self._outlet.edits_every_s
        if every_s is None:
            return await self.whole("".join([part async for part in parts]))
        cutter = self._runtime.model.cutter(self._opened.alive())
        message = _Growing(self, self._outlet, every_s, self._runtime.turns.clock.monotonic_s)
        async for part in parts:
            await message.add(cutter.feed(part))
        await message.add(cutter.finish())
        return await message.finish()

    async def file(self, given: Given) -> None:
        """Judge a file of this turn's compartment and show it.

        Raises:
            Denied: Its text or its name holds what may not be shown; nothing of it was.
        """

        async def show() -> None:
            await self._outlet.attach(given.name, given.content)

        with self._opened.working() as ledger:
            await Attachments(self._runtime, self._opened).judged(ledger, given)
            await self._runtime.guard.effect(ledger, "file", [given.digest], show)

    async def _judged(self, text: str) -> str:
        with self._opened.working() as ledger:
            judged = await self._runtime.guard.outbound(
                ledger,
                {"text": text},
                destination=ledger.turn.destination,
                private=ledger.turn.audience.private,
                form=Form.MESSAGE,
                templates=self._templates,
            )
        return judged["text"]

    async def _post(self, piece: str) -> str:
        async def show() -> str:
            return await self._outlet.post(piece)

        with self._opened.working() as ledger:
            return await self._runtime.guard.effect(ledger, "send", [piece], show)

    async def post(self, text: str) -> str:
        """Judge one piece of a growing answer and post it."""
        return await self._post(await self._judged(text))

    async def edit(self, posted: str, text: str) -> None:
        """Judge what a growing answer says now, and show it in the place of what it said."""
        judged = await self._judged(text)

        async def show() -> None:
            await self._outlet.edit(posted, judged)

        with self._opened.working() as ledger:
            await self._runtime.guard.effect(ledger, "edit", [judged], show)


class _Growing:
    """One answer while it grows: the message it stands in now, and what stands there."""

    def __init__(self, showing: Showing, outlet: Outlet, every_s: float, now_s: Callable[[], float]) -> None:
        self._showing = showing
        self._outlet = outlet
        self._every_s = every_s
        self._now_s = now_s
        self._whole = ""
        self._text = ""
        self._shown = ""
        self._posted: str | None = None
        self._next_s = 0.0

    async def add(self, text: str) -> None:
        self._whole += text
        self._text += text
        while len(parts := pieces(self._text, self._outlet.max_units)) > 1:
            # What comes first is complete; the rest goes on in a message of its own.
            await self._show(parts[0])
            self._text = self._text[self._text.index(parts[0]) + len(parts[0]) :].lstrip()
            self._posted, self._shown = None, ""
        if self._now_s() >= self._next_s:
            await self._show(self._text)

    async def finish(self) -> str:
        await self._show(self._text)
        return self._whole

    async def _show(self, text: str) -> None:
        text = text.rstrip()
        if not text or text == self._shown:
            return
        if self._posted is None:
            self._posted = await self._showing.post(text)
        else:
            await self._showing.edit(self._posted, text)
        self._shown = text
        self._next_s = self._now_s() + self._every_s
