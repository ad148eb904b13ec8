"""The review: every intent is held against every check, and missing data refuses.

All checks are evaluated and recorded, also after the first that fails. One that lacks its input,
or that breaks over it, fails with its own code: nothing passes unexamined.
"""

from collections.abc import Callable, Iterator

from trader.core.events import Check
from trader.core.intents import Intent
from trader.core.risk import (
    cash,
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
    *size.CHECKS,
    *position.CHECKS,
    *cash.CHECKS,
    *session.CHECKS,
    *rates.CHECKS,
    *wash.CHECKS,
    *exposure.CHECKS,
    *margin.CHECKS,
)
# What arithmetic and look-ups raise over input that nobody foresaw (Unavailable among them).
_BROKEN = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)


def review(intent: Intent, given: RiskInput) -> Verdict:
    """Hold an intent against every check."""
    case = Case(intent, given)
    checks = tuple(evaluated(case, CHECKS))
    failed = [row for row in checks if not row.passed]
    if not failed:
        per_unit = needed(case.worst_price) * needed(case.multiplier)
        return Approved(intent, checks, needed(given.instrument), per_unit, REVIEWED)
    first = failed[0]
    text = f"{first.code}: {first.value}, allowed is {first.limit}"
    if len(failed) == 1 and first.code == HOLD_CODE and first.value != UNAVAILABLE:
        return Downgraded(intent=intent, code=first.code, text=text, checks=checks)
    if first.code == HOLD_CODE and len(failed) > 1:
        # What is refused outright is told by the check that refuses it.
        first = failed[1]
        text = f"{first.code}: {first.value}, allowed is {first.limit}"
    return Refused(intent=intent, code=first.code, text=text, checks=checks)


def evaluated(case: Case, checks: tuple[tuple[str, CheckFunction], ...]) -> Iterator[Check]:
    """Evaluate checks; one that cannot be evaluated has failed."""
    for code, run in checks:
        try:
            yield run(case)
        except _BROKEN:
            yield check(code, UNAVAILABLE, "its input", passed=False)
