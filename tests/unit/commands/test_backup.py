"""``trader backup``: what it says, and its exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.commands.test_restore import COPIED, history, written
from trader import cli
from trader.store.verify import verified

LAST = len(history(COPIED))


@pytest.fixture(autouse=True)
def _without_the_shells_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


@pytest.fixture
async def state(tmp_path: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    await written(folder / "journal.db", 1, history(COPIED))
    return folder


def test_it_says_what_the_copy_holds_and_verify_says_the_same(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    assert cli.main(["backup", "--state", str(state), "--to", str(copy)]) == 0
    head = f"{LAST}:{verified(copy).digest}"
    assert capsys.readouterr().out.splitlines() == [
        f"{copy}: whole, a copy of {state / 'journal.db'}",
        f"  events      {LAST}, the last is {LAST}",
        f"  digest      {head}",
        "  note        keep the file and this digest on another machine",
    ]
    words = ["verify", "--journal", str(copy), "--anchor", head, "--state", str(state)]
    assert cli.main(words) == 0


def test_without_a_name_it_stands_beside_the_journal_under_its_time(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backup", "--state", str(state)]) == 0
    (copy,) = state.glob("journal.db.backup.*")
    assert re.fullmatch(r"journal\.db\.backup\.\d{8}T\d{6}Z", copy.name)
    assert str(copy) in capsys.readouterr().out
    assert {path.name for path in state.glob("*copying*")} == set()


def test_a_file_that_is_there_is_never_replaced(
    state: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy.db"
    copy.write_text("somebody's own")
    assert cli.main(["backup", "--state", str(state), "--to", str(copy)]) == 1
    assert copy.read_text() == "somebody's own"
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"trader: not backed up: {copy}: is there already, and a backup never " + (
        "replaces a file"
    )


def test_where_there_is_no_journal_there_is_no_backup(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["backup", "--state", str(tmp_path)]) == 1
    assert "there is no journal" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_journal_that_the_environment_names_is_the_one(
    state: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    other = (state / "journal.db").rename(tmp_path / "other.db")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}")
    copy = tmp_path / "copy.db"
    assert cli.main(["backup", "--state", str(state), "--to", str(copy)]) == 0
    words = ["restore", str(copy), "--reason", "lost", "--state", str(state)]
    assert cli.main(words) == 0
    assert not (state / "journal.db").exists()
    (aside,) = tmp_path.glob("other.db.replaced.*Z")
    assert f"set aside   {aside}" in capsys.readouterr().out
    monkeypatch.setenv("DATABASE_URL", "postgres://me:secret@host/db")
    assert cli.main(["backup", "--state", str(state), "--to", str(tmp_path / "no.db")]) == 1
    assert cli.main(words) == 1
    told = capsys.readouterr().err.splitlines()
    assert ["DATABASE_URL begins with" in line for line in told] == [True, True]
    assert "secret" not in " ".join(told)
