"""Goal: the record of the market holds all but the last second, whatever ends the daemon.

Method: a daemon that records trades as fast as the pacing allows and is killed at seeded instants.
After each kill every part is read: nothing is refused, a cut tail is at most told, and the newest
event is less than a second older than the kill. Then the folder cannot be written: orders go on.
"""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

import pytest

from tests.process.harness import Daemon, until, world
from trader.engine.market.recording import Ended, Head, MarketEvent, events_in
from trader.ops.recording_files import Tail, lines_of
from trader.ports import QuoteTick

KILLS = 4

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]


def recorded(daemon: Daemon) -> dict[str, list[MarketEvent]]:
    """Read every part as a replay does."""
    parts = sorted((daemon.state / "market").glob("*.jsonl.gz"))
    return {path.name: list(events_in(lines_of(path, Tail({})))) for path in parts}


def is_recording(daemon: Daemon) -> bool:
    status = daemon.status()
    return status is not None and status["recording"]["row_count"] > 0


def test_a_kill_costs_less_than_a_second_of_the_record(tmp_path: Path) -> None:
    seed = 20240642
    chance = random.Random(seed)
    with world(tmp_path, seed, changes={"market_data.record": True}) as (_, daemon):
        for kills in range(1, KILLS + 1):
            daemon.start()
            daemon.await_armed()
            until("rows", lambda: is_recording(daemon))
            # Not waiting for a condition but choosing the instant of the kill.
            time.sleep(chance.uniform(0.3, 1.3))
            daemon.kill()
            killed_us = time.time_ns() // 1_000
            parts = recorded(daemon)
            assert len(parts) == kills
            events = list(parts.values())[-1]
            assert isinstance(events[0].fact, Head)
            ticks = [event for event in events if isinstance(event.fact, QuoteTick)]
            assert len(ticks) > 10
            assert killed_us - ticks[-1].at_us < 1_000_000
            runs = {part[0].fact.run for part in parts.values() if isinstance(part[0].fact, Head)}
            assert len(runs) == kills
        daemon.start()
        daemon.await_armed()
        daemon.send(signal.SIGTERM)
        daemon.ended()
        *_, last = recorded(daemon).values()
        assert isinstance(last[-1].fact, Ended)


def test_a_folder_that_cannot_be_written_stops_the_record_and_no_order(tmp_path: Path) -> None:
    seed = 20240643
    with world(tmp_path, seed, changes={"market_data.record": True}) as (_, daemon):
        daemon.state.mkdir(parents=True, exist_ok=True)
        (daemon.state / "market").write_text("no folder")
        daemon.start()
        daemon.await_armed()
        daemon.await_orders(3)
        assert "market" in until("it is told", lambda: _failing(daemon))
        pages = (daemon.state / "audit_logs" / "pages.jsonl").read_text()
        assert pages.count("the market is not recorded") == 1
        daemon.await_orders(3)
        (daemon.state / "market").unlink()
        until("it records", lambda: is_recording(daemon), deadline_s=90)


def _failing(daemon: Daemon) -> str:
    status = daemon.status()
    row = status["recording"] if status is not None else {}
    return str(row["problem"]) if row.get("state") == "failing" else ""
