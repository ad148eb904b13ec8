"""The tutorial, followed word by word: every command of it works, in the order in which it stands.

The clone of its first lines is this one; what it writes goes into a folder of the test.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text()

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(300)]


def commands() -> list[str]:
    """Return every line of a block of the shell."""
    blocks = re.findall(r"^```sh\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return [line for block in blocks for line in block.splitlines()]


def followed(command: str, folder: Path) -> str:
    """Type a command in a folder that has what a clone has, with this Python for the clone's."""
    command = command.replace(".venv/bin/python", sys.executable)
    command = command.replace("scripts/test ", f"{sys.executable} -m pytest -p no:cacheprovider ")
    command = command.replace("scripts/demo ", f"{sys.executable} -m trader demo --state run ")
    shutil.rmtree(folder / "run", ignore_errors=True)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_every_command_works_in_its_order(tmp_path: Path) -> None:
    for name in ("config", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name)
    said = {command: followed(command, tmp_path) for command in commands()}
    demos = [text for command, text in said.items() if command.startswith("scripts/demo")]
    first, own, refused = demos
    assert "book equals the simulator's truth" in first
    assert "book equals the simulator's truth" in own
    assert not re.search(r"^  fills       0 ", own, re.MULTILINE), own
    assert "strategies.own.0.parameters.prices is 1, allowed is" in refused
    assert "it did not start" in refused
    (shown,) = (text for command, text in said.items() if "strategy show" in command)
    assert "prices" in shown
    (tested,) = (text for command, text in said.items() if command.startswith("scripts/test"))
    assert re.search(r"\d+ passed", tested), tested
    (checked,) = (text for command, text in said.items() if "trader check" in command)
    assert "paper" in checked
