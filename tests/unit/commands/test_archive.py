"""``trader archive``: what leaves the journal, what stays, what is refused, and every kill.

Method of the kills: a child process archives, and dies without any clean-up at its n-th call that
changes a name on the disk, for every n until it lives through. After each death every event is
there once, the chain is whole, and the next try succeeds.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.core.test_checkpoint import MOVES, Move, stream
from tests.unit.store.support import CountingClock, running, shell, tampered
from trader import cli
from trader.app import restore as book_of
from trader.bench.history import History, make_journal
from trader.commands import archive
from trader.commands.archive import Wanted
from trader.core.checkpoint import BookState, state_of
from trader.core.events import Recorded
from trader.core.ids import IntentId, Seq
from trader.core.journal_events import JournalArchived
from trader.ops.anchors import anchors_in
from trader.ops.instance_lock import InstanceLock, journal_lock
from trader.proof import journal_doubt
from trader.store.archives import history
from trader.store.journal import SqliteJournal
from trader.store.replacing import past_of
from trader.store.replay import book_near, events_from
from trader.store.rows import JournalUnusable
from trader.store.story import related
from trader.store.verify_archives import verified_history

EVENTS, ORDERS = 3_000, 40
# Ten minutes from event to event: three weeks in all.
STEP = timedelta(minutes=10)


@dataclass
class Calendar(CountingClock):
    """Stands at one moment."""

    now: datetime

    def utc(self) -> datetime:
        return self.now


@dataclass(frozen=True, slots=True)
class Place:
    """A state directory with a journal of three weeks."""

    state: Path

    @property
    def journal(self) -> Path:
        return self.state / "journal.db"

    @property
    def folder(self) -> Path:
        return self.state / "archive"

    def files(self) -> list[str]:
        return sorted(path.name for path in self.folder.iterdir())

    def at_of(self, seq: int) -> datetime:
        ((at_us,),) = shell(self.journal, "SELECT at_us FROM events WHERE seq = ?", seq)
        return datetime.fromisoformat("1970-01-01T00:00:00+00:00") + timedelta(microseconds=at_us)

    def archive(self, now: datetime, keep_days: int = 7) -> JournalArchived | None:
        wanted = Wanted(self.state, self.journal, keep_days, "somebody")
        return archive.archive(wanted, Calendar(now))

    def rows(self) -> list[tuple[Any, ...]]:
        with history(self.journal) as db:
            return db.execute("SELECT * FROM events ORDER BY seq").fetchall()

    def findings(self) -> list[tuple[str, str]]:
        anchors, problems = anchors_in(self.state)
        assert problems == ()
        found = verified_history(self.journal, anchors).findings
        return [(one.kind, one.text) for one in found]

    def book(self) -> BookState:
        return asyncio.run(self._book())

    async def _book(self) -> BookState:
        journal = await SqliteJournal.open(self.journal, CountingClock())
        try:
            book = await book_of(journal)
            assert await journal_doubt(journal, book, self.state) == ""
            return state_of(book)
        finally:
            await journal.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("made") / "journal.db"
    make_journal(path, History(EVENTS, ORDERS, tail=50, step=STEP))
    return path


@pytest.fixture
def place(tmp_path: Path, made: Path) -> Place:
    state = tmp_path / "state"
    state.mkdir()
    shutil.copy(made, state / "journal.db")
    return Place(state)


def test_an_event_of_seven_days_less_an_hour_stays_and_one_of_an_hour_more_goes(
    place: Place,
) -> None:
    before, book = place.rows(), place.book()
    oldest_kept = place.at_of(2_000)
    record = place.archive(oldest_kept + timedelta(days=7))
    assert record is not None
    # The event before the first that stays is the link, in both.
    assert (record.first, record.last, record.by) == (1, 1_999, "somebody")
    assert shell(place.journal, "SELECT min(seq), max(seq) FROM events") == [(1_999, EVENTS + 1)]
    assert place.files() == [record.file]
    assert place.rows()[:-1] == before
    assert place.findings() == []
    after = place.book()
    assert (after.orders, after.fills, after.order_id_high) == (
        book.orders, book.fills, book.order_id_high,
    )  # fmt: skip
    assert {path.name for path in place.state.iterdir()} == {"journal.db", "archive", "audit_logs"}


def test_nothing_is_old_enough(place: Place) -> None:
    before = place.journal.read_bytes()
    assert place.archive(place.at_of(2) + timedelta(days=7)) is None
    assert place.journal.read_bytes() == before
    assert not place.folder.exists()


def test_a_clock_that_was_set_back_keeps_what_lies_between(place: Place, tmp_path: Path) -> None:
    async def add(seq: int, at_utc: datetime) -> None:
        async with running(place.journal) as journal:
            event = JournalArchived("x", Seq(1), Seq(2), "", "", "", "abc123", (), "x")  # type: ignore[arg-type]
            journal.append(Recorded(Seq(seq), at_utc, event))
            await journal.durable(Seq(seq))

    now = place.at_of(2_000) + timedelta(days=365)
    asyncio.run(add(EVENTS + 1, now))
    asyncio.run(add(EVENTS + 2, place.at_of(5)))
    record = place.archive(now)
    assert record is not None
    assert record.last == EVENTS


def test_a_journal_behind_a_link_is_cut_where_it_is(place: Place, tmp_path: Path) -> None:
    disk, before = tmp_path / "disk", place.rows()
    disk.mkdir()
    place.journal.rename(disk / "real.db")
    place.journal.symlink_to(disk / "real.db")
    words = ["archive", "--state", str(place.state)]
    assert cli.main(words) == 0
    assert place.journal.is_symlink()
    assert {path.name for path in disk.iterdir()} == {"real.db", "real.db.lock", "archive"}
    assert place.rows()[: len(before)] == before
    assert place.findings() == []


def test_archives_follow_one_another_and_all_of_them_are_one_history(place: Place) -> None:
    before, book = place.rows(), place.book()
    records = [place.archive(place.at_of(seq) + timedelta(days=7)) for seq in (1_000, 2_000, 2_000)]
    assert [(row.first, row.last) for row in records if row] == [(1, 999), (999, 1_999)]
    assert records[2] is None
    assert place.rows()[: len(before)] == before
    assert place.findings() == []
    assert place.book().orders == book.orders
    # An order of the first archive, asked for by any of its names.
    intent, events = related(place.journal, "order:3")
    assert intent == IntentId("abc123-momentum-3")
    assert [type(row.event).__name__ for row in events][:2] == ["IntentReviewed", "OrderPlanned"]
    assert past_of(place.journal).order_id_high == ORDERS  # type: ignore[union-attr]
    assert past_of(place.journal).lineages == ("abc123",)  # type: ignore[union-attr]


def test_every_event_folded_again_is_the_book_of_the_journal_alone(place: Place) -> None:
    place.archive(place.at_of(2_000) + timedelta(days=7))
    with history(place.journal) as db:
        ((last,),) = db.execute("SELECT max(seq) FROM events")
        book = book_near(db, Seq(0))
        for recorded in events_from(db, Seq(1), last):
            book.apply(recorded)
    assert state_of(book) == place.book()


@given(moves=st.lists(MOVES, min_size=5, max_size=40), share=st.floats(0.05, 0.95))
@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_was_recorded_a_book_from_archive_and_journal_is_that_of_the_journal(
    tmp_path_factory: pytest.TempPathFactory, moves: list[Move], share: float
) -> None:
    events = stream(moves)
    place = Place(tmp_path_factory.mktemp("any"))
    if any(type(row.event).__name__ in ("JournalRestored", "HaltRaised") for row in events):
        return  # another lineage, or not proven: refused elsewhere
    asyncio.run(_written(place.journal, events))
    before = place.book()
    link = max(2, int(share * len(events)))
    record = place.archive(events[min(link, len(events) - 1)].at_utc + timedelta(days=7))
    assert place.findings() == []
    with history(place.journal) as db:
        ((last,),) = db.execute("SELECT max(seq) FROM events")
        book = book_near(db, Seq(0))
        for recorded in events_from(db, Seq(1), last):
            book.apply(recorded)
    assert state_of(book) == place.book()
    book.seq = before.seq
    assert state_of(book) == before, record


async def _written(path: Path, events: list[Recorded]) -> None:
    async with running(path) as journal:
        for recorded in events:
            journal.append(recorded)
        await journal.durable(events[-1].seq)


def test_a_backup_of_what_goes_on_is_restored_and_still_leads_to_its_archives(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    place.archive(place.at_of(2_000) + timedelta(days=7))
    copy = place.state / "copy.db"
    assert cli.main(["backup", "--state", str(place.state), "--to", str(copy)]) == 0
    assert "events 1 to 1998 are in" in capsys.readouterr().out
    before = place.rows()
    assert cli.main(["restore", str(copy), "--reason", "drill", "--state", str(place.state)]) == 0
    assert place.findings() == []
    assert place.rows()[: len(before)] == before
    # The copy by itself, beside the archives that it names.
    shutil.copy(place.state / "copy.db", place.state / "journal.db.lone")
    verdict = verified_history(place.state / "journal.db.lone")
    assert (verdict.is_whole, verdict.first_seq) == (True, 1_999)


# ---- what is refused


def refused(place: Place, said: str) -> None:
    before = place.journal.read_bytes()
    with pytest.raises(JournalUnusable, match=said):
        place.archive(place.at_of(2_000) + timedelta(days=7))
    assert place.journal.read_bytes() == before
    assert not place.folder.exists() or place.files() == []


def test_a_history_that_was_altered_is_not_archived(place: Place) -> None:
    tampered(place.journal, "UPDATE events SET at_us = at_us + 1 WHERE seq = 700")
    refused(place, "event 700 is not the one that was written there")


def test_a_checkpoint_that_says_another_book_than_the_events_is_not_taken_for_it(
    place: Place,
) -> None:
    async def save() -> None:
        async with running(place.journal) as journal:
            book = await book_of(journal)
            book.order_id_high = 77  # type: ignore[assignment]
            await journal.save_checkpoint(state_of(book))

    asyncio.run(save())
    refused(place, "its checkpoints say another book than its events: order_id_high differ")


def test_a_full_disk_is_seen_before_anything_is_begun(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(place.state)._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    refused(place, "1000 are free")


def test_an_older_journal_in_its_place_is_not_archived(place: Place) -> None:
    head = anchors_in(place.state)[0]
    assert head == ()
    place.archive(place.at_of(2_000) + timedelta(days=7))
    (place.state / "journal.db").unlink()
    make_journal(place.journal, History(EVENTS - 200, ORDERS, tail=50, step=STEP))
    with pytest.raises(JournalUnusable, match="truncated"):
        place.archive(place.at_of(2_500) + timedelta(days=7))


def test_under_a_daemon_of_another_state_nothing_is_archived(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A shell that knows the daemon's journal, in a directory that is not the daemon's.
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{place.journal}")
    elsewhere = place.state.with_name("elsewhere")
    elsewhere.mkdir()
    before = place.journal.read_bytes()
    daemon = journal_lock(place.journal)
    daemon.take(4711)
    try:
        assert cli.main(["archive", "--state", str(elsewhere)]) == 1
    finally:
        daemon.release()
    assert "journal.db.lock: held by another daemon, process 4711" in capsys.readouterr().err
    assert place.journal.read_bytes() == before
    assert not place.folder.exists()


def test_the_command_says_what_it_did_and_refuses_while_a_daemon_runs(
    place: Place, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["archive", "--state", str(place.state)]
    lock = InstanceLock(place.state / "lock")
    lock.take(4711)
    assert cli.main(command) == 1
    lock.release()
    assert "4711" in capsys.readouterr().err
    assert not place.folder.exists()
    assert cli.main(command) == 0
    assert "events 1 to 2999, read back and verified" in capsys.readouterr().out
    # The journal's last event was the one thing that had to stay.
    assert cli.main(command) == 0
    assert "events 2999 to 3000" in capsys.readouterr().out
    assert cli.main(command) == 0
    assert "no event is older than 7 days" in capsys.readouterr().out
    assert cli.main(["verify", "--state", str(place.state)]) == 0
    assert (
        f"archive     {place.files()[1]}\n  archive     {place.files()[0]}"
        in capsys.readouterr().out
    )
    with pytest.raises(SystemExit):
        cli.main([*command, "--keep-days", "0"])


# ---- kills


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Do it in a child that dies at its n-th change of a name; tells whether it lived."""
    pid = os.fork()
    if pid == 0:
        left = iter(range(number, -1, -1))

        def dying(real: Callable[..., Any]) -> Callable[..., Any]:
            def act(*args: Any, **named: Any) -> Any:
                if next(left, 1) == 0:
                    os._exit(9)
                return real(*args, **named)

            return act

        for name in ("replace", "rename", "link", "unlink", "fsync"):
            setattr(os, name, dying(getattr(os, name)))
        try:
            work()
            os._exit(0)
        finally:
            os._exit(8)
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    assert code in (0, 9), "the child failed by itself"
    return code == 0


