"""When a strategy is to be called for the sake of time: its timers, and its exchanges' sessions."""

from collections.abc import Iterable, Iterator

from trader.core.calendar import SessionStage, stage_of
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.engine.sessions import Sessions
from trader.strategies.base import SessionChange

_TIMERS_MAX = 100
# Between two looks at the sessions: they change by the minute.
_SESSIONS_S = 1.0


class Timers:
    """Named moments at which a strategy wants to be called, each once; monotonic seconds."""

    def __init__(self) -> None:
        self._due_s: dict[str, float] = {}

    def set(self, name: str, due_s: float) -> None:
        """Set a timer, or set it anew; raises ValueError for one too many."""
        if name not in self._due_s and len(self._due_s) >= _TIMERS_MAX:
            raise ValueError(f"timer {name!r} is one too many, allowed are {_TIMERS_MAX}")
        self._due_s[name] = due_s

    def wait_s(self, now_s: float, most_s: float) -> float:
        """Return how long to wait for the next one, ``most_s`` at the most."""
        soonest_s = min((due_s - now_s for due_s in self._due_s.values()), default=most_s)
        return max(min(soonest_s, most_s), 0.0)

    def take_due(self, now_s: float) -> list[str]:
        """Return those that are due, the earliest first; each is over with that."""
        due = [(due_s, name) for name, due_s in self._due_s.items() if due_s <= now_s]
        names = [name for _, name in sorted(due)]
        for name in names:
            del self._due_s[name]
        return names


class SessionTeller:
    """Where each instrument's session stood when it was told last."""

    def __init__(self, sessions: Sessions, closing_s: float) -> None:
        self._sessions = sessions
        self._closing_s = closing_s
        self._told: dict[ConId, SessionStage] = {}
        self._looked_s = float("-inf")

    def changes(self, instruments: Iterable[Instrument], now_s: float) -> Iterator[SessionChange]:
        """Give what has changed since the last look, which is a second ago at the least."""
        if now_s - self._looked_s < _SESSIONS_S:
            return
        self._looked_s = now_s
        for one in instruments:
            standing = self._sessions.told(one.con_id)
            stage = stage_of(standing, self._closing_s)
            if self._told.get(one.con_id) is not stage:
                self._told[one.con_id] = stage
                until_s = None if standing is None else standing.until_close_s
                yield SessionChange(one.con_id, one.symbol, stage, until_s)
