"""Corporate actions change holdings of every account and no net value but by what is paid."""

from __future__ import annotations

import pytest

from tests.unit.sim.broker.money.test_bank import Ear
from tests.unit.sim.broker.wealth import RENAMED, STOCK, D, Wealth
from trader.sim.broker.money.corporate import Split


def test_a_split_multiplies_the_quantity_and_divides_the_cost() -> None:
    wealth = Wealth(names=2)
    for name in ("DU1", "DU2"):
        wealth.trade(STOCK, "10", "100", account=name)
    wealth.bank.split(STOCK, Split(D(4), D(25)))
    for account in wealth.bank.accounts.values():
        entry = account.positions[STOCK.con_id]
        assert (entry.quantity, entry.average_cost) == (D(40), D(25))
        assert account.cash == 99_000


def test_fractions_of_a_merge_are_paid_out_under_the_new_name() -> None:
    # 350 become 8.75 of another instrument: 8 stay, 0.75 are paid at 4,000.
    wealth = Wealth()
    heard: list[str] = []
    wealth.trade(STOCK, "350", "100")
    wealth.bank.listener = Ear(heard)
    wealth.bank.split(STOCK, Split(D("0.025"), D(4000), RENAMED))
    assert wealth.account.quantity(STOCK) == 0
    assert wealth.account.quantity(RENAMED) == 8
    assert wealth.account.positions[RENAMED.con_id].average_cost == 4000
    assert wealth.account.cash == 65_000 + 3000
    assert heard == ["position DU1 ABC 0", "position DU1 XYZ 8.000"]


def test_a_short_holder_pays_the_dividend() -> None:
    wealth = Wealth(names=2)
    wealth.trade(STOCK, "100", "100")
    wealth.trade(STOCK, "-50", "100", account="DU2")
    paid = wealth.bank.dividend(STOCK, D("0.5"))
    assert [account.cash for account in paid] == [90_000 + 50, 105_000 - 25]
    assert wealth.bank.result(wealth.account.positions[1]).daily == 50
    with pytest.raises(ValueError, match="amount: 0"):
        wealth.bank.dividend(STOCK, D(0))


def test_a_new_name_takes_over_cost_and_results() -> None:
    wealth = Wealth()
    wealth.trade(STOCK, "10", "100", "1")
    wealth.trade(STOCK, "-5", "110", "1")
    old = wealth.account.saved().positions[0]
    cost, realized = old.average_cost, old.realized
    wealth.bank.rename(STOCK, RENAMED)
    new = wealth.account.positions[RENAMED.con_id]
    assert (new.quantity, new.average_cost, new.realized) == (D(5), cost, realized)
    wealth.trade(STOCK, "1", "100")
    with pytest.raises(ValueError, match="becomes: XYZ"):
        wealth.bank.rename(STOCK, RENAMED)


@pytest.mark.parametrize(("ratio", "price"), [("0", "1"), ("-1", "1"), ("NaN", "1"), ("2", "0")])
def test_a_ratio_and_a_price_are_above_zero(ratio: str, price: str) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Split(D(ratio), D(price))
