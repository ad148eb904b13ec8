"""What clients are shown: the truth, or what the switches make of it; the bank never changes."""

from __future__ import annotations

from decimal import Decimal

from tests.unit.sim.broker.wealth import PAIR, PRICES, STOCK, D, Wealth
from trader.sim.broker.money.accounts import Position
from trader.sim.broker.money.money import UNSET
from trader.sim.gateway.ways.account_view import (
    AccountSwitches,
    AccountView,
    Shown,
    invalid_account,
)


class Watched:
    """A view of a bank, and what it has shown live."""

    def __init__(self) -> None:
        self.wealth, self.switches = Wealth(), AccountSwitches()
        self.view = AccountView(self.wealth.bank, self.wealth.clock, self.switches)
        self.shown: list[tuple[str, Decimal]] = []

    def trade(self, quantity: str) -> None:
        self.wealth.trade(STOCK, quantity, PRICES[1])
        entry = self.wealth.account.positions[STOCK.con_id]
        self.view.moved("DU1", entry, self.hear)

    def hear(self, account: str, row: Shown) -> None:
        self.shown.append((account, row.quantity))

    def quantities(self) -> list[Decimal]:
        return [row.quantity for row in self.view.held("DU1")]


def test_without_switches_everything_is_shown_at_once_and_flats_only_live() -> None:
    watched = Watched()
    watched.trade("10")
    assert watched.quantities() == [10]
    watched.trade("-10")
    assert watched.quantities() == []
    assert watched.shown == [("DU1", D(10)), ("DU1", D(0))]


def test_positions_lag_by_so_many_seconds_in_lists_and_live() -> None:
    watched = Watched()
    watched.trade("10")
    watched.view.start_lag()
    watched.switches.position_lag_s = 5.0
    watched.trade("5")
    watched.trade("-15")
    assert (watched.quantities(), watched.shown) == ([D(10)], [("DU1", D(10))])
    watched.wealth.clock.advance(5.1)
    assert watched.quantities() == []
    assert watched.shown[1:] == [("DU1", D(15)), ("DU1", D(0))]


def test_positions_lag_by_so_many_changes() -> None:
    watched = Watched()
    watched.view.start_lag()
    watched.switches.position_lag_fills = 2
    for quantity in ("1", "2", "4", "8"):
        watched.trade(quantity)
    assert watched.shown == [("DU1", D(1)), ("DU1", D(3))]
    assert watched.quantities() == [3]
    watched.switches.position_lag_fills = 0
    watched.view.end_lag(watched.hear)
    assert watched.shown[2:] == [("DU1", D(7)), ("DU1", D(15))]
    assert watched.quantities() == [15]


def test_rows_can_be_left_out_or_made_up() -> None:
    watched = Watched()
    watched.switches.omitted[STOCK.con_id] = None
    watched.trade("10")
    assert (watched.quantities(), watched.shown) == ([], [])
    phantom = Position(STOCK, D(7), D(3))
    watched.switches.phantoms[77] = phantom
    assert watched.quantities() == [7]
    assert watched.wealth.account.quantity(STOCK) == 10


def test_a_currency_has_a_position_but_no_portfolio_row() -> None:
    watched = Watched()
    watched.wealth.trade(PAIR, "20000", "1.1")
    assert [row.instrument.sec_type for row in watched.view.held("DU1")] == ["CASH"]
    assert watched.view.portfolio("DU1") == []


def test_values_are_as_old_as_the_lag_allows() -> None:
    watched = Watched()
    watched.switches.values_lag_s = 30.0
    first = watched.view.rows("DU1")
    watched.wealth.bank.deposit("DU1", "USD", D(5))
    assert watched.view.rows("DU1") == first
    watched.wealth.clock.advance(31)
    assert ("CashBalance", "100005.00", "USD") in watched.view.rows("DU1")


def test_a_marker_stands_in_place_of_a_value_everywhere() -> None:
    watched = Watched()
    watched.switches.sentinels["NetLiquidation"] = UNSET
    assert ("NetLiquidation", UNSET, "USD") in watched.view.rows("DU1")
    assert watched.view.summary("DU1", ["NetLiquidation"]) == [("NetLiquidation", UNSET, "USD")]


def test_the_first_lists_can_be_noisy() -> None:
    watched = Watched()
    watched.switches.noise, watched.switches.noisy_lists = D(100), 2
    nets = []
    for _ in range(3):
        nets += [row[1] for row in watched.view.rows("DU1") if row[0] == "NetLiquidation"]
    assert nets == ["100100.00", "99900.00", "100000.00"]


def test_the_ledger_has_currencies_and_the_net_value_only() -> None:
    rows = Watched().view.ledger("DU1")
    assert {key for key, _, currency in rows if currency == "USD"} == {
        "CashBalance", "TotalCashBalance", "ExchangeRate", "NetLiquidation",
        "NetLiquidationByCurrency",
    }  # fmt: skip
    assert "BuyingPower" not in {row[0] for row in rows}
    assert "DUX" in invalid_account("DUX")
