"""How often history may be asked for, and when to ask again after a refusal; pure.

IBKR serves 60 questions in any ten minutes, none twice within 15 seconds, and fewer than six for
one contract within two; what is past that is refused with 162 and keeps on being counted
(INC-130). So a question waits here until it may go, and never fails for having come too early.
The limits hold for bars of 30 seconds or less; longer ones are slowed down instead, so all wait.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from trader.core.backoff import Backoff
from trader.core.bars import Bar
from trader.core.ids import ConId

# So many are open at once: the broker allows 50, and nothing here is in such a hurry.
OPEN_MAX = 3

# Each window is a little longer than the broker's: it counts arrivals, and we count sendings.
_SLACK_S = 1.0
_WINDOW_S, _WINDOW_MAX = 600.0 + _SLACK_S, 60
_SAME_S = 15.0 + _SLACK_S
_BURST_S, _BURST_MAX = 2.0 + _SLACK_S, 5


class HistoryTrouble(StrEnum):
    """Why there was no history: one code says several of them, and each wants another answer."""

    PACING = "pacing"  # asked too often, or too many at once
    NO_DATA = "no data"  # nothing is known of that time
    NO_PERMISSION = "no permission"  # the account does not have this data
    NO_CONTRACT = "no contract"  # the broker does not know what was asked for
    INVALID = "invalid"  # the question itself is refused
    ELSEWHERE = "elsewhere"  # another session of the user has the data
    CANCELLED = "cancelled"
    UNAVAILABLE = "unavailable"  # the data service, the link or the answer was not there in time


@dataclass(frozen=True, slots=True)
class HistoryAnswer:
    """What came of one question for the last ``count`` bars of a size, asked at ``asked_utc``.

    ``trouble`` says why there are none. ``is_standing`` marks no answer but what is held already:
    so a record begins that goes on.
    """

    con_id: ConId
    size_s: int
    count: int
    asked_utc: datetime
    bars: tuple[Bar, ...] = ()
    trouble: HistoryTrouble | None = None
    text: str = ""
    is_standing: bool = False


# A person must do something about the first four; the rest pass by themselves.
_LATER = Backoff(900.0, 3_600.0)
_BACKOFFS = {
    HistoryTrouble.NO_PERMISSION: _LATER,
    HistoryTrouble.NO_CONTRACT: _LATER,
    HistoryTrouble.INVALID: _LATER,
    HistoryTrouble.ELSEWHERE: Backoff(300.0, 900.0),
    # What was counted against us is forgotten within ten minutes.
    HistoryTrouble.PACING: Backoff(120.0, 900.0),
    HistoryTrouble.NO_DATA: Backoff(120.0, 900.0),
    HistoryTrouble.CANCELLED: Backoff(20.0, 300.0),
    HistoryTrouble.UNAVAILABLE: Backoff(20.0, 300.0),
}


def again_s(trouble: HistoryTrouble, failures: int, drawn: float) -> float:
    """Return how long to wait before history is asked for again, after so many in a row."""
    return _BACKOFFS[trouble].wait_s(failures, drawn)


@dataclass(frozen=True, slots=True)
class HistoryAsk:
    """What tells one question for history from another."""

    con_id: ConId
    size_s: int
    show: str
    duration: str


@dataclass(frozen=True, slots=True)
class HistoryPace:
    """The questions of the last ten minutes with the moment of each, oldest first (monotonic)."""

    asked: tuple[tuple[float, HistoryAsk], ...] = ()


def wait_s(pace: HistoryPace, ask: HistoryAsk, now_s: float) -> float:
    """Return how long a question has to wait; 0.0 when it may go now."""
    whole = [at for at, _ in pace.asked if now_s - at < _WINDOW_S]
    same = [at for at, one in pace.asked if one == ask and now_s - at < _SAME_S]
    burst = [at for at, one in pace.asked if one.con_id == ask.con_id and now_s - at < _BURST_S]
    ends = [at + _SAME_S for at in same]
    # The oldest that must be forgotten before there is room for one more.
    if len(whole) >= _WINDOW_MAX:
        ends.append(whole[-_WINDOW_MAX] + _WINDOW_S)
    if len(burst) >= _BURST_MAX:
        ends.append(burst[-_BURST_MAX] + _BURST_S)
    return max(0.0, *(end - now_s for end in ends)) if ends else 0.0


def noted(pace: HistoryPace, ask: HistoryAsk, now_s: float) -> HistoryPace:
    """Return the pace after a question; whoever notes it has asked :func:`wait_s` before."""
    kept = tuple(row for row in pace.asked if now_s - row[0] < _WINDOW_S)
    return HistoryPace((*kept, (now_s, ask)))
