"""How the market data are, for whoever looks: lines, farms, sessions, gates and delay."""

from collections import Counter
from dataclasses import dataclass

from trader.core.ids import ConId
from trader.core.market import quote_fault
from trader.engine.guard import FarmWord
from trader.engine.latency import BOUNDS_S
from trader.engine.market.coverage import coverage
from trader.engine.services import Services


@dataclass(frozen=True, slots=True)
class DataStatus:
    """What is expected of the market data, and what comes.

    ``used`` are lines of ours; how many other sessions of the user take is not known. ``expected``
    are instruments whose session is on; of these ``waiting`` has no price in time, ``unusable``
    has one that must not be traded on. ``rules`` counts all instruments by what holds against
    them. ``buckets`` are the delays from the socket to a strategy: seconds, and how many took at
    most that.
    """

    used: int
    lines_max: int
    denied: tuple[str, ...]
    is_taken: bool
    expected: int
    waiting: tuple[str, ...]
    unusable: tuple[str, ...]
    usable_share: float
    rules: tuple[tuple[str, int], ...]
    farms: tuple[FarmWord, ...]
    delay_p95_s: float | None
    delay_p99_s: float | None
    delay_sum_s: float
    buckets: tuple[tuple[float, int], ...]


class DataView:
    """Makes the status of the market data."""

    def __init__(self, services: Services, *, lines_max: int, age_s_max: float) -> None:
        self._hub = services.hub
        self._guard = services.guard
        self._clock = services.clock
        self._lines_max = lines_max
        self._age_s_max = age_s_max

    def status(self) -> DataStatus:
        """Return how the market data are now."""
        hub, now_s = self._hub, self._clock.monotonic()
        found = coverage(hub, now_s, self._age_s_max)
        faults = (quote_fault(hub.quotes.get(key), now_s, self._age_s_max) for key in hub.asked_s)
        denied, delays, buckets, count = hub.denied(), hub.latencies, [], 0
        for bound_s, more in zip((*BOUNDS_S, float("inf")), delays.counts, strict=True):
            count += more
            buckets.append((bound_s, count))
        return DataStatus(
            used=sum(key not in denied for key in hub.asked_s),
            lines_max=self._lines_max,
            denied=self._symbols(denied),
            is_taken=bool(hub.taken()),
            expected=len(found.expected),
            waiting=self._symbols(found.waiting),
            unusable=self._symbols(found.unusable),
            usable_share=found.usable_share,
            rules=tuple(sorted(Counter(str(row.rule) for row in faults if row).items())),
            farms=tuple(row for _, row in sorted(self._guard.farm_words.items())),
            delay_p95_s=delays.at_most_s(0.95),
            delay_p99_s=delays.at_most_s(0.99),
            delay_sum_s=delays.sum_s,
            buckets=tuple(buckets),
        )

    def _symbols(self, con_ids: tuple[ConId, ...]) -> tuple[str, ...]:
        rows = self._hub.instruments
        return tuple(rows[key].symbol if key in rows else str(key) for key in con_ids)
