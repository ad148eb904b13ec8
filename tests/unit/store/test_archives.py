"""A journal and its archives read as one, and an archive that is not the right file is named."""

from __future__ import annotations

import gzip
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.commands.test_archive import STEP, Place
from tests.unit.store.support import shell
from trader.bench.history import History, make_journal
from trader.store import archives
from trader.store.archives import ArchiveUnusable, Way, archived_in, first_seq, history, unpacked
from trader.store.onlooker import read_only
from trader.store.rows import JournalUnusable
from trader.store.tickets import tickets_in

EVENTS = 1_200
LINKS = (299, 599, 899)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("made"))
    make_journal(place.journal, History(EVENTS, 20, tail=50, step=STEP))
    for link in LINKS:
        place.archive(place.at_of(link + 1) + timedelta(days=7))
    return place


@pytest.fixture
def place(tmp_path: Path, made: Place) -> Place:
    shutil.copytree(made.state, tmp_path / "state")
    return Place(tmp_path / "state")


def test_a_journal_with_everything_in_it_is_read_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    make_journal(path, History(100, 2, tail=10))
    with history(path) as db:
        assert db.execute("SELECT count(*) FROM events").fetchall() == [(100,)]
        assert db.execute("PRAGMA database_list").fetchall()[1:] == []


@pytest.mark.parametrize("attached", [8, 1])
def test_every_event_is_there_once_in_tables_and_views(
    place: Place, monkeypatch: pytest.MonkeyPatch, attached: int
) -> None:
    monkeypatch.setattr(archives, "_ATTACHED_MAX", attached)
    with history(place.journal) as db:
        seqs = [seq for (seq,) in db.execute("SELECT seq FROM events ORDER BY seq")]
        assert seqs == list(range(1, EVENTS + len(LINKS) + 1))
        assert db.execute("SELECT count(*) FROM v_executions").fetchall() == [(20,)]
        orders = db.execute("SELECT count(*) FROM v_orders_planned").fetchall()
    assert orders == [(20,)]
    # The file's own view knows its own events alone.
    assert shell(place.journal, "SELECT count(*) FROM v_orders_planned")[0][0] < 20
    assert tickets_in(place.journal) == ()


def test_the_way_back_is_told_link_by_link(place: Place, tmp_path: Path) -> None:
    with closing(read_only(place.journal)) as db:
        assert first_seq(db) == LINKS[-1]
        way = Way(db)
    lasts = []
    while (record := way.back()) is not None:
        lasts.append(record.last)
        target = tmp_path / record.file
        unpacked(place.folder, record, target)
        with closing(read_only(target)) as part:
            way.taken(record, part)
    assert lasts == [*reversed(LINKS)]


def test_an_archive_that_is_gone_altered_cut_off_or_anothers_is_named(place: Place) -> None:
    files = place.files()
    with closing(read_only(place.journal)) as db:
        (record,) = [row for row in archived_in(db) if row.last == LINKS[-1]]
    path = place.folder / record.file
    right = path.read_bytes()

    def said() -> tuple[str, str]:
        with pytest.raises(ArchiveUnusable) as caught:
            unpacked(place.folder, record, place.state / "target.db")
        with pytest.raises(JournalUnusable), history(place.journal):
            pass
        return caught.value.kind, str(caught.value)

    path.write_bytes(right[:-9])
    assert said()[0] == "altered"
    shutil.copy(place.folder / files[0], path)
    assert said()[0] == "altered"
    path.unlink()
    assert said() == (
        "missing",
        f"the archive {record.file}, events 599 to 899, is missing in {place.folder}",
    )


def test_an_archive_of_other_events_does_not_pass_for_ours(place: Place, tmp_path: Path) -> None:
    with closing(read_only(place.journal)) as db:
        way = Way(db)
    record = way.back()
    assert record is not None
    other = tmp_path / "other.db"
    other.write_bytes(gzip.decompress((place.folder / place.files()[0]).read_bytes()))
    with closing(read_only(other)) as part, pytest.raises(ArchiveUnusable, match="1 to 299"):
        way.taken(record, part)
