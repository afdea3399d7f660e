"""Files of a turn: what came with its message goes into its compartment, and only what is there goes out.

The name of a file in a compartment is made of its content. What its sender calls it is text, told to models
as quoted data, and never part of a path.
"""

from collections.abc import AsyncIterable
from dataclasses import dataclass, replace
from functools import partial

from adapters.content import digest_of, text_of
from firewall.core.errors import Denied, MisuseError, ServiceUnavailable
from firewall.core.message import Attachment
from firewall.core.subject import ArgumentKind, Filed, Form, Reads, ToolSpec
from firewall.executor import owner_of
from firewall.ledger import Ledger
from firewall.turns import OpenTurn
from partywall.kinds import extension, media_type
from partywall.runtime import Runtime
from sandbox.errors import SandboxError

FOLDER = "attachments"
# What a file is read by, as tools are: so that a grant (`only`) and the storage layer judge it like one.
ATTACH = ToolSpec(
    name="attach", arguments={"path": ArgumentKind.PLACED_READ}, reads=Reads.OWN, effect=True, owner_key=None
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A file that came with the message and lies in the turn's compartment.

    Attributes:
        path: Where tools find it.
        media_type: What its bytes are.
        size_bytes: How long it is.
    """

    path: str
    media_type: str
    size_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A file of the turn's compartment that may be shown, once it is judged.

    Attributes:
        name: Its own name, without folders.
        content: Its bytes.
        text: The same as text, or None where it is none.
    """

    name: str
    content: bytes
    text: str | None

    def __repr__(self) -> str:
        return f"Given({len(self.content)} bytes)"

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, in hexadecimal digits."""
        return digest_of(self.content)


class Attachments:
    """The files of one turn.

    Args:
        runtime: The opened wall.
        opened: The turn.
    """

    def __init__(self, runtime: Runtime, opened: OpenTurn) -> None:
        self._runtime = runtime
        self._opened = opened
        self._limits = runtime.config.attachments

    async def keep(self, number: int, attachment: Attachment, content: AsyncIterable[bytes]) -> Kept:
        """Put a file that came with the message into the turn's compartment, named by its content.

        Args:
            number: Which of the message's files it is, from 1.
            attachment: What the platform tells of it.
            content: Its bytes; nothing is read of what is over a limit as it is announced.

        Raises:
            Denied: It is over a limit, or of a kind that is not allowed; this is on record.
            ServiceUnavailable: The compartment is full, or the content did not come.
        """
        with self._opened.working() as ledger:
            try:
                kept = await self._kept(ledger, number, attachment, content)
            except (Denied, ServiceUnavailable):
                # Or the model would believe that it had come.
                await self._runtime.guard.filed(ledger, f"File {number} was not kept.")
                raise
            told = f"File {number} is {kept.path} ({kept.media_type}, {kept.size_bytes} bytes)."
            await self._runtime.guard.filed(ledger, told)
        return kept

    async def _kept(
        self, ledger: Ledger, number: int, attachment: Attachment, content: AsyncIterable[bytes]
    ) -> Kept:
        announced = Filed(number=number, size_bytes=attachment.size_bytes or 0, media_type=None)
        await self._admit(ledger, announced)
        data = await self._read(content)
        kind = media_type(data, attachment.media_type)
        await self._admit(ledger, replace(announced, size_bytes=len(data), media_type=kind))
        path = f"{FOLDER}/{digest_of(data)}{extension(kind)}"
        refused = ledger.refused
        await self._runtime.guard.effect(ledger, "keep", [path], partial(self._put, ledger, path, data))
        # Nobody was shown anything by it: whoever is owed an excuse still is.
        ledger.refused = refused
        return Kept(path=path, media_type=kind, size_bytes=len(data))

    async def _admit(self, ledger: Ledger, filed: Filed) -> None:
        await self._runtime.guard.file(ledger, self._opened.message.sender, filed)

    async def _put(self, ledger: Ledger, path: str, data: bytes) -> None:
        try:
            return await self._runtime.files.put(owner_of(ledger.turn), path, data)
        except SandboxError as error:
            problem = type(error).__name__
        raise ServiceUnavailable(f"a file was not kept ({problem}); look at [files] in the configuration")

    async def give(self, path: str) -> Given:
        """Take a file of the turn's compartment to be shown; from then on its bytes count as the turn's own.

        Raises:
            Denied: The path is none in a compartment, or the tenant is not granted `attach`.
            MisuseError: There is no such file, or it is longer than `attachments.max_bytes`.
        """
        with self._opened.working() as ledger:
            call = await self._runtime.guard.tool_call(ledger, ATTACH.name, ATTACH, {"path": path}, fits=True)
            return await self.take(ledger, str(call.arguments["path"]))

    async def take(self, ledger: Ledger, placed: str) -> Given:
        """Take a file by a path that was judged. Raises as `give` does."""
        owner = owner_of(ledger.turn)
        try:
            content = await self._runtime.files.get(owner, placed, max_bytes=self._limits.max_bytes)
        except SandboxError as error:
            problem = type(error).__name__
        else:
            given = Given(name=placed.rpartition("/")[2], content=content, text=text_of(content))
            ledger.attach(given.digest, given.text)
            return given
        raise MisuseError(f"this turn has no such file to attach ({problem})")

    async def judged(self, ledger: Ledger, given: Given) -> None:
        """Judge a file that is about to be shown where the turn was asked.

        Raises:
            Denied: Its text holds what must not be shown there.
        """
        texts = {"name": given.name} | ({} if given.text is None else {"content": given.text})
        turn = ledger.turn
        await self._runtime.guard.outbound(
            ledger,
            texts,
            destination=turn.destination,
            private=turn.audience.private,
            form=Form.FILE,
            templates=(),
        )

    async def _read(self, content: AsyncIterable[bytes]) -> bytes:
        """Read a file to its end, or one byte past the longest that is kept."""
        data = bytearray()
        async for chunk in content:
            data += chunk
            if len(data) > self._limits.max_bytes:
                break
        return bytes(data)
