"""What is recorded of breakers, of the account's value, and of the posture they leave."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core.breakers.rules import BreakerName
from trader.core.halts import Posture
from trader.core.ids import Seq, StrategyName
from trader.core.policy import Regime
from trader.core.reduction_events import ReductionEvent


@dataclass(frozen=True, slots=True)
class BreakerTripped:
    """A breaker tripped, or fell back from probing; ``inputs`` and ``limit`` say on what.

    ``day`` is the account's day that it belongs to: a breaker of the session goes with it.
    """

    name: BreakerName
    inputs: str
    limit: str
    policy_hash: str
    action: str
    day: str


@dataclass(frozen=True, slots=True)
class BreakerProbing:
    """A tripped breaker's reading is good again and has to stay so for a while."""

    name: BreakerName
    inputs: str


@dataclass(frozen=True, slots=True)
class BreakerReset:
    """A breaker closed: by itself, with the day, or on a person's word."""

    name: BreakerName
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class EquityMarked:
    """What the account was worth, in its own currency; the first of a day opens that day."""

    day: str
    value: Decimal


@dataclass(frozen=True, slots=True)
class FlowSeen:
    """The oldest unmeasured change of cash was taken out of the account's measure.

    ``value`` is its amount in the account's own currency; None when nobody knows it.
    """

    currency: str
    amount: Decimal
    value: Decimal | None


@dataclass(frozen=True, slots=True)
class OverrideGranted:
    """A person took the responsibility for a breaker, until ``until_utc`` at the latest."""

    breaker: BreakerName
    reason: str
    by: str
    until_utc: datetime


@dataclass(frozen=True, slots=True)
class PostureChanged:
    """What the daemon may do changed, or the causes and restrictions of it did."""

    posture: Posture
    causes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OutlookChanged:
    """How rough the market is, or the share of its usual size that new risk may have, changed."""

    regime: Regime
    allocation: Decimal


@dataclass(frozen=True, slots=True)
class StrategyMarked:
    """What a strategy has brought in all, and what the account was worth then.

    Both in the account's currency; the first mark of a later day closes the day before.
    """

    strategy: StrategyName
    day: str
    result: Decimal
    capital: Decimal


@dataclass(frozen=True, slots=True)
class StrategyHalted:
    """A breaker took one strategy's new risk away; ``inputs`` and ``limit`` say on what."""

    strategy: StrategyName
    name: BreakerName
    inputs: str
    limit: str
    policy_hash: str
    day: str


@dataclass(frozen=True, slots=True)
class ActionReviewed:
    """A person reviewed an automatic action; ``action`` is the number of its event."""

    action: Seq
    is_right: bool
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class StrategyReleased:
    """A person lets a halted strategy trade again; its record begins anew with it."""

    strategy: StrategyName
    by: str
    reason: str


BreakerEvent = (
    BreakerTripped
    | BreakerProbing
    | BreakerReset
    | EquityMarked
    | FlowSeen
    | OverrideGranted
    | PostureChanged
    | OutlookChanged
    | StrategyMarked
    | StrategyHalted
    | StrategyReleased
    | ActionReviewed
    | ReductionEvent
)
