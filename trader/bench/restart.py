"""How long a restart takes with much at the broker: `scripts/bench restart --orders 10000`.

A first daemon has so many orders executed and leaves as many working. A second one starts on the
same journal against the same gateway, and its time runs from opening the journal to the end of a
reconciliation that found nothing wrong. Beside it stands bare ib_async's connect with the same
client id, which asks the same gateway for the same lists and keeps no book.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import ib_async
import uvloop

from trader.app import Daemon, World, restore
from trader.bench.stage import UnpacedDaemon, configuration, intent, simulator
from trader.config import Configuration
from trader.core.events import ReconcileFinished, Recorded
from trader.core.ids import ConId
from trader.engine.outcomes import OutcomeKind
from trader.ops.clock import SystemClock
from trader.ops.logs import configure_logs
from trader.store.journal import SqliteJournal

# What is promised (PERFORMANCE): seconds, and times bare ib_async's connect.
PROMISED_S, PROMISED_RATIO = 10.0, 2.0
_DEADLINE_S = 300.0
# In flight at once; a market order's answer is waited for before the next part.
_PART = 100
T = TypeVar("T")
_RESTING, _CROSSING = Decimal("0.5"), Decimal("1.2")
_PATIENCE = {
    "drain.must_cancel_orders": False,
    "broker.snapshot_deadline_s": 120,
    "intent_deadline_s": 60,
    "loop_lag_s_max": 60,
    # In the middle of a burst the two may differ for a moment.
    "reconcile.orders_interval_s": 3600,
    "reconcile.positions_interval_s": 3600,
}


@dataclass(frozen=True, slots=True)
class Restart:
    """What stood at the broker, and the seconds of each way to know it."""

    working: int
    executions: int
    open_s: float
    reconciled_s: float
    armed_s: float
    ib_async_s: float

    @property
    def ratio(self) -> float:
        """Return how many times as long the restart took as bare ib_async's connect."""
        return self.reconciled_s / self.ib_async_s

    @property
    def is_as_promised(self) -> bool:
        """Tell whether it is."""
        return self.reconciled_s <= PROMISED_S and self.ratio <= PROMISED_RATIO


def measure(orders: int) -> Restart:
    """Leave orders and executions at a simulator, and start anew."""
    with tempfile.TemporaryDirectory() as name, simulator() as simulated:
        config = configuration(Path(name), simulated, _PATIENCE)
        config.settings.state_dir.mkdir()
        _run(_fill(config, orders))
        ib_async_s = _run(_connected(simulated))
        return _run(_again(config, ib_async_s))


def _run(work: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


async def _started(config: Configuration) -> tuple[Daemon, SqliteJournal]:
    clock = SystemClock()
    journal = await SqliteJournal.open(config.journal_file, clock)
    book = await restore(journal)
    return UnpacedDaemon(config, World(clock, random.Random(1), {}, os.getpid()), journal, book), (
        journal
    )


async def _fill(config: Configuration, orders: int) -> None:
    """Have orders executed and as many left working."""
    daemon, journal = await _started(config)
    try:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(daemon.serve(), name="daemon")
            con_id = await _armed(daemon)
            for strategy, factor in (("filled", _CROSSING), ("resting", _RESTING)):
                for first in range(1, orders + 1, _PART):
                    numbers = range(first, min(first + _PART, orders + 1))
                    await _part(daemon, con_id, (strategy, factor), numbers)
            await _until(lambda: len(daemon.ledger.book.fills) >= orders, "every fill")
            os.kill(os.getpid(), signal.SIGTERM)
            await serving
    finally:
        await journal.close()


async def _part(daemon: Daemon, con_id: ConId, which: tuple[str, Decimal], numbers: range) -> None:
    strategy, factor = which
    await _until(daemon.gateway.is_armed, "armed")
    wishes = [intent(daemon, con_id, strategy, number, factor) for number in numbers]
    outcomes = await asyncio.gather(*(daemon.gateway.submit(wish) for wish in wishes))
    for outcome in outcomes:
        assert outcome.kind is OutcomeKind.SENT, f"benchmark order not sent: {outcome.text}"


async def _connected(simulated: Mapping[str, Any]) -> float:
    """Return how long bare ib_async takes to know the same."""
    ib = ib_async.IB()
    ib.client.MaxRequests = 0
    began_s = time.perf_counter()
    await ib.connectAsync("127.0.0.1", simulated["port"], clientId=92, timeout=_DEADLINE_S)
    took_s = time.perf_counter() - began_s
    ib.disconnect()
    await asyncio.sleep(0.5)
    return took_s


async def _again(config: Configuration, ib_async_s: float) -> Restart:
    began_s = time.perf_counter()
    daemon, journal = await _started(config)
    opened_s = time.perf_counter()
    book = daemon.ledger.book
    working, executions = len(book.live_orders), len(book.fills)
    reconciled: asyncio.Future[float] = asyncio.get_running_loop().create_future()

    def on_recorded(recorded: Recorded) -> None:
        event = recorded.event
        if isinstance(event, ReconcileFinished) and not event.problem and not reconciled.done():
            assert event.drift_count == 0, f"{event.drift_count} drifts"
            reconciled.set_result(time.perf_counter())

    daemon.ledger.observe(on_recorded)
    try:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(daemon.serve(), name="daemon")
            async with asyncio.timeout(_DEADLINE_S):
                reconciled_s = await reconciled
            await _until(daemon.gateway.is_armed, "armed")
            armed_s = time.perf_counter()
            os.kill(os.getpid(), signal.SIGTERM)
            await serving
    finally:
        await journal.close()
    ends = (opened_s - began_s, reconciled_s - began_s, armed_s - began_s)
    return Restart(working, executions, *ends, ib_async_s)


async def _armed(daemon: Daemon) -> ConId:
    hub = daemon.services.hub
    await _until(lambda: daemon.gateway.is_armed() and hub.by_symbol("AAPL") is not None, "armed")
    await asyncio.sleep(1.0)
    instrument = hub.by_symbol("AAPL")
    assert instrument is not None
    return instrument.con_id


async def _until(is_so: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(_DEADLINE_S):
            while not is_so():
                await asyncio.sleep(0.05)
    except TimeoutError:
        raise AssertionError(f"not within {_DEADLINE_S:g} s: {what}") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; exit code 1 when it is slower than promised."""
    parser = argparse.ArgumentParser(prog="bench restart", description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000, help="working, and as many executed")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    if not 10 <= given.orders <= 10_000:
        print("bench: --orders must be 10 to 10000", file=sys.stderr)
        return 2
    configure_logs("error", "json")
    found = measure(given.orders)
    if given.json:
        print(json.dumps({**asdict(found), "ratio": found.ratio}, indent=1))
    else:
        print(f"{found.working} working orders, {found.executions} executions")
        print(f"journal opened, book restored  {found.open_s:8.2f} s")
        print(f"reconciled, nothing differs    {found.reconciled_s:8.2f} s  (at most 10)")
        print(f"armed                          {found.armed_s:8.2f} s")
        print(f"bare ib_async connected        {found.ib_async_s:8.2f} s")
        print(f"reconciled / bare ib_async     {found.ratio:8.2f}    (at most 2)")
    return 0 if found.is_as_promised else 1


if __name__ == "__main__":
    sys.exit(main())
