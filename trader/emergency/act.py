"""Act without the daemon: fence it, hold its lock, liquidate, or leave a standing order.

The one entrance for the kill switch and the sentinel; the lock makes them take turns.
"""

import os
import threading
from collections.abc import Callable
from pathlib import Path

from trader.emergency.liquidator import Liquidator, Wanted
from trader.emergency.report import ExitCode, Report
from trader.emergency.settings import EmergencySettings
from trader.ops.fence import FenceFailed, LiquidatorAtWork, Patience, take_over
from trader.ops.standing_order import (
    STANDING_FILE_NAME,
    StandingOrderUnreadable,
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
        liquidator = Liquidator(settings, state, wanted=wanted, clock=clock, say=say)
        report = await liquidator.run()
        report.fenced_pid = killed
        _settle_standing_order(report, state / STANDING_FILE_NAME, wanted, clock)
        return report
    finally:
        lock.release()


def _settle_standing_order(report: Report, path: Path, wanted: Wanted, clock: Clock) -> None:
    """Leave the rest to daemon and sentinel when the link is missing; take it away when done."""
    order = order_now(
        must_liquidate=wanted.must_liquidate,
        is_everything=wanted.is_everything,
        by=wanted.by,
        reason=wanted.reason,
        at=clock.utc(),
    )
    if report.exit_code is ExitCode.NO_LINK:
        try:
            stands = leave_also(path, order)
        except OSError as error:
            report.problems.append(f"no standing order: {path}: {error.strerror or error}")
            return
        if stands != order:
            report.problems.append(f"an earlier standing order stays in its place: {stands.words}")
        report.standing_order = str(path)
        return
    try:
        left = standing(path)
        covers = left is not None and order.covers(left)
        is_done = report.exit_code in (ExitCode.DONE, ExitCode.PROTECTED)
        if covers and is_done:
            withdraw(path)
        elif left is not None:
            report.standing_order = str(path)
    except (OSError, StandingOrderUnreadable) as error:
        report.problems.append(f"standing order: {error}")


def _pause(seconds: float) -> None:
    threading.Event().wait(seconds)
