#!/usr/bin/env python3
"""Run the whole crash matrix on real processes and write docs/crash-matrix.md from what was seen.

A part that fails is told, and nothing is written; the parts that were swept are kept in
state/crash-matrix.jsonl, and the next call with --again sweeps only the others. With --partly the
page is written of what is kept, and says of each other kill that it was not run.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import traceback
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.crash_table import PAGE, Cell, Row, cells, not_run, page  # noqa: E402 - found by the line above
from tests.process.crash_sweep import chunks, sweep  # noqa: E402 - found by the line above

KEPT = ROOT / "state" / "crash-matrix.jsonl"


def swept(part: tuple[Cell, ...]) -> tuple[list[Row], str]:
    """Sweep one part; returns its rows, and what went wrong."""
    with tempfile.TemporaryDirectory() as folder, Path(folder, "said").open("w") as said:
        # What a part prints belongs to it alone.
        sys.stdout = said
        rows: list[Row] = []
        try:
            for row in sweep(Path(folder), part):
                rows.append(row)
            return rows, ""
        except (AssertionError, subprocess.SubprocessError):
            said.flush()
            return rows, f"{Path(folder, 'said').read_text()}\n{traceback.format_exc()}"
        finally:
            sys.stdout = sys.__stdout__


def kept() -> dict[Cell, Row]:
    """Return what former calls have swept."""
    if not KEPT.exists():
        return {}
    found = {}
    for line in KEPT.read_text("utf-8").splitlines():
        told = json.loads(line)
        cell = Cell(**told.pop("cell"))
        found[cell] = Row(cell=cell, **told)
    return found


def main() -> int:
    """Sweep, tell, write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--again", action="store_true", help="sweep what is not kept only")
    parser.add_argument("--workers", type=int, default=max(1, (os.cpu_count() or 1) // 2))
    parser.add_argument("--partly", action="store_true", help="write what is kept, sweep nothing")
    given = parser.parse_args()
    if given.partly:
        told = kept()
        PAGE.write_text(page(told.get(cell, not_run(cell)) for cell in cells()), "utf-8")
        return 0
    if not given.again:
        KEPT.unlink(missing_ok=True)
    KEPT.parent.mkdir(exist_ok=True)
    done = kept()
    parts = chunks(cell for cell in cells() if cell not in done)
    failed = 0
    with ProcessPoolExecutor(given.workers) as pool:
        under_way = {pool.submit(swept, part): part for part in parts}
        for done_part in as_completed(under_way):
            part, (rows, problem) = under_way[done_part], done_part.result()
            if problem:
                failed += 1
                print(f"FAILED {part[0].play}: {problem}", flush=True)
            with KEPT.open("a", encoding="utf-8") as file:
                for row in rows:
                    file.write(json.dumps(asdict(row)) + "\n")
            print(f"{part[0].play}: {len(rows)} of {len(part)} kills", flush=True)
    found = kept()
    missing = [cell for cell in cells() if cell not in found]
    if missing:
        print(f"{failed} parts failed; {len(missing)} kills are missing, nothing is written")
        return 1
    PAGE.write_text(page(found[cell] for cell in cells()), "utf-8")
    print(f"{len(found)} kills, {PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
