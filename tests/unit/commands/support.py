"""What the tests of several commands share: the command itself, and patience."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from trader import cli

ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 60.0


def trader(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "trader", *map(str, words)],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
        cwd=ROOT,
        env={**os.environ, **environment},
    )


def until(look: Callable[[], Any], what: str) -> Any:
    """Return the first true answer."""
    end_s = time.monotonic() + PATIENCE_S
    while not (answer := look()):
        assert time.monotonic() < end_s, f"not in time: {what}"
        time.sleep(0.05)
    return answer


def sign_policy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["policy", "sign", "--file", str(folder / "targets.yaml"), "--by", "Ada"]) == 0
    capsys.readouterr()
