"""Actions on reference data change what a client is told, and nothing else."""

from __future__ import annotations

import pytest

from tests.unit.sim.script.stages import Wire, act, memory, staged
from tests.unit.sim.support import contract
from trader.sim.script.inputs import InputError


def test_details_of_some_kinds_stay_unanswered_until_told_otherwise() -> None:
    stage = staged()
    wire = Wire(memory(stage))
    assert act(stage, "details", unanswered=["STK", "BAG"]) == {"unanswered": ["STK", "BAG"]}
    wire.send(9, 8, 5, *contract("AAPL"), 0, "", "", "")
    wire.send(9, 8, 6, *contract("VIX"), 0, "", "", "")
    assert [(f[0], f[-1] if f[0] == "52" else f[1]) for f in wire.frames(10, 52)] == [
        ("10", "6"),
        ("52", "6"),
    ]
    act(stage, "details", unanswered=[])
    wire.send(9, 8, 7, *contract("AAPL"), 0, "", "", "")
    assert len(wire.frames(10, 52)) == 2


def test_a_delisted_instrument_is_unknown_to_every_request() -> None:
    stage = staged()
    wire = Wire(memory(stage))
    assert act(stage, "delist", symbol="AAPL")["con_id"] == 265598
    wire.send(9, 8, 5, *contract("AAPL"), 0, "", "", "")
    wire.send(1, 11, 6, *contract("AAPL", 265598), 0, "", 0, 0, "")
    assert [frame[2:4] for frame in wire.frames(4)] == [["5", "200"], ["6", "200"]]
    act(stage, "delist", symbol="AAPL", on=False)
    wire.send(9, 8, 5, *contract("AAPL"), 0, "", "", "")
    assert len(wire.frames(10)) == 1


def test_a_symbol_gets_price_bands_and_a_magnifier() -> None:
    stage = staged()
    wire = Wire(memory(stage))
    assert act(stage, "stepping", symbol="IBM", price_magnifier="100")["market_rule"] == 1905
    wire.send(9, 8, 5, *contract("IBM"), 0, "", "", "")
    (fields,) = wire.frames(10)
    assert fields[17] == "100"
    assert set(fields[36].split(",")) == {"1905"}
    wire.send(91, 1905)
    assert wire.frames(93)[0][3:7] == ["0", "0.01", "20", "0.02"]


@pytest.mark.parametrize(
    ("name", "inputs", "field"),
    [
        ("details", {"unanswered": ["BOND"]}, "unanswered"),
        ("delist", {"symbol": "NONE"}, "symbol"),
        ("stepping", {"symbol": "ESZ6"}, "symbol"),
        ("stepping", {"symbol": "IBM", "market_rule": 67}, "market_rule"),
        ("stepping", {"symbol": "IBM", "price_magnifier": "7"}, "price_magnifier"),
    ],
)
def test_a_wrong_input_is_refused_by_name(name: str, inputs: dict[str, object], field: str) -> None:
    stage = staged()
    before = stage.host.market.catalogue.underlyings()
    with pytest.raises(InputError) as caught:
        act(stage, name, **inputs)
    assert caught.value.field == field
    assert stage.host.market.catalogue.underlyings() == before
    assert stage.host.faults.unanswered_details == ()
