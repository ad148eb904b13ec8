"""A halt without a daemon holds at its next start, and one that cannot be written is loud."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader import cli
from trader.ops.halt_record import verdict


def test_halt_without_a_daemon_writes_the_file_that_holds_at_the_next_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["halt", "--state", str(tmp_path), "--reason", "a\n drill"]) == 0
    is_active, reason = verdict((tmp_path / "HALT").read_bytes())
    assert is_active
    assert reason.endswith(": a drill")
    assert "holds at its next start" in capsys.readouterr().out


def test_halt_writes_the_file_that_the_environment_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXECUTION_HALTED_FILE", str(tmp_path / "stop"))
    assert cli.main(["halt", "--state", str(tmp_path)]) == 0
    assert (tmp_path / "stop").exists()
    assert not (tmp_path / "HALT").exists()


def test_halt_that_cannot_be_written_is_loud(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["halt", "--state", str(tmp_path / "absent")]) == 6
    assert "COULD NOT BE WRITTEN" in capsys.readouterr().err
