"""What each strategy holds of each instrument: by its own trades, and never more than is there.

A liquidation, or a person at the terminal, closes what a strategy holds too. Without that it would
wish to sell it for ever, or sell what somebody buys later. What of an instrument belongs to nobody
here goes first, and then of those who hold most. So all shares on the account's side add up to no
more than the account, and what is left over is nobody's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.ids import ConId, StrategyName


@dataclass(frozen=True, slots=True)
class Owned:
    """What a strategy holds of one instrument; signed."""

    strategy: StrategyName
    con_id: ConId
    quantity: Decimal


class Holdings:
    """Quantities by instrument and strategy; part of the book and changed by its fold alone."""

    __slots__ = ("_held",)

    def __init__(self, rows: Iterable[Owned] = ()) -> None:
        self._held: dict[ConId, dict[StrategyName, Decimal]] = {}
        for row in rows:
            self._held.setdefault(row.con_id, {})[row.strategy] = row.quantity

    def of(self, strategy: StrategyName, con_id: ConId, account: Decimal) -> Decimal:
        """Return what a strategy holds, of what the account holds."""
        return _capped(self._held.get(con_id, {}).get(strategy, ZERO), account)

    def of_others(self, strategy: StrategyName, con_id: ConId) -> Decimal:
        """Return what all others together hold of an instrument; signed."""
        rows = self._held.get(con_id, {})
        return sum((own for name, own in rows.items() if name != strategy), ZERO)

    def traded(
        self, strategy: StrategyName | None, con_id: ConId, moved: Decimal, account: Decimal
    ) -> None:
        """Book a trade, and what it left in the account; ``strategy`` is None for nobody's."""
        if strategy is not None:
            rows = self._held.setdefault(con_id, {})
            rows[strategy] = rows.get(strategy, ZERO) + moved
        self.capped(con_id, account, but=strategy)

    def capped(self, con_id: ConId, account: Decimal, but: StrategyName | None = None) -> None:
        """Take from everybody else what the account does not hold any more."""
        rows = self._held.get(con_id)
        if not rows:
            return
        others = sorted(name for name in rows if name != but)
        for name in others:
            rows[name] = _capped(rows[name], account)
        own = ZERO if but is None else rows.get(but, ZERO)
        kept = abs(own) if own * account > ZERO else ZERO
        excess = sum((abs(rows[name]) for name in others), kept) - abs(account)
        # Whoever holds most gives first, and of those the first by name.
        for name in sorted(others, key=lambda one: -abs(rows[one])):
            given = min(max(excess, ZERO), abs(rows[name]))
            rows[name] -= given.copy_sign(rows[name])
            excess -= given
        self._drop_empty(con_id)

    def instruments(self) -> tuple[ConId, ...]:
        """Return every instrument that somebody holds."""
        return tuple(self._held)

    def rows(self) -> tuple[Owned, ...]:
        """Return every holding, to be written down."""
        return tuple(
            Owned(strategy, con_id, quantity)
            for con_id, rows in self._held.items()
            for strategy, quantity in rows.items()
        )

    def __eq__(self, other: object) -> bool:
        """Tell whether the other holds the same."""
        return isinstance(other, Holdings) and self._held == other._held

    __hash__ = None  # type: ignore[assignment]

    def _drop_empty(self, con_id: ConId) -> None:
        rows = self._held[con_id]
        for strategy in [key for key, quantity in rows.items() if quantity == ZERO]:
            del rows[strategy]
        if not rows:
            del self._held[con_id]


def _capped(own: Decimal, account: Decimal) -> Decimal:
    """Return the part of a strategy's position that the account still holds."""
    return max(min(own, account), ZERO) if own > ZERO else min(max(own, account), ZERO)
