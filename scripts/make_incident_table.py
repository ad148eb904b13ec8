#!/usr/bin/env python3
"""Write docs/incidents.md anew: what goes wrong elsewhere, and the tests that hold it here.

With --run the tests of the fifteen most damaging are run, and their recoveries measured; without it
the page keeps those that it has.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.incidents.table import PAGE, measured, page, worst  # noqa: E402 - found by the line above


def run() -> dict[str, float]:
    """Run the tests; returns the slowest recovery of each incident."""
    files = sorted({one.test for one in worst()})
    with tempfile.TemporaryDirectory() as folder:
        told = Path(folder) / "recoveries.jsonl"
        subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *(f"tests/process/{name}" for name in files)],
            cwd=ROOT, check=True, env={**os.environ, "RECOVERIES": str(told)},
        )  # fmt: skip
        found: dict[str, float] = {}
        for line in told.read_text("utf-8").splitlines():
            row = json.loads(line)
            found[row["incident"]] = max(row["took_s"], found.get(row["incident"], 0.0))
    return found


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--run", action="store_true", help="run the fifteen and measure")
    given = parser.parse_args()
    kept = measured(PAGE.read_text("utf-8")) if PAGE.exists() else {}
    PAGE.write_text(page({**kept, **(run() if given.run else {})}), "utf-8")


if __name__ == "__main__":
    main()
