"""Journal and archives verified as one chain: what is missing, altered or exchanged is named."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.commands.test_archive import Place
from tests.unit.store.support import tampered
from tests.unit.store.test_archives import EVENTS, LINKS, made  # noqa: F401
from trader.core.ids import Seq
from trader.ports import Anchor, ChainHead
from trader.store.verify_archives import verified_history


@pytest.fixture
def place(tmp_path: Path, made: Place) -> Place:  # noqa: F811
    shutil.copytree(made.state, tmp_path / "state")
    return Place(tmp_path / "state")


def test_all_of_it_is_whole_and_nothing_is_made_beside_it(place: Place) -> None:
    before = sorted(place.state.rglob("*"))
    verdict = verified_history(place.journal)
    assert verdict.is_whole
    assert verdict.archives == tuple(reversed(place.files()))
    assert verdict.last_seq == EVENTS + len(LINKS)
    assert verdict.journal == "abc123"
    assert sorted(place.state.rglob("*")) == before


def test_an_anchor_of_an_archived_event_is_held_against_its_archive(place: Place) -> None:
    def findings(digest: str) -> list[str]:
        anchor = Anchor("a page", "abc123", ChainHead(Seq(500), digest))
        return [one.text for one in verified_history(place.journal, [anchor]).findings]

    row = next(row for row in place.rows() if row[0] == 500)
    assert findings(row[5].hex()) == []
    (found,) = findings("0" * 64)
    assert place.files()[1] in found
    assert "event 500 is not what a page knows" in found


def exchanged(folder: Path, files: list[str]) -> None:
    one, other = folder / files[0], folder / files[1]
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)


def flipped(folder: Path, files: list[str]) -> None:
    content = bytearray((folder / files[1]).read_bytes())
    content[len(content) // 2] ^= 1
    (folder / files[1]).write_bytes(content)


def gone(folder: Path, files: list[str]) -> None:
    for name in files[:2]:
        (folder / name).unlink()


@pytest.mark.parametrize(
    ("harm", "kinds", "words"),
    [
        (gone, ["missing", "missing"], "is missing in"),
        (flipped, ["altered"], "is not the file that was archived"),
        (exchanged, ["altered", "altered"], "is not the file that was archived"),
    ],
)
def test_each_archive_that_is_not_the_right_one_is_named(
    place: Place, harm: Callable[[Path, list[str]], None], kinds: list[str], words: str
) -> None:
    harm(place.folder, place.files())
    verdict = verified_history(place.journal)
    assert [one.kind for one in verdict.findings] == kinds
    assert verdict.finding_count == len(kinds)
    assert all(words in one.text for one in verdict.findings)
    if harm is exchanged:
        # What was heard of before says whose file it is.
        assert "that of journal-" in verdict.findings[1].text


def test_a_journal_whose_beginning_was_taken_out_is_not_taken_for_archived(place: Place) -> None:
    tampered(place.journal, "DELETE FROM events WHERE seq <= ?", LINKS[-1] + 5)
    (found,) = verified_history(place.journal).findings[:1]
    assert (found.kind, found.text) == ("missing", f"events 1 to {LINKS[-1] + 5} are missing")
