"""What cannot be written in the state directory is told with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader.ops.state_dir import StateUnusable, writing_state


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "token"
    problem = r"state_dir: .*missing/token: No such file"
    with pytest.raises(StateUnusable, match=problem), writing_state():
        path.write_text("x")


def test_what_can_be_written_is_left_alone(tmp_path: Path) -> None:
    with writing_state():
        (tmp_path / "token").write_text("x")
    assert (tmp_path / "token").read_text() == "x"
