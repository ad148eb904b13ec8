"""``trader sentinel``: the composition root of the dead-man's switch, a process beside the daemon.

It may read the settings and the journal, and nothing else of the daemon's: no engine, no
strategy. It ends with 0 after a signal and with 5 when it cannot start.
"""

import argparse
import asyncio
import os
import random
import secrets
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import structlog

from trader.config import ConfigError, Configuration, load
from trader.core.halts import Mode
from trader.emergency.action import Action, ActionSettings
from trader.emergency.deadman import Deadman, Risk, Rules, State, resumed
from trader.emergency.look import Looker
from trader.emergency.sentinel import Sentinel, Shown, Surroundings
from trader.ops.anchors import newest_anchor
from trader.ops.clock import SystemClock
from trader.ops.halt_record import utc_text
from trader.ops.heartbeat import Heartbeat, boot_id, since_boot_s
from trader.ops.instance_lock import InstanceLock
from trader.ops.logs import configure_logs
from trader.ops.notify import Notifier
from trader.ops.pager import LogPager
from trader.ops.reach import REACH_FILE_NAME
from trader.ops.sentinel_file import (
    SENTINEL_BEAT_FILE_NAME,
    SENTINEL_FILE_NAME,
    SENTINEL_LOCK_FILE_NAME,
    SentinelRecord,
    is_alive,
    read_record,
    sign_of,
    write_record,
)
from trader.ops.standing_order import STANDING_FILE_NAME, StandingOrderUnreadable, standing
from trader.ports import WorldError
from trader.store.exposure import Exposure, exposure, staleness

log = structlog.get_logger(__name__)

