"""``trader reconcile replay``: what it says, and its exit codes."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from tests.unit.store.support import journal_of
from tests.unit.store.test_replay import Lived, lived
from trader import __version__, cli
from trader.core.comparison import RunRecord
from trader.core.events import ReconcileFinished
from trader.core.ids import RunId
from trader.store.runs import RUNS_FOLDER, RunArchive

__all__ = ["lived"]
NAME = "20260102T030405Z-1"


@pytest.fixture(autouse=True)
def _without_the_shells_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)


def archived(state: Path, record: RunRecord, version: str = __version__) -> None:
    RunArchive(state / RUNS_FOLDER, version).write(record)


@pytest.fixture
def record(tmp_path: Path, lived: Lived) -> RunRecord:
    """Return the last of three runs, whose journal is in the state directory."""
    rows, (*_, decision) = lived
    asyncio.run(journal_of(rows, tmp_path / "journal.db"))
    return RunRecord(ReconcileFinished(RunId(NAME), "timer", "", 1, 0, 1, 0.25), decision)


def replay(state: Path, *words: str) -> int:
    return cli.main(["reconcile", *words, "--state", str(state)])


def test_the_same_verdict_is_told_with_what_it_was_about(
    tmp_path: Path, record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    archived(tmp_path, record)
    assert replay(tmp_path, "replay", "latest") == 0
    told = capsys.readouterr()
    assert told.err == ""
    lines = told.out.splitlines()
    assert lines[0] == f"run         {NAME} (timer), by trader {__version__}"
    assert lines[2].startswith("broker      1 positions, 0 open orders, 0 completed, 0 executions")
    assert [line for line in lines if line.startswith("drift       position AAA-101: expected")]
    assert [line for line in lines if line.startswith("ticket      AAA-101: expected")]
    assert lines[-1] == "verdict     the same"


def test_another_verdict_says_what_is_otherwise(
    tmp_path: Path, record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    assert record.decision is not None
    plan = replace(record.decision.plan, pending=record.decision.answer.drifts)
    archived(tmp_path, replace(record, decision=replace(record.decision, plan=plan)), "0.0.1")
    assert replay(tmp_path, "replay", NAME) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "verdict     ANOTHER than was recorded"
    assert lines[-2].startswith("DIFFERENT   pending: recorded Drift(")
    assert lines[-3] == f"note        decided again by trader {__version__}"


def test_everything_is_there_as_json(
    tmp_path: Path, record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    archived(tmp_path, record)
    assert replay(tmp_path, "replay", NAME, "--json") == 0
    body = json.loads(capsys.readouterr().out)
    assert (body["run_id"], body["is_same"], body["differences"]) == (NAME, True, [])
    assert len(body["drifts"]) == len(body["tickets"]) == 1


def test_an_incomplete_run_has_nothing_to_replay(
    tmp_path: Path, record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    finished = replace(record.finished, problem="no end of the positions")
    archived(tmp_path, RunRecord(finished))
    assert replay(tmp_path, "replay", NAME) == 2
    assert "was incomplete: no end of the positions" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("replay",), ("again", NAME), ("replay", NAME, NAME)])
def test_other_words_are_refused_with_what_is_allowed(
    tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(tmp_path, *words) == 2
    assert "allowed is replay RUN, or no word" in capsys.readouterr().err


def test_another_journal_can_be_named(
    tmp_path: Path, record: RunRecord, capsys: pytest.CaptureFixture[str]
) -> None:
    archived(tmp_path, record)
    (tmp_path / "journal.db").rename(tmp_path / "copy.db")
    assert replay(tmp_path, "replay", NAME) == 2
    assert "there is no journal" in capsys.readouterr().err
    assert replay(tmp_path, "replay", NAME, "--journal", str(tmp_path / "copy.db")) == 0


def test_the_journal_is_the_one_that_the_daemon_has(
    tmp_path: Path,
    record: RunRecord,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archived(tmp_path, record)
    other = (tmp_path / "journal.db").rename(tmp_path / "other.db")
    assert replay(tmp_path, "replay", "latest") == 2
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{other}")
    assert replay(tmp_path, "replay", "latest") == 0
    monkeypatch.setenv("DATABASE_URL", "postgres://me:secret@host/db")
    assert replay(tmp_path, "replay", "latest") == 2
    assert "trader: not replayed: DATABASE_URL begins with" in capsys.readouterr().err
