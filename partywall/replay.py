"""Driving a recorded chat through the wall, with a bot that does everything wrong, and keeping the score.

The bot keeps one list per conversation for everybody, puts what it looked up into that list, presents all of
it and shows whatever its model says. The model repeats what it is given and now and then names a value of
somebody else. The score is kept by `partywall.witness`, which knows nothing of labels, layers or records.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from firewall.core.errors import Denied
from firewall.core.ids import PrincipalId, TenantId
from firewall.core.label import Owned, Principals
from firewall.core.message import Message
from partywall.wall import Wall
from partywall.witness import Owner, Witness

# What the bot keeps of a conversation, for everybody together.
LIST_MESSAGES = 200
# What the wall adds from the session's own record; a chat's own window, not the wall's largest.
HISTORY_PARTS = 40
VALUES_EACH = 3
FOREIGN_SHARE = 0.25
_LOOKUP = "vault_lookup"
# How the bot puts what it looked up beside the question: its one registered text.
_FRAME = "{question}\n\nOn file for this person: {value}"

Place = tuple[str, str, str, str, str | None]


@dataclass(slots=True, kw_only=True)
class Score:
    """What a replay has shown.

    Attributes:
        messages: Messages replayed, denied ones included.
        senders: Different principals, counted apart in each tenant.
        switches: Messages whose sender is not the sender of the message before, in the same conversation.
        foreign_uttered: How often the model named a value of somebody else.
        foreign_in_prompts: Values of others in what the model was given; must be 0.
        foreign_in_replies: Values of others in what was shown; must be 0.
        resets_missed: Model calls with a message, or a piece of one, that is not the sender's; must be 0.
        own_uttered: How often the model named the sender's own value.
        own_kept: How often that value was shown.
        presented: Messages in the lists the bot presented.
        admitted: Messages that reached the model.
        denied: Refusals by reason code.
    """

    messages: int = 0
    senders: int = 0
    switches: int = 0
    foreign_uttered: int = 0
    foreign_in_prompts: int = 0
    foreign_in_replies: int = 0
    resets_missed: int = 0
    own_uttered: int = 0
    own_kept: int = 0
    presented: int = 0
    admitted: int = 0
    denied: Counter[str] = field(default_factory=Counter[str])

    @property
    def sound(self) -> bool:
        """True if nothing of anybody else was given to the model or shown."""
        return not (self.foreign_in_prompts or self.foreign_in_replies or self.resets_missed)

    @property
    def own_kept_share(self) -> float:
        """The share of own values that were shown, 0 to 1; 1 where none was uttered."""
        return self.own_kept / self.own_uttered if self.own_uttered else 1.0


def _silent(_: int) -> None:
    """Show no progress."""


class Replay:
    """One bot behind one wall; `run` plays messages to it.

    Args:
        wall: Guards the bot. Its vault receives the planted values, so it is not a deployment's.
        values: What to plant, three for each sender; when it ends, no further sender owns anything.
        seed: Draws which values are named; the same seed and file give the same score.
    """

    def __init__(self, wall: Wall, *, values: Iterator[str], seed: int) -> None:
        self.score = Score()
        self._wall = wall
        self._values = values
        self._random = random.Random(seed)  # noqa: S311  draws a test's script, nothing that must not be guessed
        self._witness = Witness()
        self._owned: dict[Owner, list[str]] = {}
        self._owners: list[Owner] = []
        self._lists: dict[Place, list[dict[str, str]]] = defaultdict(list)
        self._last: dict[Place, Owner] = {}
        self._foreign: str | None = None
        self._given: list[str] = []
        self._model = wall.guard_model(self._echo, trusted_system=[_FRAME], history=HISTORY_PARTS)

    async def run(self, messages: Iterable[Message], *, progress: Callable[[int], None] = _silent) -> Score:
        """Play every message, in order, and give the score.

        Each is answered privately, to its sender alone: the values are planted for one principal, and in a
        room they would rightly not be shown.
        """
        for message in messages:
            await self._message(replace(message, private=True))
            progress(self.score.messages)
        return self.score

    async def _message(self, message: Message) -> None:
        runtime = await self._wall.runtime()
        principal = runtime.turns.directory.principal(message.sender, message.conversation)
        owner = (principal.tenant, principal.id)
        if owner not in self._owned:
            await self._plant(owner)
        place = message.conversation.place
        self.score.messages += 1
        self.score.switches += self._last.get(place, owner) != owner
        self._last[place] = owner
        try:
            await self._turn(message, owner, self._lists[place])
        except Denied as denied:
            self.score.denied[denied.reason] += 1

    async def _plant(self, owner: Owner) -> None:
        runtime = await self._wall.runtime()
        tenant, principal = TenantId(owner[0]), PrincipalId(owner[1])
        readers = Principals(ids=frozenset({principal}))
        values = [value for _, value in zip(range(VALUES_EACH), self._values, strict=False)]
        for number, value in enumerate(values):
            # The same names for everybody: a lookup must choose by reader, never by name alone.
            await runtime.vault.entries.add(tenant, f"value-{number}", value, readers)
            runtime.excerpts.learn(value, Owned(tenant=tenant, readers=readers), whole=True)
        self._owned[owner] = values
        self._witness.owns(owner, values)
        self.score.senders += 1
        if values:
            self._owners.append(owner)

    async def _turn(self, message: Message, owner: Owner, shared: list[dict[str, str]]) -> None:
        witness, score = self._witness, self.score
        own = self._drawn(owner)
        witness.said(owner, message.text)
        async with self._wall.turn(message) as turn:
            asked = message.text
            if own is not None:
                name = f"value-{self._owned[owner].index(own)}"
                value = await turn.call_tool(_LOOKUP, {"name": name})
                witness.said(owner, value)
                asked = _FRAME.format(question=message.text, value=value)
                witness.said(owner, asked)
            shared.append({"role": "user", "content": asked})
            del shared[:-LIST_MESSAGES]
            score.presented += len(shared)
            answer = await self._model(model="echo", messages=list(shared))
            self._judge_prompt(owner)
            text = str(answer["choices"][0]["message"]["content"])
            shown = await turn.reply(text)
            score.foreign_in_replies += witness.foreign_values(owner, shown)
            witness.said(owner, text)
            shared.append({"role": "assistant", "content": text})
            score.own_uttered += own is not None
            score.own_kept += own is not None and own in shown

    def _drawn(self, owner: Owner) -> str | None:
        """Choose which own value to look up, and whether and whose value the model will name."""
        self._foreign = None
        if len(self._owners) > 1 and self._random.random() < FOREIGN_SHARE:
            other = self._random.choice(self._owners)
            if other != owner:
                self._foreign = self._random.choice(self._owned[other])
                self.score.foreign_uttered += 1
        return self._random.choice(self._owned[owner]) if self._owned[owner] else None

    def _judge_prompt(self, owner: Owner) -> None:
        self.score.admitted += len(self._given)
        self.score.foreign_in_prompts += sum(
            self._witness.foreign_values(owner, each) for each in self._given
        )
        self.score.resets_missed += self._witness.foreign_messages(owner, self._given) > 0

    async def _echo(self, **request: Any) -> Mapping[str, Any]:
        """Repeat every message but earlier answers, which would double with each turn; add a stolen value."""
        messages = request["messages"]
        self._given = [str(each["content"]) for each in messages]
        said = [str(each["content"]) for each in messages if each["role"] != "assistant"]
        text = "\n".join([*said, *([] if self._foreign is None else [self._foreign])])
        message = {"role": "assistant", "content": text}
        return {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}]}
