"""What the position becomes if everything that works fills: the same for long and short.

Only the side that the intent pushes is judged: an exit from an oversized position that a
tightened limit left behind must stay possible.
"""

from trader.core.amounts import ZERO
from trader.core.events import Check
from trader.core.policy import AccountType
from trader.core.risk.case import Case, check, needed
from trader.core.risk.grace import told


def quantity_check(case: Case) -> Check:
    """Refuse a projected position of too many units."""
    projected, most = case.projected, case.policy.position.quantity_max
    passed = abs(projected) <= most or case.shrinks
    value = f"held {case.held!s}, then {projected!s}"
    value = told(case, value, passed=passed, side=case.intent.side)
    return check("POSITION_MAX", value, f"at most {most!s} either way", passed)


def notional_check(case: Case) -> Check:
    """Refuse a projected position of too much value."""
    notional = abs(case.projected) * case.mid * case.multiplier
    most = case.policy.position.notional_max
    passed = notional <= most or case.shrinks
    return check("POSITION_NOTIONAL_MAX", f"{notional:.2f}", f"at most {most!s}", passed)


def allocation_check(case: Case) -> Check:
    """Refuse new risk beyond the share of the position limits that the VIX leaves.

    The order is refused and not made smaller: what was asked for is sent as it is or not at all.
    """
    share = needed(case.given.allocation)
    if share == 1:
        return _WHOLE
    if case.shrinks or case.is_freed:
        return check("VIX_ALLOCATION", "closes only", "for new risk", passed=True)
    position, projected = case.policy.position, abs(case.projected)
    notional = projected * case.mid * case.multiplier
    fits = projected <= share * position.quantity_max and notional <= share * position.notional_max
    limit = f"at most {share!s} of the position limits"
    # More than the whole is no share: whoever says so is wrong about more than that.
    return check("VIX_ALLOCATION", f"{projected} worth {notional:.2f}", limit, fits and share < 1)


_WHOLE = Check("VIX_ALLOCATION", "1", "the whole of the position limits", passed=True)


def short_check(case: Case) -> Check:
    """Refuse a sale that could leave a short position, unless policy and account carry it."""
    if case.is_buy:
        return _A_BUY
    lowest = case.projected
    told_held = case.given.broker_position
    if told_held is not None and not case.intent.is_reduce_only:
        # Where book and broker disagree about what is there to be sold, the lower counts. An
        # exit is held to that by its own check.
        lowest += min(told_held - case.held, ZERO)
    may_short = case.policy.position.is_short_allowed and case.account_type is not AccountType.CASH
    passed = lowest >= ZERO or may_short
    value = told(case, f"lowest {lowest}", passed=passed, side=case.intent.side)
    return check("SHORT_SALE", value, _A_BUY.limit, passed)


_A_BUY = Check("SHORT_SALE", "a buy", "0 or more unless short is allowed", passed=True)


def reduce_only_check(case: Case) -> Check:
    """Refuse an exit of more than is there: two that both fill would flip it (INC-032)."""
    if not case.intent.is_reduce_only:
        return _NOT_ASKED
    passed = case.quantity is not None and case.shrinks
    value = f"held {case.held}, room {case.room}, wanted {case.intent.side.value} {case.quantity}"
    value = told(case, value, passed=passed, side=case.intent.side)
    return check("REDUCE_ONLY", value, _NOT_ASKED.limit, passed)


_NOT_ASKED = Check("REDUCE_ONLY", "not reduce-only", "only shrinks the position", passed=True)

CHECKS = (
    ("POSITION_MAX", quantity_check),
    ("POSITION_NOTIONAL_MAX", notional_check),
    ("VIX_ALLOCATION", allocation_check),
    ("SHORT_SALE", short_check),
    ("REDUCE_ONLY", reduce_only_check),
)
