"""How much of a position may be closed now: what book and broker agree on, less working exits."""

from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.flatten import Resting, close_quantity, exits_working
from trader.core.ids import ConId
from trader.engine.orders.gateway import OrderGateway
from trader.engine.orders.resting import resting_foreign
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler


class Closable:
    """Asked before every order that takes something off a position."""

    def __init__(
        self, services: Services, *, gateway: OrderGateway, reconciler: Reconciler
    ) -> None:
        self._book = services.ledger.book
        self._guard = services.guard
        self._hub = services.hub
        self._gateway = gateway
        self._reconciler = reconciler

    def foreign(self) -> list[Resting]:
        """Return everybody else's orders, as the last list of them has it."""
        return [resting_foreign(row) for row in self._book.foreign.values()]

    def quantity(self, con_id: ConId) -> Decimal | str:
        """Return what may be closed of a managed instrument, or in words why nothing may."""
        if not self._guard.is_compared:
            return "not closed yet, the link was lost meanwhile"
        if con_id in self._reconciler.unlooked:
            return "not closed yet, it moved while it was compared"
        disputed = self._reconciler.disputed.get(con_id)
        if disputed is not None:
            # To sell what the broker says is not there would cross zero (INC-032).
            return f"not closed, {disputed}"
        held = self._book.position_of(con_id)
        exits = self._gateway.possible_exits(con_id)
        exits += exits_working(self.foreign(), con_id, held)
        quantity = close_quantity(held, exits, self._hub.instruments[con_id].size_increment)
        if quantity <= ZERO:
            return f"exits of {exits} are working or settling already"
        return quantity
