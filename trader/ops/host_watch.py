"""Looks at the machine every few seconds, and says what a person should know of it.

The same look serves status, metrics and the breaker of the clock, which in mode live lets no new
risk pass while the time service does not vouch for the clock.
"""

import os
from collections.abc import Callable

import structlog

from trader.engine.host import HostStatus, TimeServiceStatus
from trader.ops.anew import Anew
from trader.ops.headroom import Roots, measured, shortages
from trader.ops.time_service import Adjtimex, ask, kernel_adjtimex, unknown
from trader.ports import Clock

log = structlog.get_logger(__name__)

LOOK_S = 5.0
# An older word of the time service counts for nothing.
_WORD_S_MAX = 60.0


class HostWatch:
    """Keeps the last look; ``switches`` are told for as long as the process lives."""

    def __init__(
        self,
        clock: Clock,
        switches: tuple[str, ...] = (),
        switch_warnings: tuple[str, ...] = (),
        *,
        kept: Callable[[], dict[str, str]] = dict,
        adjtimex: Adjtimex = kernel_adjtimex,
        roots: Roots | None = None,
    ) -> None:
        self._clock = clock
        self._switches = switches
        self._switch_warnings = switch_warnings
        # Says of what is kept on the disk what is above its budget.
        self._kept = kept
        self._adjtimex = adjtimex
        self._roots = roots or Roots()
        self._cpu: tuple[float, float] | None = None
        # What has gone to the log, by name; the first look is taken before there is one.
        self._anew = Anew()
        self._take()

    def look(self) -> None:
        """Ask time service and kernel; a change for the worse goes to the log."""
        self._take()
        wrong = dict(self._low)
        if self._time.problem:
            wrong["clock"] = self._time.problem
        for name, problem in self._anew.of(wrong).items():
            log.warning("the machine", what=name, problem=problem)

    def _take(self) -> None:
        now_s = self._looked_s = self._clock.monotonic()
        self._time = ask(self._adjtimex)
        self._room = measured(self._cpu_share(now_s), self._roots)
        self._low = shortages(self._room) | self._kept()

    def time_service(self) -> TimeServiceStatus:
        """Return the time service's last word; unknown once nobody has asked for a while."""
        age_s = self._clock.monotonic() - self._looked_s
        if not 0 <= age_s <= _WORD_S_MAX:
            return unknown(f"the time service was last asked {age_s:.0f} s ago")
        return self._time

    def time_problem(self) -> str:
        """Say why this machine's clock does not count as right; empty when it does."""
        return self.time_service().problem

    def status(self) -> HostStatus:
        """Return everything of the last look."""
        time = self.time_service()
        clock = (f"clock: {time.problem}",) if time.problem else ()
        low = tuple(f"{name}: {text}" for name, text in self._low.items())
        return HostStatus(
            time_service=time,
            headroom=self._room,
            low=tuple(self._low),
            switches=self._switches,
            warnings=(*self._switch_warnings, *clock, *low),
        )

    def _cpu_share(self, now_s: float) -> float | None:
        """Return the share of one core since the look before; None at the first."""
        times = os.times()
        used_s = times.user + times.system
        before, self._cpu = self._cpu, (now_s, used_s)
        if before is None or now_s <= before[0]:
            return None
        return (used_s - before[1]) / (now_s - before[0])
