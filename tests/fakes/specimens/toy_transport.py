"""A bot behind the toy platform's transport, which checks all; and bots that leave out one check each."""

import hmac
from collections.abc import Hashable, Mapping
from dataclasses import replace

from adapters.errors import Unreadable
from adapters.testing import IdKind, Reached, Shown, Tamper
from adapters.testing.case import key
from firewall.core.errors import BadIdentifier
from firewall.core.identity import ConversationKind, SenderKind
from firewall.core.message import Message
from tests.fakes.specimens.toy import ToySpecimen

NOW, HOUR, WINDOW = 1_760_000_000, 3600, 300
KEY, TOKEN = b"signing key of the toy platform", "token"


def signature(stamp: int, payload: bytes, secret: bytes) -> str:
    return hmac.new(secret, str(stamp).encode() + payload, "sha256").hexdigest()


class ToyTransport:
    """Answers every person with their own words, in their place."""

    without: Mapping[Tamper, str] = {}

    def __init__(self, specimen: ToySpecimen | None = None) -> None:
        self.specimen = specimen or ToySpecimen()
        self.app = self.specimen.id(IdKind.APP, 1)
        self._reached: list[Reached] = []
        self._shown: list[Shown] = []
        self._failing = False
        self.seen: set[str] = set()

    async def deliver(
        self, payload: bytes, *, forged: bool = False, stale: bool = False, secret: str | None = None
    ) -> None:
        stamp = NOW - HOUR if stale else NOW
        signed = signature(stamp, payload, b"a guess" if forged else KEY)
        if not self.proved(payload, stamp, signed, TOKEN if secret is None else secret):
            return
        message = self.message(payload)
        if message is not None and self.welcome(message):
            self.handle(message)

    def proved(self, payload: bytes, stamp: int, signed: str, token: str) -> bool:
        return self.genuine(payload, stamp, signed) and self.fresh(stamp) and self.known(token)

    def genuine(self, payload: bytes, stamp: int, signed: str) -> bool:
        return hmac.compare_digest(signed, signature(stamp, payload, KEY))

    def fresh(self, stamp: int) -> bool:
        return abs(NOW - stamp) <= WINDOW

    def known(self, token: str) -> bool:
        return hmac.compare_digest(token, TOKEN)

    def message(self, payload: bytes) -> Message | None:
        try:
            found = self.specimen.read(payload, app=self.app, verified=True)
        except (Unreadable, BadIdentifier):
            return self.unread(payload)
        return found if isinstance(found, Message) and self.new(found) else None

    def unread(self, payload: bytes) -> Message | None:
        return None

    def new(self, message: Message) -> bool:
        known = message.delivery in self.seen
        self.seen.add(message.delivery)
        return not known

    def welcome(self, message: Message) -> bool:
        # Who is a member is asked of the platform; without an answer nobody is.
        direct = message.conversation.kind is ConversationKind.DM
        return self.answers(message) and (direct or not self._failing)

    def answers(self, message: Message) -> bool:
        return message.sender.kind is SenderKind.HUMAN

    def handle(self, message: Message) -> None:
        self._reached.append(Reached(words=message.text, key=key(message)))
        self.show(message, message.conversation.id, message.conversation.thread)

    def show(self, message: Message, place: str, thread: str | None) -> None:
        self._shown.append(Shown(words=message.text, place=place, thread=thread))

    def failing(self, *, lookups: bool) -> None:
        self._failing = lookups

    @property
    def lost(self) -> bool:
        return self._failing

    def reached(self) -> list[Reached]:
        return self._reached

    def shown(self) -> list[Shown]:
        return self._shown


class SharesTheGroup(ToyTransport):
    """A group has one session, that of whoever spoke first."""

    def __init__(self, specimen: ToySpecimen | None = None) -> None:
        super().__init__(specimen)
        self._groups: dict[str, Hashable] = {}

    def handle(self, message: Message) -> None:
        super().handle(message)
        if message.conversation.kind is ConversationKind.GROUP and message.conversation.thread is None:
            mine = self.reached().pop()
            first = self._groups.setdefault(message.conversation.id, mine.key)
            self.reached().append(replace(mine, key=first))


class AnswersWhereItAnsweredLast(ToyTransport):
    """The destination is kept beside the bot instead of with the message."""

    def show(self, message: Message, place: str, thread: str | None) -> None:
        first = [one.place for one in self.shown()] or [place]
        late = message.text.startswith("thread number 3")
        super().show(message, first[0] if late else place, thread)


class ChecksNoSignature(ToyTransport):
    def genuine(self, payload: bytes, stamp: int, signed: str) -> bool:
        return True


class ChecksNoAge(ToyTransport):
    def fresh(self, stamp: int) -> bool:
        return True


class TakesAnEmptyToken(ToyTransport):
    def known(self, token: str) -> bool:
        return not token or super().known(token)


class HandlesTwice(ToyTransport):
    def new(self, message: Message) -> bool:
        return super().new(message) or message.conversation.kind is ConversationKind.DM


class DropsWhatIsLate(ToyTransport):
    """Only what is newer than all before it is handled."""

    newest = 0

    def new(self, message: Message) -> bool:
        number = int(message.delivery.split("-")[1])
        late, self.newest = number % 10 < self.newest % 10 and number < self.newest, max(number, self.newest)
        return super().new(message) and not (late and message.conversation.thread is not None)


class NamesTheNameless(ToyTransport):
    def message(self, payload: bytes) -> Message | None:
        return super().message(payload.replace(b'"who":""', b'"who":"person-1"'))


class StopsAtGarbage(ToyTransport):
    broken = False

    def unread(self, payload: bytes) -> Message | None:
        self.broken = self.broken or not payload.startswith(b"{")
        return None

    def welcome(self, message: Message) -> bool:
        return not self.broken and super().welcome(message)


class PoolsTheUnknown(ToyTransport):
    """While nobody can say who is a member, the room stands for everybody in it."""

    def welcome(self, message: Message) -> bool:
        return self.answers(message)

    def handle(self, message: Message) -> None:
        if self.lost and message.conversation.kind is not ConversationKind.DM:
            pooled = self.specimen.read(self.first, app=self.app, verified=True)
            assert isinstance(pooled, Message)
            self.reached().append(Reached(words=message.text, key=key(pooled)))
        else:
            super().handle(message)

    first = b""

    def message(self, payload: bytes) -> Message | None:
        self.first = self.first or payload
        return super().message(payload)


class AnswersItself(ToyTransport):
    def answers(self, message: Message) -> bool:
        return True


BAD: Mapping[str, type[ToyTransport]] = {
    "live-answers-in-place": SharesTheGroup,
    "live-forged-signature": ChecksNoSignature,
    "live-stale-timestamp": ChecksNoAge,
    "live-wrong-secret": TakesAnEmptyToken,
    "live-delivered-thrice": HandlesTwice,
    "live-reordered": DropsWhatIsLate,
    "live-nameless": NamesTheNameless,
    "live-garbage": StopsAtGarbage,
    "live-lookup-fails": PoolsTheUnknown,
    "live-own-message": AnswersItself,
}
