"""The account as a whole: gross, net and single exposure against its value, by regime.

Exposure is that of the valuation, with this instrument taken out and put back as projected at
the fresh quote, and with everything that works elsewhere filled in the worst way.
"""

from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.exposures import counted_equity
from trader.core.policy import gross_most
from trader.core.risk.case import Account, Case, Unavailable, check, needed
from trader.core.risk.codes import HOLD_CODE
from trader.core.valuation import Valuation


def valuation_check(case: Case) -> Check:
    """Refuse new risk on a value of the account that is incomplete or old."""
    if case.is_exempt:
        return _exempt("VALUATION", case)
    valuation = needed(case.given.valuation)
    age_s = case.given.now_s - valuation.as_of_s
    most_s = case.policy.exposure.valuation_age_s_max
    is_whole = not valuation.missing
    value = f"{age_s:.1f} s old" if is_whole else "; ".join(valuation.missing)[:200]
    # A NaN age compares false with everything: the test is written so that it refuses.
    passed = is_whole and 0 <= age_s <= most_s
    return check("VALUATION", value, f"complete, at most {most_s!s} s old", passed)


def day_loss_check(case: Case) -> Check:
    """Refuse new risk after too large a loss since the start of the account's day."""
    exposure, baseline = case.policy.exposure, case.given.baseline_equity
    if case.is_exempt or (baseline is None and not exposure.is_baseline_required):
        return _exempt("DAY_LOSS", case)
    start = needed(baseline)
    if start <= ZERO:
        raise Unavailable
    loss = (start - account_of(case).equity) / start
    passed = loss < exposure.day_loss_max
    return check("DAY_LOSS", f"{loss:.5f}", f"below {exposure.day_loss_max!s}", passed)


def concentration_check(case: Case) -> Check:
    """Hold back an order that would make one instrument too large a part of the account."""
    return _single(case, HOLD_CODE, case.policy.exposure.concentration_hold)


def box_check(case: Case) -> Check:
    """Refuse an order that would make one instrument larger than the regime allows."""
    return _single(case, "BOX_LIMIT", case.limits.box_max)


def _single(case: Case, code: str, most: Decimal) -> Check:
    if case.is_exempt:
        return _exempt(code, case)
    account = account_of(case)
    return _ratio(code, abs(case.projected) * account.unit_value, most, account)


def gross_check(case: Case) -> Check:
    """Refuse more gross exposure than the regime and the type of account allow."""
    if case.is_exempt:
        return _exempt("GROSS_LIMIT", case)
    most = gross_most(case.limits, case.account_type)
    account = account_of(case)
    value = account.valuation.gross + account.growth_of_all
    return _ratio("GROSS_LIMIT", value, most, account)


def net_check(case: Case) -> Check:
    """Refuse more net exposure than the regime allows, on the side that the intent pushes."""
    if case.is_exempt:
        return _exempt("NET_LIMIT", case)
    account = account_of(case)
    valuation = account.valuation
    net = valuation.net - valuation.of(case.intent.con_id)
    net += case.projected * account.unit_value
    elsewhere = account.pushes_elsewhere
    value = net + elsewhere if case.is_buy else elsewhere - net
    return _ratio("NET_LIMIT", value, case.limits.net_max, account)


def account_of(case: Case) -> Account:
    """Return what the checks of the account need, worked out once; raises Unavailable."""
    if case.account is None:
        case.account = _account(case)
    return case.account


def _account(case: Case) -> Account:
    valuation, instrument = valuation_of(case), case.instrument
    unit = case.mid * instrument.multiplier * valuation.rates[instrument.currency]
    quantity = needed(case.quantity)
    working, foreign = case.working, case.foreign
    highest = case.held + working.buys + foreign.buys + (quantity if case.is_buy else ZERO)
    lowest = case.held - working.sells - foreign.sells - (ZERO if case.is_buy else quantity)
    adds = pushes = ZERO
    for currency, total in case.book.workings.by_currency.items():
        rate = valuation.rates[currency]
        add, push = total.adds_value, total.buys_value if case.is_buy else total.sells_value
        if currency == working.currency:
            add -= working.adds_value
            push -= working.buys_value if case.is_buy else working.sells_value
        adds += add * rate
        pushes += push * rate
    held_value = abs(valuation.of(case.intent.con_id))
    told = case.given.account
    equity = counted_equity(valuation, None if told is None else told.net_liquidation)
    growth = max(abs(highest), abs(lowest)) * unit - held_value
    return Account(
        valuation=valuation,
        equity=equity,
        equity_text=f"{equity:.2f}",
        unit_value=unit,
        growth=growth,
        adds_elsewhere=adds,
        growth_of_all=growth + adds,
        pushes_elsewhere=pushes,
    )


def valuation_of(case: Case) -> Valuation:
    """Return the account's value; raises Unavailable when it is not known or not whole."""
    valuation = needed(case.given.valuation)
    if valuation.missing:
        raise Unavailable
    return valuation


def _exempt(code: str, case: Case) -> Check:
    return check(code, "closes only" if case.shrinks else "not asked", "for new risk", passed=True)


def _ratio(code: str, value: Decimal, most: Decimal, account: Account) -> Check:
    passed = account.equity > ZERO and value <= most * account.equity
    return check(code, f"{value:.2f} of {account.equity_text}", f"at most {most!s} of it", passed)


CHECKS = (
    ("VALUATION", valuation_check),
    ("DAY_LOSS", day_loss_check),
    (HOLD_CODE, concentration_check),
    ("BOX_LIMIT", box_check),
    ("GROSS_LIMIT", gross_check),
    ("NET_LIMIT", net_check),
)
