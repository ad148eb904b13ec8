"""The decisions that a journal holds, as the rows that a replay and a shadow write of theirs."""

from pathlib import Path

from trader.core.decisions import Row, rows_of
from trader.core.events import IntentReviewed, OrderPlanned, Recorded
from trader.core.ids import ConId, OrderId
from trader.core.orders import OrderTerms
from trader.store.archives import history
from trader.store.onlooker import EVENT_ROWS
from trader.store.rows import recorded_of

_KINDS = ("IntentReviewed", "OrderPlanned", "ModifyPlanned", "CancelSent", "ExecutionSeen")
_EVENTS = f"{EVENT_ROWS}WHERE kind IN (?, ?, ?, ?, ?) AND at_us BETWEEN ? AND ? ORDER BY seq"


def decisions_in(path: Path, first_us: int, last_us: int) -> tuple[Row, ...]:
    """Return the rows of a stretch of time; raises JournalUnusable."""
    with history(path) as db:
        found = [recorded_of(row) for row in db.execute(_EVENTS, (*_KINDS, first_us, last_us))]
    terms: dict[OrderId, OrderTerms] = {}
    symbols: dict[ConId, str] = {}
    for recorded in found:
        event = recorded.event
        if isinstance(event, OrderPlanned):
            terms[event.order_id] = event.terms
            symbols[event.terms.con_id] = event.terms.symbol

    def symbol_of(con_id: ConId) -> str:
        # Of what was refused and never ordered the journal has the contract alone.
        return symbols.get(con_id, str(con_id))

    rows: list[Row] = []
    seen: set[str] = set()
    for recorded in found:
        if _is_repeated(recorded, seen):
            continue
        rows += rows_of(recorded, terms.get, symbol_of)
    return tuple(rows)


def _is_repeated(recorded: Recorded, seen: set[str]) -> bool:
    """Tell whether an intent was reviewed before: the first verdict is its own."""
    event = recorded.event
    if not isinstance(event, IntentReviewed):
        return False
    name = str(event.intent.intent_id)
    is_repeated = name in seen
    seen.add(name)
    return is_repeated
