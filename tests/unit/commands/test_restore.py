"""``trader restore``: what is refused, what is put in place, and what a crash leaves there."""

from __future__ import annotations

import asyncio
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.unit.core.factories import an_id, an_intent, planned, reviewed
from tests.unit.store.support import START, running, tampered
from tests.unit.store.test_upgrade import told
from trader import cli
from trader.app import restore as book_of
from trader.commands import archive, restore
from trader.core import events as ev
from trader.core.book import Book
from trader.core.halts import HaltCause
from trader.core.ids import IntentId, Lineage, OrderId, Seq, order_ref
from trader.core.request_events import OrderRequestReceived, RequestReceived
from trader.core.restoring import ORDER_ID_JUMP
from trader.ops.anchors import AnchorLog, anchors_in
from trader.ops.clock import SystemClock
from trader.ops.instance_lock import LIQUIDATOR, InstanceLock, journal_lock
from trader.ports import ChainHead
from trader.proof import journal_doubt
from trader.store.chain import CHAIN_STEPS
from trader.store.journal import SqliteJournal
from trader.store.schema import LATEST, MIGRATIONS
from trader.store.verify import verified

ORDERS = 6
COPIED = 3
LOST = IntentId("abc123-alpha-6")


def history(orders: int) -> list[ev.Event]:
    events: list[ev.Event] = [ev.JournalOpened(Lineage("abc123"))]
    for number in range(1, orders + 1):
        intent = an_intent(number)
        events += [reviewed(intent), planned(intent, 10 * number)]
    return events


async def written(path: Path, first: int, events: list[ev.Event]) -> None:
    async with running(path) as journal:
        for seq, event in enumerate(events, start=first):
            journal.append(ev.Recorded(Seq(seq), START, event))
        await journal.durable(Seq(first + len(events) - 1))


@dataclass(frozen=True, slots=True)
class Place:
    """A state directory whose journal has gone on since a backup of it was made."""

    state: Path
    copy: Path

    @property
    def journal(self) -> Path:
        return self.state / "journal.db"

    def restore(self, file: Path | None = None, reason: str = "the disk died") -> int:
        words = ["restore", str(file or self.copy), "--reason", reason, "--state", str(self.state)]
        return cli.main(words)

    def asides(self) -> list[Path]:
        return sorted(self.state.glob("journal.db.replaced.*Z"))


@pytest.fixture(autouse=True)
def _without_the_shells_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    state = tmp_path / "state"
    state.mkdir()
    made = Place(state, tmp_path / "backup.db")
    whole, copied = history(ORDERS), history(COPIED)
    asyncio.run(written(made.journal, 1, copied))
    assert cli.main(["backup", "--state", str(state), "--to", str(made.copy)]) == 0
    asyncio.run(written(made.journal, len(copied) + 1, whole[len(copied) :]))
    head = verified(made.journal)
    AnchorLog(state, SystemClock(), lambda: "abc123").write(_head(head.last_seq, head.digest))
    return made


def _head(seq: int, digest: str) -> ChainHead:
    return ChainHead(Seq(seq), digest)


async def _folded(path: Path) -> Book:
    journal = await SqliteJournal.open(path, SystemClock())
    try:
        return await book_of(journal)
    finally:
        await journal.close()


def book_in(path: Path) -> Book:
    return asyncio.run(_folded(path))


def test_a_backup_takes_the_journals_place_and_nothing_of_it_is_named_again(place: Place) -> None:
    before = told(place.journal, "SELECT seq, digest FROM events ORDER BY seq")
    assert place.restore() == 0
    left = {path.name for path in place.state.iterdir()}
    assert left == {"journal.db", "journal.db.lock", "lock", "audit_logs", place.asides()[0].name}
    book = book_in(place.journal)
    assert set(book.intents) == {an_id(number) for number in range(1, COPIED + 1)}
    assert book.former == ("abc123",)
    assert book.lineage not in (None, "abc123", "000000")
    # The journal that was set aside knows of later orders than the copy.
    assert book.order_id_high == 10 * ORDERS + ORDER_ID_JUMP
    assert verified(place.journal, anchors_in(place.state)[0]).is_whole
    (aside,) = place.asides()
    assert told(aside, "SELECT seq, digest FROM events ORDER BY seq") == before


