"""Whether the bars that a strategy decides by are there (DAT-05): what only closes needs none."""

from trader.core.events import Check
from trader.core.risk.case import Case, check

_NONE_WANTED = Check("BARS_INCOMPLETE", "looks at none", "none", passed=True)


def complete_check(case: Case) -> Check:
    """Refuse new risk on bars of which too many are missing, or nobody knows how many."""
    bars, least = case.given.bars, case.policy.price.bar_share_min
    if not bars.is_wanted:
        return _NONE_WANTED
    lack = bars.lack(least)
    value = lack or (f"{bars.share:.4f}" if bars.share is not None else "none expected yet")
    passed = not lack or case.shrinks or case.is_freed
    return check("BARS_INCOMPLETE", value, f"at least {least!s} of the session", passed)


CHECKS = (("BARS_INCOMPLETE", complete_check),)
