"""Cancels our orders that live at the broker more than once, until none is left.

A cancel by order id ends one of them, nobody knows which (INC-085), and some gateways then do not
find the other any more: it is asked for again as long as one lives, seldom after the first few, and
a person is called (CAP-20).
"""

from collections.abc import Callable, Mapping

from trader.core.ids import OrderId, PermId
from trader.ports import Pager

# A cancel that ended nothing so many times needs a person; it is tried again so seldom.
_TRIES_MAX = 5
_AGAIN_S = 60.0
CancelDuplicate = Callable[[OrderId, str], None]


class Duplicates:
    """What lives twice, and how often each was cancelled."""

    def __init__(self, pager: Pager) -> None:
        self._pager = pager
        # Of each order that lives more than once: cancels so far, and when the last one left.
        self._tries: dict[OrderId, tuple[int, float]] = {}
        # Of the gateway, once it is there.
        self.cancel: CancelDuplicate = _cancel_nothing

    def take_off(self, duplicated: Mapping[OrderId, tuple[PermId, ...]], now_s: float) -> bool:
        """Cancel what a look has found to live twice; return whether it is to be looked soon."""
        self._tries = {key: row for key, row in self._tries.items() if key in duplicated}
        is_hopeful = False
        for order_id, perm_ids in duplicated.items():
            tries, tried_s = self._tries.get(order_id, (0, now_s))
            if tries >= _TRIES_MAX and now_s - tried_s < _AGAIN_S:
                if tries == _TRIES_MAX:
                    self._tries[order_id] = (tries + 1, tried_s)
                    text = f"alive as {perm_ids} after {tries} cancels: cancel it by hand"
                    self._pager.page("critical", f"order {order_id} cannot be cancelled", text)
                continue
            self._tries[order_id] = (tries + 1, now_s)
            self.cancel(order_id, "the broker holds it more than once")
            is_hopeful = is_hopeful or tries < _TRIES_MAX
        return is_hopeful


def _cancel_nothing(order_id: OrderId, reason: str) -> None:
    """Stand in until the gateway is there."""
