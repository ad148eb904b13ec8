"""How contracts end, given the price of what they are made from."""

from __future__ import annotations

from dataclasses import replace

from tests.unit.sim.broker.wealth import CALL, FUTURE, PUT, STOCK, D
from trader.sim.broker.money.expiry import Delivery, Ending, ending, inner_value, is_over
from trader.sim.model.orders import ZERO, Side

INDEX_CALL = replace(CALL, under_sec_type="IND")


def test_a_contract_is_over_the_day_after_its_last() -> None:
    assert not is_over(CALL, "2026-12-18")
    assert is_over(CALL, "2026-12-19")
    assert not is_over(STOCK, "2099-01-01")


def test_out_of_the_money_is_worthless_to_the_cent() -> None:
    assert ending(CALL, D(1), D(100)) == Ending(ZERO)
    assert ending(CALL, D(1), D("100.005")) == Ending(ZERO)
    assert ending(PUT, D(-1), D(101)) == Ending(ZERO)


def test_in_the_money_shares_change_hands_at_the_strike() -> None:
    assert ending(CALL, D(2), D("100.01")).delivery == Delivery(Side.BUY, D(200), D(100))
    assert ending(CALL, D(-1), D(105)).delivery == Delivery(Side.SELL, D(100), D(100))
    assert ending(PUT, D(1), D(95)).delivery == Delivery(Side.SELL, D(100), D(100))
    assert ending(PUT, D(-3), D(95)).delivery == Delivery(Side.BUY, D(300), D(100))


def test_an_index_pays_the_difference_and_a_future_settles_at_the_price() -> None:
    assert ending(INDEX_CALL, D(1), D(107)) == Ending(D(7))
    assert ending(FUTURE, D(-1), D(5010)) == Ending(D(5010))
    assert inner_value(PUT, D(90)) == 10
