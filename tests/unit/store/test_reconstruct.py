"""An older journal gets its digests once, and says up to which event they are a reconstruction."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from zlib import crc32

import pytest

from tests.unit.store.support import (
    START,
    CountingClock,
    running,
    shell,
    state_at,
    strategy_note,
    tampered,
)
from tests.unit.store.test_upgrade import ROWS, old_journal, upgraded
from trader.core.ids import Seq
from trader.core.moments import microseconds_of
from trader.ports import Anchor
from trader.store.chain import GENESIS, chained, seam
from trader.store.journal import SqliteJournal
from trader.store.rows import JournalUnusable, row_of, state_parts
from trader.store.schema import CHAINED
from trader.store.verify import verified


def old_with_checkpoint(path: Path, version: int, seq: int) -> Path:
    old_journal(path, version)
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        crc = count = 0
        for text in state_parts(state_at(seq)):
            crc = crc32(text.encode(), crc)
            db.execute("INSERT INTO checkpoint_parts VALUES (?,?,?)", (seq, count, text))
            count += 1
        db.execute("INSERT INTO checkpoints VALUES (?,?,?,?)", (seq, 1, count, crc))
    return path


@pytest.mark.parametrize("version", range(1, CHAINED))
async def test_an_upgraded_journal_is_whole_and_goes_on(tmp_path: Path, version: int) -> None:
    path = old_with_checkpoint(tmp_path / "journal.db", version, ROWS - 3)
    await upgraded(path)
    at_once = verified(path)
    assert at_once.is_whole, at_once.findings
    assert (at_once.reconstructed_to, at_once.checkpoints) == (ROWS, (ROWS - 3,))
    async with running(path) as journal:
        assert journal.head.digest == at_once.digest
        loaded = await journal.load()
        assert loaded.state == state_at(ROWS - 3)
        assert [row.seq async for row in loaded.events] == [ROWS - 2, ROWS - 1, ROWS]
        journal.append(strategy_note(ROWS + 1))
        await journal.save_checkpoint(state_at(ROWS + 1))
    later = verified(path)
    assert later.is_whole, later.findings
    assert (later.last_seq, later.reconstructed_to) == (ROWS + 1, ROWS)


async def test_the_seam_is_a_link_between_what_was_and_what_comes(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    await upgraded(path)
    digest = GENESIS
    for seq, found in shell(path, "SELECT seq, digest FROM events ORDER BY seq"):
        digest = chained(digest, row_of(strategy_note(seq, "x" * 100)))[5]
        assert found == digest, seq
    at_us = shell(path, "SELECT at_us FROM journal_seams")[0][0]
    assert microseconds_of(START) <= at_us < microseconds_of(START) + 1_000_000
    behind = seam(digest, ROWS, at_us)
    assert shell(path, "SELECT seq, digest FROM journal_seams") == [(ROWS, behind)]
    async with running(path) as journal:
        journal.append(strategy_note(ROWS + 1))
        await journal.durable(Seq(ROWS + 1))
        assert journal.head.digest == chained(behind, row_of(strategy_note(ROWS + 1)))[5].hex()


@pytest.mark.parametrize(
    "change",
    ["UPDATE journal_seams SET seq = 7", "UPDATE journal_seams SET at_us = at_us + 1",
     "UPDATE journal_seams SET digest = x'00'", "DELETE FROM journal_seams"],
)  # fmt: skip
async def test_who_moves_the_seam_is_found(tmp_path: Path, change: str) -> None:
    path = old_journal(tmp_path / "journal.db")
    await upgraded(path)
    async with running(path) as journal:
        journal.append(strategy_note(ROWS + 1))
        await journal.durable(Seq(ROWS + 1))
    tampered(path, change)
    assert {finding.seq for finding in verified(path).findings} & {7, ROWS, ROWS + 1}
    with pytest.raises(JournalUnusable, match=rf"event ({ROWS + 1}|{ROWS}|7) is not|event {ROWS}"):
        await everything(path)


async def everything(path: Path) -> list[int]:
    journal = await SqliteJournal.open(path, CountingClock())
    try:
        return [row.seq async for row in (await journal.load()).events]
    finally:
        await journal.close()


async def test_an_old_journal_without_an_event_has_no_seam(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    shell(path, "DELETE FROM events")
    await upgraded(path)
    assert shell(path, "SELECT * FROM journal_seams") == []
    assert verified(path).is_whole


async def test_a_new_journal_has_nothing_to_reconstruct(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    await upgraded(path)
    assert shell(path, "SELECT * FROM journal_seams") == []
    verdict = verified(path)
    assert (verdict.is_whole, verdict.reconstructed_to, verdict.digest) == (True, 0, GENESIS.hex())


@pytest.mark.parametrize(
    "damage",
    ["DELETE FROM events WHERE seq = 7", "UPDATE events SET payload = x'ff00' WHERE seq = 7"],
)
async def test_what_was_damaged_before_the_upgrade_is_still_found_after_it(
    tmp_path: Path, damage: str
) -> None:
    path = old_journal(tmp_path / "journal.db")
    shell(path, damage)
    await upgraded(path)
    assert 7 in {finding.seq for finding in verified(path).findings}
    with pytest.raises(JournalUnusable):
        await everything(path)


async def test_events_are_read_over_the_seam(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    await upgraded(path)
    async with running(path) as journal:
        for seq in range(ROWS + 1, ROWS + 4):
            journal.append(strategy_note(seq))
        await journal.durable(Seq(ROWS + 3))
    assert await everything(path) == list(range(1, ROWS + 4))


async def test_an_anchor_at_the_seam_knows_what_comes_behind_it(tmp_path: Path) -> None:
    path = old_journal(tmp_path / "journal.db")
    async with running(path) as journal:
        head = journal.head
    assert head.seq == ROWS
    verdict = verified(path, [Anchor("page", "", head)])
    assert (verdict.findings, verdict.anchored_to) == ((), ROWS)