CLEAN, NOT_ALIVE, COULD_NOT_START = 0, 1, 5
_SENDING = (Mode.PAPER, Mode.LIVE, Mode.DEMO)
_Signature = tuple[int, ...]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("--config", type=Path, required=True, help="the daemon's settings")
    parser.add_argument("--show", action="store_true", help="only say what it said last")


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Watch until a signal, or show what it said; returns the exit code."""
    act = show if given.show else watch
    return act(given.config, environment)


def watch(path: Path, environment: Mapping[str, str]) -> int:
    """Watch until a signal; returns the exit code."""
    lock: InstanceLock | None = None
    try:
        config = load(path, environment)
        configure_logs(config.settings.log_level, config.settings.log_format)
        state = config.settings.state_dir
        state.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = InstanceLock(state / SENTINEL_LOCK_FILE_NAME)
        lock.take(os.getpid())
        asyncio.run(_watch(config, path.absolute(), environment))
    except ConfigError as error:
        return _cannot_start(*error.problems)
    except WorldError as error:
        return _cannot_start(str(error))
    except OSError as error:
        return _cannot_start(f"state_dir: {error.filename}: {error.strerror or error}")
    finally:
        if lock is not None:
            lock.release()
    return CLEAN


def show(path: Path, environment: Mapping[str, str]) -> int:
    """Print what the sentinel said last; returns 0 when one lives and 1 when none does."""
    try:
        state = load(path, environment).settings.state_dir
    except ConfigError as error:
        return _cannot_start(*error.problems)
    alive = is_alive(state, boot_id())
    print("the sentinel lives" if alive else "no sentinel is running")
    record = read_record(state / SENTINEL_FILE_NAME)
    if record is not None:
        print(f"{record.state} since {record.at}: {record.text}")
        if record.outcome:
            print(f"last action: {record.outcome}")
    return CLEAN if alive else NOT_ALIVE


def _cannot_start(*problems: str) -> int:
    for problem in problems:
        print(f"trader: cannot start: {problem}", file=sys.stderr)
    return COULD_NOT_START


async def _watch(config: Configuration, path: Path, environment: Mapping[str, str]) -> None:
    settings, clock = config.settings, SystemClock()
    state = settings.state_dir
    pager = LogPager(clock, state / "audit_logs" / "pages.jsonl")
    looker = Looker(state, clock)
    looker.look()
    heart = Heartbeat(state / SENTINEL_BEAT_FILE_NAME, os.getpid())
    notifier = Notifier(environment)
    board = Board(state / SENTINEL_FILE_NAME, looker, notifier, clock)

    def pet() -> None:
        heart.beat()
        notifier.watchdog()

    action = Action(
        ActionSettings(
            state=state,
            config=path,
            halt_file=config.halt_file,
            second_client_id=settings.sentinel_client_id,
            must_flatten=settings.sentinel.must_flatten,
            link_wait_s=settings.sentinel.link_wait_s,
        ),
        clock,
        pager,
    )
    standing_file = state / STANDING_FILE_NAME
    around = Surroundings(
        clock=clock,
        pager=pager,
        look=looker.look,
        read_risk=RiskReader(state, config.journal_file).read,
        act=action.run,
        asleep_s=asleep_s,
        pet=pet,
        show=board.show,
        chance=random.Random(secrets.randbits(64)),
        order=lambda: order_words(standing_file),
    )
    served = order_words(standing_file, until=board.told_at())
    sentinel = Sentinel(rules_of(config), around, board.resumed(), served)
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    pet()
    notifier.ready()
    log.info("sentinel", state=str(sentinel.deadman.state), silence_s=settings.sentinel.silence_s)
    await sentinel.run(stopped)
    notifier.stopping()
    heart.close()
    log.info("sentinel stopped")


def order_words(path: Path, until: str = "9") -> str:
    """Return the standing order in words; empty without one, or with one left after ``until``."""
    try:
        left = standing(path)
    except StandingOrderUnreadable:
        return ""
    return left.words if left is not None and left.at <= until else ""


def rules_of(config: Configuration) -> Rules:
    """Return what the decision takes of the settings."""
    section = config.settings.sentinel
    return Rules(
        check_s=section.check_s,
        silence_s=section.silence_s,
        start_s=section.start_s,
        open_risk_grace_s=section.open_risk_grace_s,
        retry_s_min=section.retry_s_min,
        retry_s_max=section.retry_s_max,
        may_act=config.settings.mode in _SENDING,
    )


def asleep_s() -> float:
    """Return how long this machine has been suspended since it was booted, in seconds."""
    # Read first: what passes between the two readings must not look like sleep.
    monotonic_s = time.clock_gettime(time.CLOCK_MONOTONIC)
    return since_boot_s() - monotonic_s


class Board:
    """What the sentinel shows, and what it finds of its own last life."""

    def __init__(self, path: Path, looker: Looker, notifier: Notifier, clock: SystemClock) -> None:
        self._path = path
        self._looker = looker
        self._notifier = notifier
        self._clock = clock
        self._is_reported = False

    def show(self, shown: Shown) -> None:
        """Write it for people and for the next start; a full disk is logged once."""
        deadman, finding = shown.deadman, shown.finding
        self._notifier.status(f"{deadman.state}: {finding.text}")
        record = SentinelRecord(
            state=str(deadman.state),
            condition=str(finding.condition),
            text=finding.text,
            silence_s=round(deadman.silence_s, 1),
            risk=f"{shown.risk}: {shown.risk_text}",
            outcome=shown.outcome,
            at=utc_text(self._clock.utc()),
            sign=sign_of(self._looker.beat),
        )
        try:
            write_record(self._path, record)
            self._is_reported = False
        except OSError as error:
            if not self._is_reported:
                self._is_reported = True
                log.error("the sentinel's state is not written", problem=str(error))

    def told_at(self) -> str:
        """Return when the last sentinel said something; empty when none did."""
        record = read_record(self._path)
        return "" if record is None else record.at

    def resumed(self) -> Deadman:
        """Return the watch as the last sentinel left it, if the daemon gave no sign since."""
        record = read_record(self._path)
        if record is None or record.state not in [*State]:
            return Deadman()
        is_same_life = record.sign == sign_of(self._looker.beat)
        return resumed(State(record.state), record.silence_s, is_same_life=is_same_life)


class RiskReader:
    """Asks the journal and the standing order; again only when one of them has changed."""

    def __init__(self, state: Path, journal: Path) -> None:
        self._state = state
        self._journal = journal
        standing_order = state / STANDING_FILE_NAME
        self._standing_order = standing_order
        # Left by each start once its journal was open.
        self._reach = state / REACH_FILE_NAME
        self._seen: _Signature | None = None
        self._found: tuple[Risk, str] = (Risk.UNKNOWN, "not read")

    def read(self) -> tuple[Risk, str]:
        """Return whether something is open, and what; never raises for what the world does."""
        try:
            if self._standing_order.exists():
                return Risk.OPEN, "a standing order"
            if self._reach.exists() and not self._journal.exists():
                # Not a daemon that never was: one has run here, and what it held is not known.
                return Risk.UNKNOWN, f"{self._journal} is missing"
        except OSError as error:
            return Risk.UNKNOWN, f"{error.filename}: {error.strerror}"
        seen = self._signature()
        if seen != self._seen or self._found[0] is Risk.UNKNOWN:
            self._seen, self._found = seen, self._read()
        return self._found

    def _read(self) -> tuple[Risk, str]:
        try:
            found = exposure(self._journal)
        except WorldError as error:
            return Risk.UNKNOWN, str(error)
        if found.is_open:
            return Risk.OPEN, _words(found)
        doubt = self._doubt()
        return (Risk.UNKNOWN, doubt) if doubt else (Risk.NONE, "nothing")

    def _doubt(self) -> str:
        """Say why a journal that shows nothing may be older than what is open."""
        try:
            newest, _ = newest_anchor(self._state)
            return "" if newest is None else staleness(self._journal, newest)
        except OSError as error:
            return f"its anchors cannot be read: {error.filename}: {error.strerror}"
        except WorldError as error:
            return str(error)

    def _signature(self) -> _Signature:
        numbers: list[int] = []
        for path in (self._journal, Path(f"{self._journal}-wal")):
            try:
                status = path.stat()
            except OSError:
                numbers.append(-1)
            else:
                numbers += [status.st_mtime_ns, status.st_size, status.st_ino]
        return tuple(numbers)


def _words(found: Exposure) -> str:
    parts = []
    if found.orders:
        parts.append(f"{len(found.orders)} orders ({', '.join(found.orders[:3])})")
    if found.positions:
        parts.append(f"{len(found.positions)} positions ({', '.join(found.positions[:3])})")
    return " and ".join(parts)
