"""Hands on the decisions of a ledger as lines of JSON, as they are recorded."""

import json
from collections.abc import Callable

from trader.core.decisions import CONSEQUENCES, Row, rows_of
from trader.core.events import Recorded
from trader.core.ids import ConId, OrderId
from trader.core.orders import OrderTerms
from trader.engine.services import Services

Put = Callable[[Row], None]


class DecisionLog:
    """An observer of a ledger; ``put`` is told of each row."""

    def __init__(self, services: Services, put: Put) -> None:
        self._book = services.ledger.book
        self._hub = services.hub
        self._put = put
        self.counts: dict[str, int] = {}

    def on_recorded(self, recorded: Recorded) -> None:
        """Tell what is a decision or comes of one."""
        for row in rows_of(recorded, self._terms_of, self._symbol_of):
            kind = str(row.get("verdict", row["kind"]))
            if kind not in CONSEQUENCES:
                self.counts[kind] = self.counts.get(kind, 0) + 1
            self._put(row)

    def _terms_of(self, order_id: OrderId) -> OrderTerms | None:
        order = self._book.orders.get(order_id)
        return None if order is None else order.terms

    def _symbol_of(self, con_id: ConId) -> str:
        instrument = self._hub.instruments.get(con_id)
        return str(con_id) if instrument is None else instrument.symbol


def line_of(row: Row) -> str:
    """Return a row as its line, always the same for the same row."""
    return json.dumps(row, separators=(",", ":"))
