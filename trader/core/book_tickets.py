"""The part of the book's fold that is about tickets, and about what was put right without a trade.

Everything here is a person's word or the broker's, taken over: it moves positions and cash that
no execution explains.
"""

from datetime import datetime
from decimal import Decimal

from trader.core import events as ev
from trader.core import quarantine, safety
from trader.core.amounts import ZERO
from trader.core.book_past import PastFold
from trader.core.ids import OrderId, StrategyName
from trader.core.ignoring import ignored_from
from trader.core.positions import Position, adjusted, traded
from trader.core.tapes import Sale, Traded
from trader.core.ticket_events import CashBooked, TicketCounted, TicketIgnored, TradeBooked


class TicketFold(PastFold):
    """Tickets, adjustments and what was booked by hand, and the steps that trades share."""

    def _put_position(self, position: Position) -> None:
        self.positions[position.con_id] = position
        self.workings.hold(position.con_id, position.quantity)
        self.touched["position", position.con_id] = self.seq

    def _strategy_of(self, order_id: OrderId | None) -> StrategyName | None:
        return None if order_id is None else self.orders[order_id].terms.strategy

    def _pay(self, currency: str, amount: Decimal, order_id: OrderId | None) -> None:
        self.results.pay(self._strategy_of(order_id), currency, amount)
        self.cash[currency] = self.cash.get(currency, ZERO) - amount
        self.commission_paid[currency] = self.commission_paid.get(currency, ZERO) + amount

    def _on_ticket(self, event: ev.TicketOpened, at: datetime) -> None:
        self.tickets[event.ticket_id] = event

    def _on_ticket_closed(self, event: ev.TicketClosed, at: datetime) -> None:
        self.tickets.pop(event.ticket_id, None)
        self.ignored.pop(event.ticket_id, None)

    def _on_ticket_ignored(self, event: TicketIgnored, at: datetime) -> None:
        if event.ticket_id in self.tickets:
            self.ignored[event.ticket_id] = ignored_from(event, at)

    def _on_ticket_counted(self, event: TicketCounted, at: datetime) -> None:
        self.ignored.pop(event.ticket_id, None)

    def _put_right(self, subject: str, text: str) -> None:
        """Note a person's word, so that a message read late does not add what it holds already."""
        self.quarantine = quarantine.after_put_right(self.quarantine, subject, self.seq, text)

    def _on_cash_adjusted(self, event: ev.CashAdjusted, at: datetime) -> None:
        self._put_right(event.currency, f"{event.after - event.before:+} ({event.reason})")
        self.cash[event.currency] = event.after
        # Of the two numbers and not of the event: ours may have moved since it was decided.
        self.safety = safety.after_flow(self.safety, event.currency, event.after - event.before)

    def _on_cash_booked(self, event: CashBooked, at: datetime) -> None:
        self._put_right(event.currency, f"{event.amount:+} booked by {event.by}: {event.reason}")
        self.cash[event.currency] = self.cash.get(event.currency, ZERO) + event.amount
        self.safety = safety.after_flow(self.safety, event.currency, event.amount)

    def _on_position_adjusted(self, event: ev.PositionAdjusted, at: datetime) -> None:
        if event.before != event.after:
            change = f"{event.after - event.before:+} adopted by {event.by}: {event.reason}"
            self._put_right(str(event.con_id), change)
        known = self.positions.get(event.con_id) or Position(
            event.con_id, event.symbol, multiplier=event.multiplier
        )
        self._put_position(adjusted(known, event.after, event.average_price))
        self.holdings.capped(event.con_id, event.after)
        for strategy in self.results.forget(event.con_id):
            self.safety = safety.after_rebase(self.safety, strategy)
        moved = (event.after - event.before) * (event.unit_value or ZERO)
        if moved and event.currency:
            self.safety = safety.after_flow(self.safety, event.currency, moved)

    def _on_trade_booked(self, event: TradeBooked, at: datetime) -> None:
        told = f"{event.quantity:+} at {event.price} booked by {event.by}: {event.reason}"
        self._put_right(str(event.con_id), told)
        known = self.positions.get(event.con_id) or Position(
            event.con_id, event.symbol, multiplier=event.multiplier
        )
        self._put_position(traded(known, event.quantity, event.price))
        self.holdings.capped(event.con_id, self.position_of(event.con_id))
        cash = -event.quantity * event.price * event.multiplier
        self.cash[event.currency] = self.cash.get(event.currency, ZERO) + cash
        if event.quantity < ZERO:
            self.sales.add(Sale(at, event.currency, cash))
        self._pay(event.currency, event.commission, None)
        # Nobody knows when it was: it counts among the trades of the day that it is told on.
        self.strangers.add(Traded(f"booked {event.ticket_id}", at))
        # Of no strategy; what strategies hold it closes for them, at its price.
        self.results.trade(None, event, ((event.quantity, event.price),))
