"""Sees to it that no entry works without its stop, and that every other flaw is told at once.

What is wrong is decided in :mod:`trader.core.bracket_life`. An entry without a stop is cancelled at
once; legs with nothing to close are, once that has stood for a moment: as a rule the broker has
ended them by itself. What is held without a stop, or closed twice over, no order of ours mends: a
person is called.
"""

from collections.abc import Callable, Mapping

import structlog

from trader.core import events as ev
from trader.core.bracket_life import Flaw, FlawKind, flaws
from trader.core.brackets import Membership
from trader.core.halts import HaltCause
from trader.core.ids import OrderId
from trader.engine.asked import Asked
from trader.engine.services import Services

log = structlog.get_logger(__name__)

LOOK_S = 0.25
# So long must a flaw have stood: the words of one moment may come one after the other.
HOLD_S = 1.0
Cancel = Callable[[OrderId, str], str | None]
_Key = tuple[FlawKind, OrderId]
_TITLES = {
    FlawKind.NAKED_ENTRY: "without its stop, its entry is cancelled",
    FlawKind.NO_STOP: "holds a position without its stop",
    FlawKind.OVER_CLOSED: "has closed more than it brought",
}
_SEVERITIES = {FlawKind.NAKED_ENTRY: "warning"}


class BracketWatch:
    """Looks at every bracket of which a part may still trade."""

    def __init__(self, services: Services) -> None:
        self._book = services.ledger.book
        self._guard = services.guard
        self._clock = services.clock
        self._pager = services.pager
        self._places: dict[OrderId, Membership] = {}
        # Since when each flaw was seen, and those that somebody was told of.
        self._since_s: dict[_Key, float] = {}
        self._told: dict[_Key, None] = {}
        self._asked = Asked(services.clock)
        # Takes a working order off; of the gateway, once it is there.
        self.cancel: Cancel = _no_cancel

    def on_recorded(self, recorded: ev.Recorded) -> None:
        """Notice every bracket that something happens to: it may be over before the next look."""
        order_id = self._book.changed_order
        place = None if order_id is None else self._book.orders[order_id].terms.bracket
        if place is not None:
            self._places[place.entry_id] = place

    def look(self) -> None:
        """Cancel what must not work on, and page what no cancel mends."""
        self._places.update(self._working())
        if not self._places:
            return
        now_s = self._clock.monotonic()
        found = {_key(flaw): flaw for place in self._places.values() for flaw in self._of(place)}
        believed = self._believed(found)
        self._since_s = {key: self._since_s.get(key, now_s) for key in believed}
        self._told = {key: None for key in self._told if key in found}
        self._asked.keep(self._book.live_orders)
        for key, flaw in believed.items():
            is_at_once = flaw.kind is FlawKind.NAKED_ENTRY
            if is_at_once or now_s - self._since_s[key] >= HOLD_S:
                self._see_to(key, flaw)
        waiting = {flaw.entry_id for key, flaw in found.items() if key not in self._told}
        self._places = {
            key: place
            for key, place in self._places.items()
            if key in waiting or not self._is_over(place)
        }

    def _see_to(self, key: _Key, flaw: Flaw) -> None:
        if flaw.kind in _TITLES and key not in self._told:
            severity = _SEVERITIES.get(flaw.kind, "critical")
            self._pager.page(severity, f"bracket {flaw.entry_id} {_TITLES[flaw.kind]}", flaw.text)
        if flaw.kind is FlawKind.OVER_CLOSED and key not in self._told:
            # As an execution beyond an order's size: what is held by now nobody has decided on.
            reason = f"bracket {flaw.entry_id}: {flaw.text}"
            self._guard.latch(HaltCause.INVARIANT, reason, by="bracket watch")
        self._told[key] = None
        order_id = flaw.order_id
        if order_id is None or not self._asked.is_due(order_id):
            return
        self._asked.note(order_id)
        problem = self.cancel(order_id, f"bracket {flaw.entry_id}: {flaw.text}")
        if problem is not None:
            log.warning("cancel not sent", problem=problem)

    def _of(self, place: Membership) -> tuple[Flaw, ...]:
        is_missing = place.stop_loss_id in self._book.absent_since
        return flaws(self._book.orders, place, is_stop_missing=is_missing)

    def _believed(self, found: Mapping[_Key, Flaw]) -> Mapping[_Key, Flaw]:
        """Return what to act on now: of a book that may lack executions only the safe side.

        The rest waits, and is not forgotten, even when nothing of its bracket works any more.
        """
        if self._guard.book_may_lack() is None:
            return found
        return {key: flaw for key, flaw in found.items() if flaw.kind is FlawKind.NAKED_ENTRY}

    def _working(self) -> dict[OrderId, Membership]:
        places = (order.terms.bracket for order in self._book.may_fill())
        return {place.entry_id: place for place in places if place is not None}

    def _is_over(self, place: Membership) -> bool:
        orders = self._book.orders
        return all(orders[key].is_settled for key in place.ids if key in orders)


def _key(flaw: Flaw) -> _Key:
    return flaw.kind, flaw.order_id or flaw.entry_id


def _no_cancel(order_id: OrderId, reason: str) -> str | None:
    """Stand in until the gateway is there."""
    return f"order {order_id}: no gateway yet"
