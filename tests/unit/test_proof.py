"""A start's journal against its anchors: what is doubted, and what is an ordinary day."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest

from tests.unit.store.support import (
    START,
    CountingClock,
    ended,
    running,
    state_at,
    strategy_note,
    tampered,
)
from tests.unit.store.test_upgrade import ROWS, old_journal, told
from trader.core import events as ev
from trader.core.book import Book
from trader.core.ids import Lineage, Seq, StrategyName
from trader.core.strategy_events import StrategyCheckpointed
from trader.ops.anchors import AnchorLog, anchors_in
from trader.ops.clock import SystemClock
from trader.ports import ChainHead, JournalFailed
from trader.proof import PAUSE_S, PIECE_ROWS, WALK_INTERVAL_S, ChainWalk, journal_doubt
from trader.store import connection
from trader.store.journal import JournalLimits, SqliteJournal
from trader.store.rows import JournalUnusable
from trader.store.schema import CHAINED, LATEST
from trader.store.verify import verified

LINEAGE = "abc123"


async def written(state: Path, first: int, last: int) -> ChainHead:
    """Write events into the journal of a state directory; the first one opens it."""
    async with running(state / "journal.db") as journal:
        for seq in range(first, last + 1):
            opened = ev.Recorded(Seq(1), START, ev.JournalOpened(Lineage(LINEAGE)))
            journal.append(opened if seq == 1 else strategy_note(seq))
        await journal.durable(Seq(last))
        return journal.head


def noted(state: Path, head: ChainHead, lineage: str = LINEAGE) -> None:
    AnchorLog(state, SystemClock(), lambda: lineage).write(head)


async def doubt(state: Path, lineage: str | None = LINEAGE) -> str:
    journal = await SqliteJournal.open(state / "journal.db", CountingClock())
    try:
        book = Book()
        book.lineage = None if lineage is None else Lineage(lineage)
        return await journal_doubt(journal, book, state)
    finally:
        await journal.close()


async def test_a_first_start_has_no_anchors_and_no_doubt(tmp_path: Path) -> None:
    assert await doubt(tmp_path, None) == ""


async def test_a_journal_that_has_grown_since_its_newest_anchor_is_the_ordinary_case(
    tmp_path: Path,
) -> None:
    noted(tmp_path, await written(tmp_path, 1, 10))
    assert await doubt(tmp_path) == ""
    await written(tmp_path, 11, 30)
    assert await doubt(tmp_path) == ""


async def test_an_older_copy_in_its_place_is_doubted_however_far_it_is_written_on(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "copy.db"
    noted(tmp_path, await written(tmp_path, 1, 10))
    shutil.copy(tmp_path / "journal.db", copy)
    noted(tmp_path, await written(tmp_path, 11, 20))
    shutil.copy(copy, tmp_path / "journal.db")
    found = await doubt(tmp_path)
    assert found.startswith(
        "the journal ends with event 10, and audit_logs/chain.jsonl line 2 knows event 20: 10 "
        "events are gone"
    )
    await rewritten(tmp_path, 11, 25)
    found = await doubt(tmp_path)
    assert found.startswith("event 20 is not what audit_logs/chain.jsonl line 2 knows")


async def test_an_older_copy_that_a_person_let_go_on_is_believed_from_its_next_anchor_on(
    tmp_path: Path,
) -> None:
    copy = tmp_path / "copy.db"
    noted(tmp_path, await written(tmp_path, 1, 10))
    shutil.copy(tmp_path / "journal.db", copy)
    noted(tmp_path, await written(tmp_path, 11, 20))
    shutil.copy(copy, tmp_path / "journal.db")
    noted(tmp_path, await written(tmp_path, 11, 12))
    assert await doubt(tmp_path) == ""


async def rewritten(state: Path, first: int, last: int) -> None:
    async with running(state / "journal.db") as journal:
        for seq in range(first, last + 1):
            journal.append(strategy_note(seq, '{"other": 1}'))
        await journal.durable(Seq(last))


async def test_a_state_directory_restored_with_its_anchors_is_believed(tmp_path: Path) -> None:
    state, backup = tmp_path / "state", tmp_path / "backup"
    state.mkdir()
    noted(state, await written(state, 1, 10))
    shutil.copytree(state, backup)
    noted(state, await written(state, 11, 20))
    shutil.rmtree(state)
    backup.rename(state)
    assert await doubt(state) == ""


async def test_a_torn_last_line_is_said_and_the_one_before_it_counts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    head = await written(tmp_path, 1, 10)
    noted(tmp_path, head)
    path = tmp_path / "audit_logs" / "chain.jsonl"
    whole = path.read_bytes()
    for length in range(len(whole) - 1):
        path.write_bytes(whole + whole[:length])
        assert await doubt(tmp_path) == "", length
    path.write_bytes(whole + b'{"at_utc": "2026')
    assert await doubt(tmp_path) == ""
    assert "audit_logs/chain.jsonl line 2 is not an anchor" in capsys.readouterr().out
    # The very first one was torn: there is none yet.
    path.write_bytes(whole[:40])
    assert await doubt(tmp_path) == ""


async def test_another_journal_and_a_new_one_are_doubted(tmp_path: Path) -> None:
    head = await written(tmp_path, 1, 10)
    noted(tmp_path, head, "xyz789")
    assert "knows the journal xyz789, and this one is abc123" in await doubt(tmp_path)
    (tmp_path / "journal.db").unlink()
    assert (await doubt(tmp_path, None)).startswith("this journal is new")


@pytest.mark.parametrize("version", range(CHAINED, LATEST + 1))
async def test_an_upgrade_changes_no_digest_that_an_anchor_knows(
    tmp_path: Path, version: int
) -> None:
    path = old_journal(tmp_path / "journal.db", version)
    ((digest,),) = told(path, "SELECT digest FROM events ORDER BY seq DESC LIMIT 1")
    assert isinstance(digest, bytes)
    noted(tmp_path, ChainHead(Seq(ROWS), digest.hex()))
    assert await doubt(tmp_path) == ""
    assert told(path, "PRAGMA user_version") == [(LATEST,)]


async def test_the_head_behind_the_seam_of_an_upgrade_is_the_one_that_is_compared(
    tmp_path: Path,
) -> None:
    old_journal(tmp_path / "journal.db", CHAINED - 1)
    async with running(tmp_path / "journal.db") as journal:
        noted(tmp_path, journal.head)
    assert await doubt(tmp_path) == ""


async def test_a_checkpoint_that_was_sealed_anew_is_doubted(tmp_path: Path) -> None:
    """A start reads the book from it and would see nothing: there is no secret in a seal."""
    await written(tmp_path, 1, 10)
    async with running(tmp_path / "journal.db") as journal:
        await journal.save_checkpoint(state_at(10))
        head = journal.head
    noted(tmp_path, head)
    assert head.checkpoint_seq == 10
    assert await doubt(tmp_path) == ""
    tampered(tmp_path / "journal.db", "DELETE FROM checkpoints")
    async with running(tmp_path / "journal.db") as journal:
        note = StrategyCheckpointed(StrategyName("s"), intent_count=1, state="{}")
        await journal.save_checkpoint(state_at(10, [note]))
    found = await doubt(tmp_path)
    assert found.startswith("the checkpoint of event 10 is not the one that audit_logs/chain.jsonl")
    assert not verified(tmp_path / "journal.db", anchors_in(tmp_path)[0]).is_whole
    # No longer kept, nothing is read from it.
    tampered(tmp_path / "journal.db", "DELETE FROM checkpoints")
    assert await doubt(tmp_path) == ""
    tampered(tmp_path / "journal.db", "DROP TABLE checkpoints")
    journal = await SqliteJournal.open(tmp_path / "journal.db", CountingClock())
    with pytest.raises(JournalUnusable, match=r"the checkpoint of 10: .*no such table"):
        await journal.seal_at(Seq(10))
    await journal.close()


async def test_anchors_that_cannot_be_read_are_a_doubt(tmp_path: Path) -> None:
    await written(tmp_path, 1, 10)
    (tmp_path / "audit_logs" / "chain.jsonl").mkdir(parents=True)
    found = await doubt(tmp_path)
    assert found.startswith("its anchors cannot be read")
    assert "chain.jsonl: Is a directory" in found


async def test_a_journal_that_cannot_be_read_at_its_anchor_does_not_start(tmp_path: Path) -> None:
    noted(tmp_path, await written(tmp_path, 1, 10))
    await written(tmp_path, 11, 20)
    tampered(tmp_path / "journal.db", "DELETE FROM events WHERE seq = 10")
    with pytest.raises(JournalUnusable, match="event 10 is missing"):
        await doubt(tmp_path)


# ---- the walk through the chain of a journal in use


class WalkClock(CountingClock):
    """Counts how often somebody waits, and lets a walk end at its second day."""

    def __init__(self) -> None:
        super().__init__()
        self.slept: list[float] = []
        self.a_day = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if seconds >= WALK_INTERVAL_S:
            self.a_day.set()
            await asyncio.get_running_loop().create_future()
        await asyncio.sleep(0)


async def walked(path: Path) -> tuple[list[str], WalkClock]:
    """Let a walk go through a journal in use until it waits for its next day or has doubts."""
    found: list[str] = []
    clock = WalkClock()
    async with running(path) as journal:

        def doubt(text: str) -> None:
            found.append(text)
            clock.a_day.set()

        walk = asyncio.create_task(ChainWalk(journal, clock, doubt).run())
        async with asyncio.timeout(30):
            await clock.a_day.wait()
        await ended(walk)
    return found, clock


async def test_a_walk_goes_through_all_events_in_pieces_and_waits_a_day(tmp_path: Path) -> None:
    await written(tmp_path, 1, 3 * PIECE_ROWS + 1)
    found, clock = await walked(tmp_path / "journal.db")
    assert found == []
    assert clock.slept == [PAUSE_S] * 4 + [WALK_INTERVAL_S]


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("UPDATE events SET payload = replace(payload, '{}', '[]') WHERE seq = 300", "event 300"),
        ("UPDATE events SET at_us = at_us + 1 WHERE seq = 2", "event 2 is not the one"),
        ("UPDATE events SET kind = CAST(kind AS BLOB) WHERE seq = 300", "event 300 is not"),
        ("DELETE FROM events WHERE seq = 300", "event 300 is missing: 301 comes next"),
        ("DELETE FROM events WHERE seq < 300", "event 1 is missing: 300 comes next"),
    ],
)
async def test_a_walk_finds_what_lies_before_the_checkpoint(
    tmp_path: Path, sql: str, said: str
) -> None:
    await written(tmp_path, 1, 600)
    async with running(tmp_path / "journal.db") as journal:
        await journal.save_checkpoint(state_at(600))
    tampered(tmp_path / "journal.db", sql)
    # The start itself decides nothing from that event, and goes up.
    assert await doubt(tmp_path) == ""
    (found,), _ = await walked(tmp_path / "journal.db")
    assert said in found
    assert found.startswith("its history cannot be proven behind event ")


async def test_a_walk_finds_a_page_that_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "CHECKED_BYTES_MAX", 4096)
    await written(tmp_path, 1, 2000)
    async with running(tmp_path / "journal.db") as journal:
        await journal.save_checkpoint(state_at(2000))
    content = bytearray((tmp_path / "journal.db").read_bytes())
    at = content.index(b'"intent_count":700,')
    content[at - at % 4096 : at - at % 4096 + 200] = b"\xff" * 200
    (tmp_path / "journal.db").write_bytes(content)
    (found,), _ = await walked(tmp_path / "journal.db")
    assert "SQLITE_CORRUPT" in found


async def test_a_journal_that_has_failed_is_not_doubted_as_well(tmp_path: Path) -> None:
    await written(tmp_path, 1, 10)
    found: list[str] = []
    async with running(tmp_path / "journal.db", JournalLimits(queue_rows_max=1)) as journal:
        journal.append(strategy_note(11))
        with pytest.raises(JournalFailed):
            journal.append(strategy_note(12))
        tampered(tmp_path / "journal.db", "DELETE FROM events WHERE seq = 3")
        walk = asyncio.create_task(ChainWalk(journal, WalkClock(), found.append).run())
        await asyncio.sleep(0.2)
        await ended(walk)
    assert found == []
