"""How large one order may be, what has filled of it included."""

from trader.core.events import Check
from trader.core.risk.case import Case, check, needed


def quantity_check(case: Case) -> Check:
    """Refuse more units than one order may have."""
    quantity, most = needed(case.whole), case.policy.order.quantity_max
    passed = quantity <= most or case.is_freed
    return check("QUANTITY_MAX", str(quantity), f"at most {most!s}", passed)


def notional_check(case: Case) -> Check:
    """Refuse more value than one order may have, at the worst price it can get."""
    notional = needed(case.worst_price) * needed(case.whole) * case.multiplier
    most = case.policy.order.notional_max
    passed = notional <= most or case.is_freed
    return check("NOTIONAL_MAX", f"{notional:.2f}", f"at most {most!s}", passed)


CHECKS = (("QUANTITY_MAX", quantity_check), ("NOTIONAL_MAX", notional_check))
