"""The command of the drill: wrong usage plays nothing, and the plan can be read beforehand."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from trader.drill_stage import DrillStopped, Stage
from trader.kill_drill import __main__ as command
from trader.kill_drill.steps import PLAYS


@pytest.mark.parametrize("words", [[], ["--by", " "], ["--by", "x" * 81]])
def test_a_drill_without_a_name_is_not_played(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main([*words, "--out", str(tmp_path / "out")]) == 2
    assert "--by" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_list_names_every_step_and_plays_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    said = capsys.readouterr().out
    for name, steps in PLAYS:
        assert name in said
        for step in steps:
            assert f"{step.name}: {step.text}" in said


def test_a_report_that_could_not_be_written_is_told_before_anything_is_played(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert command.main(["--by", "me", "--out", str(tmp_path / "file" / "out")]) == 2
    assert "--out" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (DrillStopped("the simulator ended"), "stopped: the simulator ended"),
        (OSError("no such program"), "stopped: no such program"),
        (KeyboardInterrupt(), "stopped: interrupted"),
        (ValueError("no JSON"), "stopped: what it was told could not be read: no JSON"),
        (KeyError("positions"), "stopped: what it was told could not be read: 'positions'"),
    ],
)
def test_a_stage_that_does_not_come_up_is_a_failed_drill_with_a_report(
    error: BaseException,
    told: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fails(_stage: Stage) -> None:
        raise error

    monkeypatch.setattr(Stage, "start_simulator", fails)
    monkeypatch.setattr(command, "signals_end", lambda: None)
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    assert command.main(["--by", "me", "--out", str(tmp_path / "out")]) == 1
    assert "FAILED" in capsys.readouterr().out
    (text,) = (tmp_path / "out").glob("*.txt")
    assert told in text.read_text()


def test_a_name_in_no_encoding_is_written_down_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_stage: Stage) -> None:
        raise DrillStopped("not played")

    monkeypatch.setattr(Stage, "start_simulator", fails)
    monkeypatch.setattr(command, "signals_end", lambda: None)
    monkeypatch.setattr(tempfile, "mkdtemp", lambda prefix: str(tmp_path / prefix))
    assert command.main(["--by", "J\udcfcrgen \u4e09", "--out", str(tmp_path / "out")]) == 1
    (text,) = (tmp_path / "out").glob("*.txt")
    assert "J\\udcfcrgen \u4e09" in text.read_text(encoding="utf-8")