def test_the_book_is_halted_and_says_from_what_by_whom_and_why(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restore, "operator_name", lambda environment: "ann")
    assert place.restore(reason="  the disk\n died ") == 0
    text = book_in(place.journal).halts[HaltCause.JOURNAL_UNPROVEN]
    last = len(history(COPIED))
    assert text.startswith(f"restored from backup.db, which ended with event {last}:")
    assert "by ann: the disk died;" in text
    assert "`trader resume`" in text


def test_the_start_after_it_does_not_take_it_for_another_journal(place: Place) -> None:
    async def doubt() -> str:
        journal = await SqliteJournal.open(place.journal, SystemClock())
        try:
            return await journal_doubt(journal, await book_of(journal), place.state)
        finally:
            await journal.close()

    shutil.copy(place.journal, place.state / "right.db")
    assert place.restore() == 0
    assert asyncio.run(doubt()) == ""
    # Put in its place by hand, the same copy is doubted.
    shutil.copy(place.copy, place.journal)
    assert "events are gone from its end" in asyncio.run(doubt())


def test_the_keys_of_what_was_lost_never_become_a_second_order(place: Place) -> None:
    asked = RequestReceived("k1", "digest", IntentId("abc123-api-1"), "alice")
    asyncio.run(written(place.journal, len(history(ORDERS)) + 1, [asked]))
    for _ in range(2):
        assert place.restore() == 0
        book = book_in(place.journal)
        assert book.requests["k1"].intent_id == "abc123-api-1"
        assert "abc123-api-1" not in book.intents
        assert verified(place.journal, anchors_in(place.state)[0]).is_whole


@pytest.mark.parametrize("is_archived", [False, True])
def test_a_change_whose_answer_was_lost_is_not_made_again(place: Place, is_archived: bool) -> None:
    asked = OrderRequestReceived("k2", "digest", OrderId(10), "alice")
    later: list[ev.Event] = [asked, *(ev.HaltRaised(HaltCause.OPERATOR, f"{n}", "a") for n in "ab")]
    asyncio.run(written(place.journal, len(history(ORDERS)) + 1, later))
    if is_archived:
        wanted = archive.Wanted(place.state, place.journal, keep_days=7, by="alice")
        assert archive.archive(wanted, SystemClock()) is not None
    for _ in range(2):
        assert place.restore() == 0
        record = book_in(place.journal).requests["k2"]
        assert (record.digest, record.order_id) == ("digest", OrderId(10))
        assert record.decision is not None
        assert record.decision.code == "KEY_LOST"


def test_a_key_of_what_was_lost_counts_after_its_event_was_archived_too(place: Place) -> None:
    asked = RequestReceived("k1", "digest", IntentId("abc123-api-1"), "alice")
    later: list[ev.Event] = [
        asked,
        *(ev.HaltRaised(HaltCause.OPERATOR, f"{n}", "alice") for n in range(3)),
    ]
    asyncio.run(written(place.journal, len(history(ORDERS)) + 1, later))
    wanted = archive.Wanted(place.state, place.journal, keep_days=7, by="alice")
    assert archive.archive(wanted, SystemClock()) is not None
    for _ in range(2):
        assert place.restore() == 0
        assert book_in(place.journal).requests["k1"].digest == "digest"
        assert book_in(place.journal).requests["k1"].intent_id == "abc123-api-1"


def test_the_same_backup_restored_twice_keeps_every_name_that_was_used(place: Place) -> None:
    assert place.restore() == 0
    first = book_in(place.journal)
    assert place.restore() == 0
    second = book_in(place.journal)
    assert set(second.former) == {"abc123", first.lineage}
    assert second.lineage not in second.former
    assert second.order_id_high == first.order_id_high + ORDER_ID_JUMP


