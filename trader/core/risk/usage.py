"""How much of the account one strategy may use: a share of its value, and an amount.

What the strategy holds and what its orders may add (:mod:`trader.core.usage`) is counted with this
order among them. An order that only shrinks what the strategy holds, or the account, is never
refused here, however far beyond a limit prices or a new policy have left it.
"""

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.exposures import counted_equity
from trader.core.in_flight import InFlight
from trader.core.policy import StrategyLimits
from trader.core.risk.case import Case, Unavailable, check, needed
from trader.core.risk.exposure import valuation_of
from trader.core.usage import Usage, holding_of, usage


def share_check(case: Case) -> Check:
    """Refuse a strategy a larger share of the account than the policy gives it."""
    most = _limits(case).share_max
    if most is None:
        return _NO_SHARE
    if _only_closes(case):
        return _CLOSES_SHARE
    told = case.given.account
    own = None if told is None else told.net_liquidation
    equity = counted_equity(valuation_of(case), own)
    used = _used(case)
    value = f"{used.total:.2f} of {equity:.2f}, {_parts(used)}"
    # Whatever is used is above zero, and so above any share of an account that is worth nothing.
    passed = used.total <= most * equity
    return check("STRATEGY_SHARE", value, f"at most {most!s} of it", passed)


def notional_check(case: Case) -> Check:
    """Refuse a strategy a larger amount than the policy gives it."""
    most = _limits(case).notional_max
    if most is None:
        return _NO_NOTIONAL
    if _only_closes(case):
        return _CLOSES_NOTIONAL
    used = _used(case)
    value = f"{used.total:.2f}, {_parts(used)}"
    return check("STRATEGY_NOTIONAL", value, f"at most {most!s}", passed=used.total <= most)


def _limits(case: Case) -> StrategyLimits:
    return case.policy.coordination.limits_of(case.intent.strategy)


def _only_closes(case: Case) -> bool:
    """Tell whether the order, with all that does so before it, only closes what there is."""
    if case.shrinks or case.is_freed:
        return True
    intent, quantity = case.intent, needed(case.quantity)
    held = holding_of(case.book, intent.strategy, intent.con_id)
    own = case.book.workings.of_strategy(intent.strategy).get(intent.con_id)
    before = ZERO if own is None else own.on(intent.side)
    return before + quantity <= (-held if case.is_buy else held)


def _used(case: Case) -> Usage:
    """Return what the strategy uses once this order works; raises Unavailable or KeyError."""
    valuation = valuation_of(case)
    age_s = case.given.now_s - valuation.as_of_s
    # A NaN age compares false with everything: the test is written so that it refuses.
    if not 0 <= age_s <= case.policy.exposure.valuation_age_s_max:
        raise Unavailable
    intent, currency = case.intent, case.instrument.currency
    in_flight = dict(case.book.workings.of_strategy(intent.strategy))
    before = in_flight.get(intent.con_id) or InFlight(currency)
    quantity = needed(case.quantity)
    # A sale whose limit lies below the market brings the market's price.
    value = max(case.cost, quantity * case.mid * case.multiplier)
    in_flight[intent.con_id] = before.beside(intent.side, quantity, value)
    return usage(case.book, intent.strategy, in_flight, valuation)


def _parts(used: Usage) -> str:
    return f"held {used.held:.2f}, working with this {used.working:.2f}"


_SHARE_LIMIT, _NOTIONAL_LIMIT = "the strategy's share", "the strategy's amount"
_NO_SHARE = Check("STRATEGY_SHARE", "no limit", _SHARE_LIMIT, passed=True)
_NO_NOTIONAL = Check("STRATEGY_NOTIONAL", "no limit", _NOTIONAL_LIMIT, passed=True)
_CLOSES_SHARE = Check("STRATEGY_SHARE", "closes only", _SHARE_LIMIT, passed=True)
_CLOSES_NOTIONAL = Check("STRATEGY_NOTIONAL", "closes only", _NOTIONAL_LIMIT, passed=True)

CHECKS = (("STRATEGY_SHARE", share_check), ("STRATEGY_NOTIONAL", notional_check))
