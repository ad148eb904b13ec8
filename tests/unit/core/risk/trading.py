"""A book to which drawn moves are played, for what must hold whatever comes of them.

What a strategy wishes goes through the review, and works if it is approved; what fills, ends and
is changed of it is drawn as well. Beside the book stands what each strategy has traded, counted
from the fills alone.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import replace
from decimal import Decimal

from tests.unit.core.factories import (
    BUY,
    SELL,
    a_quote,
    a_status,
    an_instrument,
    an_intent,
    fill,
    given,
    record,
    work_bracket,
    work_order,
)
from tests.unit.core.risk.cases import READING
from trader.core import events as ev
from trader.core.book import Book
from trader.core.changes import ChangeTerms
from trader.core.ids import ConId, StrategyName
from trader.core.intents import BracketTerms, Side
from trader.core.orders import Order
from trader.core.policy import Policy
from trader.core.risk import Approved, RiskInput, review
from trader.core.risk.change import Revision, review_change

D = Decimal
PRICE = D(100)
# Its kind, for whom (or nothing), how much, and which of the orders that may fill.
Move = tuple[str, int, int, int]
# Rates that no sequence reaches.
MANY = {
    f"rate__{name}": 10_000
    for name in (
        "orders_max",
        "orders_per_strategy_max",
        "orders_per_instrument_max",
        "messages_max",
        "messages_per_strategy_max",
        "daily_trades_max",
        "repeats_max",
        "executions_max",
        "cancels_max",
        "cancels_per_strategy_max",
        "modifies_max",
        "modifies_per_order_max",
    )
}


class Trading:
    """Plays the moves; a test says by ``wished`` who wishes what, and judges what came of it."""

    # An exit closes all that is held, or no more than the move says.
    exits_whole = False

    def __init__(self, book: Book, policy: Policy) -> None:
        self.book = book
        self.policy = policy
        self.held: defaultdict[tuple[StrategyName, ConId], Decimal] = defaultdict(Decimal)
        self.number = 0
        # How often each kind of move has come to something.
        self.kinds: Counter[str] = Counter()

    def wished(self, which: int) -> tuple[StrategyName, ConId, Side]:
        """Return who wishes for an order, in what and on which side."""
        raise NotImplementedError

    def given(self, con_id: ConId) -> RiskInput:
        """Return what the review knows now."""
        return given(
            self.book,
            instrument=an_instrument(con_id=con_id),
            quote=a_quote(con_id=con_id),
            policy=self.policy,
            account=READING,
        )

    def play(self, move: Move) -> None:
        kind, which, size, at = move
        if kind in ("wish", "bracket", "exit"):
            self._wish(kind, which, D(size))
            return
        live = [row for row in self.book.may_fill() if row.remaining > 0]
        if not live:
            return
        order = live[at % len(live)]
        if kind == "fill":
            quantity = min(D(size), order.remaining)
            terms = order.terms
            self.held[terms.strategy, terms.con_id] += quantity * terms.side.sign
            fill(self.book, order.order_id, int(quantity))
        elif kind == "cancel" and not order.is_final:
            record(self.book, ev.CancelSent(order.order_id, "test"))
            record(self.book, a_status(order.order_id, "Cancelled"))
        elif kind == "end" and order.is_final:
            record(self.book, ev.OrderSettled(order.order_id, order.filled, "test"))
        elif kind == "change" and not order.is_final and order.terms.bracket is None:
            self.change(order, order.filled + size)
        else:
            return
        self.kinds[kind] += 1

    def _wish(self, kind: str, which: int, size: Decimal) -> None:
        name, con_id, side = self.wished(which)
        self.number += 3
        wanted = an_intent(self.number, strategy=name, con_id=con_id, side=side, quantity=size)
        if kind == "exit":
            held = self.held[name, con_id]
            if held == 0:
                return
            quantity = abs(held) if self.exits_whole else min(size, abs(held))
            side = SELL if held > 0 else BUY
            wanted = replace(wanted, side=side, quantity=quantity, is_reduce_only=True)
        if kind == "bracket":
            legs = (D(110), D(95)) if side is BUY else (D(90), D(105))
            wanted = replace(wanted, bracket=BracketTerms(*legs))
        if not isinstance(review(wanted, self.given(con_id)), Approved):
            return
        self.kinds[kind] += 1
        if kind == "bracket":
            work_bracket(self.book, wanted, self.number)
        else:
            work_order(self.book, wanted, self.number)

    def change(self, order: Order, quantity: Decimal) -> int:
        """Have an order changed if the review approves; returns the change's number, or 0."""
        if quantity == order.terms.quantity or order.open_change is not None:
            return 0
        asked = self.given(order.terms.con_id)
        if not isinstance(review_change(order, Revision(quantity=quantity), asked), Approved):
            return 0
        number = 1 + (order.change.number if order.change else 0)
        terms = ChangeTerms(quantity, PRICE, None, PRICE)
        record(self.book, ev.ModifyPlanned(order.order_id, number, terms, "test"))
        record(self.book, ev.ModifySent(order.order_id, number))
        return number
