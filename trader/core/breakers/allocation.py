"""How much of a position's usual size new risk may have, from the VIX: a table of steps.

A VIX that is not known counts as high: the last step holds (BRK-05).
"""

from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from trader.core.amounts import decimal_from


@dataclass(frozen=True, slots=True)
class AllocationStep:
    """From this VIX on, new risk has this share of its usual size."""

    vix_min: Decimal
    share: Decimal


DEFAULT_STEPS = (
    AllocationStep(Decimal(20), Decimal("0.75")),
    AllocationStep(Decimal(25), Decimal("0.5")),
    AllocationStep(Decimal(35), Decimal("0.25")),
    AllocationStep(Decimal(50), Decimal(0)),
)


def allocation(vix: Decimal | None, steps: tuple[AllocationStep, ...]) -> Decimal:
    """Return the share of the usual size, 0 to 1; the smallest one when the VIX is unknown."""
    value = decimal_from(vix) if vix is not None else None
    if value is None or value <= 0:
        return min((step.share for step in steps), default=Decimal(0))
    share = Decimal(1)
    for step in steps:
        if value >= step.vix_min:
            share = step.share
    return share


def contradictions(steps: tuple[AllocationStep, ...]) -> tuple[str, ...]:
    """List what cannot be true of the steps."""
    found: list[str] = []
    for step in steps:
        if not step.vix_min.is_finite() or step.vix_min <= 0:
            found.append(f"vix step at {step.vix_min}, allowed is above 0")
        if not step.share.is_finite() or not 0 <= step.share <= 1:
            found.append(f"vix share is {step.share}, allowed is 0 to 1")
    for lower, higher in pairwise(steps):
        if not lower.vix_min < higher.vix_min or not lower.share >= higher.share:
            found.append(
                f"vix steps {lower.vix_min} -> {lower.share} and {higher.vix_min} -> "
                f"{higher.share}: allowed are rising levels with shares that never grow"
            )
    return tuple(found)
