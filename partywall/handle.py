"""A turn as a bot sees it."""

import importlib
from collections.abc import AsyncIterable, AsyncIterator, Mapping, Sequence
from typing import Any

from firewall.core.errors import MisuseError
from firewall.core.identity import Conversation, Sender
from firewall.core.ids import SessionId
from firewall.core.message import Attachment, Origin
from firewall.core.ports import Completion
from firewall.core.session import MAX_HISTORY_PARTS
from firewall.core.subject import Form, Json
from firewall.templates import Template
from firewall.turns import OpenTurn, bound
from partywall.asking import Asking
from partywall.attachments import Attachments, Kept
from partywall.models import content, copied
from partywall.runtime import Runtime
from partywall.showing import Outlet, Showing, Undelivered


class TurnHandle:
    """One message with its answer: everything a bot may do in it, judged.

    It can be passed to workers and threads; what it may read is fixed and does not depend on who holds it.
    """

    def __init__(self, runtime: Runtime, opened: OpenTurn, templates: Sequence[Template]) -> None:
        self._runtime = runtime
        self._opened = opened
        self._templates = templates
        self.sent: list[str] = []
        self.outlet: Outlet = Undelivered()
        self._asking = Asking(runtime, opened, templates, self._completion)
        self._files = Attachments(runtime, opened)

    def __repr__(self) -> str:
        return f"TurnHandle({self._opened.turn.ref})"

    @property
    def opened(self) -> OpenTurn:
        """The open turn behind this handle, for the wall's own modules."""
        return self._opened

    @property
    def session_id(self) -> SessionId:
        """An opaque key for a checkpointer, a dict or a conversation store; no two sessions share one."""
        return self._opened.turn.session

    @property
    def ref(self) -> str:
        """What `partywall why REF` explains."""
        return self._opened.turn.ref

    @property
    def sender(self) -> Sender:
        """Who wrote, as the platform says it: ids only. What it calls them is `name`."""
        return self._opened.message.sender

    @property
    def destination(self) -> Conversation:
        """Where the turn was asked, and where its answers go."""
        return self._opened.turn.destination

    @property
    def name(self) -> str:
        """What the platform shows the sender as; a claim that names nobody, empty if unknown."""
        return self._opened.message.name

    @property
    def command(self) -> str:
        """The slash command that was given, without the slash; empty if none was."""
        return self._opened.message.command

    @property
    def attachments(self) -> tuple[Attachment, ...]:
        """The files that came with the message, as the platform tells of them."""
        return self._opened.message.attachments

    @property
    def text(self) -> str:
        """The sender's own words; empty for what has none, such as a pressed button."""
        return "".join(part.text for part in self._opened.alive().said if part.origin is Origin.SENDER)

    def history(self) -> list[dict[str, Any]]:
        """Give what was said in this session, oldest first, as chat messages; tool exchanges are left out."""
        roles = {Origin.SENDER: "user", Origin.QUOTED: "user", Origin.MODEL: "assistant"}
        return [
            {"role": roles[part.origin], "content": part.text}
            for part in self._opened.alive().read
            if part.origin in roles
        ]

    async def complete(
        self,
        messages: Sequence[Mapping[str, Any]] | None = None,
        *,
        tools: Sequence[str] = (),
        model: str | None = None,
        system: str | None = None,
        history: int = MAX_HISTORY_PARTS,
        **options: Any,
    ) -> dict[str, Any]:
        """Ask the model, with only what this turn may read, and give its judged answer.

        Args:
            messages: Chat messages; by default the session's own history and the present message.
            tools: Names of declared tools to offer; those not granted to this principal are left out.
            model: LiteLLM's name of the model; by default the configuration's.
            system: A registered prompt to begin with.
            history: How many parts of the session's own history the model is given, the youngest.
            options: As for LiteLLM's `acompletion` (`temperature`, `max_tokens`, …).

        Returns:
            A chat completion as plain values.

        Raises:
            Denied: The request or the answer may not pass.
            ServiceUnavailable: The model did not answer.
        """
        said = self.history() if messages is None else messages
        request = self._asking.request(said, tools=tools, model=model, system=system, options=options)
        return await self._asking.complete(request, history)

    async def stream(
        self,
        messages: Sequence[Mapping[str, Any]] | None = None,
        *,
        tools: Sequence[str] = (),
        model: str | None = None,
        system: str | None = None,
        history: int = MAX_HISTORY_PARTS,
        **options: Any,
    ) -> AsyncIterator[dict[str, Any]]:
        """Ask as `complete` does, and give the answer in chunks that can no longer be part of a match."""
        said = self.history() if messages is None else messages
        request = self._asking.request(said, tools=tools, model=model, system=system, options=options)
        async for chunk in self._asking.stream(request, history):
            yield chunk

    async def call_tool(self, name: str, arguments: str | Mapping[str, Json]) -> str:
        """Run a declared tool and give the text the model may read.

        Raises:
            Denied: The call or its result was refused.
        """
        with self._opened.working() as ledger:
            return await self._runtime.executor.call(ledger, name, arguments)

    async def reply(self, text: str, *, files: Sequence[str] = ()) -> str:
        """Show a text to this turn's audience, at this turn's destination, and give what was shown.

        In a loop of your own the text is yours to deliver; `sent` keeps every text in order.

        Args:
            text: What to show.
            files: Files of this turn's own compartment to show behind it, by path. A path that the text
                merely mentions shows no file.

        Raises:
            Denied: It may not be shown, or a path is none in this compartment; nothing of it was.
            MisuseError: There is no such file.
        """
        given = [await self._files.give(path) for path in files]
        shown = await self._showing().whole(text) if text or not given else ""
        self.sent.append(shown)
        for each in given:
            await self._showing().file(each)
        return shown

    async def keep(self, number: int, content: AsyncIterable[bytes]) -> Kept:
        """Put a file that came with the message into this turn's own compartment, where tools find it.

        Where the wall brings the chat side, it has done so. A bot of your own passes on what it downloads.

        Args:
            number: Which of `attachments` it is, from 1.
            content: Its bytes.

        Returns:
            Its path, which is made of its content, what it is by its bytes, and how long.

        Raises:
            Denied: It is over a limit or of a kind that is not allowed (`[attachments]`).
            ServiceUnavailable: The compartment is full, or the content did not come.
            MisuseError: No file of the message has this number.
        """
        if not 1 <= number <= len(self.attachments):
            raise MisuseError(f"this message came with {len(self.attachments)} files; number them from 1")
        return await self._files.keep(number, self.attachments[number - 1], content)

    async def attach(self, path: str) -> bytes:
        """Give a file of this turn's own compartment, to be uploaded by a bot's own client.

        A guarded application uploads what is no text only if it came from here.

        Raises:
            Denied: The path is none in this compartment.
            MisuseError: There is no such file.
        """
        return (await self._files.give(path)).content

    async def show(self, placed: str) -> None:
        """Show a file by a path that was judged; for the wall's own modules."""
        with self._opened.working() as ledger:
            given = await self._files.take(ledger, placed)
        await self._showing().file(given)

    async def reply_stream(self, texts: AsyncIterable[str | Mapping[str, Any]]) -> str:
        """Show a text while it comes, and give what was shown.

        Where the channel can edit, one message grows; elsewhere it is shown whole at the end.

        Args:
            texts: Pieces of the answer, or the chunks of `stream`.

        Raises:
            Denied: Some of it may not be shown; what was shown before stands.
        """
        shown = await self._showing().growing(_texts(texts))
        self.sent.append(shown)
        return shown

    def _showing(self) -> Showing:
        return Showing(self._runtime, self._opened, self._templates, self.outlet)

    def _completion(self) -> Completion:
        # LiteLLM takes seconds to import, so it is loaded when a model is first asked, and nowhere else.
        module = importlib.import_module("adapters.litellm_model")
        completion: Completion = module.LiteLLMModel(timeout_s=self._runtime.config.limits.model_timeout_s)
        return completion

    async def remember(self, key: str, value: str) -> None:
        """Keep a note that exactly this turn's audience can recall.

        It is judged like an answer, but never altered: a note that holds somebody else's text is refused.

        Raises:
            Denied: The note may not be kept; in `strict`, because nothing in this turn accounts for it.
        """
        ledger = self._opened.alive()
        judged = await self._runtime.guard.outbound(
            ledger,
            {"key": key, "value": value},
            destination=ledger.turn.destination,
            private=ledger.turn.audience.private,
            form=Form.NOTE,
            templates=self._templates,
        )
        label = ledger.turn.writes
        if label is not None:
            # Before it is kept: a cancellation stops the wait for the commit, not the commit.
            self._runtime.excerpts.learn(judged["value"], label, whole=True)
        await self._runtime.vault.notes.remember(ledger.turn, judged["key"], judged["value"])

    async def recall(self) -> dict[str, str]:
        """Give every note that this turn's whole audience may read, by key."""
        ledger = self._opened.alive()
        notes = dict(await self._runtime.vault.notes.recall(ledger.turn))
        for text in (*notes, *notes.values()):
            ledger.show(text)
        return notes

    async def admit(
        self, messages: Sequence[Mapping[str, Any]], *, history: int = MAX_HISTORY_PARTS
    ) -> list[dict[str, Any]]:
        """Judge what goes into a model of your own; send exactly what comes back.

        Raises:
            Denied: It holds something that cannot be dropped and is not this turn's.
        """
        judged = await self._runtime.model.gate.admit(
            self._opened.alive(),
            copied({"model": "own", "messages": list(messages)}),
            self._templates,
            history=history,
        )
        return list(judged["messages"])

    async def release(self, text: str) -> str:
        """Judge what came out of a model of your own; show and keep only what comes back."""
        ledger = self._opened.alive()
        judged = await self._runtime.model.gate.release_text(ledger, ledger.placeholders.resolved(text))
        await self._runtime.guard.produced(ledger, [(judged, Origin.MODEL)])
        return judged

    def bind(self) -> Any:  # noqa: ANN401  an asynchronous context manager
        """Make this turn the current one inside `async with`, in a worker or another task."""
        return bound(self._opened)


async def _texts(pieces: AsyncIterable[str | Mapping[str, Any]]) -> AsyncIterator[str]:
    async for piece in pieces:
        yield piece if isinstance(piece, str) else content(piece)
