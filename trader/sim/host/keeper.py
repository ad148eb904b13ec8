"""Puts the broker's state down before anybody is told of it, and keeps the memory flat.

It listens to the broker before the gateway does and notes what has changed; the host lets it
settle before bytes leave. Without a state file nothing is put down until it leaves the memory.
"""

from pathlib import Path

from trader.sim.broker.orders.register import Listener
from trader.sim.gateway.orders.gateway import Gateway, PlaceFrame
from trader.sim.host.store import StateError, Store
from trader.sim.model.orders import Execution, Order

# Ended orders and executions in memory; a day of a busy client fits, a million orders do not.
KEPT = 10_000
# So many more may gather before some are put away, so that it is done in one go.
SLACK = 1_000


class Keeper:
    """The state of one simulator on its way to the store and back."""

    def __init__(self, path: Path | None, gateway: Gateway, seed: int = 0) -> None:
        """Open the store and stand before the gateway. Raises StateError."""
        self._seed = seed
        self._store, self._gateway, self._exchange = Store(path), gateway, gateway.exchange
        self._next = _listening(gateway)
        self._changed: dict[int, Order] = {}
        self._revised: dict[int, Execution] = {}
        self._has_changed = False
        self._written = 0
        self._exchange.listener = self
        self._exchange.keep_past(self._store)
        gateway.past_frames = self._store.frames
        gateway.on_kept = self._note

    # -- what happened (exchange.Listener) --------------------------------------------------------

    def order_changed(self, order: Order) -> None:
        """Note an order and pass the news on."""
        self._note(order)
        self._next.order_changed(order)

    def order_reported(self, order: Order) -> None:
        """Note an order and pass the news on."""
        self._note(order)
        self._next.order_reported(order)

    def order_ended(self, order: Order, code: int, text: str) -> None:
        """Note an order and pass the news on."""
        self._note(order)
        self._next.order_ended(order, code, text)

    def order_noted(self, order: Order, code: int, text: str) -> None:
        """Pass the news on; the order is as it was."""
        self._next.order_noted(order, code, text)

    def executed(self, item: Execution) -> None:
        """Note an execution, a corrected one by its place, and pass the news on."""
        trades = self._exchange.trades
        place = trades.retired + len(trades.items) - 1
        if place < self._written or trades.items[-1] is not item:
            self._revise(item)
        self.mark()
        self._next.executed(item)

    def _revise(self, item: Execution) -> None:
        trades = self._exchange.trades
        for number in range(len(trades.items) - 1, -1, -1):
            if trades.items[number] is item:
                self._revised[trades.retired + number] = item
                return

    def commission_known(self, item: Execution) -> None:
        """Pass the news on."""
        self._next.commission_known(item)

    def _note(self, order: Order) -> None:
        self._changed[order.perm_id] = order
        self._has_changed = True

    def mark(self) -> None:
        """Note that an account or a counter has changed."""
        self._has_changed = True

    # -- to the store -----------------------------------------------------------------------------

    def settle(self) -> None:
        """Put down what has changed, and put away what is old."""
        frames = self._gateway.place_frames
        if not self._has_changed and not (frames and self._store.is_durable):
            return
        self._has_changed = False
        if self._store.is_durable:
            self._write()
        else:
            # Only what has left the memory already must not go stale in the store; an order that
            # has not ended and is not there is still on its way to the broker.
            known = self._exchange.orders
            gone = [
                order
                for key, order in self._changed.items()
                if key not in known and order.status.is_done
            ]
            if gone:
                self._store.write(orders=gone)
        self._changed.clear()
        self._revised.clear()
        self._put_away()

    def _write(self) -> None:
        trades, gateway = self._exchange.trades, self._gateway
        first = max(self._written - trades.retired, 0)
        new = list(enumerate(trades.items[first:], trades.retired + first))
        self._store.write(
            orders=self._changed.values(),
            executions=[*self._revised.items(), *new],
            frames=self._take_frames(),
            accounts=[account.saved() for account in self._exchange.bank.accounts.values()],
            meta={
                "seed": self._seed,
                "last_perm_id": self._exchange.ids.last_perm_id,
                "elapsed_s": self._exchange.market.elapsed_s,
                "highest_id": {str(key): value for key, value in gateway.highest_id.items()},
            },
        )
        self._written = trades.retired + len(trades.items)

    def _take_frames(self) -> list[PlaceFrame]:
        """Return the frames in memory, which are in the store from now on."""
        found = list(self._gateway.place_frames)
        self._gateway.place_frames.clear()
        return found

    def _put_away(self) -> None:
        register, trades = self._exchange.register, self._exchange.trades
        if len(self._gateway.place_frames) > KEPT:
            self._store.write(frames=self._take_frames())
        if register.ended_count > KEPT + SLACK:
            ended = register.retire(KEPT)
            if not self._store.is_durable:
                self._store.write(orders=ended)
        if len(trades.items) > KEPT + SLACK:
            old = trades.retire(KEPT)
            if not self._store.is_durable:
                self._store.write(executions=old)

    # -- from the store ---------------------------------------------------------------------------

    def restore(self) -> bool:
        """Put back what was saved; say whether there was anything. Raises StateError."""
        accounts, meta = self._store.accounts(), self._store.meta()
        if not accounts:
            return False
        if meta.get("seed", self._seed) != self._seed:
            # Prices and books of another seed would be another market under the same positions.
            raise StateError(
                f"seed: {self._seed} is not allowed; allowed: {meta['seed']}, which the state "
                "file was made with, or none given"
            )
        exchange, gateway = self._exchange, self._gateway
        if len(accounts) != len(exchange.bank.accounts):
            raise StateError(
                f"account: {len(exchange.bank.accounts)} of them is not allowed; "
                f"allowed: {len(accounts)}, as many as the state file has"
            )
        exchange.bank.restore(accounts)
        exchange.ids.last_perm_id = max(exchange.ids.last_perm_id, int(meta["last_perm_id"]))
        exchange.market.resume(float(meta["elapsed_s"]))
        gateway.highest_id.update({int(k): int(v) for k, v in meta["highest_id"].items()})
        for order in [*self._store.ended_last(KEPT), *self._store.live_orders()]:
            exchange.restore(order)
            gateway.adopt(order)
        exchange.trades.retired, items = self._store.executions_last(KEPT)
        exchange.trades.items.extend(items)
        self._written = exchange.trades.retired + len(items)
        return True

    def abandon(self) -> None:
        """Close the store as it is: what was refused at the start leaves nothing in it."""
        self._store.close()

    def close(self) -> None:
        """Put everything down and close the store."""
        self._has_changed = self._store.is_durable
        self.settle()
        self._store.close()


def _listening(gateway: Gateway) -> Listener:
    found = gateway.exchange.listener
    assert found is not None, "the gateway listens to the broker from the start"
    return found
