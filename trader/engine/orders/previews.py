"""Asks the broker, before risk grows, what margin an order would leave behind (whatIf).

It runs before the synchronous part of a submission and never holds it up for longer than its
deadline: no valid answer is no answer, and what that means is the policy's to say (INC-080).
"""

import asyncio
from dataclasses import dataclass, replace
from itertools import repeat
from operator import is_

import structlog

from trader.core.account import MarginPreview
from trader.core.policy import ExposurePolicy
from trader.core.risk import Approved
from trader.core.risk.margin import TO_BE_ASKED
from trader.ports import Broker, Clock, WorldError

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Previewed:
    """What the broker answered, and whether it was asked at all."""

    found: MarginPreview | None
    is_asked: bool


NOT_PREVIEWED = Previewed(None, is_asked=False)


def after_wait(asked: Previewed) -> Previewed:
    """Return what a review after a wait goes by: nobody is asked any more.

    What has come to add risk only in that wait was not asked about, and has no answer.
    """
    return replace(asked, is_asked=True)


class Previews:
    """Asks about what the review has found to add risk, orders and changes alike."""

    def __init__(self, broker: Broker, clock: Clock, exposure: ExposurePolicy) -> None:
        self._broker = broker
        self._clock = clock
        self._exposure = exposure

    def wants(self, approval: Approved) -> bool:
        """Tell whether the broker is to be asked: the review knows, with all that works."""
        return any(map(is_, approval.checks, repeat(TO_BE_ASKED)))

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
