"""Leverage and margin by asset class, and the broker's own funds beside ours.

The broker's figures are minutes old, so what works is taken off them in full. Without a reading
(where the policy does not ask for one) only what is paid in full may be bought.
"""

from decimal import Decimal

from trader.core.account import AccountReading
from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.policy import AccountType, WhatIf
from trader.core.risk.case import Case, Unavailable, check, needed
from trader.core.risk.exposure import (
    account_of,
    valuation_of,
)


def leverage_check(case: Case) -> Check:
    """Refuse more leverage in an asset class than the policy allows."""
    if case.is_exempt:
        return _exempt("LEVERAGE")
    kind, account = needed(case.asset_class), account_of(case)
    value = account.valuation.gross_by_class.get(kind.sec_type, ZERO)
    value += account.growth_of_all
    passed = account.equity > ZERO and value <= kind.leverage_max * account.equity
    text = f"{value:.2f} {kind.sec_type} of {account.equity_text}"
    return check("LEVERAGE", text, f"at most {kind.leverage_max!s} of it", passed)


def margin_check(case: Case) -> Check:
    """Refuse more margin than the policy lets the account use."""
    if case.is_exempt:
        return _exempt("MARGIN")
    exposure, reading = case.policy.exposure, _reading(case)
    if reading is None or case.account_type is AccountType.CASH:
        return check("MARGIN", "no margin used", "paid in full", _is_paid_in_full(case))
    account = account_of(case)
    own = max(account.growth, ZERO) * needed(case.asset_class).initial_margin_fraction
    used = needed(reading.initial_margin) + own + account.adds_elsewhere
    if account.equity <= ZERO:
        raise Unavailable
    share = used / account.equity
    warning = " (above the warning)" if share > exposure.margin_usage_warning else ""
    most = exposure.margin_usage_max
    return check("MARGIN", f"{share:.5f}{warning}", f"at most {most!s} of equity", share <= most)


def funds_check(case: Case) -> Check:
    """Refuse an order that the broker's available funds and buying power do not cover."""
    if case.is_exempt:
        return _exempt("AVAILABLE_FUNDS")
    reading = _reading(case)
    if reading is None:
        return check("AVAILABLE_FUNDS", "not told", "own cash covers it", _is_paid_in_full(case))
    valuation, cash = valuation_of(case), case.policy.cash
    rate = valuation.rates[case.instrument.currency]
    cost = case.cost * rate
    commission = case.commission * rate
    reserved = ZERO
    for currency, total in case.book.workings.by_currency.items():
        asked = total.set_aside(cash) + total.sells_value
        reserved += asked * valuation.rates[currency]
    in_full = case.account_type is AccountType.CASH
    fraction = Decimal(1) if in_full else needed(case.asset_class).initial_margin_fraction
    funds = needed(reading.available_funds) - reserved - commission - cost * fraction
    power = needed(reading.buying_power) - reserved - commission - cost
    left = min(funds, power)
    return check("AVAILABLE_FUNDS", f"{left:.2f} left", "0 or more", left >= ZERO)


def what_if_check(case: Case) -> Check:
    """Refuse an order after which, says the broker, the account would use too much margin."""
    preview, what_if = case.given.what_if, case.policy.exposure.what_if
    if case.is_exempt:
        return _NOT_ASKED
    if preview is None:
        if what_if is not WhatIf.NEVER and not case.given.is_what_if_asked:
            return TO_BE_ASKED
        if what_if is WhatIf.REQUIRED:
            raise Unavailable
        return _NOT_ASKED
    most = case.policy.exposure.margin_usage_max * preview.equity_with_loan_after
    passed = preview.initial_margin_after <= most and preview.equity_with_loan_after > ZERO
    return check("WHAT_IF", f"{preview.initial_margin_after:.2f}", f"at most {most:.2f}", passed)


_NOT_ASKED = Check("WHAT_IF", "no answer asked for", "margin after the order", passed=True)
# Among the checks of a review it says that the order adds risk and that the broker has the word.
TO_BE_ASKED = Check("WHAT_IF", "to be asked", "margin after the order", passed=True)


def _reading(case: Case) -> AccountReading | None:
    """Return a fresh reading, or None where the policy does without; raises Unavailable."""
    exposure, reading = case.policy.exposure, case.given.account
    is_fresh = (
        reading is not None
        and 0 <= case.given.now_s - reading.as_of_s <= exposure.account_age_s_max
    )
    if is_fresh:
        return reading
    if exposure.is_reading_required:
        raise Unavailable
    return None


def _is_paid_in_full(case: Case) -> bool:
    """Tell whether the position that comes of it is long and owes nothing."""
    return case.projected >= ZERO and needed(case.asset_class).is_payable


def _exempt(code: str) -> Check:
    return check(code, "not asked", "for new risk", passed=True)


CHECKS = (
    ("LEVERAGE", leverage_check),
    ("MARGIN", margin_check),
    ("AVAILABLE_FUNDS", funds_check),
    ("WHAT_IF", what_if_check),
)
