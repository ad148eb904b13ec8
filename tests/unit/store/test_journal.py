"""The journal: what it calls durable is there, in order, and no failure is kept from anybody.

Disks fail for real here: a limit on the size of files stands for a full disk, another process
holds the lock, and the connection is turned read-only, because permission bits do not bind root.
"""

from __future__ import annotations

import asyncio
import os
import random
import resource
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.store.support import (
    IMPATIENT,
    CountingClock,
    ended,
    read_back,
    running,
    shell,
    state_at,
    strategy_note,
    tampered,
)
from tests.unit.store.test_connection import held_by_another_process
from trader.core import events as ev
from trader.core.ids import Seq
from trader.core.strategy_events import StrategyCheckpointed
from trader.ports import Journal, JournalFailed
from trader.store.journal import JournalLimits, SqliteJournal
from trader.store.rows import JournalUnusable


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@contextmanager
def full_disk(size: int) -> Iterator[None]:
    """Let no file of this process grow beyond ``size`` bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def statements_of(journal: SqliteJournal) -> list[str]:
    """Return a list that every statement is added to from now on."""
    seen: list[str] = []

    def note(text: str) -> None:
        # A statement is told once more for every trigger that it runs.
        if not text.startswith("INSERT INTO events") or seen[-1:] != [text]:
            seen.append(text)

    await journal._db.set_trace_callback(note)
    return seen


async def make_read_only(journal: SqliteJournal) -> None:
    await journal._db.execute_fetchall("PRAGMA query_only = 1")


def seqs(events: list[ev.Recorded]) -> list[int]:
    return [recorded.seq for recorded in events]


async def test_what_is_durable_is_read_back_as_it_was(path: Path) -> None:
    written = [strategy_note(seq) for seq in range(1, 6)]
    async with running(path) as journal:
        port: Journal = journal
        for recorded in written:
            port.append(recorded)
        await port.durable(Seq(5))
        assert journal.durable_seq == 5
        rows = shell(path, "SELECT count(*) FROM events")
        assert rows == [(5,)]
    assert await read_back(path) == written


async def test_durable_does_not_return_before_the_commit(path: Path) -> None:
    async with running(path) as journal:
        for seq in range(1, 51):
            journal.append(strategy_note(seq))
            await journal.durable(Seq(seq))
            assert shell(path, "SELECT max(seq) FROM events") == [(seq,)]


async def test_the_head_that_is_written_down_outside_is_never_ahead_of_the_commit(
    path: Path,
) -> None:
    """A kill between the two leaves a journal that is newer than its anchors, never older."""
    async with running(path, JournalLimits(busy_timeout_ms=60_000)) as journal:
        journal.append(strategy_note(1))
        await journal.durable(Seq(1))
        head = journal.head
        with held_by_another_process(path, "BEGIN IMMEDIATE"):
            journal.append(strategy_note(2))
            assert journal.head == head
            await asyncio.sleep(0.05)
            # Handed over, and it waits for the lock.
            assert journal._handed is not None
            assert journal.head == head
            assert shell(path, "SELECT max(seq) FROM events") == [(1,)]
        await journal.durable(Seq(2))
        assert journal.head.seq == 2
        assert shell(path, "SELECT max(seq) FROM events") == [(2,)]


async def test_the_digest_at_an_event_is_what_the_head_was_there(path: Path) -> None:
    heads = []
    async with running(path) as journal:
        for seq in range(1, 4):
            journal.append(strategy_note(seq))
            await journal.durable(Seq(seq))
            heads.append(journal.head)
        assert [await journal.digest_at(head.seq) for head in heads] == [
            head.digest for head in heads
        ]
        journal.append(strategy_note(4))
        for there_is_none in (-1, 0, 4, 2**70):
            assert await journal.digest_at(Seq(there_is_none)) == ""


async def test_a_digest_that_cannot_be_read_says_so(path: Path) -> None:
    async with running(path) as journal:
        for seq in range(1, 4):
            journal.append(strategy_note(seq))
        await journal.durable(Seq(3))
    tampered(path, "DELETE FROM events WHERE seq = 2")
    journal = await SqliteJournal.open(path, CountingClock())
    with pytest.raises(JournalUnusable, match="event 2 is missing"):
        await journal.digest_at(Seq(2))
    await journal._db.execute_fetchall("DROP TABLE journal_seams")
    with pytest.raises(JournalUnusable, match=r"event 3: .*no such table"):
        await journal.digest_at(Seq(3))
    await journal.close()


async def test_a_journal_continues_where_it_was_left(path: Path) -> None:
    for start in (1, 4, 7):
        async with running(path) as journal:
            assert journal.durable_seq == start - 1
            for seq in range(start, start + 3):
                journal.append(strategy_note(seq))
    assert seqs(await read_back(path)) == list(range(1, 10))


async def test_everything_queued_is_one_commit_in_its_order(path: Path) -> None:
    async with running(path) as journal:
        seen = await statements_of(journal)
        for seq in range(1, 601):
            journal.append(strategy_note(seq))
        await journal.durable(Seq(600))
        assert len([text for text in seen if text.startswith("INSERT INTO events")]) == 3
    assert await read_back(path) == [strategy_note(seq) for seq in range(1, 601)]


async def test_events_that_arrive_during_a_commit_share_the_next_one(path: Path) -> None:
    async with running(path) as journal:
        seen = await statements_of(journal)
        journal.append(strategy_note(1))
        while not seen:  # noqa: ASYNC110 - another thread fills it
            await asyncio.sleep(0)
        for seq in range(2, 100):
            journal.append(strategy_note(seq))
        await journal.durable(Seq(99))
        assert len(seen) == 2


async def test_facts_gather_until_a_promise_is_waited_for(path: Path) -> None:
    """Goal: one commit for a burst of facts, and no commit of facts in a promise's way."""
    async with running(path, JournalLimits(linger_s=60.0)) as journal:
        seen = await statements_of(journal)
        for seq in (1, 2, 3):
            journal.append(strategy_note(seq))
            await asyncio.sleep(0.01)
        assert journal.durable_seq == 0
        journal.append(strategy_note(4))
        async with asyncio.timeout(30):
            await journal.durable(Seq(4))
    assert len([sql for sql in seen if sql.startswith("INSERT INTO events")]) == 1


