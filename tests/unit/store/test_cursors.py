"""What is archived was handed on, and who follows the streams goes on where he was."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.commands.test_archive import STEP, Calendar, Place
from tests.unit.store.support import CountingClock, running, shell, strategy_note
from trader import cli
from trader.bench.history import History, make_journal
from trader.core.ids import Lineage, Seq
from trader.core.streams import stream_names
from trader.ports import Cursor
from trader.store import stream_views
from trader.store.cursors import MERGE, OLD, Delivery, merged
from trader.store.rows import JournalUnusable
from trader.store.streams import JournalStreams

LINEAGE = Lineage("abc123")
PUT = "INSERT INTO outbox_deliveries VALUES (?, ?, ?, ?, ?)"
EVENTS, LINK = 600, 399


@pytest.fixture
def place(tmp_path: Path) -> Place:
    make_journal(tmp_path / "journal.db", History(EVENTS, 10, tail=50, step=STEP))
    return Place(tmp_path)


def note(place: Place, *cursors: tuple[str, int]) -> None:
    async def write() -> None:
        async with running(place.journal) as journal:
            streams = JournalStreams(journal, CountingClock())
            for consumer, seq in cursors:
                before = await streams.cursor_of(consumer)
                await streams.note(consumer, Seq(before.seq + 1), Cursor(Seq(seq), LINEAGE))

    asyncio.run(write())


def rest_of(place: Place, consumer: str) -> tuple[int, list[int]]:
    """Return a consumer's cursor, and everything that it is handed from there."""

    async def read() -> tuple[int, list[int]]:
        async with running(place.journal) as journal:
            streams = JournalStreams(journal, CountingClock())
            cursor = await streams.cursor_of(consumer)
            start, seqs = int(cursor.seq), list[int]()
            while cursor.seq < journal.durable_seq:
                batch = await streams.behind(cursor)
                seqs += [event.seq for event in batch.events]
                assert all(event.id == f"{LINEAGE}-{event.seq}" for event in batch.events)
                cursor = batch.after
            return start, seqs

    return asyncio.run(read())


def in_streams(place: Place, first: int) -> list[int]:
    kinds = ", ".join(f"'{kind}'" for kind in stream_names())
    sql = f"SELECT seq FROM events WHERE seq >= ? AND kind IN ({kinds}) ORDER BY seq"  # noqa: S608
    return [seq for (seq,) in shell(place.journal, sql, first)]


def archive(place: Place) -> None:
    assert place.archive(place.at_of(LINK + 1) + timedelta(days=7)) is not None


def test_a_cursor_comes_along_and_nothing_is_handed_on_twice_or_left_out(place: Place) -> None:
    """Without it every consumer stood for ever: `event 1 is missing`."""
    note(place, ("files", 200), ("files", 450), ("redis", LINK))
    expected = in_streams(place, 451)
    assert expected
    archive(place)
    assert rest_of(place, "files") == (450, expected)
    assert rest_of(place, "redis") == (LINK, in_streams(place, LINK + 1))
    rows = "SELECT consumer, first_seq, last_seq FROM outbox_deliveries ORDER BY consumer"
    assert shell(place.journal, rows) == [("files", LINK, 450), ("redis", LINK, LINK)]
    assert place.findings() == []


def test_whoever_waits_for_what_would_go_keeps_it_here(place: Place) -> None:
    note(place, ("files", EVENTS), ("redis", 100))
    before = place.rows()
    with pytest.raises(JournalUnusable, match=r"'redis' has come to event 100, and \d+ events"):
        archive(place)
    assert (place.rows(), (place.state / "archive").exists()) == (before, False)


def test_whoever_waits_for_nothing_of_it_goes_on_behind_it(place: Place) -> None:
    """A daemon at rest moves no cursor on the disk."""
    last = max(seq for seq in in_streams(place, 1) if seq <= LINK)
    note(place, ("files", last))
    archive(place)
    start, seqs = rest_of(place, "files")
    assert (start, seqs) == (max(last, LINK), in_streams(place, max(last, LINK) + 1))


