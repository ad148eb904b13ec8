"""Asks the broker, before risk grows, what margin an order would leave behind (whatIf).

It runs before the synchronous part of a submission and never holds it up for longer than its
deadline: no valid answer is no answer, and what that means is the policy's to say (INC-080).
"""

import asyncio
from dataclasses import dataclass

import structlog

from trader.core.account import MarginPreview
from trader.core.book_view import BookView
from trader.core.halts import Lane
from trader.core.intents import reduces
from trader.core.policy import ExposurePolicy, WhatIf
from trader.core.risk import Approved
from trader.ports import Broker, Clock, WorldError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Previewed:
    """What the broker answered, and whether it was asked at all."""

    found: MarginPreview | None
    is_asked: bool


NOT_PREVIEWED = Previewed(None, is_asked=False)


class Previews:
    """Knows which intents are asked about, and asks."""

    def __init__(
        self, broker: Broker, book: BookView, clock: Clock, exposure: ExposurePolicy
    ) -> None:
        self._broker = broker
        self._book = book
        self._clock = clock
        self._exposure = exposure

    def wants(self, approval: Approved, lane: Lane) -> bool:
        """Tell whether the broker is to be asked: never about what only closes."""
        if lane is not Lane.NEW or not self._exposure.is_enforced:
            return False
        if self._exposure.what_if is WhatIf.NEVER:
            return False
        intent = approval.intent
        return not reduces(self._book.position_of(intent.con_id), intent.signed_quantity)

    async def ask(self, approval: Approved, deadline_s: float) -> Previewed:
        """Ask, at most until the monotonic ``deadline_s``; without a valid answer there is none."""
        limit_s = min(deadline_s - self._clock.monotonic(), self._exposure.what_if_deadline_s)
        try:
            async with asyncio.timeout(limit_s):
                found = await self._broker.preview(approval.intent, approval.instrument)
        except (TimeoutError, WorldError) as error:
            problem = str(error) or f"no answer within {limit_s:g} s"
            log.warning("no margin preview", intent=approval.intent.intent_id, problem=problem)
            return Previewed(None, is_asked=True)
        return Previewed(found, is_asked=True)
