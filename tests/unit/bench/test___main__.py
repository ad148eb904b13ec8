"""The benchmark runs against the real simulator and prints what it promises."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from trader.bench.__main__ import Latency, main

ROOT = Path(__file__).resolve().parents[3]


def test_percentiles_are_taken_from_the_sorted_samples() -> None:
    latency = Latency("x", tuple(float(value) for value in range(100, 0, -1)))
    assert latency.at(50) == 51.0
    assert latency.at(99) == 100.0
    assert latency.at(100) == 100.0


def test_too_few_orders_are_refused_with_what_is_allowed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["--orders", "1"]) == 2
    assert "--orders must be at least 10" in capsys.readouterr().err


@pytest.mark.process
def test_a_short_run_measures_every_path_and_sends_in_order() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trader.bench", "--orders", "20", "--ticks", "2000", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    figures = json.loads(done.stdout)
    assert set(figures["latency"]) == {
        "raw socket echo",
        "one durable commit in line",
        "review, 50 positions, 200 orders",
        *(
            f"in a submission{age}: {part}"
            for age in ("", " (old book)")
            for part in ("review", "ledger", "the gate's own")
        ),
        "bare ib_async: to wire",
        "bare ib_async: to ack",
        "trader: to wire",
        "trader: to ack",
    }
    assert all(row["p50_us"] > 0 for row in figures["latency"].values())
    assert figures["latency"]["trader: to wire"]["n"] == 20
    # The promise is durable before the wire: no order can be faster than a commit is.
    assert figures["rates"]["burst orders to the wire per s"] > 0
    assert all(value > 0 for value in figures["ratios"].values())
