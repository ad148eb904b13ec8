"""What each strategy has traded: the cash that came of it, and what it still holds.

Every execution of a strategy's own order is its own, commissions included. What a person, the
kill switch or a stranger trades belongs to no strategy, but as far as it closes what strategies
hold it closes it for them, at its price: the position is gone, whoever sold it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Protocol

from trader.core.amounts import ZERO
from trader.core.frozen import replace
from trader.core.ids import ConId, StrategyName

# The operator's liquidation is nobody's strategy.
OPERATOR = StrategyName("operator")


class Deal(Protocol):
    """What was traded: an execution, or what a person has booked."""

    @property
    def con_id(self) -> ConId:
        """Return the instrument."""

    @property
    def multiplier(self) -> Decimal:
        """Return what a price is multiplied by."""

    @property
    def currency(self) -> str:
        """Return the currency of the price."""


@dataclass(frozen=True, slots=True)
class Held:
    """What a strategy holds of one instrument; signed."""

    strategy: StrategyName
    con_id: ConId
    quantity: Decimal
    multiplier: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Earned:
    """What a strategy's trades brought in one currency less what they cost."""

    strategy: StrategyName
    currency: str
    amount: Decimal


class Results:
    """Cash and holdings by strategy; part of the book and changed by its fold alone."""

    __slots__ = ("_earned", "_held")

    def __init__(self, held: Iterable[Held] = (), earned: Iterable[Earned] = ()) -> None:
        self._held = {(row.strategy, row.con_id): row for row in held}
        self._earned = {(row.strategy, row.currency): row for row in earned}

    def trade(
        self,
        strategy: StrategyName | None,
        deal: Deal,
        trades: Iterable[tuple[Decimal, Decimal]],
    ) -> None:
        """Book the trades of one deal, each a signed quantity and a price.

        ``strategy`` is None for those of nobody here.
        """
        for quantity, price in trades:
            if strategy is not None and strategy != OPERATOR:
                self._put(strategy, deal, quantity, price)
            else:
                self._close(deal, quantity, price)

    def pay(self, strategy: StrategyName | None, currency: str, amount: Decimal) -> None:
        """Book a commission of a strategy's own trade."""
        if strategy is not None and strategy != OPERATOR:
            self._earn(strategy, currency, -amount)

    def forget(self, con_id: ConId) -> tuple[StrategyName, ...]:
        """Drop what is held of an instrument whose position was put right by hand; says whose."""
        keys = [key for key in self._held if key[1] == con_id]
        for key in keys:
            del self._held[key]
        return tuple(sorted(strategy for strategy, _ in keys))

    def strategies(self) -> tuple[StrategyName, ...]:
        """Return every strategy that has ever traded, by name."""
        return tuple(sorted({strategy for strategy, _ in (*self._earned, *self._held)}))

    def held_by(self, strategy: StrategyName) -> Iterator[Held]:
        """Give what a strategy holds."""
        return (row for row in self._held.values() if row.strategy == strategy)

    def earned_by(self, strategy: StrategyName) -> Iterator[Earned]:
        """Give what a strategy's trades brought, by currency."""
        return (row for row in self._earned.values() if row.strategy == strategy)

    def held(self) -> tuple[Held, ...]:
        """Return every holding, to be written down."""
        return tuple(self._held.values())

    def earned(self) -> tuple[Earned, ...]:
        """Return every amount, to be written down."""
        return tuple(self._earned.values())

    def __eq__(self, other: object) -> bool:
        """Tell whether the other holds the same."""
        return (
            isinstance(other, Results)
            and self._held == other._held
            and self._earned == other._earned
        )

    __hash__ = None  # type: ignore[assignment]

    def _close(self, deal: Deal, quantity: Decimal, price: Decimal) -> None:
        rows = [row for row in self._held.values() if row.con_id == deal.con_id]
        for row in sorted(rows, key=lambda row: row.strategy):
            if quantity * row.quantity >= ZERO:
                continue
            part = min(abs(quantity), abs(row.quantity)).copy_sign(quantity)
            self._put(row.strategy, deal, part, price)
            quantity -= part

    def _put(self, strategy: StrategyName, deal: Deal, quantity: Decimal, price: Decimal) -> None:
        key = strategy, deal.con_id
        row = self._held.get(key) or Held(
            strategy, deal.con_id, ZERO, deal.multiplier, deal.currency
        )
        left = row.quantity + quantity
        if left == ZERO:
            self._held.pop(key, None)
        else:
            self._held[key] = replace(row, quantity=left)
        self._earn(strategy, deal.currency, -quantity * price * deal.multiplier)

    def _earn(self, strategy: StrategyName, currency: str, amount: Decimal) -> None:
        key = strategy, currency
        known = self._earned.get(key) or Earned(strategy, currency, ZERO)
        self._earned[key] = replace(known, amount=known.amount + amount)
