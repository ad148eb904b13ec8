"""The night's processing moves positions and cash without any execution."""

from __future__ import annotations

import random

import pytest

from tests.unit.sim.broker.money.test_bank import Ear
from tests.unit.sim.broker.wealth import CALL, FUTURE, PUT, STOCK, D, Wealth
from tests.unit.sim.support import Bench, request
from trader.sim.model.instruments import ContractQuery

AFTER_EXPIRY_S = 30 * 86_400.0


def listening(wealth: Wealth) -> list[str]:
    heard: list[str] = []
    wealth.bank.listener = Ear(heard)
    return heard


def test_an_assigned_call_takes_the_shares_away_at_the_strike() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "100", "90")
    wealth.trade(CALL, "-1", "4")
    wealth.prices[1] = D(120)
    wealth.clock.advance(AFTER_EXPIRY_S)
    heard = listening(wealth)
    wealth.bank.nights.process()
    assert heard == ["position DU1 ABC 0", "position DU1 ABC 0"]
    assert wealth.account.held() == []
    assert wealth.account.cash == 100_000 - 9000 + 400 + 10_000


def test_a_worthless_option_is_gone_and_only_its_premium_is_lost() -> None:
    wealth = Wealth()
    wealth.trade(PUT, "1", "3")
    wealth.clock.advance(AFTER_EXPIRY_S)
    wealth.bank.nights.process()
    assert wealth.account.positions == {}
    assert wealth.account.cash == 99_700


def test_a_future_pays_the_difference_in_cash() -> None:
    wealth = Wealth()
    wealth.trade(FUTURE, "-2", "5000")
    wealth.prices[9] = D(4990)
    wealth.clock.advance(AFTER_EXPIRY_S)
    wealth.bank.nights.process()
    assert wealth.account.positions == {}
    assert wealth.account.cash == 101_000


def test_exercise_happens_in_the_night_and_never_changes_the_net_value() -> None:
    wealth = Wealth()
    wealth.trade(CALL, "2", "20")
    wealth.prices[1], wealth.prices[5] = D(120), D(20)
    before, nights = wealth.net(), wealth.bank.nights
    assert nights.ask_exercise(wealth.account, CALL, D(1), is_forced=False) == ""
    assert wealth.account.quantity(STOCK) == 0
    nights.process()
    assert (wealth.account.quantity(CALL), wealth.account.quantity(STOCK)) == (D(1), D(100))
    assert wealth.net() == before
    nights.process()
    assert wealth.account.quantity(STOCK) == 100


def test_exercise_is_refused_without_a_position_or_against_reason() -> None:
    wealth = Wealth()
    ask = wealth.bank.nights.ask_exercise
    assert "No unlapsed position" in ask(wealth.account, CALL, D(1), is_forced=True)
    wealth.trade(CALL, "1", "4")
    assert "not in-the-money" in ask(wealth.account, CALL, D(1), is_forced=False)
    assert ask(wealth.account, CALL, D(1), is_forced=True) == ""
    wealth.prices[1] = D(120)
    assert "in-the-money" in ask(wealth.account, CALL, D(-1), is_forced=False)
    assert ask(wealth.account, CALL, D(-1), is_forced=True) == ""
    wealth.bank.nights.process()
    assert (wealth.account.quantity(CALL), wealth.account.quantity(STOCK)) == (D(0), D(0))


def test_early_assignment_needs_so_many_written_options() -> None:
    wealth = Wealth()
    wealth.trade(PUT, "-3", "3")
    entry = wealth.account.positions[PUT.con_id]
    with pytest.raises(ValueError, match="up to 3"):
        wealth.bank.nights.assign(wealth.account, entry, D(4))
    wealth.bank.nights.assign(wealth.account, entry, D(2))
    assert (wealth.account.quantity(PUT), wealth.account.quantity(STOCK)) == (D(-1), D(200))
    with pytest.raises(ValueError, match="ABC"):
        wealth.bank.nights.end(wealth.account, wealth.account.positions[STOCK.con_id])


def test_a_new_day_starts_results_at_zero_and_drops_what_is_flat() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "10", "90")
    wealth.trade(PUT, "1", "3")
    wealth.trade(PUT, "-1", "4")
    wealth.bank.nights.process()
    assert list(wealth.account.positions) == [STOCK.con_id]
    found = wealth.bank.result(wealth.account.positions[STOCK.con_id])
    assert (found.daily, found.realized, found.unrealized) == (D(0), D(0), D(100))
    assert wealth.account.day_equity == 100_000 + 100 + 100


