"""Refusals name the amounts of the check, in the currency of the check."""

from __future__ import annotations

from decimal import Decimal

from trader.sim.broker.money.accounts import Kind
from trader.sim.broker.money.refusals import no_short_sale, short_of_cash, short_of_margin


def test_margin_and_cash_name_both_amounts() -> None:
    text = short_of_margin(Decimal(1000), Decimal("5000.555"), "USD")
    assert "[1000.00 USD]" in text
    assert "[5000.56 USD]" in text
    text = short_of_cash(Decimal(5), Decimal(7), "EUR")
    assert "5.00 EUR" in text
    assert "7.00 EUR" in text


def test_a_short_sale_is_refused_by_account_or_by_product() -> None:
    assert "CASH ACCOUNT" in no_short_sale(Kind.CASH)
    assert "PRODUCT" in no_short_sale(Kind.MARGIN)
