"""Amounts are written as account messages write them."""

from __future__ import annotations

from decimal import Decimal

from trader.sim.broker.money.money import UNSET, cost, double, ledger, money, rate, share


def test_amounts_have_two_decimals_and_costs_up_to_seven() -> None:
    assert money(Decimal("2.345")) == "2.35"
    assert cost(Decimal("1.123456789")) == "1.1234568"
    assert cost(Decimal("315114.750")) == "315114.75"


def test_a_ledger_balance_has_four_decimals_only_where_two_do_not_say_it() -> None:
    assert ledger(Decimal("953023.2")) == "953023.20"
    assert ledger(Decimal("7421167.74412")) == "7421167.7441"


def test_an_exchange_rate_has_two_to_seven_decimals() -> None:
    assert rate(Decimal(1)) == "1.00"
    assert rate(Decimal("7.786325")) == "7.786325"
    assert rate(Decimal("0.841113749")) == "0.8411137"


def test_a_share_has_no_trailing_zeros() -> None:
    assert share(Decimal("0.995150"), 6) == "0.99515"
    assert share(Decimal(1), 6) == "1"


def test_a_result_is_a_double_in_full_or_the_marker_for_none() -> None:
    assert double(Decimal("-103.927383")) == "-103.927383"
    assert double(Decimal(0)) == "0.0"
    assert double(None) == UNSET == "1.7976931348623157E308"