def test_nights_come_at_half_past_two_of_the_zone_every_day() -> None:
    wealth = Wealth()
    # Saturday 21 November 2026, 05:46:40 UTC, 00:46:40 in New York.
    wealth.bank.nights.start(wealth.clock, "America/New_York")
    wealth.trade(PUT, "1", "3")
    wealth.trade(PUT, "-1", "3")
    wealth.clock.advance(6199)
    assert PUT.con_id in wealth.account.positions
    wealth.clock.advance(2)
    assert wealth.account.positions == {}
    wealth.trade(PUT, "1", "3")
    wealth.trade(PUT, "-1", "3")
    wealth.clock.advance(86_398)
    assert PUT.con_id in wealth.account.positions
    wealth.clock.advance(2)
    assert wealth.account.positions == {}


def test_a_contract_ends_in_the_night_after_its_last_day_whatever_the_zone() -> None:
    wealth = Wealth()
    # Friday 18 December 2026, 21:30 UTC: half past four in New York, the market has closed.
    wealth.clock.advance(1_797_629_400.0 - wealth.clock.time())
    wealth.trade(PUT, "1", "3")
    wealth.bank.nights.end_contracts(wealth.account)
    assert wealth.account.quantity(PUT) == 1
    wealth.clock.advance(3600)
    wealth.bank.nights.end_contracts(wealth.account)
    assert wealth.account.quantity(PUT) == 0


def test_a_future_held_over_night_pays_its_variation_margin_in_cash() -> None:
    wealth = Wealth()
    wealth.trade(FUTURE, "2", "5000")
    wealth.prices[4] = D("5010.25")
    before = wealth.net()
    heard = listening(wealth)
    wealth.bank.nights.process()
    assert wealth.account.cash == 100_000 + 1025
    assert heard == ["funds DU1"]
    assert wealth.net() == before
    assert wealth.bank.funds("DU1").marks.futures_result == 0
    # The average cost stays what was paid: the result of the position counts from there.
    entry = wealth.account.positions[FUTURE.con_id]
    assert entry.average_cost == 5000 * 50
    # A second night at the same price moves nothing, and the close pays only what is new.
    wealth.bank.nights.process()
    assert wealth.account.cash == 101_025
    assert wealth.trade(FUTURE, "-2", "5009").realized == 900
    assert wealth.account.cash == 100_000 + 900


@pytest.mark.parametrize("seed", range(20))
def test_cash_is_the_sum_of_trades_and_nights_to_the_cent(seed: int) -> None:
    """Goal: after any nights and trades cash is what an independent sum of all trades says."""
    print(f"seed {seed}")
    rng, wealth = random.Random(seed), Wealth(cash="10000000")
    held, paid, price, made = D(0), D(0), D(5000), []
    for _ in range(60):
        price += D(rng.randrange(-80, 81)) / 4
        wealth.prices[4] = price
        step = rng.random()
        if step < 0.6:
            size, charge = D(rng.choice([-5, -3, -2, -1, 1, 2, 3, 5])), D(rng.randrange(999)) / 100
            made.append(wealth.trade(FUTURE, str(size), str(price), str(charge)))
            held, paid = held + size, paid - size * price * 50 - charge
        elif step < 0.7 and made:
            gone = made.pop()
            wealth.bank.unbook(gone)
            signed = gone.quantity * gone.side.sign
            held, paid = held - signed, paid + signed * gone.price * 50 + gone.commission
        else:
            wealth.bank.nights.process()
            made.clear()
            assert wealth.account.cash == 10_000_000 + paid + held * price * 50
        assert wealth.account.quantity(FUTURE) == held
        assert wealth.net() == 10_000_000 + paid + held * price * 50
    if held:
        wealth.trade(FUTURE, str(-held), str(price))
    assert wealth.account.cash == 10_000_000 + paid + held * price * 50


@pytest.mark.parametrize("right", ["C", "P"])
def test_an_index_option_is_traded_and_settled_in_cash_at_the_index(right: str) -> None:
    bench = Bench()
    query = ContractQuery(symbol="SPX", sec_type="OPT", expiry="20261127", strike=D(5000),
                          right=right, exchange="SMART")  # fmt: skip
    item = bench.market.catalogue.find(query)
    assert item is not None
    assert (item.under_sec_type, item.multiplier) == ("IND", D(100))
    assert bench.gateway.place(7, request(1, contract=query, quantity=D(1))) is None
    (bought,) = bench.exchange.executions
    cash = bench.account.cash
    assert cash == 1_000_000 - bought.price * 100 - bought.commission
    index = bench.market.catalogue.symbol("SPX")
    assert index is not None
    bench.market.pins["SPX"] = D("5123.45" if right == "C" else "4876.55")
    bench.clock.advance(8 * 86_400)
    bench.exchange.bank.nights.process()
    assert bench.account.held() == []
    assert bench.account.cash == cash + D("12345.00")
