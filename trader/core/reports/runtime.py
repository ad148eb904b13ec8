"""The checkpoint as a person can read it: what is held, what works, what halts.

Fills and orders that are over are counted and not listed: the journal has them, and this file must
stay readable after years.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from trader.core.amounts import ZERO
from trader.core.checkpoint import BookState
from trader.core.orders import Order
from trader.core.positions import Position
from trader.core.reports.content import Content, ReportStatus

NOTE = (
    "An export for people, written at each checkpoint. It is never read back: the journal is the "
    "state, and editing this file changes nothing."
)


@dataclass(frozen=True, slots=True)
class RuntimeState:
    """One checkpoint of the book."""

    note: str
    checkpoint_seq: int
    cash: Mapping[str, Decimal]
    commission_paid: Mapping[str, Decimal]
    positions: tuple[Position, ...]
    # What works, and what is over and may still fill.
    orders: tuple[Order, ...]
    halts: Mapping[str, str]
    tickets: Mapping[str, str]
    foreign_orders: int
    # Each strategy's own state, as it gave it, and how many intents it has numbered.
    strategies: Mapping[str, Mapping[str, Any]]
    counts: Mapping[str, int]


def runtime_content(state: BookState) -> Content:
    """Return what the export of a checkpoint says."""
    body = RuntimeState(
        note=NOTE,
        checkpoint_seq=state.seq,
        cash=dict(state.cash),
        commission_paid=dict(state.commission_paid),
        positions=tuple(row for row in state.positions if row.quantity != ZERO),
        orders=tuple(row for row in state.orders if not row.is_final or row.is_settling),
        halts={cause.value: text for cause, text in state.halts},
        tickets={row.ticket_id: row.text for row in state.tickets},
        foreign_orders=len(state.foreign),
        strategies={
            row.strategy: {"intent_count": row.intent_count, "state": row.state}
            for row in state.strategies
        },
        counts={
            "intents": len(state.intents),
            "orders": len(state.orders),
            "fills": len(state.fills),
            "commissions": len(state.commissions),
        },
    )
    return Content(ReportStatus.OK, (), body)
