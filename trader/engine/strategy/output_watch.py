"""How fresh the output of each strategy is, and of the risk review (DAT-09).

A strategy puts out when it has been shown a quote or a bar and has answered, with a wish or
without one. While a session of one of its instruments is on it must do so every so often (a setting
of each): one that does not, because it has stopped, is held up or has nothing to look at, is stale,
and somebody is called once. Nothing is halted by it: what it decides on has gates of its own.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import structlog

from trader.core import events as ev
from trader.core.ids import StrategyName
from trader.core.moments import microseconds_of
from trader.engine.output_status import OutputStatus
from trader.engine.services import Services
from trader.engine.strategy.runner import StrategyRunner

log = structlog.get_logger(__name__)

TASK = "output-watch"
LOOK_S = 1.0
# A breach that lasts is told again, for whoever reads the file, and pages nobody.
_UPDATE_S = 300.0


class SloStep(StrEnum):
    """What becomes of a breach."""

    OPEN = "open"
    UPDATE = "update"
    CLOSE = "close"


@dataclass(frozen=True, slots=True)
class SloEvent:
    """One step of one breach; ``breach_id`` is the same in all of them."""

    breach_id: str
    step: SloStep
    at_utc: datetime
    objective: str
    strategy: StrategyName
    age_s: float
    age_s_max: float
    text: str


@dataclass(slots=True)
class _Breach:
    breach_id: str
    told_s: float


class OutputWatch:
    """Looks at every strategy once a second; ``put`` is told of each step of a breach."""

    def __init__(
        self,
        services: Services,
        runners: Iterable[StrategyRunner],
        put: Callable[[SloEvent], None],
    ) -> None:
        self._hub = services.hub
        self._sessions = services.sessions
        self._clock = services.clock
        self._pager = services.pager
        self._runners = tuple(runners)
        self._put = put
        self._begun_s = services.clock.monotonic()
        self._breaches: dict[StrategyName, _Breach] = {}
        self._reviewed_s: float | None = None

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Note when risk was decided on last, for whomever."""
        if isinstance(recorded.event, ev.IntentReviewed | ev.ModifyPlanned | ev.ModifyRefused):
            self._reviewed_s = self._clock.monotonic()

    def risk_age_s(self) -> float | None:
        """Return the age of the last risk decision; None before the first of this process."""
        return None if self._reviewed_s is None else self._clock.monotonic() - self._reviewed_s

    def status(self) -> Mapping[StrategyName, OutputStatus]:
        """Return how fresh each strategy's output is."""
        now_s = self._clock.monotonic()
        return {row.strategy.name: self._of(row, now_s) for row in self._runners}

    def look(self) -> None:
        """Open, go on with and close breaches."""
        now_s = self._clock.monotonic()
        for runner in self._runners:
            name, found = runner.strategy.name, self._of(runner, now_s)
            known = self._breaches.get(name)
            if found.problem and known is None:
                at_us = microseconds_of(self._clock.utc())
                self._breaches[name] = known = _Breach(f"output:{name}:{at_us}", now_s)
                self._tell(known, SloStep.OPEN, runner, found.problem)
                log.warning("output is stale", strategy=name, problem=found.problem)
                self._pager.page("warning", f"output of {name} is stale", found.problem)
            elif found.problem and known is not None and now_s - known.told_s >= _UPDATE_S:
                known.told_s = now_s
                self._tell(known, SloStep.UPDATE, runner, found.problem)
            elif known is not None and not found.problem:
                del self._breaches[name]
                why = "it puts out again" if found.is_in_session else "its session is over"
                self._tell(known, SloStep.CLOSE, runner, why)
                log.warning("output is not stale any more", strategy=name, why=why)

    def _tell(self, breach: _Breach, step: SloStep, runner: StrategyRunner, text: str) -> None:
        self._put(
            SloEvent(
                breach_id=breach.breach_id,
                step=step,
                at_utc=self._clock.utc(),
                objective="strategy_output_age",
                strategy=runner.strategy.name,
                age_s=self._age_s(runner, self._clock.monotonic()),
                age_s_max=runner.output_age_s_max,
                text=text,
            )
        )

    def _of(self, runner: StrategyRunner, now_s: float) -> OutputStatus:
        output, most_s = runner.output, runner.output_age_s_max
        open_s = self._open_for_s(runner)
        # A session that has just begun, and one that went on while nobody was here, are waited for.
        age_s = 0.0 if open_s is None else min(open_s, self._age_s(runner, now_s))
        is_judged = not runner.is_stopping and not self._sessions.is_restarting()
        problem = ""
        if is_judged and age_s > most_s:
            what = "no quote or bar answered for {:.0f} s, allowed {:g} s while its session is on"
            problem = what.format(age_s, most_s)
            if runner.problem:
                problem += f": it has stopped: {runner.problem}"
        return OutputStatus(
            answered_age_s=_since(output.answered_s, now_s),
            wished_age_s=_since(output.wished_s, now_s),
            decided_age_s=_since(output.decided_s, now_s),
            age_s_max=most_s,
            is_in_session=open_s is not None,
            problem=problem,
        )

    def _age_s(self, runner: StrategyRunner, now_s: float) -> float:
        answered_s = runner.output.answered_s
        return now_s - (self._begun_s if answered_s is None else answered_s)

    def _open_for_s(self, runner: StrategyRunner) -> float | None:
        """Return for how long a session of any of its instruments has been on; None outside."""
        rows = (self._hub.by_symbol(symbol) for symbol in runner.strategy.symbols)
        found = [self._hub.open_for_s(row.con_id) for row in rows if row is not None]
        return max((open_s for open_s in found if open_s is not None), default=None)


def _since(at_s: float | None, now_s: float) -> float | None:
    return None if at_s is None else now_s - at_s