def test_a_journal_behind_a_link_is_replaced_where_it_is(place: Place, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    place.journal.rename(disk / "real.db")
    place.journal.symlink_to(disk / "real.db")
    assert place.restore() == 0
    assert place.journal.is_symlink()
    assert book_in(disk / "real.db").former == ("abc123",)
    (aside,) = disk.glob("real.db.replaced.*Z")
    assert book_in(aside).lineage == "abc123"
    assert not aside.is_symlink()


def test_without_a_journal_the_anchors_still_tell_its_name(place: Place) -> None:
    other = AnchorLog(place.state, SystemClock(), lambda: "zzz999")
    other.write(_head(99, "ab" * 32))
    place.journal.unlink()
    assert place.restore() == 0
    book = book_in(place.journal)
    assert set(book.former) == {"abc123", "zzz999"}
    # Its ids began a jump above those of the copy.
    assert book.order_id_high == 10 * COPIED + 2 * ORDER_ID_JUMP
    assert place.asides() == []


def test_the_same_backup_after_a_second_dead_disk_uses_no_order_id_again(place: Place) -> None:
    floors, known = [], {"abc123"}
    for _ in range(3):
        # With all that stood beside it; the anchors lie on another disk.
        for path in place.state.glob("journal.db*"):
            path.unlink()
        assert place.restore() == 0
        book = book_in(place.journal)
        assert set(book.former) == known
        assert book.lineage is not None
        AnchorLog(place.state, SystemClock(), lambda name=book.lineage: name).write(  # type: ignore[misc]
            _head(book.seq, "ab" * 32)
        )
        known.add(book.lineage)
        floors.append(book.order_id_high)
    assert floors == [10 * COPIED + ORDER_ID_JUMP * times for times in (1, 2, 3)]


@pytest.mark.parametrize("end", ["", "-wal"])
def test_a_journal_that_cannot_be_read_is_set_aside_with_all_that_is_beside_it(
    place: Place, end: str
) -> None:
    place.journal.write_bytes(b"no journal at all, not any more" * 200)
    if end:
        place.journal.with_name("journal.db-wal").write_bytes(b"what is left of a log")
    assert place.restore() == 0
    (aside,) = place.asides()
    assert aside.read_bytes().startswith(b"no journal at all")
    beside = aside.with_name(aside.name + "-wal")
    assert not end or beside.read_bytes() == b"what is left of a log"
    assert not place.journal.with_name("journal.db-wal").exists()
    assert book_in(place.journal).former == ("abc123",)


def test_order_ids_jump_again_each_time_that_nobody_can_tell_what_was_used(place: Place) -> None:
    floors = []
    for _ in range(3):
        place.journal.write_bytes(b"nothing that can be read" * 300)
        assert place.restore() == 0
        floors.append(book_in(place.journal).order_id_high)
    assert floors == [10 * COPIED + ORDER_ID_JUMP * times for times in (1, 2, 3)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_restored_by_root_it_is_still_the_daemons(place: Place) -> None:
    os.chown(place.state, 12345, 12345)
    assert place.restore() == 0
    for path in (place.journal, place.state / "lock"):
        assert (path.stat().st_uid, path.stat().st_mode & 0o777) == (12345, 0o600)


def test_what_an_earlier_try_left_is_no_backup(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    left = place.state / "journal.db.restoring"
    shutil.copy(place.copy, left)
    assert place.restore(left) == 1
    assert "is what an earlier try has left" in capsys.readouterr().err
    assert left.exists()


def test_what_is_only_in_the_log_of_the_journal_is_set_aside_too(place: Place) -> None:
    with closing(sqlite3.connect(place.journal, isolation_level=None)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("BEGIN")
        db.execute("CREATE TABLE mark (x)")
        db.execute("COMMIT")
        for end in ("", "-wal"):
            source = place.journal.with_name(f"journal.db{end}")
            shutil.copy(source, source.with_name(f"killed{end}"))
    place.journal.unlink()
    for end in ("", "-wal"):
        shutil.move(place.state / f"killed{end}", place.state / f"journal.db{end}")
    assert place.restore() == 0
    (aside,) = place.asides()
    assert told(aside, "SELECT name FROM sqlite_schema WHERE name = 'mark'") == [("mark",)]
    assert told(place.journal, "SELECT name FROM sqlite_schema WHERE name = 'mark'") == []


# ---- refusals


def refused(place: Place, capsys: pytest.CaptureFixture[str], file: Path | None = None) -> str:
    capsys.readouterr()
    before = place.journal.read_bytes()
    assert place.restore(file) == 1
    assert place.journal.read_bytes() == before
    assert place.asides() == []
    assert not list(place.state.glob("*restoring*"))
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("trader: not restored: ")
    return line


def test_under_a_daemon_nothing_is_restored(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    lock = InstanceLock(place.state / "lock")
    lock.take(4711)
    try:
        assert "held by another daemon, process 4711" in refused(place, capsys)
    finally:
        lock.release()
    lock.take(4712, LIQUIDATOR)
    try:
        assert "held by a liquidator, process 4712" in refused(place, capsys)
    finally:
        lock.release()


def test_under_a_daemon_of_another_state_nothing_is_restored(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A shell that knows the daemon's journal, in a directory that is not the daemon's.
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{place.journal}")
    here = Place(place.state.with_name("elsewhere"), place.copy)
    here.state.mkdir()
    before = place.journal.read_bytes()
    daemon = journal_lock(place.journal)
    daemon.take(4711)
    try:
        assert here.restore() == 1
    finally:
        daemon.release()
    assert "journal.db.lock: held by another daemon, process 4711" in capsys.readouterr().err
    assert place.journal.read_bytes() == before
    assert place.asides() == []
    assert here.restore() == 0


def test_a_backup_that_was_changed_is_refused_by_its_finding(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    tampered(place.copy, "UPDATE events SET at_us = at_us + 1 WHERE seq = 4")
    assert "not as it was written: altered: event 4 is not the one" in refused(place, capsys)


def test_a_backup_of_a_newer_program_is_refused(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(place.copy, isolation_level=None)) as db:
        db.execute(f"PRAGMA user_version = {LATEST + 1}")
    assert "it was written by a newer program" in refused(place, capsys)


def test_what_is_no_journal_is_refused(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    other, empty = place.copy.with_name("other.db"), place.copy.with_name("empty.db")
    with closing(sqlite3.connect(other)) as db:
        db.execute("CREATE TABLE mine (x)")
    empty.write_bytes(b"")
    assert "not a journal of this program" in refused(place, capsys, other)
    assert "there is nothing in it" in refused(place, capsys, empty)
    assert "there is no journal" in refused(place, capsys, place.copy.with_name("none.db"))
    assert "is the journal itself" in refused(place, capsys, place.journal)
    assert "there are no events in it" in refused(place, capsys, _without_events(place))


def _without_events(place: Place) -> Path:
    path = place.copy.with_name("new.db")

    async def opened() -> None:
        journal = await SqliteJournal.open(path, SystemClock())
        await journal.close()

    asyncio.run(opened())
    return path


def test_a_journal_that_somebody_reads_is_left_where_it_is(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(place.journal, isolation_level=None)) as db:
        db.execute("BEGIN")
        db.execute("SELECT count(*) FROM events").fetchall()
        with closing(sqlite3.connect(place.journal, isolation_level=None)) as writer:
            writer.execute("CREATE TABLE mark (x)")
            real = sqlite3.connect
            patient = lambda *words, **more: real(*words, **{"timeout": 0.05} | more)  # noqa: E731
            monkeypatch.setattr(sqlite3, "connect", patient)
            assert "another process is reading or writing it" in refused(place, capsys)


def test_nobody_restores_without_a_reason(place: Place) -> None:
    for words in ([], ["--reason", " \n "]):
        with pytest.raises(SystemExit) as caught:
            cli.main(["restore", str(place.copy), *words, "--state", str(place.state)])
        assert caught.value.code == 2


def test_a_backup_of_an_older_version_is_upgraded_and_itself_stays(place: Place) -> None:
    old = place.copy.with_name("old.db")
    with closing(sqlite3.connect(old, isolation_level=None)) as db:
        for number, statements in MIGRATIONS[:4]:
            for statement in (*statements, f"PRAGMA user_version = {number}"):
                db.execute(statement)
        db.execute(f"ATTACH '{place.copy}' AS copy")
        columns = "seq, at_us, kind, version, payload"
        db.execute(f"INSERT INTO events SELECT {columns} FROM copy.events")  # noqa: S608
    before = old.read_bytes()
    assert CHAIN_STEPS
    assert place.restore(old) == 0
    assert old.read_bytes() == before
    assert told(place.journal, "PRAGMA user_version") == [(LATEST,)]
    assert verified(place.journal).is_whole
    assert book_in(place.journal).former == ("abc123",)
    assert not list(place.state.glob("*restoring*"))


# ---- killed at any instant

_CALLS = ("open", "os.link", "os.rename", "os.remove", "sqlite3.connect", "fcntl.flock")


def _killed_at(number: int, act: Callable[[], int]) -> bool:
    """Run in a process of its own that ends before its ``number``-th step; tells whether it did."""
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        assert code in (0, 137), code
        return code == 137
    try:
        left = number
        real_sync = os.fsync

        def step() -> None:
            nonlocal left
            left -= 1
            if left == 0:
                os._exit(137)

        def synced(handle: int) -> None:
            step()
            real_sync(handle)

        def hook(name: str, values: object) -> None:
            if name in _CALLS and "state" in str(values):
                step()

        os.fsync = synced  # type: ignore[assignment]
        sys.addaudithook(hook)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = act()
    finally:
        os._exit(code if "code" in locals() else 9)


def test_killed_before_any_step_it_leaves_the_old_journal_or_the_new_one(
    place: Place, tmp_path: Path
) -> None:
    old = told(place.journal, "SELECT seq, digest FROM events ORDER BY seq")
    copied = old[: len(history(COPIED))]
    outcomes: list[str] = []
    for number in range(1, 500):
        state = tmp_path / f"state-{number}"
        shutil.copytree(place.state, state)
        here = Place(state, place.copy)
        was_killed = _killed_at(number, here.restore)
        # As a start would read it, logs and all.
        book = book_in(here.journal)
        found = told(here.journal, "SELECT seq, digest FROM events ORDER BY seq")
        if book.former:
            assert found[: len(copied)] == copied
            assert len(found) == len(copied) + 2
            assert HaltCause.JOURNAL_UNPROVEN in book.halts
            (aside,) = here.asides()
            assert told(aside, "SELECT seq, digest FROM events ORDER BY seq") == old
        else:
            assert found == old
        outcomes.append("new" if book.former else "old")
        # Whoever tries again comes through.
        assert here.restore() == 0
        assert book_in(here.journal).former[0] == "abc123"
        # The journal that was there is kept once, and what the try before has put there too.
        assert len(here.asides()) == (2 if book.former else 1)
        shutil.rmtree(state)
        if not was_killed:
            break
    assert outcomes == sorted(outcomes, reverse=True)
    assert outcomes.count("old") > 10
    assert outcomes.count("new") > 2


def test_the_lost_orders_reference_is_still_ours(place: Place) -> None:
    assert place.restore() == 0
    book = book_in(place.journal)
    assert order_ref(LOST).startswith(tuple(f"T1-{lineage}-" for lineage in book.lineages))
    assert book.order_of_intent(LOST) is None
    assert OrderId(10 * ORDERS) not in book.orders
