"""Of the quotes that must come now, how many do, and how many can be traded on.

A line counts once its session has been on and it has been asked for a while; what the broker
denies (101, 354) was told by name and says nothing about the feed.
"""

from dataclasses import dataclass
from math import inf

from trader.core.ids import ConId
from trader.core.market import LIVE, Quote, form_fault
from trader.engine.hub import MarketHub

# How long a session or a line may take until its first quotes must be there.
_GRACE_S = 30.0


@dataclass(frozen=True, slots=True)
class Coverage:
    """``waiting`` has no price in time, ``unusable`` has one that must not be traded on."""

    expected: tuple[ConId, ...]
    waiting: tuple[ConId, ...]
    unusable: tuple[ConId, ...]

    @property
    def usable_share(self) -> float:
        """Return the share that can be traded on; all of nothing is 1."""
        if not self.expected:
            return 1.0
        return 1.0 - (len(self.waiting) + len(self.unusable)) / len(self.expected)


def coverage(hub: MarketHub, now_s: float, age_s_max: float) -> Coverage:
    """Return how the lines are that must bring quotes now."""
    denied = hub.denied()
    expected = tuple(
        con_id
        for con_id, asked_s in hub.first_asked_s.items()
        if con_id in hub.instruments
        and con_id not in denied
        and min(hub.open_for_s(con_id) or 0.0, now_s - asked_s) >= _GRACE_S
    )
    waiting, unusable = [], []
    for con_id in expected:
        quote = hub.quotes.get(con_id)
        if quote is None or not _is_told(quote, now_s, age_s_max):
            waiting.append(con_id)
        elif not _is_usable(quote, now_s, is_traded=hub.instruments[con_id].is_tradeable):
            unusable.append(con_id)
    return Coverage(expected, tuple(waiting), tuple(unusable))


def _is_told(quote: Quote, now_s: float, age_s_max: float) -> bool:
    times = [at_s for at_s in (quote.received_s, quote.last_s) if at_s is not None]
    return bool(times) and now_s - max(times) <= age_s_max


def _is_usable(quote: Quote, now_s: float, *, is_traded: bool) -> bool:
    # An index has no two sides.
    return form_fault(quote, now_s, inf) is None if is_traded else quote.data_type == LIVE
