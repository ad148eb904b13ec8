"""NautilusTrader's live node trades against the simulator by its own adapter, and believes it."""

from __future__ import annotations

import json
import os
import re
import subprocess
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.clients.environments import CLIENTS, MissingError, or_skip, python_of
from tests.clients.runs import OPTIONS, SEED
from tests.process.harness import Simulator, destroy

pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(900)]

FOLDER = CLIENTS / "nautilus_trader"
CLIENT_ID = 11
PRICE, CASH = 200, 1_000_000
NODE_S = 120
# The adapter says each of the gateway's codes in its log, and these are no complaint.
CODES = {2104, 2106, 2158, 202}

Json = dict[str, Any]


def run_node(simulator: Simulator, python: Path, number: int) -> Json:
    """Run one node to its end; returns its report. Its log may hold no error."""
    report = simulator.folder / f"report-{number}.json"
    words = [str(python), str(FOLDER / "node.py"), str(simulator.port), simulator.account]
    own = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "COV"))}
    done = subprocess.run(
        [*words, str(report)], capture_output=True, text=True, timeout=NODE_S, check=False, env=own
    )
    log = done.stdout + done.stderr
    assert done.returncode == 0, log[-3000:]
    assert "Traceback" not in log, log[log.index("Traceback") - 500 :][:3000]
    assert [line for line in log.splitlines() if "[ERROR]" in line] == []
    assert {int(code) for code in re.findall(r"\(code: (\d+), req_id", log)} <= CODES
    seen: Json = json.loads(report.read_text())
    assert seen["problem"] == ""
    assert seen["is_done"]
    return seen


@pytest.mark.parametrize("version", [163, 178])
def test_a_live_node_reconciles_trades_and_believes_the_truth(version: int, tmp_path: Path) -> None:
    try:
        python = python_of(FOLDER / "nautilus_trader.lock")
    except MissingError as error:
        or_skip(error)
    simulator = Simulator(tmp_path, SEED, (*OPTIONS, "--server-version", str(version)))
    try:
        simulator.start()
        simulator.tell("/price", symbol="AAPL", price=str(PRICE))
        first = run_node(simulator, python, 1)
        truth = simulator.truth()
        compare(first, truth)
        assert first["reconciled"] == "100"
        assert first["open"] == []
        # The value of the account when it connected.
        assert Decimal(first["cash"]) == CASH + 100 * PRICE
        assert first["instrument"] == {"con_id": 265598, "increment": "0.01", "currency": "USD"}
        second = run_node(simulator, python, 2)
        assert second["reconciled"] == "105"
        left = first["rest"]["order_id"]
        assert second["open"] == [
            {"order_id": left, "price": "140.00", "quantity": "1", "status": "ACCEPTED"}
        ]
        assert second["rest"]["order_id"] > left
        assert simulator.truth()["clients"] == []
    finally:
        destroy(simulator.process)


def compare(seen: Json, truth: Json) -> None:
    """Hold what the platform believes against the broker's records."""
    orders = {row["order_id"]: row for row in truth["orders"] if row["client_id"] == CLIENT_ID}
    wanted = {"market": ("FILLED", "Filled"), "limit": ("CANCELED", "Cancelled")}
    for name, (believed, true) in wanted.items():
        row = orders[seen[name]["order_id"]]
        assert seen[name]["status"] == believed
        assert row["status"] == true
        assert Decimal(seen[name]["filled"]) == Decimal(row["filled"])
    assert Decimal(orders[seen["limit"]["order_id"]]["limit_price"]) == 151
    assert seen["rest"]["status"] == "ACCEPTED"
    assert orders[seen["rest"]["order_id"]]["status"] in ("PreSubmitted", "Submitted")
    fills = {item["exec_id"]: item for item in seen["fills"]}
    assert len(fills) == len(seen["fills"]), "a fill was believed twice"
    assert set(fills) == {item["exec_id"] for item in truth["executions"]}
    for item in truth["executions"]:
        fill = fills[item["exec_id"]]
        assert Decimal(fill["quantity"]) == Decimal(item["quantity"])
        assert Decimal(fill["price"]) == Decimal(item["price"])
        assert fill["side"] == item["side"]
        # The platform keeps commissions in cents.
        believed_commission = Decimal(fill["commission"].removesuffix(" USD"))
        assert abs(believed_commission - Decimal(item["commission"])) <= Decimal("0.005")
    (position,) = (row for row in truth["positions"] if row["symbol"] == "AAPL")
    assert Decimal(seen["held"]) == Decimal(position["quantity"])
