"""Act without the daemon: fence it, hold its lock, liquidate, or leave a standing order.

The one entrance for the kill switch and the sentinel; the lock makes them take turns.
"""

import asyncio
import contextlib
import os
import random
import secrets
import threading
from collections.abc import Callable
from pathlib import Path

from trader.emergency.liquidator import Liquidator, Wanted
from trader.emergency.report import ExitCode, Report
from trader.emergency.settings import EmergencySettings
from trader.ops.fence import FenceFailed, LiquidatorAtWork, Patience, take_over
from trader.ops.standing_order import (
    STANDING_FILE_NAME,
    StandingOrder,
    StandingOrderUnreadable,
    leave,
    leave_also,
    order_now,
    standing,
    withdraw,
)
from trader.ports import Clock

LOCK_FILE_NAME = "lock"


async def act(
    settings: EmergencySettings, state: Path, *, wanted: Wanted, clock: Clock,
    say: Callable[[str], None], busy_s: float = 120.0,
) -> Report:  # fmt: skip
    """Fence, lock, liquidate; returns what was done and what remains.

    ``busy_s`` is how long another liquidator is waited for.
    """
    patience = Patience(clock.monotonic, _pause, say, busy_s)
    try:
        # Blocking on purpose: nothing else runs in this process before the lock is ours.
        lock, killed = take_over(state / LOCK_FILE_NAME, os.getpid(), patience)
    except LiquidatorAtWork as error:
        return Report(refusal=ExitCode.BUSY, problems=[str(error)])
    except FenceFailed as error:
        return Report(refusal=ExitCode.CANNOT_ACT, problems=[f"not fenced: {error}"])
    try:
        if killed is None:
            say("No daemon holds the lock.")
        order = order_now(
            must_liquidate=wanted.must_liquidate, is_everything=wanted.is_everything,
            by=wanted.by, reason=wanted.reason, at=clock.utc(),
        )  # fmt: skip
        left = _Standing(state / STANDING_FILE_NAME, order)
        left.leave()
        chance = random.Random(secrets.randbits(64))
        liquidator = Liquidator(settings, state, wanted=wanted, clock=clock, say=say, chance=chance)
        try:
            report = await liquidator.run()
        except asyncio.CancelledError:
            # Somebody has called it off (Ctrl-C), and is at the keyboard.
            with contextlib.suppress(OSError, StandingOrderUnreadable):
                left.put_back()
            raise
        report.fenced_pid = killed
        left.settle(report)
        return report
    finally:
        lock.release()


class _Standing:
    """The standing order of one run, left before it acts: whatever ends the run, it goes on."""

    def __init__(self, path: Path, order: StandingOrder) -> None:
        self._path = path
        self._order = order
        self._before: StandingOrder | None = None

    def leave(self) -> None:
        """Leave it for the daemon's next start and the sentinel, as far as the disk takes it."""
        with contextlib.suppress(OSError, StandingOrderUnreadable):
            self._before = standing(self._path)
            leave_also(self._path, self._order)

    def put_back(self) -> None:
        """Have stand what stood before the run; raises OSError or StandingOrderUnreadable."""
        if standing(self._path) != self._order:
            return
        if self._before is None:
            withdraw(self._path)
        elif self._before != self._order:
            leave(self._path, self._before)

    def settle(self, report: Report) -> None:
        """Leave the rest to daemon and sentinel when the link is missing; else take it away."""
        if report.exit_code is ExitCode.NO_LINK:
            self._keep(report)
            return
        try:
            left = standing(self._path)
            is_done = report.exit_code in (ExitCode.DONE, ExitCode.PROTECTED)
            if left is not None and is_done and self._order.covers(left):
                withdraw(self._path)
            else:
                self.put_back()
            if standing(self._path) is not None:
                report.standing_order = str(self._path)
        except (OSError, StandingOrderUnreadable) as error:
            report.problems.append(f"standing order: {error}")

    def _keep(self, report: Report) -> None:
        try:
            stands = leave_also(self._path, self._order)
        except OSError as error:
            problem = f"no standing order: {self._path}: {error.strerror or error}"
            report.problems.append(problem)
            return
        if stands != self._order:
            report.problems.append(f"an earlier standing order stays in its place: {stands.words}")
        report.standing_order = str(self._path)


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
