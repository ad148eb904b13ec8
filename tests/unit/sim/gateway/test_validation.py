"""Each wrong request has its code; nothing wrong has none."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.support import ACCOUNT, Bench, request
from trader.sim.gateway import validation
from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.model.orders import Order, Status


def aapl() -> Instrument:
    item = Bench().market.catalogue.symbol("AAPL")
    assert item is not None
    return item


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"action": "SSHORT"}, 321),
        ({"order_type": "TRAIL"}, 321),
        ({"tif": "OPG"}, 321),
        ({"account": "OTHER"}, 321),
        ({"transmit": False}, 321),
        ({"parent_id": 3}, 321),
        ({"quantity": None}, 434),
        ({"quantity": Decimal(0)}, 434),
        ({"quantity": Decimal(-1)}, 321),
        ({"quantity": Decimal("1.5")}, 10318),
        ({"quantity": Decimal("1e30")}, 10318),
        ({"order_type": "LMT", "limit_price": Decimal("1e30")}, 110),
        ({"order_type": "LMT"}, 321),
        ({"order_type": "LMT", "limit_price": Decimal(0)}, 321),
        ({"order_type": "LMT", "limit_price": Decimal("1.005")}, 110),
        ({"order_type": "STP"}, 321),
        ({"order_type": "STP LMT", "aux_price": Decimal(1)}, 321),
    ],
)
def test_a_wrong_order_has_its_code(changes: dict[str, Any], code: int) -> None:
    refusal = validation.check_order(request(**changes), aapl(), [ACCOUNT])
    assert refusal is not None
    assert refusal.code == code


def test_prices_and_sizes_follow_the_instruments_own_steps() -> None:
    catalogue = Bench().market.catalogue
    (option, *_) = catalogue.find_all(ContractQuery(symbol="AAPL", sec_type="OPT"))
    coin = catalogue.symbol("BTC")
    assert coin is not None
    for item, quantity, price, code in (
        (option, "1", "2.99", None), (option, "1", "3.05", None), (option, "1", "3.01", 110),
        (coin, "0.00000001", "100.25", None), (coin, "0.000000001", "100", 10318),
        (coin, "1", "100.1", 110),
    ):  # fmt: skip
        asked = request(order_type="LMT", quantity=Decimal(quantity), limit_price=Decimal(price))
        refusal = validation.check_order(asked, item, [ACCOUNT])
        assert (refusal.code if refusal else None) == code, (item.symbol, quantity, price)


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"tif": ""},
        {"account": ACCOUNT},
        {"order_type": "LMT", "limit_price": Decimal("172.25"), "tif": "GTC"},
        {"order_type": "STP LMT", "aux_price": Decimal(1), "limit_price": Decimal(2)},
    ],
)
def test_a_right_order_has_none(changes: dict[str, Any]) -> None:
    assert validation.check_order(request(**changes), aapl(), [ACCOUNT]) is None


def test_unknown_and_untradable_contracts_are_told_apart() -> None:
    vix = Bench().market.catalogue.symbol("VIX")
    unknown = validation.check_order(request(), None, ACCOUNT)
    untradable = validation.check_order(request(), vix, ACCOUNT)
    assert unknown is not None
    assert untradable is not None
    assert (unknown.code, untradable.code) == (200, 203)


def live() -> Order:
    bench = Bench()
    bench.gateway.place(7, request(order_type="LMT", limit_price=Decimal(1)))
    return bench.exchange.working()[0]


def test_a_change_may_not_touch_side_or_contract_or_go_below_the_fill() -> None:
    order = live()
    order.filled = Decimal(40)
    wrong_side = validation.check_change(order, request(action="SELL"), order.instrument)
    too_small = validation.check_change(order, request(quantity=Decimal(40)), order.instrument)
    fine = validation.check_change(order, request(quantity=Decimal(41)), order.instrument)
    assert wrong_side is not None
    assert too_small is not None
    assert (wrong_side.code, too_small.code, fine) == (105, 321, None)


def test_late_changes_and_cancels_name_the_state() -> None:
    order = live()
    order.status = Status.FILLED
    assert validation.change_too_late(order).code == 104
    assert validation.cancel_too_late(order).code == 161
    assert validation.cancel_refused(5, None).code == 10147
    refused = validation.cancel_refused(5, order)
    assert refused.code == 10148
    assert "Filled" in refused.text
    order.status = Status.CANCELLED
    assert validation.change_too_late(order).code == 321
