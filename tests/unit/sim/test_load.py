"""The measurement from outside places, fills and streams against a simulator of its own."""

from __future__ import annotations

import json

import pytest

from trader.sim import load
from trader.sim.wire.requests_orders import parse_place_order


@pytest.mark.process
def test_each_run_reports_what_it_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load, "STREAM_S", 0.5)
    assert load.main(["--orders", "450", "--lines", "8"]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    measured = [row for row in rows if "orders" in row]
    assert [row["run"] for row in measured] == [
        "place and cancel", "place and cancel, state", "fill", "fill, state",
        "one by one", "one by one, state", "stream",
    ]  # fmt: skip
    for row in measured:
        assert row["messages_out_per_s"] > 100
        assert row["memory_kib_after"] > 10_000
    for row, bare, kept in zip(rows[2:9:3], measured[0:6:2], measured[1:6:2], strict=True):
        assert row["ratio"] == round(kept["orders_per_s"] / bare["orders_per_s"], 2)
    assert rows[-1]["run"] == "advance"
    # Hours pass in seconds, on any machine that can run the tests.
    assert 0 < rows[-1]["seconds"] < rows[-1]["advanced_s"] / 100


def test_the_order_it_sends_is_read_to_its_last_field() -> None:
    fields = load.order_frame(5, kind="LMT", limit="1.50")[4:].decode().split("\0")[:-1]
    request = parse_place_order(fields, 178)
    assert (request.order_id, request.terms.order_type, request.order_ref) == (5, "LMT", "load-5")