def test_a_kill_at_any_step_loses_no_event_and_doubles_none(
    tmp_path: Path,
) -> None:
    made = tmp_path / "made.db"
    make_journal(made, History(400, 10, tail=20, step=STEP))
    state = tmp_path / "state"
    lived = False
    deaths = 0
    before: list[tuple[Any, ...]] = []
    places: set[int] = set()
    while not lived:
        shutil.rmtree(state, ignore_errors=True)
        state.mkdir()
        shutil.copy(made, state / "journal.db")
        place = Place(state)
        before = before or place.rows()
        now = place.at_of(300) + timedelta(days=7)
        lived = killed_at(deaths, lambda: place.archive(now))  # noqa: B023
        ((first,),) = shell(place.journal, "SELECT min(seq) FROM events")
        places.add(first)
        rows = place.rows()
        assert rows[:400] == before, f"death {deaths}"
        assert [row[0] for row in rows] == list(range(1, len(rows) + 1)), f"death {deaths}"
        assert len(rows) == (400 if first == 1 else 401)
        assert place.findings() == [], f"death {deaths}"
        place.book()
        # The next try goes through, and cleans up behind both.
        place.archive(now)
        assert place.findings() == []
        assert place.rows()[:400] == before
        deaths += not lived
        assert deaths < 200
    assert places == {1, 299}, "no kill met both sides of the step"
    assert deaths > 10
    sides = {"journal.db-wal", "journal.db-shm"}  # of our own looks at it
    left = {path.name for path in state.iterdir()} - sides
    assert left == {"journal.db", "archive", "audit_logs"}
    assert len(list((state / "archive").iterdir())) == 1
