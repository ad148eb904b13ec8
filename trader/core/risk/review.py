"""The review: every intent is held against every check, and missing data refuses.

All checks are evaluated and recorded, also after the first that fails. One that lacks its input,
or that breaks over it, fails with its own code: nothing passes unexamined.
"""

from collections.abc import Callable

from trader.core.events import Check
from trader.core.intents import Intent
from trader.core.risk import (
    bars,
    bracket,
    cash,
    coordination,
    exposure,
    form,
    identity,
    instrument,
    margin,
    position,
    price,
    rates,
    session,
    size,
    usage,
    wash,
)
from trader.core.risk.case import UNAVAILABLE, Case, check, needed
from trader.core.risk.codes import HOLD_CODE
from trader.core.risk.values import REVIEWED, Approved, Downgraded, Refused, RiskInput, Verdict

CheckFunction = Callable[[Case], Check]

# In this order they are recorded, and the first that fails gives the refusal its code.
CHECKS: tuple[tuple[str, CheckFunction], ...] = (
    *identity.CHECKS,
    *instrument.CHECKS,
    *form.CHECKS,
    *price.CHECKS,
    *bars.CHECKS,
    *size.CHECKS,
    *position.CHECKS,
    *coordination.CHECKS,
    *cash.CHECKS,
    *session.CHECKS,
    *rates.CHECKS,
    *wash.CHECKS,
    *exposure.CHECKS,
    *usage.CHECKS,
    *margin.CHECKS,
)
WITH_BRACKET = (*CHECKS, *bracket.CHECKS)
# What a check raises that asks for what is missing (Unavailable among them), and what arithmetic
# raises over input that nobody foresaw.
_BROKEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def review(intent: Intent, given: RiskInput) -> Verdict:
    """Hold an intent against every check."""
    case = Case(intent, given)
    checks, failed = evaluated(case, CHECKS if intent.bracket is None else WITH_BRACKET)
    if not failed:
        per_unit = needed(case.worst_price) * case.multiplier
        legs = bracket.approved_legs(case, checks)
        return Approved(intent, checks, needed(given.instrument), per_unit, REVIEWED, legs)
    first = failed[0]
    if first.code == HOLD_CODE:
        if len(failed) == 1 and first.value != UNAVAILABLE:
            return Downgraded(intent, first.code, text_of_check(first), checks)
        # What is refused outright is told by the check that refuses it.
        first = failed[1] if len(failed) > 1 else first
    return Refused(intent, first.code, text_of_check(first), checks)


def evaluated(
    case: Case, wanted: tuple[tuple[str, CheckFunction], ...] = CHECKS
) -> tuple[tuple[Check, ...], list[Check]]:
    """Return every check and those that failed; one that cannot be evaluated has failed."""
    checks: list[Check] = []
    put = checks.append
    for code, run in wanted:
        try:
            put(run(case))
        except _BROKEN:
            put(check(code, UNAVAILABLE, "its input", passed=False))
    return tuple(checks), [row for row in checks if not row.passed]


def text_of_check(failed: Check) -> str:
    return f"{failed.code}: {failed.value}, allowed is {failed.limit}"