async def test_facts_that_nobody_waits_for_are_written_soon(path: Path) -> None:
    async with running(path, JournalLimits(linger_s=0.01)) as journal:
        journal.append(strategy_note(1))
        for _ in range(2_000):
            if journal.durable_seq == 1:
                break
            await asyncio.sleep(0.005)
        assert journal.durable_seq == 1


async def test_every_waiter_of_a_batch_is_woken_whatever_it_waits_for(path: Path) -> None:
    order = list(range(1, 301)) * 2
    random.Random(5).shuffle(order)
    async with running(path) as journal, asyncio.timeout(20):
        for seq in range(1, 301):
            journal.append(strategy_note(seq))
        await asyncio.gather(*(journal.durable(Seq(seq)) for seq in order))


async def test_before_the_writer_runs_nothing_is_written_and_nothing_lost(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    journal.append(strategy_note(1))
    waiting = asyncio.create_task(journal.durable(Seq(1)))
    await asyncio.sleep(0.01)
    assert shell(path, "SELECT count(*) FROM events") == [(0,)]
    writer = asyncio.create_task(journal.run())
    await waiting
    await ended(writer)
    await journal.close()


async def test_a_sequence_with_a_gap_is_our_bug(path: Path) -> None:
    async with running(path) as journal:
        journal.append(strategy_note(1))
        for seq in (1, 3):
            with pytest.raises(AssertionError):
                journal.append(strategy_note(seq))
        with pytest.raises(AssertionError):
            await journal.durable(Seq(2))
    assert seqs(await read_back(path)) == [1]


# ---- cancellation


async def test_a_cancelled_waiter_takes_nothing_with_it(path: Path) -> None:
    async with running(path) as journal:
        journal.append(strategy_note(1))
        waiters = [asyncio.create_task(journal.durable(Seq(1))) for _ in range(3)]
        await asyncio.sleep(0)
        await ended(waiters[1])
        await asyncio.gather(waiters[0], waiters[2])
        await journal.durable(Seq(1))
    assert seqs(await read_back(path)) == [1]


@pytest.mark.parametrize("steps", range(12))
@pytest.mark.parametrize("cancels", [1, 2])
async def test_wherever_the_writer_is_cancelled_no_event_is_lost(
    path: Path, steps: int, cancels: int
) -> None:
    journal = await SqliteJournal.open(path, CountingClock(), JournalLimits(batch_rows_max=2))
    writer = asyncio.create_task(journal.run())
    for seq in range(1, 8):
        journal.append(strategy_note(seq))
    waiter = asyncio.create_task(journal.durable(Seq(7)))
    for _ in range(steps):
        await asyncio.sleep(0)
    for _ in range(cancels):
        writer.cancel()
        await asyncio.sleep(0)
    await asyncio.wait([writer])
    assert writer.cancelled()
    if steps > 0:
        # The waiter is told as soon as the writer ends, one way or the other. A writer that was
        # cancelled before its first step has never run, and closing does all of it.
        await asyncio.wait([waiter], timeout=5)
        assert waiter.done()
        assert (waiter.exception() is None) == (journal.durable_seq == 7)
    held = shell(path, "SELECT coalesce(max(seq), 0) FROM events")[0][0]
    assert journal.durable_seq <= held
    await journal.close()
    await asyncio.wait([waiter], timeout=5)
    assert waiter.done()
    assert journal.durable_seq == 7
    assert seqs(await read_back(path)) == list(range(1, 8))


async def test_a_waiter_that_the_writer_leaves_behind_is_told(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    writer = asyncio.create_task(journal.run())
    await asyncio.sleep(0)
    await ended(writer)
    journal.append(strategy_note(1))
    with pytest.raises(JournalFailed, match="ended before event 1"):
        await journal.durable(Seq(1))
    with pytest.raises(JournalFailed, match="ended before event 1"):
        await journal.save_checkpoint(state_at(1))
    await journal.close()
    assert seqs(await read_back(path)) == [1]


async def test_a_batch_that_fails_while_the_writer_is_cancelled_is_a_failure(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    await make_read_only(journal)
    writer = asyncio.create_task(journal.run())
    await asyncio.sleep(0)
    journal.append(strategy_note(1))
    await asyncio.sleep(0)
    await ended(writer)
    assert journal.failure is not None
    await journal.close()
    assert seqs(await read_back(path)) == []


async def test_the_writer_runs_once(path: Path) -> None:
    async with running(path) as journal:
        await asyncio.sleep(0)
        with pytest.raises(AssertionError, match="runs already"):
            await journal.run()
        with pytest.raises(AssertionError, match="still runs"):
            await journal.close()
    with pytest.raises(AssertionError, match="runs once"):
        await journal.run()


# ---- closing


async def test_closing_writes_what_is_queued_and_leaves_one_file(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    journal.append(strategy_note(1))
    waiting = asyncio.create_task(journal.durable(Seq(1)))
    await asyncio.sleep(0)
    await journal.close()
    await waiting
    await journal.close()
    assert [entry.name for entry in path.parent.iterdir()] == [path.name]
    with pytest.raises(JournalFailed, match="closed"):
        journal.append(strategy_note(2))
    assert seqs(await read_back(path)) == [1]


async def test_closing_tells_who_waits_for_a_writer_that_never_ran(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    saving = asyncio.create_task(journal.save_checkpoint(state_at(0)))
    await asyncio.sleep(0)
    await journal.close()
    await asyncio.wait([saving], timeout=5)
    assert isinstance(saving.exception(), JournalFailed)


async def test_closing_says_when_it_could_not_write(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    await make_read_only(journal)
    journal.append(strategy_note(1))
    with pytest.raises(JournalFailed, match="SQLITE_READONLY"):
        await journal.close()


# ---- disks that fail


async def failed_for_good(journal: SqliteJournal, last: int) -> str:
    """See that everybody who waits and every later call is told; return the reason."""
    waiters = [asyncio.create_task(journal.durable(Seq(last))) for _ in range(3)]
    done, _ = await asyncio.wait(waiters, timeout=20)
    reasons = {str(waiter.exception()) for waiter in done}
    assert all(isinstance(waiter.exception(), JournalFailed) for waiter in done)
    assert len(done) == 3
    assert reasons == {journal.failure}
    reason = reasons.pop()
    assert "\n" not in reason
    with pytest.raises(JournalFailed):
        journal.append(strategy_note(last + 1))
    with pytest.raises(JournalFailed):
        await journal.durable(Seq(last))
    with pytest.raises(JournalFailed):
        await journal.save_checkpoint(state_at(last))
    return reason


async def test_a_full_disk_fails_the_journal_for_good(path: Path) -> None:
    async with running(path) as journal:
        journal.append(strategy_note(1))
        await journal.durable(Seq(1))
        with full_disk(os.stat(f"{path}-wal").st_size + 1_000):
            journal.append(strategy_note(2, "x" * 50_000))
            reason = await failed_for_good(journal, 2)
        assert "SQLITE_FULL" in reason or "SQLITE_IOERR" in reason
        # There is room again, and yet nothing is tried again.
        with pytest.raises(JournalFailed):
            journal.append(strategy_note(3))
        assert journal.durable_seq == 1
        await journal.durable(Seq(1))
    assert seqs(await read_back(path)) == [1]


async def test_a_database_that_may_not_grow_fails_the_journal(path: Path) -> None:
    async with running(path) as journal:
        await journal._db.execute_fetchall("PRAGMA max_page_count = 20")
        journal.append(strategy_note(1, "x" * 200_000))
        assert "SQLITE_FULL" in await failed_for_good(journal, 1)
    assert await read_back(path) == []


async def test_a_lock_held_too_long_fails_the_journal(path: Path) -> None:
    async with running(path, IMPATIENT) as journal:
        with held_by_another_process(path, "BEGIN IMMEDIATE"):
            journal.append(strategy_note(1))
            assert "SQLITE_BUSY" in await failed_for_good(journal, 1)


async def test_a_lock_released_in_time_is_waited_for(path: Path) -> None:
    async with running(path) as journal:
        with held_by_another_process(path, "BEGIN IMMEDIATE"):
            journal.append(strategy_note(1))
            waiting = asyncio.create_task(journal.durable(Seq(1)))
            await asyncio.sleep(0.05)
            assert not waiting.done()
        await waiting


async def test_a_database_turned_read_only_fails_the_journal(path: Path) -> None:
    async with running(path) as journal:
        await make_read_only(journal)
        journal.append(strategy_note(1))
        assert "SQLITE_READONLY" in await failed_for_good(journal, 1)


async def test_a_second_writer_on_the_same_journal_is_noticed(path: Path) -> None:
    async with running(path) as journal:
        shell(path, "INSERT INTO events VALUES (1, 0, 'OrderSent', 1, '{\"order_id\":1}', x'00')")
        journal.append(strategy_note(1))
        assert "SQLITE_CONSTRAINT" in await failed_for_good(journal, 1)


async def test_after_a_failure_the_writer_stays_until_it_is_cancelled(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock())
    await make_read_only(journal)
    writer = asyncio.create_task(journal.run())
    journal.append(strategy_note(1))
    await failed_for_good(journal, 1)
    await asyncio.sleep(0.01)
    assert not writer.done()
    await ended(writer)
    await journal.close()


async def test_a_queue_that_overflows_fails_the_journal(path: Path) -> None:
    async with running(path, JournalLimits(queue_rows_max=10)) as journal:
        for seq in range(1, 11):
            journal.append(strategy_note(seq))
        with pytest.raises(JournalFailed, match="10 events wait"):
            journal.append(strategy_note(11))
        await failed_for_good(journal, 10)
    assert seqs(await read_back(path)) == []


async def test_a_checkpoint_that_fails_fails_the_journal(path: Path) -> None:
    async with running(path) as journal:
        journal.append(strategy_note(1))
        await journal.durable(Seq(1))
        await make_read_only(journal)
        with pytest.raises(JournalFailed, match="SQLITE_READONLY"):
            await journal.save_checkpoint(state_at(1))
        assert journal.failure is not None


async def test_a_log_that_was_cut_off_leaves_a_beginning_without_gaps(
    path: Path, tmp_path: Path
) -> None:
    written = [strategy_note(seq) for seq in range(1, 31)]
    async with running(path) as journal:
        for recorded in written:
            journal.append(recorded)
            await journal.durable(recorded.seq)
        file, log = _content(path), _content(path.with_name("journal.db-wal"))
    lengths = set()
    for cut in range(0, len(log), 3_001):
        torn = tmp_path / f"torn{cut}.db"
        torn.write_bytes(file)
        torn.with_name(f"{torn.name}-wal").write_bytes(log[:cut])
        events = await read_back(torn)
        assert events == written[: len(events)]
        lengths.add(len(events))
    assert len(lengths) > 10


def _content(path: Path) -> bytes:
    return path.read_bytes()


# ---- checkpoints


async def test_the_last_three_checkpoints_are_kept_and_every_event(path: Path) -> None:
    async with running(path) as journal:
        for seq in range(1, 6):
            journal.append(strategy_note(seq))
            await journal.save_checkpoint(state_at(seq))
        await journal.save_checkpoint(state_at(5))
        assert shell(path, "SELECT seq FROM checkpoints") == [(3,), (4,), (5,)]
        assert shell(path, "SELECT DISTINCT seq FROM checkpoint_parts") == [(3,), (4,), (5,)]
        assert shell(path, "SELECT count(*) FROM events") == [(5,)]
        assert (await journal.load()).state == state_at(5)


async def test_a_checkpoint_waits_for_the_events_it_stands_for(path: Path) -> None:
    journal = await SqliteJournal.open(path, CountingClock(), JournalLimits(batch_rows_max=2))
    for seq in range(1, 10):
        journal.append(strategy_note(seq))
    seen = await statements_of(journal)
    saving = asyncio.create_task(journal.save_checkpoint(state_at(9)))
    writer = asyncio.create_task(journal.run())
    await saving
    kinds = [text.split("(")[0].split()[-1] for text in seen if text.startswith("INSERT")]
    assert kinds == ["events"] * 5 + ["checkpoint_parts", "checkpoints"]
    await ended(writer)
    await journal.close()


async def test_promises_go_between_the_parts_of_a_large_checkpoint(path: Path) -> None:
    note = strategy_note(1, "x" * 50_000).event
    assert isinstance(note, StrategyCheckpointed)
    async with running(path) as journal:
        journal.append(strategy_note(1))
        saving = asyncio.create_task(journal.save_checkpoint(state_at(1, [note] * 200)))
        for seq in range(2, 20):
            journal.append(strategy_note(seq))
            await journal.durable(Seq(seq))
        assert not saving.done()
        await saving
        assert (await journal.load()).state == state_at(1, [note] * 200)


async def test_two_checkpoints_at_once_do_not_harm_each_other(path: Path) -> None:
    note = strategy_note(1, "x" * 50_000).event
    assert isinstance(note, StrategyCheckpointed)
    async with running(path) as journal:
        for seq in (1, 2):
            journal.append(strategy_note(seq))
        # The short one clears away while the long one is half written.
        states = [state_at(1, [note]), state_at(2, [note] * 60)]
        await asyncio.gather(*(journal.save_checkpoint(state) for state in states))
        loaded = await journal.load()
        assert (loaded.state, loaded.skipped) == (states[1], ())


async def test_a_checkpoint_cut_off_does_not_count_and_is_cleared_away(path: Path) -> None:
    note = strategy_note(1, "x" * 50_000).event
    assert isinstance(note, StrategyCheckpointed)
    async with running(path) as journal:
        journal.append(strategy_note(1))
        journal.append(strategy_note(2))
        await journal.save_checkpoint(state_at(1))
        saving = asyncio.create_task(journal.save_checkpoint(state_at(2, [note] * 100)))
        while not shell(path, "SELECT 1 FROM checkpoint_parts WHERE seq = 2"):  # noqa: ASYNC110
            await asyncio.sleep(0)
        await ended(saving)
    async with running(path) as journal:
        assert (await journal.load()).state == state_at(1)
        await journal.save_checkpoint(state_at(1))
        assert shell(path, "SELECT DISTINCT seq FROM checkpoint_parts") == [(1,)]


# ---- the log


async def test_the_log_does_not_grow_with_history(path: Path) -> None:
    log = f"{path}-wal"
    async with running(path) as journal:
        for seq in range(1, 61):
            journal.append(strategy_note(seq, "x" * 500_000))
            await journal.durable(Seq(seq))
        assert os.stat(log).st_size < 8_000_000
        assert os.stat(path).st_size > 20_000_000
    assert seqs(await read_back(path)) == list(range(1, 61))


async def test_a_busy_log_is_folded_too(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("trader.store.journal._LOG_PAGES_MAX", 100)
    limits = JournalLimits(batch_rows_max=1)
    async with running(path, limits) as journal:
        seen = await statements_of(journal)
        for seq in range(1, 201):
            journal.append(strategy_note(seq))
        await journal.durable(Seq(200))
        assert len([text for text in seen if "wal_checkpoint" in text]) >= 3


async def test_a_reader_that_pins_the_log_does_not_fail_the_journal(path: Path) -> None:
    async with running(path, IMPATIENT) as journal:
        journal.append(strategy_note(1))
        await journal.durable(Seq(1))
        read = ("BEGIN", "SELECT count(*) FROM events")
        with held_by_another_process(path, *read):
            for seq in range(2, 10):
                journal.append(strategy_note(seq, "x" * 1_000_000))
                await journal.durable(Seq(seq))
        assert journal.failure is None


async def test_opening_something_else_leaves_no_thread_behind(path: Path) -> None:
    shell(path, "CREATE TABLE recipes (name TEXT)")
    before = set(threading.enumerate())
    with pytest.raises(JournalUnusable):
        await SqliteJournal.open(path, CountingClock())
    for thread in set(threading.enumerate()) - before:
        thread.join(5)
        assert not thread.is_alive()


async def test_what_is_no_event_is_durable_on_return_and_comes_after_the_events_that_wait(
    path: Path,
) -> None:
    sql = "INSERT INTO outbox_deliveries VALUES ('files', 2, 1, 0, 'abc123')"
    async with running(path) as journal:
        journal.append(strategy_note(1))
        journal.append(strategy_note(2))
        await journal.put_beside("a note", sql)
        assert journal.durable_seq == 2
        assert await journal.fetched("SELECT last_seq FROM outbox_deliveries") == [(2,)]
    assert shell(path, "SELECT count(*) FROM outbox_deliveries") == [(1,)]
