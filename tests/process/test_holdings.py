"""Goal: what somebody holds beside the daemon's instruments neither stops it nor goes uncounted.

Method: an account of the simulator that owns shares which the assets file does not name. The
broker's portfolio rows value them, and with them the account may trade; without them its value is
unknown, and nothing adds risk (INC-012, INC-037, INC-105).
"""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.harness import ROOT, Daemon, Json, until, world

SEED = 20240395
OPTIONS = ("--position", "IBM:100")

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(120)]


def without_ibm(folder: Path) -> dict[str, object]:
    """Write an assets file that does not name IBM; returns what a daemon takes of it."""
    rows = (ROOT / "config" / "assets.csv").read_text().splitlines()
    assets = folder / "assets.csv"
    assets.write_text("\n".join(row for row in rows if not row.startswith("IBM,")) + "\n")
    return {"assets_file": str(assets), "strategies.momentum.symbols": ["AAPL"]}


def position(daemon: Daemon, symbol: str) -> Json:
    """Return the daemon's row of a holding."""
    status = until("a status", daemon.status)
    (row,) = (row for row in status["positions"] if row["symbol"] == symbol)
    found: Json = row
    return found


def test_a_holding_of_somebodys_own_is_counted_and_does_not_stop_trading(tmp_path: Path) -> None:
    changes = without_ibm(tmp_path)
    with world(tmp_path, SEED, changes=changes, options=OPTIONS) as (simulator, daemon):
        daemon.start()
        status = daemon.await_armed()
        daemon.await_orders(2)
        row = position(daemon, "IBM")
        assert row["mark_source"] == "broker"
        assert Decimal(row["quantity"]) == 100
        assert status["money"]["missing"] == []
        # Its part of the value is in: what the daemon reckons is what the broker does.
        told = Decimal(status["told_account"]["net_liquidation"])
        assert abs(Decimal(status["money"]["equity"]) - told) < told / 100
        frames = simulator.truth()["place_frames"]
        assert frames
        assert not [frame for frame in frames if frame.get("symbol") == "IBM"]


@pytest.mark.parametrize("rows", ["missing", "unset"])
def test_without_the_brokers_mark_the_value_is_unknown_and_nothing_adds_risk(
    tmp_path: Path, rows: str
) -> None:
    changes = without_ibm(tmp_path)
    with world(tmp_path, SEED + 1, changes=changes, options=OPTIONS) as (simulator, daemon):
        simulator.tell("/portfolio-rows", rows=rows)
        daemon.start()

        def is_told() -> bool:
            status = daemon.status()
            missing = [] if status is None else status["inputs_missing"]
            return any("IBM" in text and "none of the broker's" in text for text in missing)

        until("the reason", is_told)
        daemon.await_refusals(2)
        end_s = time.monotonic() + 2.0
        while time.monotonic() < end_s:
            status = until("a status", daemon.status)
            assert status["posture"] != "armed", status["restrictions"]
            time.sleep(0.2)
        assert simulator.truth()["place_frames"] == []

        # The next list comes within 180 s; a new link asks for one.
        simulator.tell("/portfolio-rows", rows="normal")
        simulator.tell("/drop", how="rst")
        daemon.await_armed()
        daemon.await_orders(1)
