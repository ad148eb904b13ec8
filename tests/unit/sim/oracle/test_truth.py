"""The truth is JSON-ready, and its decimals are strings."""

from __future__ import annotations

import json
from pathlib import Path

from tests.unit.sim.host.test_server import serving
from tests.unit.sim.support import request


async def test_the_report_is_json_and_complete(tmp_path: Path) -> None:
    async with serving(tmp_path, ack_s=(0.0, 0.0), fill_s=(0.0, 0.0)) as server:
        server.gateway.place(7, request(1))
        server.gateway.place(7, request(1))
        report = json.loads(json.dumps(server.truth()))
    assert set(report) == {
        "account", "clients", "orders", "executions", "positions", "cash", "next_order_id",
        "place_frames", "frames", "accounts", "children", "locked",
    }  # fmt: skip
    (order,) = report["orders"]
    assert (order["quantity"], order["filled"], order["side"]) == ("100", "100", "BUY")
    assert order["limit_price"] is None
    # The refused duplicate was received all the same.
    assert [frame["order_id"] for frame in report["place_frames"]] == [1, 1]
    assert isinstance(report["cash"]["USD"], str)
    assert report["accounts"] == {report["account"]: report["cash"]}
    assert {row["account"] for row in report["positions"]} == {report["account"]}
    assert {execution["side"] for execution in report["executions"]} == {"BUY"}
