"""Calls of the Web API and answers to Slack, as acts: their words by slot, and where they will stand."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

from adapters.doors import Act
from adapters.errors import Unreadable
from adapters.slack.methods import IDS, SAYS, Says
from adapters.slack.spots import Scene, Where
from adapters.slack.words import closed, collected, names, opened, plain, walk
from firewall.core.subject import Form

# The parameters of `api_call` that carry arguments.
_CARRIERS = ("json", "params", "data")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of the Web API.

    Attributes:
        method: The method's name, as the bot gave it.
        carried: Its arguments: `json`, `params` and `data`.
        odd: True if it carries something else: files, a login of its own, headers that name a token.
    """

    method: str
    carried: Mapping[str, Any]
    odd: bool = False

    def __repr__(self) -> str:
        return f"Call({len(self.carried)} carriers)"

    @property
    def says(self) -> Says | None:
        """What the table knows of the method."""
        return SAYS.get(self.method)

    def token(self, default: str | None) -> str | None:
        """Give the token that it will be made with; an argument comes before the client's own."""
        for carrier in ("json", "params"):
            found = self.carried.get(carrier)
            named = cast("Mapping[str, object]", found).get("token") if isinstance(found, Mapping) else None
            if named is not None:
                return named if isinstance(named, str) else None
        return default


@dataclass(frozen=True, slots=True, kw_only=True)
class Read:
    """A call whose every word is known.

    Attributes:
        arguments: All of them, as plain values.
        before: The same, as they were given.
        carriers: Which parameter carries which.
        says: What the table knows of the method.
    """

    arguments: dict[str, Any]
    before: dict[str, Any]
    carriers: dict[str, str]
    says: Says

    @property
    def texts(self) -> dict[str, str]:
        """Every word, by slot."""
        return collected(self.arguments, IDS | self.says.named)

    @property
    def names(self) -> dict[str, str]:
        """What the bot calls its parts, by slot."""
        return names(self.arguments)

    def with_texts(self, judged: Mapping[str, str]) -> dict[str, dict[str, Any]]:
        """Give the arguments with judged words, by the parameter that carries them."""

        def put(slot: str, _: str) -> str:
            return judged[slot]

        given = closed(walk(self.arguments, IDS | self.says.named, put), self.before)
        carried: dict[str, dict[str, Any]] = {}
        for name, value in given.items():
            carried.setdefault(self.carriers[name], {})[name] = value
        return carried


def read(call: Call) -> Read:
    """Give every word of a call.

    Raises:
        Unreadable: Something in it cannot be examined, or is said twice.
    """
    says = call.says
    if says is None or call.odd:
        raise Unreadable("no such call is known")
    before: dict[str, Any] = {}
    carriers: dict[str, str] = {}
    for carrier in _CARRIERS:
        given = call.carried.get(carrier)
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise Unreadable("the arguments are no mapping")
        for name, value in cast("Mapping[str, Any]", given).items():
            if name in before or (name == "token" and carrier == "data"):
                raise Unreadable("an argument is given twice")
            if value is not None:
                before[name], carriers[name] = value, carrier
    arguments = opened(before)
    _quieten(says, arguments, carriers)
    return Read(arguments=arguments, before=before, carriers=carriers, says=says)


def _quieten(says: Says, arguments: dict[str, Any], carriers: dict[str, str]) -> None:
    """Tell Slack to call nobody by words and to fetch no links: what a model wrote must not do either."""
    carrier = next(iter(carriers.values()), "json")
    off: Any = False if carrier in ("json", "params") else "false"
    wanted: dict[str, Any] = {}
    if says.mentions:
        wanted |= {"parse": "none", "link_names": off}
    if says.unfurls:
        wanted |= {"unfurl_links": off, "unfurl_media": off}
    for name, value in wanted.items():
        arguments[name] = value
        carriers.setdefault(name, carrier)


def unknown(method: str, scene: Scene) -> Act:
    """Give the act of something that could not be read; it is denied and recorded."""
    named = method if method in SAYS or method in _ANSWERS else "unknown method"
    return Act(method=named, destination=scene.turn.destination, form=Form.UNKNOWN, texts={})


_ANSWERS = frozenset({"ack", "respond", "upload"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What is shown by an acknowledgement or a response URL.

    Attributes:
        body: It, as plain values.
        where: Where it will stand.
    """

    body: dict[str, Any]
    where: Where

    @property
    def texts(self) -> dict[str, str]:
        """Every word, by slot."""
        return collected(self.body, IDS)

    @property
    def names(self) -> dict[str, str]:
        """What the bot calls its parts, by slot."""
        return names(self.body)

    def with_texts(self, judged: Mapping[str, str]) -> dict[str, Any]:
        """Give it with judged words."""
        return walk(self.body, IDS, lambda slot, _: judged[slot])


def act(method: str, scene: Scene, found: Where, said: Read | Answer | None, form: Form) -> Act:
    """Give an act, which may have no words; where it would stand nowhere that is known, it is denied."""
    if found is None:
        return unknown(method, scene)
    conversation, private = found
    given = Act(method=method, destination=conversation, private=private, form=form, texts={})
    return given if said is None else replace(given, texts=said.texts, names=said.names)


def answer(given: Mapping[str, Any], scene: Scene) -> Answer:
    """Give what answers the delivery that opened this turn; where its sender alone may see it, it says so.

    By default Slack shows the answer to a command to one person, and that to a press to the channel.

    Raises:
        Unreadable: Something in it cannot be examined.
    """
    body = opened(cast("dict[str, Any]", plain({key: one for key, one in given.items() if one is not None})))
    if scene.turn.audience.private and not body.keys() & {"response_type", "response_action"}:
        body["response_type"] = "ephemeral"
    ephemeral = scene.visit is not None and scene.visit.ephemeral
    replaces = any(body.get(key) for key in ("replace_original", "delete_original"))
    action = "response_action" in body
    public = (body.get("response_type") != "ephemeral" and not action) or (replaces and not ephemeral)
    # The answer goes to the place of the delivery; a thread that it names must be one of this turn's own.
    thread = body.get("thread_ts")
    here = scene.turn.destination
    if thread is not None and not isinstance(thread, str):
        raise Unreadable("a thread is named by a text")
    if thread:
        found = scene.channel(here.id, thread)
        return Answer(body=body, where=found and (found[0], not public))
    return Answer(body=body, where=(here, not public))


def decoded(text: str) -> Mapping[str, Any]:
    """Give what the body of an acknowledgement says: a form of Slack's, or plain text.

    Raises:
        Unreadable: It looks like a form and is none.
    """
    if not text.lstrip().startswith("{"):
        return {"text": text}
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unreadable("the body is no JSON")
    return cast("dict[str, Any]", found)
