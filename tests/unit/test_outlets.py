"""The outbox of a daemon: on, it follows a real journal into real files; off, nothing is there."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from tests.unit.config.support import loaded
from tests.unit.engine.world import CON, LINEAGE, POLICY, World
from tests.unit.ops.test_redis_streams import Server
from trader.config import Configuration
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.book import Book
from trader.engine.ledger import Ledger
from trader.engine.market.bar_keeper import BarKeeper
from trader.engine.told.board import About, Board
from trader.ops.clock import SystemClock
from trader.outlets import Outlets
from trader.ports import QuoteTick
from trader.store.journal import SqliteJournal


class Site:
    """A ledger over a real journal, and the outlets of it."""

    def __init__(self, config: Configuration, journal: SqliteJournal) -> None:
        world = World()
        self.clock = SystemClock()
        self.ledger = Ledger(Book(), journal, self.clock)
        self.services = replace(world.services, clock=self.clock, ledger=self.ledger)
        self.supervisor = world.supervisor
        self.board = Board(
            self.services,
            journal=journal,
            link=world.link,
            runners=(),
            policy=POLICY,
            about=About("1", "USD"),
        )
        chance = random.Random(1)
        self.outlets = Outlets(
            config,
            self.services,
            journal=journal,
            chance=chance,
            board=self.board,
            bars=BarKeeper(self.services, {}, chance),
        )

    async def until(self, look: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not look():
                await self.clock.sleep(0.01)


@asynccontextmanager
async def site(config: Configuration) -> AsyncIterator[Site]:
    journal = await SqliteJournal.open(config.journal_file, SystemClock())
    made = Site(config, journal)
    made.supervisor.start("journal-writer", journal.run)
    try:
        yield made
    finally:
        await made.supervisor.stop()
        await journal.close()


async def test_what_is_recorded_is_in_the_files_soon_and_in_the_status(tmp_path: Path) -> None:
    config = loaded(tmp_path)
    config.settings.state_dir.mkdir()
    path = config.settings.state_dir / "outbox" / "market_events.jsonl"
    async with site(config) as made:
        made.outlets.start()
        made.ledger.record(ev.JournalOpened(LINEAGE))
        made.ledger.record(be.EquityMarked("2026-03-02", Decimal("100.5")))
        await made.until(path.exists)
        await made.until(lambda: made.board.status().outbox[0].noted_seq == 2)
        (line,) = [json.loads(text) for text in path.read_text().splitlines()]
        assert line["id"] == f"{LINEAGE}-2"
        assert line["event"] == {"day": "2026-03-02", "value": "100.5"}
        (row,) = made.board.status().outbox
        assert (row.name, row.state, row.seq) == ("files", "running", 2)
        assert [stream.pending for stream in row.streams] == [0, 0, 0]
    with closing(sqlite3.connect(config.journal_file)) as db:
        cursors = db.execute("SELECT consumer, event_id FROM consumer_cursors").fetchall()
    assert cursors == [("files", f"{LINEAGE}-2")]


async def test_switched_off_nothing_is_written_and_nothing_is_shown(tmp_path: Path) -> None:
    config = loaded(tmp_path, outbox={"is_enabled": False})
    config.settings.state_dir.mkdir()
    async with site(config) as made:
        made.outlets.start()
        made.ledger.record(ev.JournalOpened(LINEAGE))
        await made.ledger.durable(made.ledger.record(be.EquityMarked("2026-03-02", Decimal(1))))
        await made.clock.sleep(0.6)
        assert made.board.status().outbox == ()
    assert not (config.settings.state_dir / "outbox").exists()


async def test_the_folder_is_the_one_that_is_configured(tmp_path: Path) -> None:
    config = loaded(tmp_path, outbox={"folder": "elsewhere"})
    config.settings.state_dir.mkdir()
    async with site(config) as made:
        made.outlets.start()
        made.ledger.record(ev.JournalOpened(LINEAGE))
        made.ledger.record(be.EquityMarked("2026-03-02", Decimal(1)))
        await made.until((tmp_path / "elsewhere" / "market_events.jsonl").exists)


async def test_a_message_broker_that_is_configured_follows_beside_the_files(
    tmp_path: Path,
) -> None:
    async with Server().running() as server:
        url = f"redis://127.0.0.1:{server.port}/1"
        config = loaded(tmp_path, outbox={"redis": {"url": url, "key_prefix": "t:"}})
        config.settings.state_dir.mkdir()
        async with site(config) as made:
            made.outlets.start()
            made.ledger.record(ev.JournalOpened(LINEAGE))
            made.ledger.record(be.EquityMarked("2026-03-02", Decimal(1)))
            await made.until(lambda: all(row.noted_seq == 2 for row in made.board.status().outbox))
            assert [row.name for row in made.board.status().outbox] == ["files", "redis"]
            await made.outlets.finish()
        assert server.ids("t:market_events") == [f"{LINEAGE}-2"]
        assert server.commands[0] == ["SELECT", "1"]


async def test_a_message_broker_that_is_away_is_shown_and_the_files_go_on(tmp_path: Path) -> None:
    config = loaded(tmp_path, outbox={"redis": {"url": "redis://127.0.0.1:1"}})
    config.settings.state_dir.mkdir()
    async with site(config) as made:
        made.outlets.start()
        made.ledger.record(ev.JournalOpened(LINEAGE))
        made.ledger.record(be.EquityMarked("2026-03-02", Decimal(1)))
        await made.until(lambda: made.board.status().outbox[0].noted_seq == 2)
        await made.until(lambda: made.board.status().outbox[1].state == "failing")
        assert "redis 127.0.0.1:1: " in made.board.status().outbox[1].problem


async def test_the_market_is_recorded_where_it_is_asked_for_and_nowhere_else(
    tmp_path: Path,
) -> None:
    for name, wanted in (("on", True), ("off", False)):
        (tmp_path / name).mkdir()
        config = loaded(tmp_path / name, market_data={"record": wanted})
        config.settings.state_dir.mkdir()
        async with site(config) as made:
            made.ledger.record(ev.JournalOpened(LINEAGE))
            made.outlets.start()
            hub = made.services.hub
            hub.on_tick(QuoteTick(CON, "bid", Decimal("9.5"), made.clock.monotonic()))
            if wanted:
                await made.until(lambda made=made: _rows(made) == 1)  # type: ignore[misc]
            await made.outlets.finish()
            recording = made.board.status().recording
            assert (recording is not None) is wanted
    folder = tmp_path / "on" / "state" / "market"
    (part,) = folder.glob("*-001.jsonl.gz")
    lines = gzip.decompress(part.read_bytes()).decode().splitlines()
    assert [line for line in lines if f'{CON},"bid","9.5"]' in line]
    assert '"end"' in lines[-1]
    assert not (tmp_path / "off" / "state" / "market").exists()


def _rows(made: Site) -> int:
    recording = made.board.status().recording
    return 0 if recording is None else recording.row_count
