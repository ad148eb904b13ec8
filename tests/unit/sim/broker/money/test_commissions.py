"""Commissions follow the published schedules; a minimum is paid once an order."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.wealth import CALL, COIN, FUTURE, PAIR, STOCK, D, Wealth, order
from trader.sim.broker.money.commissions import Schedule, Traded, charge_range, order_charge
from trader.sim.model.instruments import Instrument

MICRO = replace(FUTURE, symbol="MES", trading_class="MES", multiplier=D(5))


def fixed(item: Instrument, quantity: str, value: str) -> Decimal:
    return order_charge(Schedule.FIXED, item, Traded(D(quantity), D(value)))


def tiered(item: Instrument, quantity: str, value: str, month: str = "0") -> Decimal:
    return order_charge(Schedule.TIERED, item, Traded(D(quantity), D(value)), D(month))


def test_shares_cost_half_a_cent_each_from_one_dollar_to_one_percent() -> None:
    assert fixed(STOCK, "100", "20000") == D(1)
    assert fixed(STOCK, "1000", "200000") == D(5)
    assert fixed(STOCK, "1", "50") == D("0.5")
    assert fixed(STOCK, "0", "0") == 0


def test_tiered_shares_pay_their_tier_a_smaller_minimum_and_the_fees() -> None:
    assert tiered(STOCK, "10", "2000") == D("0.35") + 10 * D("0.0032")
    assert tiered(STOCK, "1000", "200000") == D("3.5") + 1000 * D("0.0032")


def test_shares_beyond_a_tier_pay_the_next_one() -> None:
    # 100,000 are left in the first tier, 100,000 fall into the second.
    charge = tiered(STOCK, "200000", "20000000", month="200000")
    assert charge == 100_000 * D("0.0035") + 100_000 * D("0.0020") + 200_000 * D("0.0032")


def test_an_options_rate_depends_on_its_premium() -> None:
    assert fixed(CALL, "10", "20") == D("2.5")  # 0.02
    assert fixed(CALL, "10", "70") == D(5)  # 0.07
    assert fixed(CALL, "10", "4000") == D("6.5")  # 4.00
    assert fixed(CALL, "1", "400") == D(1)
    assert tiered(CALL, "100", "40000", month="50000") == D(25)


def test_futures_cost_by_contract_and_micros_less() -> None:
    assert fixed(FUTURE, "2", "500000") == D("4.50")
    assert fixed(MICRO, "1", "25000") == D("0.62")
    assert tiered(MICRO, "1", "25000", month="5000") == D("0.57")


def test_currencies_and_coins_cost_a_share_of_the_value_with_a_minimum() -> None:
    assert fixed(PAIR, "20000", "22000") == D(2)
    assert fixed(PAIR, "1000000", "1100000") == D(22)
    assert fixed(COIN, "0.5", "30000") == D(54)
    assert fixed(COIN, "0.001", "60") == D("0.60")


def test_a_what_if_shows_a_range_only_where_the_charge_depends_on_the_venue() -> None:
    traded = Traded(D(1000), D(200_000))
    assert charge_range(Schedule.FIXED, STOCK, traded) == (D(5), D(5))
    low, high = charge_range(Schedule.TIERED, STOCK, traded)
    assert (low, high) == (D("3.7"), D("6.7"))


@pytest.mark.parametrize("schedule", list(Schedule))
@given(parts=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_parts_of_an_order_cost_what_the_whole_costs(schedule: Schedule, parts: list[int]) -> None:
    wealth = Wealth()
    wealth.account.schedule = schedule
    working = order(STOCK, "5000")
    for part in parts:
        charge = wealth.bank.commission(working, D(part), D(100))
        assert charge >= 0
        wealth.trade(STOCK, str(part), "100", str(charge))
        working.filled += part
        working.paid += part * 100
        working.charged += charge
    whole = order_charge(schedule, STOCK, Traded(working.filled, working.paid))
    assert working.charged == whole
