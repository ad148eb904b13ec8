"""A record of a drill claims no more than was played, and says against what."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trader.kill_drill.report import (
    FAILED,
    NOT_PLAYED,
    PASSED,
    Head,
    Recorder,
    as_record,
    as_text,
    shortened,
    write,
)

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
HEAD = Head("A. Person", "2026-03-02T15:00:00.000Z", {"trader": "0.1.0", "commit": "abc"})


class Told:
    """A recorder whose time moves a second with each look."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.looks = 0
        self.recorder = Recorder(self.utc, self.lines.append)

    def utc(self) -> datetime:
        self.looks += 1
        return T0 + timedelta(seconds=self.looks)


def test_every_expectation_met_in_every_step_is_a_pass() -> None:
    told = Told()
    for name in ("one", "two"):
        step = told.recorder.plan("play", name, "Do it.")
        told.recorder.begin(step)
        assert told.recorder.check("code", 200, 200)
    assert told.recorder.verdict == PASSED
    assert told.lines[0] == "[1/1] play: one"
    assert told.lines[1] == "    ok       code: 200"
    assert told.recorder.steps[0].checks[0].at_utc == "2026-03-02T15:00:02.000Z"


def test_one_expectation_that_is_not_met_fails_the_drill() -> None:
    told = Told()
    told.recorder.begin(told.recorder.plan("play", "one", "Do it."))
    assert told.recorder.check("code", 200, 200)
    assert not told.recorder.check("code", 503, 200)
    assert not told.recorder.check("text", "a name", "nothing", is_met=False)
    assert told.recorder.verdict == FAILED
    assert told.lines[2] == "    NOT MET  code: 200; expected 503"


def test_a_step_that_was_not_played_is_not_one_that_went_well() -> None:
    told = Told()
    first, second = (told.recorder.plan("play", name, "Do it.") for name in ("one", "two"))
    assert told.recorder.verdict == FAILED
    told.recorder.begin(first)
    told.recorder.check("code", 1, 1)
    told.recorder.stop("the daemon ended")
    assert (first.verdict, second.verdict) == (FAILED, NOT_PLAYED)
    assert told.recorder.verdict == FAILED
    text = as_text(as_record(HEAD, told.recorder, T0), told.recorder)
    assert "stopped: the daemon ended" in text
    assert "NOT PLAYED" in text


def test_a_step_without_a_check_proves_nothing() -> None:
    told = Told()
    told.recorder.begin(told.recorder.plan("play", "one", "Do it."))
    assert told.recorder.verdict == FAILED
    assert Told().recorder.verdict == FAILED


def test_the_record_says_who_when_on_what_and_against_what(tmp_path: Path) -> None:
    told = Told()
    told.recorder.begin(told.recorder.plan("play", "one", "Do it."))
    told.recorder.check("code", 200, 200)
    record = as_record(HEAD, told.recorder, T0 + timedelta(minutes=1))
    text = as_text(record, told.recorder)
    paths = write(tmp_path / "new", record, text)
    read = json.loads(paths[0].read_text())
    assert (read["by"], read["against"], read["verdict"]) == ("A. Person", "simulator", "passed")
    assert read["started_utc"] == "2026-03-02T15:00:00.000Z"
    assert read["finished_utc"] == "2026-03-02T15:01:00.000Z"
    assert read["versions"] == {"trader": "0.1.0", "commit": "abc"}
    assert (read["checks"], read["checks_met"]) == (1, 1)
    check = read["steps"][0]["checks"][0]
    assert (check["expected"], check["observed"], check["is_met"]) == ("200", "200", True)
    for word in ("SIMULATOR: PASSED", "A. Person", "expected 200", "1 of 1 as expected"):
        assert word in paths[1].read_text()
    with pytest.raises(FileExistsError):
        write(tmp_path / "new", record, text)


def test_what_was_seen_is_told_in_one_line_of_bounded_length() -> None:
    assert shortened("a\n b") == "a b"
    assert len(shortened("x" * 1_000)) == 300
