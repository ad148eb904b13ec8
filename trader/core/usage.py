"""How much of the account one strategy uses: what it holds, and what its orders may add to that.

What it holds counts at the current marks, long and short alike; what its orders may add counts at
their worst price, whichever of them fills first, and an exit adds nothing. So a fill at the price
of its order moves an amount from one part to the other and never makes the sum larger.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.book_view import BookView
from trader.core.ids import ConId, StrategyName
from trader.core.in_flight import InFlight
from trader.core.valuation import Valuation
from trader.core.working import adds_value, growth


@dataclass(frozen=True, slots=True)
class Usage:
    """One strategy's part of the account, in the account's currency."""

    held: Decimal
    working: Decimal

    @property
    def total(self) -> Decimal:
        """Return what counts against the strategy's limits."""
        return self.held + self.working


def holding_of(book: BookView, strategy: StrategyName, con_id: ConId) -> Decimal:
    """Return what a strategy holds of an instrument; signed."""
    return book.holdings.of(strategy, con_id, book.position_of(con_id))


def usage(
    book: BookView,
    strategy: StrategyName,
    in_flight: Mapping[ConId, InFlight],
    valuation: Valuation,
) -> Usage:
    """Add up what a strategy holds and what these orders of its own may add.

    Raises KeyError where a mark or a rate is missing: what is not known is not nothing.
    """
    held_value = working = ZERO
    held_of = {key: holding_of(book, strategy, key) for key in book.holdings.instruments()}
    for con_id, held in held_of.items():
        if held != ZERO:
            mark = valuation.marks[con_id]
            held_value += abs(held) * mark.unit_value * valuation.rates[mark.currency]
    for con_id, row in in_flight.items():
        held = held_of.get(con_id, ZERO)
        adds = adds_value(
            growth(held, row.buys, row.buys_value), growth(-held, row.sells, row.sells_value)
        )
        if adds != ZERO:
            working += adds * valuation.rates[row.currency]
    return Usage(held_value, working)
