"""Outcomes on their way to the store: nobody waits for them but what comes next."""

import asyncio
import logging
from dataclasses import dataclass

from firewall.core.errors import StoreUnavailable
from firewall.core.ids import SessionId
from firewall.core.ports import EffectStore

_LOG = logging.getLogger("partywall")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    effect: str
    outcome: str
    handed: "asyncio.Future[None] | None"


class Outcomes:
    """Hands outcomes in without waiting; none is overtaken by a later turn or effect of its session.

    The store owns what was handed in and commits it when it is closed. Where a commit fails, the outcome is
    kept here and tried again before anything else happens in that session; a process that dies before leaves
    the effect `unknown`, which is what an intent without an outcome means.

    Args:
        store: Where effects are kept.
    """

    def __init__(self, store: EffectStore) -> None:
        self.store = store
        self._waiting: dict[SessionId, dict[str, _Ended]] = {}

    def hand_in(self, session: SessionId, effect: str, outcome: str) -> None:
        """Hand in how an effect of this session ended; never raises, since the effect has happened."""
        try:
            handed = asyncio.ensure_future(self.store.finish(effect, outcome))
        except StoreUnavailable as error:
            self._late(error)
            handed = None
        ended = _Ended(effect=effect, outcome=outcome, handed=handed)
        self._waiting.setdefault(session, {})[effect] = ended
        if handed is not None:
            handed.add_done_callback(lambda done: self._handed(session, effect, done))

    async def settle(self, session: SessionId) -> None:
        """Wait until every outcome of this session is durable; a failed one is tried once more.

        Raises:
            StoreUnavailable: One could not be committed; nothing more may happen in this session.
            IntegrityError: The store knows no such intent, or another outcome of it.
        """
        while ended := next(iter(self._waiting.get(session, {}).values()), None):
            try:
                await self._settled(ended)
            except StoreUnavailable:
                raise
            except Exception:
                self._forget(session, ended.effect)
                raise
            self._forget(session, ended.effect)

    async def _settled(self, ended: _Ended) -> None:
        if ended.handed is not None:
            try:
                # Shielded: a turn that gives up must not take the outcome of an earlier one with it.
                return await asyncio.shield(ended.handed)
            except StoreUnavailable:
                pass
        await self.store.finish(ended.effect, ended.outcome)
        return None

    def _handed(self, session: SessionId, effect: str, done: "asyncio.Future[None]") -> None:
        error = None if done.cancelled() else done.exception()
        if error is not None:
            self._late(error)
        elif not done.cancelled():
            self._forget(session, effect)

    def _late(self, error: BaseException) -> None:
        # Its name only: an error's text is its author's.
        _LOG.error(
            "the outcome of an effect is not committed (%s); it is tried again before its session goes on",
            type(error).__name__,
        )

    def _forget(self, session: SessionId, effect: str) -> None:
        here = self._waiting.get(session, {})
        here.pop(effect, None)
        if not here:
            self._waiting.pop(session, None)
