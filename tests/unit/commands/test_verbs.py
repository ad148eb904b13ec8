"""A verb without a daemon says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from trader import cli


@pytest.mark.parametrize(
    "words",
    [
        ["status"],
        ["breakers"],
        ["reset", "drift", "--reason", "x"],
        ["override", "drift", "--minutes", "5", "--reason", "x"],
        ["review", "12", "--verdict", "false", "--by", "me", "--reason", "x"],
        ["resume", "--reason", "x"],
        ["baseline"],
        ["reconcile"],
        ["tickets", "adopt", "t", "--reason", "x"],
        ["tickets", "book", "t", "--quantity", "-5", "--price", "2", "--reason", "x"],
        ["tickets", "ignore-until", "t", "2026-11-22T12:00Z", "--reason", "x"],
        ["tickets", "flatten", "t", "--reason", "x"],
    ],
)
def test_a_verb_without_a_daemon_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert cli.main([*words, "--state", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert shown.err == (f"trader: no daemon is running for {tmp_path} (choose with --state)\n")
    assert shown.out == ""
