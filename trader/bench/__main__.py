"""Benchmarks of the order path and of tick ingestion, as ratios inside one run.

Everything runs against the same simulator process over loopback: a raw socket echo (what the
machine can do), bare ib_async ``placeOrder`` (no review, no journal), and this daemon's gateway
with its full review and its journal durable before the wire. Times of arrival are the
simulator's, on the monotonic clock that all processes of a host share. The machine is noisy:
compare ratios of one run, never times of two.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import socket
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import ib_async
import uvloop

from trader.app import Daemon, World, restore
from trader.bench.gate import gate_seconds
from trader.bench.percentile import at
from trader.bench.review import review_seconds
from trader.bench.stage import UnpacedDaemon, configuration, intent, simulator
from trader.core.events import Recorded
from trader.core.ids import ConId
from trader.core.orders import OrderState
from trader.engine.outcomes import OutcomeKind
from trader.ops.clock import SystemClock
from trader.ops.logs import configure_logs
from trader.ports import QuoteTick
from trader.store.journal import SqliteJournal

# How many orders an old book has forgotten, and how its rows are named.
_HISTORY, _OLD = 5_000, " (old book)"
# Far enough below the market to rest, near enough for the collar of this run.
_RESTING = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class Latency:
    """Microseconds of one measured thing."""

    name: str
    samples: tuple[float, ...]

    def at(self, percent: float) -> float:
        """Return a percentile."""
        return at(self.samples, percent)


@dataclass(slots=True)
class Bench:
    """One run: the simulator and how many orders."""

    simulator: dict[str, Any]
    orders: int
    folder: Path
    results: list[Latency]

    def truth(self) -> dict[str, Any]:
        """Return the simulator's truth."""
        url = f"http://127.0.0.1:{self.simulator['control_port']}/truth"
        with urllib.request.urlopen(url, timeout=30) as answer:
            return dict(json.loads(answer.read()))

    def arrivals(self) -> dict[str, float]:
        """Return when each order arrived, by its reference, in monotonic seconds."""
        return {
            row["order_ref"]: float(row["received_monotonic_s"])
            for row in self.truth()["place_frames"]
        }

    def add(self, name: str, seconds: Sequence[float]) -> None:
        """Keep a result."""
        self.results.append(Latency(name, tuple(value * 1e6 for value in seconds)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--orders", type=int, default=400, help="orders of each path")
    parser.add_argument("--ticks", type=int, default=200_000, help="ticks to ingest")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    given = parser.parse_args(arguments)
    if given.orders < 10 or given.ticks < 1000:
        print("bench: --orders must be at least 10 and --ticks at least 1000", file=sys.stderr)
        return 2
    configure_logs("error", "json")
    with tempfile.TemporaryDirectory() as name, simulator() as simulated:
        bench = Bench(simulated, given.orders, Path(name), [])
        _measure_floor(bench)
        bench.add("review, 50 positions, 200 orders", review_seconds(10 * bench.orders))
        _measure_gate(bench)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(_measure_ib_async(bench))
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            burst_per_s, ticks_per_s = runner.run(_measure_daemon(bench, given.ticks))
    _print(bench, burst_per_s, ticks_per_s, given.json)
    return 0


# ---- the floor: a socket, a commit


def _measure_floor(bench: Bench) -> None:
    client, server = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        client.close()
        while data := server.recv(4096):
            server.sendall(data)
        os._exit(0)
    server.close()
    payload = b"x" * 350
    times = []
    for _ in range(bench.orders):
        started_s = time.monotonic()
        client.sendall(payload)
        client.recv(4096)
        times.append(time.monotonic() - started_s)
    client.close()
    os.waitpid(pid, 0)
    bench.add("raw socket echo", times)
    database = sqlite3.connect(bench.folder / "floor.db", isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE t (seq INTEGER PRIMARY KEY, payload TEXT)")
    commits = []
    for number in range(bench.orders):
        started_s = time.monotonic()
        database.execute("INSERT INTO t VALUES (?, ?)", (number, "x" * 500))
        commits.append(time.monotonic() - started_s)
    database.close()
    bench.add("one durable commit in line", commits)


# ---- bare ib_async


def _measure_gate(bench: Bench) -> None:
    """Take submissions apart, before a young book and before one with a long history."""
    for age, history in (("", 0), (_OLD, _HISTORY)):
        taken = gate_seconds(bench.orders, bench.folder, history)
        bench.add(f"in a submission{age}: review", taken.review)
        bench.add(f"in a submission{age}: ledger", taken.ledger)
        bench.add(f"in a submission{age}: the gate's own", taken.own)


async def _measure_ib_async(bench: Bench) -> None:
    ib = ib_async.IB()
    ib.client.MaxRequests = 0
    await ib.connectAsync("127.0.0.1", bench.simulator["port"], clientId=91)
    contract = (await ib.qualifyContractsAsync(ib_async.Stock("AAPL", "SMART", "USD")))[0]
    assert isinstance(contract, ib_async.Contract), "the simulator knows AAPL"
    started, acked = {}, []
    for number in range(bench.orders):
        order = ib_async.LimitOrder("BUY", 1, 1.0, tif="DAY", orderRef=f"bare-{number}")
        answered = asyncio.get_running_loop().create_future()
        started_s = time.monotonic()
        trade = ib.placeOrder(contract, order)
        started[order.orderRef] = started_s
        trade.statusEvent += lambda _, done=answered: done.done() or done.set_result(None)
        async with asyncio.timeout(10):
            await answered
        acked.append(time.monotonic() - started_s)
    arrivals = bench.arrivals()
    bench.add("bare ib_async: to wire", [arrivals[ref] - at for ref, at in started.items()])
    bench.add("bare ib_async: to ack", acked)
    ib.disconnect()


# ---- this daemon


async def _measure_daemon(bench: Bench, ticks: int) -> tuple[float, float]:
    config = configuration(bench.folder, bench.simulator)
    config.settings.state_dir.mkdir()
    clock = SystemClock()
    journal = await SqliteJournal.open(config.journal_file, clock)
    book = await restore(journal)
    world = World(clock, random.Random(1), {}, os.getpid())
    daemon = UnpacedDaemon(config, world, journal, book)
    try:
        async with asyncio.TaskGroup() as group:
            serving = group.create_task(daemon.serve(), name="daemon")
            con_id = await _armed(daemon)
            await _serial_orders(bench, daemon, con_id)
            burst_per_s = await _burst(bench, daemon, con_id)
            ticks_per_s = await _ticks(daemon, con_id, ticks)
            os.kill(os.getpid(), signal.SIGTERM)
            await serving
    finally:
        await journal.close()
    return burst_per_s, ticks_per_s


async def _armed(daemon: Daemon) -> ConId:
    async with asyncio.timeout(30):
        while not daemon.gateway.is_armed() or daemon.services.hub.by_symbol("AAPL") is None:
            await asyncio.sleep(0.05)
        await asyncio.sleep(1.0)
    instrument = daemon.services.hub.by_symbol("AAPL")
    assert instrument is not None
    return instrument.con_id


async def _serial_orders(bench: Bench, daemon: Daemon, con_id: ConId) -> None:
    """Submit one after the other, each waiting for its acknowledgement."""
    answered: dict[int, asyncio.Future[float]] = {}

    def on_recorded(recorded: Recorded) -> None:
        for order_id, done in answered.items():
            order = daemon.ledger.book.orders[order_id]  # type: ignore[index]
            if order.state is OrderState.WORKING and not done.done():
                done.set_result(time.monotonic())

    daemon.ledger.observe(on_recorded)
    started, acked = {}, []
    for number in range(1, bench.orders + 1):
        wish = intent(daemon, con_id, "bench", number, _RESTING)
        started_s = time.monotonic()
        outcome = await daemon.gateway.submit(wish)
        assert outcome.kind is OutcomeKind.SENT, f"benchmark order not sent: {outcome.text}"
        assert outcome.order_id is not None
        order = daemon.ledger.book.orders[outcome.order_id]
        started[order.order_ref] = started_s
        if order.state is not OrderState.WORKING:
            answered = {outcome.order_id: asyncio.get_running_loop().create_future()}
            async with asyncio.timeout(10):
                acked.append(await answered[outcome.order_id] - started_s)
        daemon.gateway.cancel(outcome.order_id, "benchmark")
        while daemon.ledger.book.live_orders:
            await asyncio.sleep(0.0005)
    arrivals = await asyncio.to_thread(bench.arrivals)
    bench.add("trader: to wire", [arrivals[ref] - at for ref, at in started.items()])
    bench.add("trader: to ack", acked)


async def _burst(bench: Bench, daemon: Daemon, con_id: ConId) -> float:
    """Submit many at once and return how many reached the wire in a second, in order."""
    count = min(bench.orders, 500)
    wishes = [intent(daemon, con_id, "burst", number, _RESTING) for number in range(1, count + 1)]
    started_s = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for wish in wishes:
            group.create_task(daemon.gateway.submit(wish), name=wish.intent_id)
    arrivals = await asyncio.to_thread(bench.arrivals)
    last_s = max(at for ref, at in arrivals.items() if "-burst-" in ref)
    return count / (last_s - started_s)


async def _ticks(daemon: Daemon, con_id: ConId, count: int) -> float:
    """Push ticks through the hub to the strategies' wake-ups and return how many a second."""
    wakes = [asyncio.Event() for _ in range(5)]
    for wake in wakes:
        daemon.services.hub.wake_on([con_id], wake)
    price = Decimal("100.01")
    started_s = time.monotonic()
    for number in range(count):
        daemon.inbox.put(QuoteTick(con_id, "bid", price, started_s))
        if number % 500 == 499:
            await asyncio.sleep(0)
    return count / (time.monotonic() - started_s)


# ---- the table


def _print(bench: Bench, burst_per_s: float, ticks_per_s: float, as_json: bool) -> None:
    by_name = {row.name: row for row in bench.results}
    bare_wire, bare_ack = by_name["bare ib_async: to wire"], by_name["bare ib_async: to ack"]
    wire, ack = by_name["trader: to wire"], by_name["trader: to ack"]
    floor = by_name["raw socket echo"].at(50) + by_name["one durable commit in line"].at(50)
    ratios = {
        "to wire p50 / bare ib_async": wire.at(50) / bare_wire.at(50),
        "to wire p99 / bare ib_async": wire.at(99) / bare_wire.at(99),
        "to ack p50 / bare ib_async": ack.at(50) / bare_ack.at(50),
        "to ack p99 / bare ib_async": ack.at(99) / bare_ack.at(99),
        "to ack p50 / (echo + one durable commit)": ack.at(50) / floor,
        **{
            f"{part}, old book / young book": by_name[f"in a submission{_OLD}: {part}"].at(50)
            / by_name[f"in a submission: {part}"].at(50)
            for part in ("review", "ledger", "the gate's own")
        },
    }
    rates = {
        "burst orders to the wire per s": burst_per_s,
        "ticks through the hub per s": ticks_per_s,
    }
    if as_json:
        rows = {
            row.name: {"p50_us": row.at(50), "p99_us": row.at(99), "n": len(row.samples)}
            for row in bench.results
        }
        print(json.dumps({"latency": rows, "ratios": ratios, "rates": rates}, indent=1))
        return
    print(f"{'microseconds':42} {'p50':>9} {'p95':>9} {'p99':>9} {'mean':>9}")
    for row in bench.results:
        mean = statistics.fmean(row.samples)
        print(f"{row.name:42} {row.at(50):9.0f} {row.at(95):9.0f} {row.at(99):9.0f} {mean:9.0f}")
    print()
    for name, value in ratios.items():
        print(f"{name:42} {value:9.2f}")
    for name, value in rates.items():
        print(f"{name:42} {value:9,.0f}")


if __name__ == "__main__":
    sys.exit(main())
