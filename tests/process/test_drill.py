"""Goal: a drill is seen for what it is, and production refuses the switch that makes it.

Method: the demo daemon is started with MARKETDATA_FORCE_STALE. It must come up armed, call every
quote stale, send nothing, and say so in its status and its metrics, where the room of process and
machine stands too. The same switches in mode paper end the start with 5 and one line for each.
"""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from tests.process.harness import PATIENCE_S, ROOT, Daemon, Json, Simulator, environment, world

SEED = 20261121
# Of the process from the collector of the library, of the host from our own.
SERIES = (
    "process_cpu_seconds_total ",
    "process_resident_memory_bytes ",
    "process_open_fds ",
    "process_max_fds ",
    "trader_host_load ",
    "trader_host_cpus ",
    "trader_host_memory_available_bytes ",
    'trader_headroom_low{what="files"} 0.0',
    'trader_switch_set{name="MARKETDATA_FORCE_STALE"} 1.0',
    'trader_switch_set{name="MARKETDATA_HEALTH_CHECK_DISABLED"} 1.0',
)
SYMBOLS = ("AAPL", "GOOG", "IBM", "MSFT")
SWITCHES = {"MARKETDATA_FORCE_STALE": "1", "MARKETDATA_HEALTH_CHECK_DISABLED": "true"}

pytestmark = [pytest.mark.process, pytest.mark.slow]


def two_sided(status: Json) -> list[Json]:
    """Return the quotes of what is traded that have both sides."""
    return [row for row in status["quotes"] if row["symbol"] in SYMBOLS and row["bid"] is not None]


def metrics(daemon: Daemon) -> str:
    endpoint = daemon.endpoint()
    assert endpoint is not None
    url = f"http://{endpoint.host}:{endpoint.port}/metrics"
    with urllib.request.urlopen(url, timeout=PATIENCE_S) as answer:
        text: str = answer.read().decode()
    return text


def test_every_quote_is_stale_nothing_is_sent_and_all_of_it_is_told(tmp_path: Path) -> None:
    with world(tmp_path, SEED) as (_, daemon):
        daemon.start(extra=SWITCHES)
        status = daemon.await_armed()
        end_s = time.monotonic() + PATIENCE_S
        while len(quotes := two_sided(status)) < len(SYMBOLS):
            assert time.monotonic() < end_s, status
            time.sleep(0.1)
            status = daemon.status() or status
        time.sleep(2)
        status = daemon.status() or status
        assert len(quotes) == len(SYMBOLS)
        assert all(row["fault"].startswith("age ") for row in two_sided(status)), status["quotes"]
        assert status["tally"]["orders_sent"] == 0
        assert set(status["host"]["switches"]) == set(SWITCHES)
        told = "\n".join(status["host"]["warnings"])
        assert "MARKETDATA_FORCE_STALE is set: a drill" in told
        assert "MARKETDATA_HEALTH_CHECK_DISABLED is set and by-passes nothing" in told
        scraped = metrics(daemon)
        for series in SERIES:
            assert f"\n{series}" in scraped, series


def test_mode_paper_refuses_each_switch_in_a_line(tmp_path: Path) -> None:
    daemon = Daemon(
        tmp_path,
        Simulator(tmp_path, SEED, (), False),
        {
            "mode": "paper",
            "account": "DU1234567",
            "reconcile.absence_s": 60,
            "reconcile.cash_lag_s": 200,
            "broker.port": 1,
        },
    )
    config = daemon.write_config()
    for command in ("run", "check"):
        done = subprocess.run(
            [sys.executable, "-m", "trader", command, "--config", str(config)],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env=environment(SWITCHES),
            timeout=PATIENCE_S,
            check=False,
        )
        assert done.returncode == 5, done
        lines = [line for line in done.stderr.splitlines() if line.startswith("trader: ")]
        assert len(lines) == 2, done.stderr
        for name, line in zip(sorted(SWITCHES), sorted(lines), strict=True):
            assert f"{name} is " in line
            assert "allowed in mode paper is 0, or not set" in line
