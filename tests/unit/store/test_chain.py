"""The chain: what goes into a digest, that no two rows share one, and what triggers forbid."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.store.support import CountingClock, running, shell, state_at, strategy_note
from trader.core.ids import Seq
from trader.ports import JournalFailed
from trader.store.chain import GENESIS, Seal, chained, link, seam
from trader.store.journal import SqliteJournal
from trader.store.rows import row_of

NUMBERS = st.integers(min_value=0, max_value=10**15)
FIELDS = st.tuples(NUMBERS, NUMBERS, NUMBERS, st.binary(max_size=8), st.binary(max_size=8))


def digest(row: tuple[int, int, int, bytes, bytes]) -> bytes:
    seq, at_us, version, kind, payload = row
    return link(GENESIS, (seq, at_us, version), kind, payload)


@given(FIELDS, FIELDS)
def test_rows_that_differ_have_other_digests(
    one: tuple[int, int, int, bytes, bytes], other: tuple[int, int, int, bytes, bytes]
) -> None:
    assert (digest(one) == digest(other)) == (one == other)


def test_a_byte_that_moves_to_the_next_column_is_another_row() -> None:
    assert digest((1, 1, 1, b"ab", b"c")) != digest((1, 1, 1, b"a", b"bc"))
    assert digest((11, 1, 1, b"", b"")) != digest((1, 11, 1, b"", b""))


def test_what_is_hashed_can_be_computed_again_by_anybody() -> None:
    row = row_of(strategy_note(1))
    text = f"{row[0]} {row[1]} {row[3]} {len(row[2])} {row[2]}{row[4]}"
    assert chained(GENESIS, row) == (*row, sha256(GENESIS + text.encode()).digest())


def test_a_digest_depends_on_the_one_before_it() -> None:
    row = row_of(strategy_note(2))
    assert chained(GENESIS, row)[5] != chained(seam(GENESIS, 1, 1), row)[5]


def test_a_seal_knows_where_one_part_ends() -> None:
    seals = []
    for parts in ((b"ab", b"c"), (b"a", b"bc"), (b"abc",)):
        seal = Seal()
        for part in parts:
            seal.add(part)
        seals.append(seal.digest((1, 2, 2, 4), GENESIS))
    assert len(set(seals)) == 3


async def test_every_row_and_checkpoint_carries_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    expected = GENESIS
    for start in (1, 6):  # over a restart
        async with running(path) as journal:
            for seq in range(start, start + 5):
                journal.append(strategy_note(seq))
            await journal.save_checkpoint(state_at(start + 4))
            head = journal.head
        for seq in range(start, start + 5):
            expected = chained(expected, row_of(strategy_note(seq)))[5]
            assert shell(path, "SELECT digest FROM events WHERE seq = ?", seq) == [(expected,)]
        assert (head.seq, head.digest) == (start + 4, expected.hex())
        sealed = shell(path, "SELECT digest FROM checkpoints WHERE seq = ?", start + 4)
        assert (head.checkpoint_seq, [(bytes.fromhex(head.checkpoint_digest),)]) == (
            start + 4,
            sealed,
        )


async def test_the_head_is_what_is_durable_and_not_what_is_queued(tmp_path: Path) -> None:
    async with running(tmp_path / "journal.db") as journal:
        journal.append(strategy_note(1))
        assert (journal.head.seq, journal.head.digest) == (0, GENESIS.hex())
        await journal.durable(Seq(1))
        assert journal.head.seq == 1


async def test_a_checkpoint_is_saved_once_at_one_event(tmp_path: Path) -> None:
    async with running(tmp_path / "journal.db") as journal:
        journal.append(strategy_note(1))
        await journal.save_checkpoint(state_at(1))
        head = journal.head
        await journal.save_checkpoint(state_at(1))
        assert journal.head == head


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE events SET payload = '{}'",
        "UPDATE events SET digest = x'00' WHERE seq = 1",
        "DELETE FROM events WHERE seq = 1",
        "DELETE FROM events",
        "INSERT OR REPLACE INTO events SELECT seq, 7, kind, version, payload, digest FROM events",
    ],
)
async def test_a_recorded_event_cannot_be_changed_by_mistake(tmp_path: Path, change: str) -> None:
    path = tmp_path / "journal.db"
    async with running(path) as journal:
        journal.append(strategy_note(1))
        await journal.durable(Seq(1))
    before = path.read_bytes()
    with pytest.raises(sqlite3.IntegrityError, match="an event that was recorded is never changed"):
        shell(path, change)
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("INSERT INTO journal_seams VALUES (1, 1, x'00')")
        for seam_change in ("UPDATE journal_seams SET seq = 2", "DELETE FROM journal_seams"):
            with pytest.raises(sqlite3.IntegrityError, match="a seam of the chain"):
                db.execute(seam_change)


async def test_an_event_taken_out_under_a_running_daemon_fails_its_checkpoint(
    tmp_path: Path,
) -> None:
    path = tmp_path / "journal.db"
    journal = await SqliteJournal.open(path, CountingClock())
    await journal.close()
    async with running(path) as journal:
        journal.append(strategy_note(1))
        await journal.durable(Seq(1))
        shell(path, "DROP TRIGGER events_no_delete")
        shell(path, "DELETE FROM events WHERE seq = 1")
        with pytest.raises(JournalFailed, match="event 1 was taken out of the journal"):
            await journal.save_checkpoint(state_at(1))
        assert journal.failure is not None
