"""The benchmark of a restart finds what a first daemon has left, and judges how long it took."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from trader.bench.restart import Restart, main

ROOT = Path(__file__).resolve().parents[3]
FOUND = Restart(10_000, 10_000, 1.0, 5.0, 6.0, 4.0)


def test_a_restart_is_as_promised_within_ten_seconds_and_twice_bare_ib_async() -> None:
    assert FOUND.ratio == 1.25
    assert FOUND.is_as_promised
    assert not replace(FOUND, reconciled_s=10.5, ib_async_s=9.0).is_as_promised
    assert not replace(FOUND, reconciled_s=8.5).is_as_promised


def test_a_count_that_the_simulator_does_not_keep_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--orders", "10001"]) == 2
    assert "10 to 10000" in capsys.readouterr().err


@pytest.mark.process
def test_a_short_run_finds_every_order_and_execution_again() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trader.bench.restart", "--orders", "30", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    # So few say nothing about the ratio: what is the same however many there are outweighs them.
    assert done.returncode in (0, 1), done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert (figures["working"], figures["executions"]) == (30, 30)
    assert 0 < figures["open_s"] < figures["reconciled_s"] <= figures["armed_s"]
    assert figures["ib_async_s"] > 0
