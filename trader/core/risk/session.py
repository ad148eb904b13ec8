"""When new risk may be taken: the exchange's hours, their edges, and the gateway's restart."""

from functools import lru_cache

from trader.core.events import Check
from trader.core.policy import TradingHours
from trader.core.risk.case import Case, check, needed


def hours_check(case: Case) -> Check:
    """Refuse new risk outside the hours that the policy names."""
    hours = case.policy.session.hours
    if hours is TradingHours.ALWAYS:
        return _ALWAYS
    if _is_exempt(case):
        return _exempt("SESSION_CLOSED")
    view = needed(case.given.session)
    is_open = needed(view.is_regular)
    if hours is TradingHours.EXTENDED:
        is_open = is_open or needed(view.is_extended)
    return check("SESSION_CLOSED", "open" if is_open else "closed", f"{hours!s} hours", is_open)


_ALWAYS = Check("SESSION_CLOSED", "not asked", "always", passed=True)


def guard_check(case: Case) -> Check:
    """Refuse new risk too soon after the open or too close to the close."""
    session = case.policy.session
    if not (session.open_guard_s or session.close_guard_s):
        return _NO_GUARD
    if _is_exempt(case):
        return _exempt("SESSION_GUARD")
    view = needed(case.given.session)
    since_s = needed(view.since_open_s) if session.open_guard_s else 0.0
    until_s = needed(view.until_close_s) if session.close_guard_s else 0.0
    passed = since_s >= session.open_guard_s and until_s >= session.close_guard_s
    value = f"{since_s:g} s after the open, {until_s:g} s before the close"
    return check(
        "SESSION_GUARD", value, _guards(session.open_guard_s, session.close_guard_s), passed
    )


_NO_GUARD = Check("SESSION_GUARD", "not asked", "no guard", passed=True)


def restart_check(case: Case) -> Check:
    """Refuse new risk when the gateway is about to restart, or does."""
    guard_s, view = case.policy.session.restart_guard_s, case.given.session
    # Without a guard the restart itself still takes no new risk.
    is_on = view is not None and view.until_restart_s == 0
    if not guard_s and not is_on:
        return _NO_RESTART_GUARD
    if _is_exempt(case):
        return _exempt("RESTART_WINDOW")
    until_s = needed(view).until_restart_s
    value = "none planned" if until_s is None else f"{until_s:g} s before it"
    passed = until_s is None or (until_s >= guard_s and not is_on)
    return check("RESTART_WINDOW", value, _before_restart(guard_s), passed)


_NO_RESTART_GUARD = Check("RESTART_WINDOW", "not asked", "no guard", passed=True)


@lru_cache(maxsize=16)
def _guards(open_s: float, close_s: float) -> str:
    return f"at least {open_s:g} s and {close_s:g} s"


@lru_cache(maxsize=16)
def _before_restart(guard_s: float) -> str:
    return f"at least {guard_s:g} s before a restart"


def _is_exempt(case: Case) -> bool:
    return case.shrinks or case.is_freed


def _exempt(code: str) -> Check:
    return check(code, "closes only", "for new risk", passed=True)


CHECKS = (
    ("SESSION_CLOSED", hours_check),
    ("SESSION_GUARD", guard_check),
    ("RESTART_WINDOW", restart_check),
)
