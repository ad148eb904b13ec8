"""Making an archive: the same content is the same file, and it is read back before it counts."""

from __future__ import annotations

import gzip
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.unit.commands.test_archive import STEP, Place
from tests.unit.store.support import tampered
from trader.bench.history import History, make_journal
from trader.core.ids import Lineage, Seq
from trader.core.journal_events import JournalArchived
from trader.store.archiving import Cut, folded, looked_at, make_archive, make_rest, must_hold
from trader.store.rows import JournalUnusable
from trader.store.verify import verified


@pytest.fixture
def place(tmp_path: Path) -> Place:
    make_journal(tmp_path / "journal.db", History(600, 10, tail=50, step=STEP))
    return Place(tmp_path)


def cut_at(place: Place, seq: int) -> Cut:
    cut, links = looked_at(place.journal, place.at_of(seq))
    assert cut is not None
    assert links == ()
    return cut


def record_of(cut: Cut, sha256: str) -> JournalArchived:
    return JournalArchived(
        cut.file_name, cut.first, cut.link, cut.before.hex(), cut.digest.hex(), sha256,
        Lineage("abc123"), (), "somebody",
    )  # fmt: skip


def test_a_cut_keeps_what_is_young_and_the_last_event(place: Place) -> None:
    cut = cut_at(place, 400)
    assert (cut.first, cut.link, cut.last) == (1, 399, 600)
    assert cut.file_name == f"journal-000000000001-000000000399-{cut.digest.hex()[:16]}.db.gz"
    late, _ = looked_at(place.journal, place.at_of(600) + timedelta(days=9))
    assert late is not None
    assert late.link == 599
    assert looked_at(place.journal, place.at_of(2)) == (None, ())


def test_the_same_events_are_the_same_bytes_and_nothing_else_is_left(place: Place) -> None:
    cut, folder = cut_at(place, 400), place.folder
    first = make_archive(place.journal, cut, folder)
    before = (folder / cut.file_name).read_bytes()
    (folder / "making.db").write_bytes(b"of a try that was killed")
    (folder / "making.db.gz").write_bytes(b"of a try that was killed")
    assert make_archive(place.journal, cut, folder) == first
    assert (folder / cut.file_name).read_bytes() == before
    assert place.files() == [cut.file_name]
    assert len(before) < len(gzip.decompress(before)) / 3


def test_an_archive_counts_only_when_it_was_read_back(place: Place) -> None:
    cut, folder = cut_at(place, 400), place.folder
    record = record_of(cut, make_archive(place.journal, cut, folder))
    must_hold(folder, record, ())
    for wrong in (
        replace(record, last=Seq(398)),
        replace(record, digest="0" * 64),
        replace(record, sha256="0" * 64),
    ):
        with pytest.raises(JournalUnusable):
            must_hold(folder, wrong, ())
    assert place.files() == [cut.file_name]


def test_an_archive_of_events_that_are_not_what_was_written_does_not_count(place: Place) -> None:
    tampered(place.journal, "UPDATE events SET payload = '{}' WHERE seq = 77")
    cut = cut_at(place, 400)
    record = record_of(cut, make_archive(place.journal, cut, place.folder))
    with pytest.raises(JournalUnusable, match="event 77 is not the one"):
        must_hold(place.folder, record, ())


def test_the_journal_that_goes_on_has_the_link_and_the_book_at_it(place: Place) -> None:
    cut = cut_at(place, 400)
    at_link, at_end = folded(place.journal, cut)
    assert (at_link.seq, at_end.seq) == (399, 600)
    rest = place.state / "rest.db"
    make_rest(place.journal, cut, at_link, rest)
    # Nothing in it says yet where the others are.
    assert [one.kind for one in verified(rest).findings] == ["missing"]
    told = verified(rest, links=[record_of(cut, "")])
    assert told.is_whole
    assert (told.event_count, told.last_seq, told.checkpoints) == (202, 600, (399, 550))
    from_link = folded(rest, replace(cut, first=cut.link))
    assert from_link == (at_link, at_end)
    wrong = replace(record_of(cut, ""), before="0" * 64)
    assert [one.kind for one in verified(rest, links=[wrong]).findings] == ["altered"]
