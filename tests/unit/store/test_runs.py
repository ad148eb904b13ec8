"""The record of a run comes back exactly as it was, or is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from structlog.testing import capture_logs

from tests.unit.core.factories import a_book, a_position_row, a_run, a_snapshot
from tests.unit.store.values import values_of
from trader.core.comparison import Decision, Question, RunRecord, answered
from trader.core.drifts import DriftKind
from trader.core.events import ReconcileFinished
from trader.core.ids import RunId
from trader.store.codec import decoder, encoder
from trader.store.runs import RunArchive, RunUnusable, StoredRun, stored_run

NAME = "20260102T030405Z-1"


def a_record(name: str = NAME) -> RunRecord:
    book = a_book()
    snapshot = a_snapshot(positions=(a_position_row(7),))
    question = Question(a_run(book, 60.0), snapshot, (), frozenset(), (), was_compared=True)
    answer = answered(book, question)
    decision = Decision(question, answer, answer.plan, book.seq, book.seq)
    return RunRecord(ReconcileFinished(RunId(name), "timer", "", 1, 0, 0, 0.25), decision)


def test_a_run_is_written_with_what_it_saw_and_what_it_decided(tmp_path: Path) -> None:
    RunArchive(tmp_path, "1.2.3").write(a_record())
    written = json.loads((tmp_path / NAME / "run.json").read_text())
    assert (written["format"], written["trader"]) == (1, "1.2.3")
    assert written["run"]["finished"]["drift_count"] == 1
    decision = written["run"]["decision"]
    assert decision["answer"]["drifts"][0]["kind"] == DriftKind.POSITION
    assert decision["question"]["snapshot"]["positions"][0]["quantity"] == "7"


def test_it_comes_back_as_it_was_by_its_name_or_as_the_latest(tmp_path: Path) -> None:
    archive = RunArchive(tmp_path, "1.2.3")
    archive.write(a_record("20250101T000000Z-1"))
    archive.write(a_record())
    stored = StoredRun(1, "1.2.3", a_record())
    assert stored_run(tmp_path, NAME) == stored_run(tmp_path, "latest") == stored


def test_an_incomplete_run_is_written_as_well(tmp_path: Path) -> None:
    RunArchive(tmp_path, "1").write(replace(a_record(), decision=None))
    assert stored_run(tmp_path, NAME).run.decision is None


@given(values_of(RunRecord))
def test_any_run_comes_back_as_it_was(record: RunRecord) -> None:
    assert decoder(RunRecord)(json.loads(encoder(RunRecord)(record))) == record


def test_an_archive_that_cannot_be_written_is_logged_and_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file where the folder should be")
    with capture_logs() as logs:
        RunArchive(tmp_path / "runs", "1").write(a_record())
    (line,) = logs
    assert line["event"] == "run record not written"
    assert line["run"] == NAME


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "not JSON"),
        ('{"format": 2}', "not a record of a run in format 1"),
        ("[]", "not a record of a run in format 1"),
        ('{"format": 1, "trader": "1", "run": {}}', "field run.finished: missing"),
        ("[" * 5000, "not JSON"),
        (None, "No such file"),
    ],
)
def test_what_is_no_record_is_refused_by_name(
    tmp_path: Path, text: str | None, problem: str
) -> None:
    (tmp_path / NAME).mkdir()
    if text is not None:
        (tmp_path / NAME / "run.json").write_text(text)
    with pytest.raises(RunUnusable, match=problem):
        stored_run(tmp_path, NAME)


def test_a_run_that_is_not_there_says_which_are(tmp_path: Path) -> None:
    with pytest.raises(RunUnusable, match=r"no run 'latest' in .*; there are none"):
        stored_run(tmp_path / "absent", "latest")
    RunArchive(tmp_path, "1").write(a_record())
    with pytest.raises(RunUnusable, match=rf"no run '../x' in .*; there are {NAME} to {NAME}"):
        stored_run(tmp_path, "../x")
