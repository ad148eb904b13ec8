"""Rate limits of the API (S19): messages a second, and requests for historical bars.

Pure meters: they are told the time, they remember what came and say what follows; what is done
about it is the caller's business. A client that keeps to 45 messages a second, as ib_async and
this project's daemon do, never meets the first one.
"""

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum

VIOLATIONS_MAX = 3
# So many messages a second below the limit the gateway's log warns: at 44 of 50.
_NEAR = 6
TOO_FAST = (100, "Max rate of messages per second has been exceeded.")
# Bars longer than this are no longer paced by the service.
PACED_BAR_S_MAX = 30
_IDENTICAL_S = 15.0
_BURST_S, _BURST_MAX = 2.0, 6
_WINDOW_S, _WINDOW_MAX = 600.0, 60
OPEN_MAX = 50
PACING_TEXT = (
    "Historical Market Data Service error message:Historical data request pacing violation"
)


class Penalty(StrEnum):
    """What becomes of a client that goes on violating the rate."""

    DROP = "drop"
    FREEZE = "freeze"


@dataclass(slots=True)
class RateRule:
    """The limit all clients are held to; None means that nobody is."""

    limit_per_s: int | None = None
    penalty: Penalty = Penalty.DROP
    violations_max: int = VIOLATIONS_MAX


class Verdict(StrEnum):
    """What a message does to its client's record."""

    FINE = "fine"
    # Close to the limit: a line in the gateway's log, once a second.
    NEAR = "near"
    # The limit was passed: error 100, once a second.
    VIOLATION = "violation"
    LAST_VIOLATION = "last violation"


class RateMeter:
    """Messages of one client, of all types together, within the last second."""

    def __init__(self, rule: RateRule) -> None:
        self._rule = rule
        self.violations = 0
        self._times: deque[float] = deque()
        self._warned_s = self._told_s = float("-inf")

    @property
    def rate(self) -> int:
        """Return how many messages came within a second, as of the last one."""
        return len(self._times)

    def note(self, now_s: float) -> Verdict:
        """Count a message at a monotonic time and say what it means."""
        times, limit = self._times, self._rule.limit_per_s
        times.append(now_s)
        while now_s - times[0] >= 1.0:
            times.popleft()
        if limit is None or len(times) < limit - _NEAR:
            return Verdict.FINE
        if len(times) <= limit:
            return self._warning(now_s)
        if now_s - self._told_s < 1.0:
            return Verdict.FINE
        self._told_s = now_s
        self.violations += 1
        is_last = self.violations >= self._rule.violations_max
        return Verdict.LAST_VIOLATION if is_last else Verdict.VIOLATION

    def _warning(self, now_s: float) -> Verdict:
        if now_s - self._warned_s < 1.0:
            return Verdict.FINE
        self._warned_s = now_s
        return Verdict.NEAR


@dataclass(frozen=True, slots=True)
class HistoryAsk:
    """What tells one request for small bars from another, for pacing."""

    con_id: int
    show: str
    exchange: str
    # Everything else of the request: two asks equal in it and above are identical.
    rest: Hashable = ()


class HistoryMeter:
    """Requests for bars of 30 seconds or less, of all clients together."""

    def __init__(self, *, is_on: bool = True) -> None:
        self.is_on = is_on
        self._asked: deque[tuple[float, HistoryAsk]] = deque()

    def violates(self, ask: HistoryAsk, now_s: float) -> bool:
        """Count a request and return whether it breaks a pacing rule.

        Identical within 15 s; more than 6 for a contract and tick type in 2 s; more than 60 in
        10 minutes, where BID_ASK counts twice. A request that breaks a rule counts as well.
        """
        if not self.is_on:
            return False
        asked = self._asked
        while asked and now_s - asked[0][0] >= _WINDOW_S:
            asked.popleft()
        recent = [one for at, one in asked if now_s - at < _IDENTICAL_S]
        burst = sum(
            _weight(one) for at, one in asked if now_s - at < _BURST_S and _same_line(one, ask)
        )
        total = sum(_weight(one) for _, one in asked)
        asked.append((now_s, ask))
        weight = _weight(ask)
        return ask in recent or burst + weight > _BURST_MAX or total + weight > _WINDOW_MAX


def _weight(ask: HistoryAsk) -> int:
    return 2 if ask.show == "BID_ASK" else 1


def _same_line(one: HistoryAsk, other: HistoryAsk) -> bool:
    return (one.con_id, one.show, one.exchange) == (other.con_id, other.show, other.exchange)
