"""Shares of the account: what the market made of them, by the same bounds as the review."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import CON, OTHER_CON
from trader.core.exposures import Bounds, Level, bounds_of, concentrations, counted_equity
from trader.core.marks import Mark, Source
from trader.core.policy import AccountType, RegimeLimits
from trader.core.positions import Position
from trader.core.valuation import Valuation, valued

D = Decimal
HOLD, BOX = D("0.20"), D("0.25")


def account(quantity: str, price: str, cash: str) -> Valuation:
    held = {CON: Position(CON, "AAA", D(quantity))}
    marks: dict[object, Mark | str] = {CON: Mark(D(price), "USD", "STK", Source.QUOTE, 1.0)}
    return valued(held, marks, {"USD": D(cash)}, rates={"USD": D(1)}, as_of_s=1.0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("price", "level"),
    [
        ("20.00", Level.OK),
        ("20.01", Level.HOLD),
        ("25.00", Level.HOLD),
        ("25.01", Level.BOX),
    ],
)
@pytest.mark.parametrize("quantity", ["100", "-100"])
def test_a_share_stands_to_its_limits_on_either_side(
    price: str, level: Level, quantity: str
) -> None:
    """BRK-04: 20.00 and 20.01 percent."""
    worth = account(quantity, price, "0")
    (row,) = concentrations(worth, {CON: "AAA"}, D(10_000), hold=HOLD, box=BOX)
    assert (row.symbol, row.level) == ("AAA", level)
    assert row.share == D(price) / 100
    assert row.value == D(quantity) * D(price)


def test_the_largest_comes_first_and_what_is_worth_nothing_is_left_out() -> None:
    worth = replace(
        account("1", "10", "0"),
        notionals={CON: D(10), OTHER_CON: D(-20), "x": D(0)},  # type: ignore[dict-item]
    )
    rows = concentrations(worth, {CON: "AAA"}, D(1_000), hold=HOLD, box=BOX)
    assert [row.symbol for row in rows] == [str(OTHER_CON), "AAA"]


@pytest.mark.parametrize("equity", ["0", "-5"])
def test_an_account_that_is_worth_nothing_has_no_shares_and_all_of_it_is_too_much(
    equity: str,
) -> None:
    (row,) = concentrations(account("1", "1", "0"), {}, D(equity), hold=HOLD, box=BOX)
    assert (row.share, row.level) == (None, Level.BOX)


def test_the_lower_value_of_the_account_counts() -> None:
    worth = account("10", "100", "500")
    assert counted_equity(worth, None) == 1_500
    assert counted_equity(worth, D(1_400)) == 1_400
    assert counted_equity(worth, D(1_600)) == 1_500


def test_bounds_are_those_of_the_regime_and_of_the_account() -> None:
    limits = RegimeLimits(D("2.5"), D("0.8"), D("0.25"))
    wide = bounds_of(limits, AccountType.PORTFOLIO_MARGIN, D(1_000))
    assert wide == Bounds(D(2_500), D(800), D(250))
    assert bounds_of(limits, AccountType.CASH, D(1_000)).gross == 1_000
    assert bounds_of(limits, AccountType.REG_T, D(-1)) == Bounds(D(0), D(0), D(0))
