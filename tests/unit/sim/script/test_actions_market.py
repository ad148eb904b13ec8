"""Market data go wrong by name; what they go wrong into is tested where it is made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, memory_host
from tests.unit.sim.support import contract
from trader.sim.script.inputs import InputError


def watching() -> tuple[Any, Wire]:
    host = memory_host()
    wire = Wire(host)
    wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    wire.frames()
    return host, wire


def test_a_price_is_held_and_let_go() -> None:
    host, wire = watching()
    act_on(host, "price", symbol="AAPL", price="123.45")
    assert ("4", "123.45") in [(f[3], f[4]) for f in wire.frames(1)]
    assert act_on(host, "price", symbol="AAPL", price=None) == {"symbol": "AAPL", "price": None}
    assert dict(host.market.pins) == {}


def test_a_silenced_line_is_dead_until_asked_for_anew() -> None:
    host, wire = watching()
    assert act_on(host, "silence", request_id=5) == {"lines": 1}
    wire.wait(30)
    assert wire.frames(1, 2) == []


def test_a_farm_is_told_of_or_not() -> None:
    host, wire = watching()
    answer = act_on(host, "farm", code=2103)
    assert answer["text"].startswith("Market data farm connection is broken")
    assert [f[3] for f in wire.frames(4)] == ["2103"]
    wire.wait(30)
    assert wire.frames(1, 2) == []
    act_on(host, "farm", code=2104, announce=False)
    wire.wait(30)
    assert wire.frames(4) == []


def test_false_prices_are_shown_and_true_ones_matched() -> None:
    host, wire = watching()
    act_on(host, "distort", symbol="AAPL", kind="offset", amount=1000)
    prices = [float(f[4]) for f in wire.frames(1)]
    assert min(prices) > 1000
    assert host.exchange.quote(host.market.catalogue.symbol("AAPL")).bid < 1000
    act_on(host, "distort", symbol="AAPL", kind="none")
    assert max(float(f[4]) for f in wire.frames(1)) < 1000


def test_a_line_turns_into_delayed_data() -> None:
    host, wire = watching()
    answer = act_on(host, "market-data-type", symbol="AAPL", type="delayed")
    assert answer == {"lines": 1, "type": 3}
    assert ["58", "1", "5", "3"] in wire.frames(58)


def test_limits_and_rates_are_set() -> None:
    host, wire = watching()
    assert act_on(host, "data-limits", lines=1)["lines"] == 1
    wire.send(1, 11, 6, *contract("IBM"), 0, "", 0, 0, "")
    assert [f[3] for f in wire.frames(4)] == ["101"]
    act_on(host, "data-limits", history_pacing=0)
    assert not host.feeds.history_meter.is_on
    act_on(host, "rate-limit", per_s=10)
    assert host.world.rate.limit_per_s == 10
    act_on(host, "rate-limit", per_s=None)
    assert host.world.rate.limit_per_s is None


@pytest.mark.parametrize("name", ["halt", "reopen", "stale-first-tick"])
def test_an_unknown_symbol_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="AAPL"):
        act_on(memory_host(), name, symbol="NONE")


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("price", {"symbol": "AAPL"}, "price"),
        ("price", {"symbol": "AAPL", "price": 0}, "price"),
        ("price", {"symbol": "AAPL", "price": "100.005"}, "price"),
        ("price", {"symbol": "AAPL", "price": "0.09"}, "price"),
        ("price", {"symbol": "AAPL", "price": "1e-9"}, "price"),
        ("reopen", {"symbol": "AAPL", "price": "100.005"}, "price"),
        ("farm", {"code": 2150}, "code"),
        ("distort", {"symbol": "AAPL", "kind": "offset"}, "amount"),
        ("distort", {"symbol": "AAPL", "kind": "odd"}, "kind"),
        ("market-data-type", {"symbol": "AAPL", "type": "best"}, "type"),
        ("permission", {"symbol": "AAPL", "data": "all"}, "data"),
        ("rate-limit", {"per_s": 0}, "per_s"),
        ("data-limits", {"history_pacing": 2}, "history_pacing"),
        ("bars", {"symbol": "AAPL"}, "on"),
    ],
)
def test_a_wrong_input_is_named(name: str, body: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as caught:
        act_on(memory_host(), name, **body)
    assert caught.value.field == field


def test_a_price_moves_by_percent_of_where_it_stands_and_stays() -> None:
    host, wire = watching()
    before = host.market.quote(host.market.catalogue.symbol("AAPL"))
    found = act_on(host, "price-move", symbol="AAPL", percent=-25)
    assert Decimal(found["from"]) == pytest.approx(before.last, rel=Decimal("0.01"))
    assert Decimal(found["price"]) == pytest.approx(
        Decimal(found["from"]) * 3 / 4, abs=Decimal("0.01")
    )
    wire.wait(30)
    assert dict(host.market.pins) == {"AAPL": Decimal(found["price"])}
    again = act_on(host, "price-move", symbol="AAPL", percent="100")
    assert Decimal(again["price"]) == 2 * Decimal(found["price"])
    with pytest.raises(InputError, match="more than -100"):
        act_on(host, "price-move", symbol="AAPL", percent=-100)
