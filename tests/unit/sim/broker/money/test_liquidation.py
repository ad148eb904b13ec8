"""The broker closes what frees most margin, no more than it takes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tests.unit.sim.broker.wealth import CALL, EURO_STOCK, FUTURE, STOCK, D, Wealth
from trader.sim.broker.money.liquidation import Closing, Holding, to_close
from trader.sim.model.orders import Side


def test_an_account_that_stands_is_left_alone() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "-100", "100")
    assert wealth.bank.to_liquidate("DU1") == []


def test_a_short_that_has_risen_is_bought_back_as_far_as_needed() -> None:
    wealth = Wealth(cash="10000")
    wealth.trade(STOCK, "-100", "100")
    wealth.prices[1] = D(160)
    wealth.pass_time()
    # Equity 4,000, maintenance 4,800: 800 lack, a share frees 48.
    (closing,) = wealth.bank.to_liquidate("DU1")
    assert closing == Closing(STOCK, Side.BUY, D(18))
    wealth.trade(STOCK, "18", "160")
    assert wealth.bank.funds("DU1").excess >= 0


def test_what_frees_most_goes_first_and_what_frees_nothing_stays() -> None:
    holdings = [
        Holding(STOCK, D(10), D(250)), Holding(CALL, D(5), D(0)), Holding(FUTURE, D(-2), D(900)),
    ]  # fmt: skip
    assert to_close(D(-1000), holdings) == [
        Closing(FUTURE, Side.BUY, D(2)), Closing(STOCK, Side.SELL, D(6)),
    ]  # fmt: skip


@given(
    st.integers(-5000, -1),
    st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 2000)), max_size=3),
)
def test_what_is_closed_is_enough_or_all_there_is(excess: int, held: list[tuple[int, int]]) -> None:
    items = (STOCK, EURO_STOCK, FUTURE)
    holdings = [
        Holding(item, D(quantity), D(freed))
        for item, (quantity, freed) in zip(items, held, strict=False)
        if quantity
    ]
    by_id = {one.instrument.con_id: one for one in holdings}
    freed = D(0)
    closings = to_close(D(excess), holdings)
    for closing in closings:
        one = by_id[closing.instrument.con_id]
        assert 0 < closing.quantity <= abs(one.quantity)
        assert closing.side is (Side.SELL if one.quantity > 0 else Side.BUY)
        freed += one.freed * closing.quantity / abs(one.quantity)
    assert freed >= -excess or round(freed, 9) == sum(one.freed for one in holdings)
