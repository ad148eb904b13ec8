"""The dead-man's switch: look, decide, act once; and say all the while that it lives itself.

What it decides is :mod:`trader.emergency.deadman`, what it sees :mod:`trader.emergency.vital`. It
depends on nothing that the daemon serves: not on its loop, its journal or its port.
"""

import asyncio
import contextlib
import random
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import structlog

from trader.emergency.action import Outcome
from trader.emergency.deadman import (
    Deadman,
    Risk,
    Rules,
    Stamp,
    State,
    acted,
    decided,
    is_due,
    watched,
)
from trader.emergency.vital import Condition, Facts, Finding, diagnose
from trader.ports import Clock, Pager

T = TypeVar("T")
_log = structlog.get_logger(__name__)
# A journal without open risk gets none while nobody writes to it.
_RISK_AGAIN_S = 30.0
_PET_S = 1.0
# Alive, or somebody else's business: nothing to do, but not for ever.
_TOLD_WHEN_LONG = (Condition.ODD, Condition.LIQUIDATING)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the sentinel shows of itself."""

    deadman: Deadman
    finding: Finding
    risk: Risk
    risk_text: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything that the sentinel touches."""

    clock: Clock
    pager: Pager
    look: Callable[[], Facts]
    # Blocking, with its own bound; it runs beside the loop.
    read_risk: Callable[[], tuple[Risk, str]]
    act: Callable[[str], Coroutine[Any, Any, Outcome]]
    # How long the machine has slept since it was booted, in seconds.
    asleep_s: Callable[[], float]
    # After each look and while it acts: I live.
    pet: Callable[[], None]
    show: Callable[[Shown], None]
    chance: random.Random
    # The standing order in words; empty without one.
    order: Callable[[], str] = str


class Sentinel:
    """One watch over one daemon."""

    def __init__(
        self, rules: Rules, around: Surroundings, deadman: Deadman, served: str = ""
    ) -> None:
        self._rules = rules
        self._around = around
        self.deadman = deadman
        self._condition: Condition | None = None
        self._condition_s = 0.0
        self._is_long_told = False
        self._risk: tuple[Risk, str] = (Risk.UNKNOWN, "not asked yet")
        self._risk_s = float("-inf")
        self._is_quiet_told = False
        self._outcome = ""
        # The standing order that the last action has carried out as far as anybody can.
        self._served = served

    async def run(self, stopped: asyncio.Event) -> None:
        """Watch until ``stopped``; an action that has begun is finished first."""
        while not stopped.is_set():
            await self.look_once()
            left_s = self._rules.check_s
            while left_s > 0 and not stopped.is_set():
                # However seldom it looks, it shows that it lives.
                self._around.pet()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(min(left_s, _PET_S)):
                        await stopped.wait()
                left_s -= _PET_S

    async def look_once(self) -> None:
        """Look, decide, and act if it is time."""
        around, before = self._around, self.deadman
        finding = diagnose(around.look())
        stamp = Stamp(around.clock.monotonic(), around.asleep_s())
        counted = self._ordered(watched(before, self._rules, finding, stamp), finding)
        risk = Risk.UNKNOWN
        if is_due(counted, self._rules, finding):
            risk = await self._ask_risk(counted)
        self.deadman = decided(counted, self._rules, finding, risk)
        self._tell(before, finding, risk)
        if self.deadman.state is State.ACTING:
            await self._act(finding)

    def _ordered(self, counted: Deadman, finding: Finding) -> Deadman:
        """Take up what a person has ordered after everything was done for this silence."""
        if counted.state is not State.DONE or not is_due(counted, self._rules, finding):
            return counted
        if self._around.order() in ("", self._served):
            return counted
        self._risk_s = float("-inf")
        return replace(counted, state=State.SUSPECT)

    async def _ask_risk(self, deadman: Deadman) -> Risk:
        """Ask what is open, as seldom as it may change; what was begun is not asked again."""
        if deadman.state in (State.DONE, State.STUCK):
            return Risk.UNKNOWN
        now_s = self._around.clock.monotonic()
        if now_s - self._risk_s >= _RISK_AGAIN_S:
            self._risk = await self._petting(asyncio.to_thread(self._around.read_risk))
            self._risk_s = now_s
        return self._risk[0]

    async def _act(self, finding: Finding) -> None:
        reason = (
            f"dead-man: {finding.text}; {self.deadman.silence_s:.0f} s without a sign of life, "
            f"open risk: {self._risk[0]} ({self._risk[1]})"
        )
        _log.critical("sentinel acts", reason=reason)
        outcome = await self._petting(self._around.act(reason))
        drawn = self._around.chance.random()
        self.deadman = acted(self.deadman, self._rules, is_done=outcome.is_done, drawn=drawn)
        self._outcome = outcome.text
        self._served = self._around.order() if outcome.is_done else ""
        _log.critical("sentinel acted", done=outcome.is_done, text=outcome.text,
                      details=outcome.details)  # fmt: skip
        # The clock stood on while it acted; that was nobody's silence.
        self.deadman = replace(self.deadman, stamp=None)
        self._show(finding)

    async def _petting(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for something long, and go on showing that this process lives."""
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(work)
            while not task.done():
                await asyncio.wait({task}, timeout=_PET_S)
                self._around.pet()
        return task.result()

    # ---- telling

    def _tell(self, before: Deadman, finding: Finding, risk: Risk) -> None:
        deadman = self.deadman
        is_new = finding.condition is not self._condition
        if is_new:
            self._condition = finding.condition
            self._condition_s = self._around.clock.monotonic()
            self._is_long_told = False
        if finding.is_alive:
            self._risk_s, self._is_quiet_told = float("-inf"), False
        if deadman.state is not before.state or is_new:
            say = _log.info if finding.is_alive else _log.warning
            say("daemon", state=str(deadman.state), condition=str(finding.condition),
                text=finding.text, silence_s=round(deadman.silence_s, 1))  # fmt: skip
            self._show(finding)
        self._tell_long(finding)
        self._tell_quiet(finding, risk)

    def _tell_long(self, finding: Finding) -> None:
        """Call somebody for what lasts and is not for this process to mend."""
        lasts_s = self._around.clock.monotonic() - self._condition_s
        is_long = lasts_s >= self._rules.silence_s and finding.condition in _TOLD_WHEN_LONG
        if is_long and not self._is_long_told:
            self._is_long_told = True
            self._around.pager.page("warning", f"daemon: {finding.condition}", finding.text)

    def _tell_quiet(self, finding: Finding, risk: Risk) -> None:
        """Call somebody for a silent daemon that leaves nothing open, unless it was stopped."""
        if finding.condition in (Condition.ENDED, Condition.ABSENT) or self._is_quiet_told:
            return
        is_idle = risk is Risk.NONE or not self._rules.may_act
        if is_due(self.deadman, self._rules, finding) and is_idle:
            self._is_quiet_told = True
            why = "nothing is open" if risk is Risk.NONE else "this mode sends no orders"
            self._around.pager.page("critical", "daemon silent", f"{finding.text}; {why}")
            self._show(finding)

    def _show(self, finding: Finding) -> None:
        self._around.show(Shown(self.deadman, finding, *self._risk, self._outcome))
