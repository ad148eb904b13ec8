"""Goal: SIGKILL at any step of journal, gateway, halt, ticket or drain costs no order and no fill.

Method: tests/process/crash_sweep.py, at the core cells of tests/crash_matrix.yaml; with
CRASH_MATRIX=all at every one of them, which takes a quarter of an hour (REC-05, REC-06, INC-028,
INC-029, INC-110).
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.crash_table import Cell, cells, core
from tests.process.crash_sweep import chunks, sweep

pytestmark = [pytest.mark.process, pytest.mark.slow]
SWEPT = chunks(cells() if os.environ.get("CRASH_MATRIX") == "all" else core())


@pytest.mark.timeout(400)
@pytest.mark.parametrize(
    "part", [pytest.param(part, id=f"{part[0].play}-{n}") for n, part in enumerate(SWEPT)]
)
def test_a_kill_at_a_step_costs_no_order_no_fill_and_no_halt(
    tmp_path: Path, part: tuple[Cell, ...]
) -> None:
    for row in sweep(tmp_path, part):
        print(row)
