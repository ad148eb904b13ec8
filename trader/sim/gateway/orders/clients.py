"""What the gateway needs of one connected session: the news it can be shown."""

from typing import Protocol

from trader.sim.gateway.ways.account_view import Shown
from trader.sim.model.orders import Execution, Order


class Client(Protocol):
    """What the gateway needs of one connected session."""

    def show_order(self, order: Order) -> None:
        """Send openOrder and orderStatus."""

    def show_status(self, order: Order) -> None:
        """Send orderStatus alone."""

    def show_bound(self, order: Order) -> None:
        """Send orderBound: an order of the terminal has got an order id (message 100)."""

    def show_execution(self, item: Execution) -> None:
        """Send a live execution."""

    def show_commission(self, item: Execution) -> None:
        """Send a commission report."""

    def show_error(self, request_id: int, code: int, text: str, *, advanced: str = "") -> None:
        """Send an error message; `advanced` is the JSON of a refusal that can be overridden."""

    def show_position(self, account: str, row: Shown) -> None:
        """Send a position if the client asked for positions."""

    def account_changed(self, account: str, con_id: int = 0) -> None:
        """Note that an account's values are out of date."""

    def data_lost(self) -> None:
        """Forget market data subscriptions (1101)."""
