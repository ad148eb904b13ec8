"""What is recorded of plans that would bring the account back inside its limits."""

from dataclasses import dataclass
from decimal import Decimal

from trader.core.ids import ConId
from trader.core.intents import Side
from trader.core.policy import Regime

# By whom a plan is carried out that nobody has asked for.
POLICY = "policy"


@dataclass(frozen=True, slots=True)
class Excess:
    """A limit that what is held exceeds: gross, net, or the box of one instrument.

    Both amounts are in the account's currency; the net value has the sign of its larger side.
    """

    limit: str
    con_id: ConId | None
    symbol: str
    value: Decimal
    most: Decimal

    @property
    def over(self) -> Decimal:
        """Return by how much."""
        return abs(self.value) - self.most

    @property
    def words(self) -> str:
        """Say it in a few words."""
        name = f"{self.symbol} {self.limit}" if self.symbol else self.limit
        return f"{name} {self.value:.2f}, at most {self.most:.2f}"


@dataclass(frozen=True, slots=True)
class Reduction:
    """One order of a plan; ``value`` is what it comes to in the account's currency."""

    con_id: ConId
    symbol: str
    side: Side
    quantity: Decimal
    held: Decimal
    value: Decimal

    @property
    def words(self) -> str:
        """Say it as one would place it."""
        return f"{self.side} {self.quantity:f} of {self.held:f} {self.symbol}"


@dataclass(frozen=True, slots=True)
class ReductionPlanned:
    """What is held exceeds limits, and these orders would end that; nothing was sent.

    ``remains`` is what they would leave exceeded: a holding smaller than one increment.
    """

    regime: Regime
    equity: Decimal
    excesses: tuple[Excess, ...]
    orders: tuple[Reduction, ...]
    remains: tuple[Excess, ...]


@dataclass(frozen=True, slots=True)
class ReductionEnded:
    """Nothing that is held exceeds a limit any more."""

    reason: str


@dataclass(frozen=True, slots=True)
class ReductionOrdered:
    """A plan is carried out from here on: these orders are wanted, in this sequence.

    ``by`` is a person, or ``policy`` where nobody has asked. What became of each is told by the
    intents that follow.
    """

    orders: tuple[Reduction, ...]
    reason: str
    by: str


ReductionEvent = ReductionPlanned | ReductionEnded | ReductionOrdered
