"""What cannot be written in the state directory is told with its name."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader.ops.state_dir import StateUnusable, audit_folder, writing_state


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "token"
    problem = r"state_dir: .*missing/token: No such file"
    with pytest.raises(StateUnusable, match=problem), writing_state():
        path.write_text("x")


def test_what_can_be_written_is_left_alone(tmp_path: Path) -> None:
    with writing_state():
        (tmp_path / "token").write_text("x")
    assert (tmp_path / "token").read_text() == "x"


def test_the_audit_folder_is_made_once_and_what_is_in_its_way_is_named(tmp_path: Path) -> None:
    assert audit_folder(tmp_path) == audit_folder(tmp_path) == tmp_path / "audit_logs"
    (tmp_path / "audit_logs").rmdir()
    (tmp_path / "audit_logs").write_text("in the way")
    with pytest.raises(StateUnusable, match="audit_logs"):
        audit_folder(tmp_path)
