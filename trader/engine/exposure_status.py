"""What is seen of exposure: shares of the account, the way back, its risk, what is blind."""

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
    """The plan that stands, since when, in the order of its execution."""

    since_utc: datetime
    regime: str
    exceeded: tuple[str, ...]
    orders: tuple[str, ...]
    # What would still be exceeded after all of them.
    remains: tuple[str, ...]
    # Whether and when it is carried out without a person, in words.
    automatic: str = ""


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


@dataclass(frozen=True, slots=True)
class UsageStatus:
    """What one strategy uses of the account, in the account's currency; None where nobody knows.

    ``most`` is the lower of its limits, and ``headroom`` what is left of it: below zero where
    prices or a new policy have left it beyond. Both are None without a limit.
    """

    held: Decimal | None = None
    working: Decimal | None = None
    most: Decimal | None = None
    headroom: Decimal | None = None
    # Its limits in words; empty without one.
    limits: str = ""
    problem: str = ""


NO_USAGE = UsageStatus()


@dataclass(frozen=True, slots=True)
class BlindStatus:
    """The last look; None where it cannot be said. Volatilities are shares of the account a year.

    ``realised`` is of the last ``short_minutes``, of what is held now; ``predicted`` of all that
    has a row of the covariance.
    """

    predicted: Decimal | None = None
    realised: Decimal | None = None
    # The larger of realised and predicted over the smaller, the prediction made before.
    ratio: Decimal | None = None
    # Of gross exposure, what has a row.
    covered: Decimal | None = None
    average_correlation: Decimal | None = None
    correlation_break: Decimal | None = None
    # The largest group that loses together, by symbol, and its share of the account.
    cluster: tuple[str, ...] = ()
    cluster_share: Decimal | None = None
    # How many changes from minute to minute the estimate is worth, and the target's share in it.
    minutes: Decimal | None = None
    shrinkage: Decimal | None = None
    short_minutes: int = 0
    # By symbol: why it has no row. What still waits for one is named apart.
    lacking: tuple[tuple[str, str], ...] = ()
    waiting: tuple[str, ...] = ()
    age_s: float | None = None
    # Why nothing could be looked at; empty when it could.
    problem: str = ""
