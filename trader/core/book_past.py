"""The part of the book's fold that lets history go."""

from datetime import datetime

from trader.core.book_view import BookView
from trader.core.history_events import HistoryRetired


class PastFold(BookView):
    """Orders that leave, and what of them is remembered for good."""

    def _on_retired(self, event: HistoryRetired, at: datetime) -> None:
        for order_id in event.orders:
            order = self.orders.pop(order_id)
            if self.perm_ids.get(order.perm_id) == order_id:
                del self.perm_ids[order.perm_id]
            self.touched.pop(order_id, None)
        for family in event.families:
            fill = self.fills.pop(family)
            self.commissions.pop(family, None)
            owed = self.uncommissioned.pop(family, None)
            if owed is not None:
                self.workings.pend(fill.execution.currency, -1, -owed)
        for intent in event.intents:
            del self.intents[intent]
        self.past = self.past.after(event)
