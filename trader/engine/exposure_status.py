"""What is seen of exposure and concentration: each share of the account, and the way back."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ConcentrationStatus:
    """One holding: its share of the account (never negative), and ``ok``, ``hold`` or ``box``."""

    symbol: str
    con_id: int
    value: Decimal
    share: Decimal | None
    level: str


@dataclass(frozen=True, slots=True)
class ReductionStatus:
    """The plan that stands, since when, in the order of its execution; nothing of it was sent."""

    since_utc: datetime
    regime: str
    exceeded: tuple[str, ...]
    orders: tuple[str, ...]
    # What would still be exceeded after all of them.
    remains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExposureStatus:
    """The account against the limits of its regime; limits are fractions of its value.

    ``status`` is ``ok``, ``warning`` while anything is exceeded, whoever made it so, ``unknown``
    while the account's value is, or ``off`` where the policy does not ask.
    """

    status: str
    # Why it is not ok, a line each.
    warnings: tuple[str, ...]
    regime: str
    gross: Decimal | None
    net: Decimal | None
    gross_max: Decimal
    net_max: Decimal
    box_max: Decimal
    hold_max: Decimal
    concentrations: tuple[ConcentrationStatus, ...] = ()
    reduction: ReductionStatus | None = None
    # Why no plan can be made at this moment; empty when one could be.
    problem: str = ""
