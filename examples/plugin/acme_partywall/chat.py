"""Tells ACME's operators in a chat of their own."""

import json
from collections.abc import Mapping

from partywall.plugins import Delivery, Posting


class Chat:
    """A kind of alert: `posting` says what is posted to the route's address."""

    def __init__(self, room: str, token: str) -> None:
        self._room = room
        self._token = token

    def posting(self, delivery: Delivery) -> Posting:
        """Say in one line what happened, with the id by which the chat knows a message that comes again."""
        told = (delivery.severity, delivery.rule, delivery.tenant, str(delivery.count), delivery.ref)
        body = json.dumps({"room": self._room, "text": " | ".join(told), "id": delivery.id}).encode()
        return Posting(body=body, headers={"Authorization": f"Bearer {self._token}"})


def make(options: Mapping[str, object], keys: tuple[str, ...]) -> Chat:
    """Make the kind of one `[[alert]]`: its options, and the values of the variables in its `keys_env`."""
    (token,) = keys
    return Chat(str(options["room"]), token)
