"""What the sentinel does when it acts: halt, leave the order standing, liquidate, and say so.

The halt comes first and stays whatever follows. The standing order comes second: if the sentinel
is killed in the middle, the daemon or the next sentinel carries it on. The liquidation itself is
the kill switch's (``trader.emergency``), in a process of its own, so that the one that watches
goes on watching; it takes the lock, and so it takes turns with every other liquidator.
"""

import asyncio
import contextlib
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import structlog

from trader.emergency.report import ExitCode
from trader.ops.control_token import ENDPOINT_FILE_NAME, read_endpoint
from trader.ops.halt_file import HaltFile
from trader.ops.halt_record import write_halt
from trader.ops.reach import REACH_FILE_NAME, ReachUnusable, read_reach
from trader.ops.standing_order import (
    STANDING_FILE_NAME,
    StandingOrder,
    StandingOrderUnreadable,
    leave,
    order_now,
    standing,
)
from trader.ports import Clock, Pager

BY = "sentinel"
_log = structlog.get_logger(__name__)
# Orders that the broker holds until the market opens are done as far as anybody can.
_DONE = (ExitCode.DONE, ExitCode.PROTECTED, ExitCode.WAITS)
_LINE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ActionSettings:
    """Whose daemon, as whom, and how far to go; seconds."""

    state: Path
    config: Path
    halt_file: Path
    second_client_id: int
    must_flatten: bool
    link_wait_s: float
    # A liquidation that lasts longer hangs, and is ended.
    lifetime_s: float = 900.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """How it ended."""

    is_done: bool
    text: str
    details: tuple[str, ...] = ()


class Action:
    """One sentinel's hands."""

    def __init__(self, settings: ActionSettings, clock: Clock, pager: Pager) -> None:
        self._settings = settings
        self._clock = clock
        self._pager = pager

    async def run(self, reason: str) -> Outcome:
        """Do all of it once; never raises for what the world does."""
        self._pager.page("critical", "sentinel acts", reason)
        self._halt(reason)
        order = self._stand(reason)
        outcome = await self._liquidate(order)
        title = "sentinel: done" if outcome.is_done else "sentinel: NOT done"
        self._pager.page("critical", title, "; ".join((outcome.text, *outcome.details)))
        return outcome

    def _halt(self, reason: str) -> None:
        paths = {self._settings.halt_file: None}
        endpoint = read_endpoint(self._settings.state / ENDPOINT_FILE_NAME)
        if endpoint is not None and endpoint.halt_file is not None:
            paths[endpoint.halt_file] = None
        for path in paths:
            before = HaltFile(path).reading()
            if before.is_active and f"halted by {BY} " in before.reason:
                continue  # a further try: the first reason stands
            why = f"{reason} (before: {before.reason})" if before.is_active else reason
            try:
                write_halt(path, why, BY, self._clock.utc())
            except OSError as error:
                text = f"{path}: {error.strerror or error}"
                self._pager.page("critical", "the halt file could not be written", text)

    def _stand(self, reason: str) -> StandingOrder:
        """Leave the order standing, or take up the one that a person has left."""
        path = self._settings.state / STANDING_FILE_NAME
        own = order_now(
            must_liquidate=self._settings.must_flatten, is_everything=False, by=BY,
            reason=reason[:400], at=self._clock.utc(),
        )  # fmt: skip
        try:
            left = standing(path)
            if left is None:
                leave(path, own)
                return own
        except (StandingOrderUnreadable, OSError) as error:
            self._pager.page("critical", "no standing order", str(error))
            return own
        if left.must_liquidate or not own.must_liquidate:
            return left
        return left._replace(must_liquidate=True)

    async def _liquidate(self, order: StandingOrder) -> Outcome:
        report = os.memfd_create("report", os.MFD_CLOEXEC)
        child: asyncio.subprocess.Process | None = None
        try:
            child = await asyncio.create_subprocess_exec(
                *self._words(order, report), stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
                pass_fds=(report,), limit=_LINE_BYTES_MAX,
            )  # fmt: skip
            async with asyncio.timeout(self._settings.lifetime_s):
                await _log_lines(child)
                code = await child.wait()
            return _outcome(code, _read_report(report))
        except TimeoutError:
            return Outcome(False, f"no end within {self._settings.lifetime_s:g} s: it was killed")
        except (OSError, ValueError) as error:
            return Outcome(False, f"the liquidator could not be run: {error}")
        finally:
            if child is not None and child.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
            os.close(report)

    def _words(self, order: StandingOrder, report: int) -> list[str]:
        settings = self._settings
        words = [sys.executable, "-m", "trader.emergency", "--state", str(settings.state)]
        try:
            read_reach(settings.state / REACH_FILE_NAME)
        except ReachUnusable as error:
            _log.warning("no address was left behind, taking the settings", problem=str(error))
            words += ["--config", str(settings.config)]
        words += ["--cancel-orders", f"--by={order.by}", f"--reason={order.reason}"]
        words += ["--wait", f"{settings.link_wait_s:g}", "--report-fd", str(report)]
        words += ["--second-client-id", str(settings.second_client_id)]
        if order.must_liquidate:
            words.append("--liquidate")
        if order.is_everything:
            words.append("--all")
        if not (order.must_liquidate or order.is_everything):
            words.append("--keep-protection")
        return words


async def _log_lines(child: asyncio.subprocess.Process) -> None:
    assert child.stdout is not None, "it was asked for"
    async for line in child.stdout:
        _log.warning("liquidator", line=line.decode(errors="replace").rstrip())


def _read_report(fd: int) -> dict[str, object]:
    size = os.fstat(fd).st_size
    try:
        record = json.loads(os.pread(fd, size, 0))
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}


_TOLD = (
    ("remaining_positions", "REMAINS"),
    ("remaining_orders", "REMAINS"),
    ("unproven", "NOT PROVEN"),
    ("waiting", "waits at the broker"),
    ("cancelled", "cancelled"),
    ("filled", "filled before its cancel"),
    ("closed", "closed"),
    ("kept", "kept, protective"),
    ("positions", "position"),
    ("problems", "why"),
)


def _outcome(code: int, report: dict[str, object]) -> Outcome:
    details = []
    for name, words in _TOLD:
        rows = report.get(name)
        details += [f"{words}: {row}" for row in rows] if isinstance(rows, list) else []
    pid = report.get("fenced_pid")
    fenced = f"daemon {pid} fenced, " if pid else ""
    try:
        ended = ExitCode(code)
    except ValueError:
        return Outcome(False, f"{fenced}the liquidator ended with {code}", tuple(details))
    is_done = ended in _DONE
    what = ended.name.lower().replace("_", " ")
    lock = "the lock is given back" if is_done else "it is tried again"
    return Outcome(is_done, f"{fenced}{what}; {lock}; the halt stays", tuple(details))