def test_a_consumer_that_is_forgotten_begins_with_what_stays(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    note(place, ("files", EVENTS), ("redis", 100))
    asked = ["archive", "--state", str(place.state), "--keep-days", "1"]
    assert cli.main([*asked, "--forget", "reddis"]) == 1
    assert "--forget is 'reddis', allowed are the consumers: files, redis" in capsys.readouterr()[1]
    assert cli.main(asked) == 1
    assert "leave it behind with --forget redis" in capsys.readouterr().err
    assert cli.main([*asked, "--forget", "redis"]) == 0
    assert rest_of(place, "files")[0] == EVENTS
    start, seqs = rest_of(place, "redis")
    assert seqs == in_streams(place, start + 1)
    assert shell(place.journal, "SELECT min(seq) FROM events") == [(start + 1,)]


def test_a_new_consumer_behind_an_archive_gets_all_that_is_here(place: Place) -> None:
    archive(place)
    assert rest_of(place, "new") == (LINK - 1, in_streams(place, LINK))


def test_the_views_of_the_streams_have_what_the_journal_has(place: Place) -> None:
    """They were empty behind an archive: nothing in the file named the journal any more."""
    wanted = "SELECT id, seq, kind FROM order_intents WHERE seq >= ? ORDER BY seq"
    before = shell(place.journal, wanted, LINK)
    assert len(before) > 5
    archive(place)
    assert shell(place.journal, wanted, LINK) == before


# ---- merging what is old

HOUR_US = 3_600_000_000


def delivered(consumer: str, spans: list[tuple[int, int, int]]) -> list[Delivery]:
    """Make rows of first, last and moment."""
    return [(consumer, last, first, at_us, LINEAGE) for first, last, at_us in spans]


def test_only_what_follows_within_an_hour_of_one_consumer_is_merged() -> None:
    rows = [
        *delivered("files", [(1, 4, 10), (5, 5, 20), (6, 9, HOUR_US), (10, 12, HOUR_US + 1)]),
        *delivered("files", [(14, 15, HOUR_US + 2)]),
        *delivered("redis", [(16, 17, HOUR_US + 3)]),
        ("redis", 18, 18, HOUR_US + 4, "ddd999"),
    ]
    assert [(row.consumer, row.first_seq, row.last_seq, row.count) for row in merged(rows)] == [
        ("files", 1, 5, 2), ("files", 6, 12, 2), ("files", 14, 15, 1), ("redis", 16, 17, 1),
        ("redis", 18, 18, 1),
    ]  # fmt: skip
    assert list(merged([])) == []


@settings(max_examples=60, deadline=None)
@given(
    parts=st.lists(
        st.tuples(st.sampled_from(["a", "b"]), st.integers(1, 5), st.integers(0, 40)), max_size=60
    ),
    at_once=st.integers(2, 9),
)
def test_whatever_is_merged_the_same_events_are_processed_within_the_hour(
    parts: list[tuple[str, int, int]], at_once: int
) -> None:
    """Also in small portions and a second time; the newest row stays the cursor."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        db.execute(stream_views._DELIVERIES)
        ends, at_us = {"a": 0, "b": 0}, 0
        for consumer, count, minutes in parts:
            first, ends[consumer] = ends[consumer] + 1, ends[consumer] + count
            at_us += minutes * 60_000_000
            db.execute(PUT, (consumer, ends[consumer], first, at_us, LINEAGE))
        before = processed(db)
        for _ in range(2):
            place = ("", 0)
            # As long as it may take, and once more than that.
            for _ in range(2 * len(parts) + 2):
                stretches = list(merged(db.execute(OLD, (*place, 2**62, at_once)).fetchall()))
                for stretch in stretches:
                    db.execute(MERGE, stretch.values)
                for stretch in stretches[:-1]:
                    place = (stretch.consumer, stretch.last_seq)
            after = processed(db)
            assert after.keys() == before.keys()
            for name, moment in before.items():
                assert 0 <= after[name] - moment < HOUR_US
        rows = db.execute(OLD, ("", 0, 2**62, 10_000)).fetchall()
        assert all(stretch.count == 1 for stretch in merged(rows))


def processed(db: sqlite3.Connection) -> dict[tuple[str, int], int]:
    """Return when each event was handed to whom; each is in exactly one row."""
    found: dict[tuple[str, int], int] = {}
    for consumer, last, first, at_us, _ in db.execute(OLD, ("", 0, 2**62, 10_000)):
        for seq in range(first, last + 1):
            assert (consumer, seq) not in found
            found[consumer, seq] = at_us
    return found


async def test_a_week_old_the_moments_of_an_hour_become_one(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    clock = Calendar(datetime(2026, 3, 2, 12, 0, tzinfo=UTC))
    async with running(path) as journal:
        streams = JournalStreams(journal, clock)
        for seq in range(1, 501):
            journal.append(strategy_note(seq))
            await journal.durable(Seq(seq))
            clock.now += timedelta(seconds=36)
            await streams.note("files", Seq(seq), Cursor(Seq(seq), LINEAGE))
        count = "SELECT count(*) FROM outbox_deliveries"
        clock.now += timedelta(days=6)
        assert not await streams.merge_old()
        assert shell(path, count) == [(500,)]
        clock.now += timedelta(days=1, hours=1)
        while await streams.merge_old():
            pass
        # Five hours of 100 rows.
        assert shell(path, count) == [(6,)]
        assert await streams.cursor_of("files") == Cursor(Seq(500), LINEAGE)
        assert journal.failure is None
