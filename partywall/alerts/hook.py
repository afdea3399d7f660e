"""A webhook of a chat: its address is the secret, and its status says what became of a message."""

from collections.abc import Callable

import msgspec

from partywall.alerts.outcome import Later, Outcome
from partywall.alerts.post import Post, judged
from vault.delivery import Delivery


class ChatHook:
    """Posts to the channel that the webhook belongs to.

    Args:
        post: The way to it.
        message: Makes what is posted, in the chat's own form.
    """

    def __init__(self, post: Post, message: Callable[[Delivery], object]) -> None:
        self._post = post
        self._message = message

    @property
    def address(self) -> str:
        """The webhook, which is a secret."""
        return self._post.url

    @property
    def endpoint(self) -> tuple[str, int]:
        """The host that is asked for, and the port."""
        return self._post.endpoint

    async def send(self, delivery: Delivery, now_ms: int) -> Outcome:
        """Post it once."""
        answer = await self._post.send(msgspec.json.encode(self._message(delivery)), {})
        return answer if isinstance(answer, Later) else judged(answer, now_ms)

    def close(self) -> None:
        """Take no more work."""
        self._post.close()
