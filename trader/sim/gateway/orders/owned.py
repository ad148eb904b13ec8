"""Whose order is whose: live ones by client and order id, those kept back, and those of nobody.

A client knows an order by its own id. An order that is not to be transmitted stays here until it,
its parent or another child of that parent is sent with transmit set. What a person enters at TWS
has no order id until client 0 binds it, which gives it a negative one.
"""

from collections.abc import Callable

from trader.sim.model.orders import Order, Status

# Orders that ended here without the broker, and the latest that ended there.
ENDED_MAX = 10_000
MANUAL_CLIENT = 0


def _nobody(_client_id: int, _order_id: int) -> None:
    """Know no order."""


class Owned:
    """The orders of all clients of one gateway."""

    def __init__(self, past: Callable[[int, int], Order | None] = _nobody) -> None:
        """Begin without orders; `past` finds the broker's ended ones by client and order id."""
        self._past = past
        self._live: dict[tuple[int, int], Order] = {}
        self._ended: dict[tuple[int, int], Order] = {}
        self._unbound: dict[int, Order] = {}
        self._staged: dict[int, Order] = {}
        # Second orders under an id, in the order in which they came.
        self._beside: dict[tuple[int, int], list[Order]] = {}
        self._last_bound = 0

    def live(self, client_id: int, order_id: int) -> Order | None:
        """Return a client's live order under this id, transmitted or not."""
        return self._live.get((client_id, order_id))

    def ended(self, client_id: int, order_id: int) -> Order | None:
        """Return the last order a client had under this id, if it has ended."""
        found = self._ended.get((client_id, order_id))
        return found or self._past(client_id, order_id)

    def known(self, client_id: int, order_id: int) -> Order | None:
        """Return the order of this id, live or ended."""
        return self.live(client_id, order_id) or self.ended(client_id, order_id)

    def add(self, order: Order) -> None:
        """Know a live order."""
        if order.is_staged:
            self._staged[order.perm_id] = order
        if order.client_id == MANUAL_CLIENT and order.order_id == 0:
            self._unbound[order.perm_id] = order
        else:
            self._live[(order.client_id, order.order_id)] = order

    def add_beside(self, order: Order) -> None:
        """Know a second order under the id of a live one: the id means it when the first ends."""
        self._beside.setdefault((order.client_id, order.order_id), []).append(order)

    def end(self, order: Order) -> None:
        """Know that an order has ended; a second order under its id stays live."""
        key = (order.client_id, order.order_id)
        waiting = [one for one in self._beside.get(key, ()) if one is not order]
        self._unbound.pop(order.perm_id, None)
        self._staged.pop(order.perm_id, None)
        if self._live.get(key) is order:
            del self._live[key]
            if waiting:
                self._live[key] = waiting.pop(0)
        if waiting:
            self._beside[key] = waiting
        else:
            self._beside.pop(key, None)
        self._ended.pop(key, None)
        self._ended[key] = order
        if len(self._ended) > ENDED_MAX:
            del self._ended[next(iter(self._ended))]

    def of_client(self, client_id: int) -> list[Order]:
        """Return the live orders of a client that the broker knows, by order id."""
        found = [
            order
            for (owner, _), order in self._live.items()
            if owner == client_id and order.status is not Status.PENDING_SUBMIT
        ]
        return sorted(found, key=_by_id)

    def everybodys(self, client_id: int, order_id: int) -> Order | None:
        """Return another client's live order under this id, the first if there are several."""
        return next(
            (o for (owner, n), o in self._live.items() if n == order_id and owner != client_id),
            None,
        )

    # -- kept back --------------------------------------------------------------------------------

    def family(self, order: Order) -> list[Order]:
        """Return the orders that go to the broker together with one, parents before children."""
        root = order.parent_id or order.order_id
        staged = [
            other
            for other in self._staged.values()
            if other.client_id == order.client_id and _belongs(other, root)
        ]
        return sorted(staged, key=lambda other: (other.order_id != root, other.order_id))

    def send(self, order: Order) -> None:
        """Keep an order back no longer."""
        order.is_staged = False
        self._staged.pop(order.perm_id, None)

    # -- orders of nobody -------------------------------------------------------------------------

    def bind(self) -> list[Order]:
        """Give every manual order an id of client 0's, each below the one before; return them."""
        found = list(self._unbound.values())
        self._unbound.clear()
        for order in found:
            self._last_bound -= 1
            order.order_id = self._last_bound
            self._live[(MANUAL_CLIENT, order.order_id)] = order
        return found


def _belongs(order: Order, root: int) -> bool:
    return root in (order.order_id, order.parent_id)


def _by_id(order: Order) -> int:
    return order.order_id
