"""Orders that were sent without the daemon, as the daemon shows them: promised, and what filled.

They are ours, though no intent made them: each was promised in a file of its own, and the book
holds their executions under their reference.
"""

from dataclasses import dataclass, replace
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.book import Book


@dataclass(frozen=True, slots=True)
class EmergencyStatus:
    """One emergency order; ``filled`` is what the book has of it."""

    order_ref: str
    client_id: int
    order_id: int
    symbol: str
    side: str
    quantity: Decimal
    filled: Decimal
    at: str
    by: str


def with_fills(book: Book, promised: tuple[EmergencyStatus, ...]) -> tuple[EmergencyStatus, ...]:
    """Return the promised orders with what the book has of each; the newest last."""
    if not promised:
        return ()
    filled: dict[str, Decimal] = {}
    for fill in book.fills.values():
        ref = str(fill.execution.order_ref)
        if ref.startswith("kill-"):
            # The broker may have lengthened it (INC-096).
            ref = "-".join(ref.split("/", maxsplit=1)[0].split("-")[:3])
            filled[ref] = filled.get(ref, ZERO) + fill.execution.quantity
    return tuple(replace(row, filled=filled.get(row.order_ref, ZERO)) for row in promised)
