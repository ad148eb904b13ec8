"""What the broker remembers without keeping it in memory: ended orders and old executions.

The host supplies a store; without one nothing ever leaves the memory and this is empty.
"""

from collections.abc import Iterator
from typing import Protocol

from trader.sim.model.orders import Execution, Order


class Past(Protocol):
    """Orders and executions that have left the memory."""

    def ended(self, client_id: int, order_id: int) -> Order | None:
        """Return the ended order that a client knows under its own id, None if there is none."""

    def completed_since(self, epoch_s: float) -> Iterator[Order]:
        """Go through the orders that ended at or after a moment, in the order they ended."""

    def orders(self) -> Iterator[Order]:
        """Go through all orders in the order of their permanent ids."""

    def executions_since(self, epoch_s: float) -> Iterator[Execution]:
        """Go through the executions at or after a moment, in the order they were booked."""


class NoPast:
    """A broker that has forgotten nothing."""

    def ended(self, client_id: int, order_id: int) -> None:
        """Know of none."""
        del client_id, order_id

    def completed_since(self, epoch_s: float) -> Iterator[Order]:
        """Go through nothing."""
        del epoch_s
        return iter(())

    def orders(self) -> Iterator[Order]:
        """Go through nothing."""
        return iter(())

    def executions_since(self, epoch_s: float) -> Iterator[Execution]:
        """Go through nothing."""
        del epoch_s
        return iter(())
