"""The broker's own actions are seen as rows and cash, never as executions (but liquidation)."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.sim.script.stages import Wire, act, memory, staged
from tests.unit.sim.support import ACCOUNT, place_fields
from trader.sim.model.instruments import ContractQuery
from trader.sim.script.inputs import InputError
from trader.sim.script.stage import Stage


def holding(stage: Stage, quantity: int, symbol: str = "AAPL") -> Wire:
    item = stage.host.market.catalogue.symbol(symbol)
    assert item is not None
    stage.host.exchange.bank.endow("", item, Decimal(quantity))
    wire = Wire(memory(stage))
    wire.send(61, 1)
    wire.frames()
    return wire


def test_money_is_paid_in_and_a_strange_currency_refused() -> None:
    stage = staged()
    assert act(stage, "deposit", amount=5)["balance"] == "1000005"
    assert act(stage, "deposit", currency="EUR", amount="-2.5")["balance"] == "-2.5"
    with pytest.raises(InputError) as caught:
        act(stage, "deposit", currency="XYZ", amount=1)
    assert (caught.value.field, caught.value.value) == ("currency", "'XYZ'")
    assert caught.value.allowed == "one with a rate"
    with pytest.raises(InputError, match="account"):
        act(stage, "deposit", account="DUX", amount=1)


def test_a_split_changes_rows_and_price_and_cancels_what_rests() -> None:
    stage = staged()
    wire = holding(stage, 10)
    before = stage.host.exchange.bank.funds("").net
    wire.send(*place_fields(1, kind="LMT", limit=10, quantity=1))
    wire.wait(1)
    wire.frames()
    assert act(stage, "split", symbol="AAPL", ratio=4)["cancelled"] == 1
    frames = wire.frames(3, 11, 61)
    assert [f[2] for f in frames if f[0] == "3"] == ["Cancelled"]
    assert [f[14] for f in frames if f[0] == "61"] == ["40"]
    assert [f for f in frames if f[0] == "11"] == []
    wire.wait(2)
    assert abs(stage.host.exchange.bank.funds("").net - before) < 60


def test_a_dividend_is_cash_and_a_new_name_two_rows() -> None:
    stage = staged()
    wire = holding(stage, 10)
    assert act(stage, "dividend", symbol="AAPL", amount=2) == {"accounts": [ACCOUNT]}
    assert stage.host.exchange.bank.main.cash == 1_000_020
    act(stage, "rename", symbol="AAPL", becomes="IBM")
    assert [(f[4], f[14]) for f in wire.frames(61)] == [("AAPL", "0"), ("IBM", "10")]


def test_options_expire_and_are_assigned_without_an_execution() -> None:
    stage = staged()
    chain = stage.host.market.catalogue.find_all(
        ContractQuery(symbol="AAPL", sec_type="OPT", right="C")
    )
    item = min(chain, key=lambda one: (one.strike or Decimal(0), one.con_id))
    wire = holding(stage, -3, item.local_symbol)
    with pytest.raises(InputError) as caught:
        act(stage, "assign", symbol=item.local_symbol, quantity=4)
    assert (caught.value.field, caught.value.value) == ("quantity", "'4'")
    assert caught.value.allowed == "above 0, up to 3 written options"
    act(stage, "assign", symbol=str(item.con_id), quantity=1)
    assert [(f[5], f[14]) for f in wire.frames(61)] == [("OPT", "-2"), ("STK", "-100")]
    act(stage, "expire", symbol=item.local_symbol)
    assert [(f[5], f[14]) for f in wire.frames(61, 11)] == [("OPT", "0"), ("STK", "-300")]
    with pytest.raises(InputError, match="symbol"):
        act(stage, "expire", symbol=item.local_symbol)
    with pytest.raises(InputError, match="symbol"):
        act(stage, "expire", symbol="NOTHING")


def test_only_what_was_written_is_assigned_and_only_what_ends_expires() -> None:
    stage = staged()
    holding(stage, 10)
    for name, inputs in (("assign", {"quantity": 1}), ("expire", {})):
        with pytest.raises(InputError) as caught:
            act(stage, name, symbol="AAPL", **inputs)
        assert (caught.value.field, caught.value.value) == ("symbol", "'AAPL'")
        assert "; allowed: " not in caught.value.allowed


def test_a_night_drops_what_is_flat() -> None:
    stage = staged()
    act(stage, "manual-trade", symbol="AAPL", side="BUY", quantity=5)
    act(stage, "manual-trade", symbol="AAPL", side="SELL", quantity=5)
    assert len(stage.host.exchange.bank.main.positions) == 1
    act(stage, "night")
    assert stage.host.exchange.bank.main.positions == {}


def test_a_liquidation_is_warned_of_and_executed() -> None:
    stage = staged()
    wire = holding(stage, 10)
    with pytest.raises(InputError, match="lacks margin"):
        act(stage, "liquidate")
    act(stage, "liquidate", symbol="AAPL")
    assert [f[3] for f in wire.frames(4)] == ["2148"]
    wire.wait(5)
    (done,) = stage.host.exchange.executions
    assert (done.order_id, done.liquidation) == (-1, 1)
    assert act(stage, "margin-desk", on=True) == {"on": True}


def test_an_account_begins_with_a_nearest_contract_in_the_money() -> None:
    stage = staged()
    spot = stage.host.market.quote(stage.host.market.catalogue.all()[0]).last
    for contract, kind, side in (("call", "C", -1), ("put", "P", 1)):
        act(stage, "endow", symbol="AAPL", contract=contract, quantity=1)
        entry = list(stage.host.exchange.bank.main.positions.values())[-1]
        strike = entry.instrument.strike
        assert strike is not None
        assert entry.instrument.right == kind
        assert (strike - spot) * side > 0
    act(stage, "endow", symbol="ES", contract="future", quantity=-2)
    entry = list(stage.host.exchange.bank.main.positions.values())[-1]
    assert (entry.instrument.sec_type, entry.quantity) == ("FUT", Decimal(-2))
    with pytest.raises(InputError, match="one that has a put"):
        act(stage, "endow", symbol="IBIS", contract="put", quantity=1)
    with pytest.raises(InputError, match="can be held"):
        act(stage, "endow", symbol="EUR.USD", quantity=1)
    assert stage.host.exchange.executions == []
