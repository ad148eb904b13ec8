"""What each run made of its own trades: each day by itself, valued at the last price of either.

What was held before is in nobody's result here, for the shadow of a new process holds nothing. Both
are valued at one price, so that only what they hold otherwise makes a difference.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.parity.decided import Change
from trader.core.parity.verdict import Tally

DAY_US = 86_400_000_000


def day_of(at_us: int) -> int:
    """Return the number of a day of UTC, counted from 1970."""
    return at_us // DAY_US


@dataclass(slots=True)
class _Trades:
    """What one strategy traded of one instrument on a day; by party."""

    currency: str
    multiplier: Decimal
    cash: dict[str, Decimal] = field(default_factory=lambda: {"a": ZERO, "b": ZERO})
    quantity: dict[str, Decimal] = field(default_factory=lambda: {"a": ZERO, "b": ZERO})
    price: Decimal = ZERO


class Results:
    """Adds up trades; :meth:`close` puts those of past days into the tallies."""

    def __init__(self) -> None:
        self._days: dict[int, dict[tuple[str, str], _Trades]] = {}

    def on_change(self, party: str, change: Change, at_us: int) -> None:
        """Take what a fill or commission of a party adds."""
        decided = change.decided
        key = str(decided.row["strategy"]), str(decided.row["symbol"])
        trades = self._days.setdefault(day_of(at_us), {}).setdefault(
            key, _Trades(decided.currency, decided.multiplier)
        )
        trades.cash[party] -= decided.sign * change.paid * decided.multiplier + change.commission
        trades.quantity[party] += decided.sign * change.quantity
        if change.quantity > ZERO:
            trades.price = change.paid / change.quantity

    def close(self, before: int | None, tallies: "TalliesOf") -> None:
        """Value the days before one, or all of them, and forget them."""
        for day in [day for day in self._days if before is None or day < before]:
            for trades in self._days.pop(day).values():
                for tally in tallies(day):
                    amounts = tally.amounts_in(trades.currency)
                    for party, cash in trades.cash.items():
                        worth = trades.quantity[party] * trades.price * trades.multiplier
                        amounts.result[party] += cash + worth


class TalliesOf:
    """The tallies that a day counts in: its own, and that of all."""

    def __init__(self, total: Tally) -> None:
        self.total = total
        self.days: dict[int, Tally] = {}

    def __call__(self, day: int) -> tuple[Tally, Tally]:
        """Return both."""
        return self.days.setdefault(day, Tally()), self.total
