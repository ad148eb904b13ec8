"""A bank is a house: it moves cash and says so, and knows what contracts are made from."""

from __future__ import annotations

from tests.unit.sim.broker.money.test_bank import Ear
from tests.unit.sim.broker.wealth import CALL, FUTURE, INDEX, STOCK, D, Wealth
from trader.sim.broker.money.house import House


def test_a_bank_is_a_house() -> None:
    wealth = Wealth()
    heard: list[str] = []
    wealth.bank.listener = Ear(heard)
    house: House = wealth.bank
    house.move_cash(wealth.account, "USD", D(-5))
    house.tell_position(wealth.account, wealth.account.position(STOCK))
    assert wealth.account.cash == 99_995
    assert heard == ["funds DU1", "position DU1 ABC 0"]
    assert [house.below(item) for item in (CALL, FUTURE, STOCK)] == [STOCK, INDEX, None]
    assert house.today() == "2026-11-21"
