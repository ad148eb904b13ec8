"""What is kept is measured against its budget, told while it is above, and paged once."""

from __future__ import annotations

import os
from pathlib import Path

from trader.ops.kept_watch import JOURNAL_BYTES_MAX, KeptWatch


class Pages:
    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []

    def page(self, severity: str, title: str, text: str) -> None:
        self.sent.append((severity, title, text))


def sized(path: Path, size: int) -> None:
    """Make a file of this length that takes no room."""
    path.parent.mkdir(exist_ok=True)
    path.touch()
    os.truncate(path, size)


def test_nothing_there_and_nothing_above_is_nothing_to_say(tmp_path: Path) -> None:
    pages = Pages()
    watch = KeptWatch(tmp_path / "journal.db", tmp_path / "archive", pages)
    assert watch.look() == {}
    sized(tmp_path / "journal.db", JOURNAL_BYTES_MAX)
    assert watch.look() == {}
    assert pages.sent == []


def test_a_journal_counts_with_its_log_and_is_paged_when_it_gets_there(tmp_path: Path) -> None:
    pages = Pages()
    watch = KeptWatch(tmp_path / "journal.db", tmp_path / "archive", pages)
    sized(tmp_path / "journal.db", JOURNAL_BYTES_MAX)
    sized(tmp_path / "journal.db-wal", 1)
    text = f"1024 of 1024 MB in {tmp_path}/journal.db: stop, and run `trader archive`"
    assert watch.look() == {"journal": text}
    assert watch.look() == {"journal": text}
    assert pages.sent == [("warning", "journal above its budget", text)]
    os.truncate(tmp_path / "journal.db", 0)
    assert watch.look() == {}
    os.truncate(tmp_path / "journal.db", 2 * JOURNAL_BYTES_MAX)
    watch.look()
    assert len(pages.sent) == 2


def test_folders_count_all_their_files(tmp_path: Path) -> None:
    pages = Pages()
    watch = KeptWatch(tmp_path / "journal.db", tmp_path / "archive", pages)
    for budget in watch.budgets[1:]:
        for name in ("one", "two"):
            sized(budget.place / name, budget.bytes_max // 2 + 1)
    assert list(watch.look()) == ["archives", "audit"]
    assert [title for _, title, _ in pages.sent] == [
        "archives above its budget",
        "audit above its budget",
    ]
