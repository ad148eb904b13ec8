"""The slow task: each place in its turn, and nothing while the clock is in doubt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.unit.config.support import loaded
from tests.unit.engine.world import World
from trader import housekeeping
from trader.core.retention import Term
from trader.housekeeping import LOOK_S, Housekeeping, places_of
from trader.ops.clock import SystemClock
from trader.ops.retention import Place, Swept, full_names
from trader.ports import NoteFailed


class Streams:
    """Counts how often deliveries were to be merged."""

    def __init__(self) -> None:
        self.asked = 0

    async def merge_old(self) -> bool:
        self.asked += 1
        raise NoteFailed("SQLITE_BUSY")


class Clock:
    """Wall and monotonic time, each set by the test."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 22, tzinfo=UTC)
        self.at_s = 0.0

    def utc(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        return self.at_s

    def passes(self, time: timedelta) -> None:
        self.now += time
        self.at_s += time.total_seconds()

    async def sleep(self, seconds: float) -> None:
        self.passes(timedelta(seconds=seconds))
        await asyncio.sleep(0)


async def until(look: Callable[[], bool]) -> None:
    clock = SystemClock()
    async with asyncio.timeout(10):
        while not look():
            await clock.sleep(0.01)


class Yard:
    """A place with three old files, and who sweeps it."""

    def __init__(self, folder: Path) -> None:
        self.world, self.clock, self.streams = World(), Clock(), Streams()
        self.folder = folder
        self.fill(3)
        self.place = Place("pages", folder, full_names("pages"), Term(30, 100))
        self.made = Housekeeping(
            self.world.services,
            [self.place],
            lambda: None,
            self.streams,  # type: ignore[arg-type]
        )
        self.made._clock = self.clock

    def fill(self, count: int) -> None:
        at_s = (self.clock.now - timedelta(days=100)).timestamp()
        for number in range(1, count + 1):
            path = self.folder / f"pages-{number:06}.jsonl"
            path.write_text("{}\n")
            os.utime(path, (at_s, at_s))

    def count(self) -> int:
        return len(list(self.folder.iterdir()))


async def test_each_place_has_its_turn_and_deliveries_are_merged(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    supervisor = yard.world.supervisor
    yard.made.start()
    await until(lambda: yard.streams.asked >= 2)
    assert yard.count() == 1
    assert yard.clock.at_s >= 2 * LOOK_S
    assert yard.world.pager.sent == []
    await supervisor.stop()


async def test_a_clock_that_has_leapt_removes_nothing_for_a_day(tmp_path: Path) -> None:
    yard = Yard(tmp_path)
    await yard.made.look(yard.place)
    assert yard.count() == 1
    yard.fill(3)
    yard.clock.passes(timedelta(minutes=1))
    yard.clock.now += timedelta(days=4_000)
    for _ in range(20):
        yard.clock.passes(timedelta(hours=1))
        await yard.made.look(yard.place)
    assert yard.count() == 3
    for _ in range(5):
        yard.clock.passes(timedelta(hours=1))
        await yard.made.look(yard.place)
    assert yard.count() == 1


async def test_what_stays_against_its_term_is_told_once_and_shown_as_long_as_it_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard = Yard(tmp_path)
    monkeypatch.setattr(housekeeping, "sweep", lambda *_: Swept(0, 2, "x: Read-only file system"))
    for _ in range(3):
        await yard.made.look(yard.place)
    assert yard.world.pager.titles() == ["old files of pages stay"]
    shown = {"kept pages": "2 are older than they are kept: x: Read-only file system"}
    assert yard.made.pressure() == shown
    monkeypatch.undo()
    await yard.made.look(yard.place)
    assert yard.made.pressure() == {}


async def test_a_mistake_in_it_ends_it_alone_and_calls_somebody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yard = Yard(tmp_path)

    def broken(*_: object) -> Swept:
        raise RuntimeError("a bug")

    monkeypatch.setattr(housekeeping, "sweep", broken)
    yard.made.start()
    await until(lambda: bool(yard.world.pager.sent))
    assert not yard.world.supervisor.root_ended.done()
    assert "a bug" in yard.made.pressure()["kept housekeeping"]


def test_journal_archives_anchors_and_what_is_written_now_are_in_no_place(tmp_path: Path) -> None:
    """GOV-20: no term can reach a record."""
    config = loaded(tmp_path)
    found = {
        row.name: (row.folder.relative_to(config.settings.state_dir).as_posix(), row.form)
        for row in places_of(config)
    }
    assert {name: folder for name, (folder, _) in found.items()} == {
        "outbox market_events": "outbox", "outbox order_intents": "outbox",
        "outbox exec_reports": "outbox", "runs": "results/runs", "pages": "audit_logs",
        "market": "market", "operators": "audit_logs",
    }  # fmt: skip
    assert {row.name: row.term.days for row in places_of(config)} == {
        "outbox market_events": 7, "outbox order_intents": 7, "outbox exec_reports": 7, "runs": 7,
        "market": 30, "pages": 400, "operators": 2_557,
    }  # fmt: skip
