"""What the sessions of one simulator share, and what a session is to those who answer for it."""

from dataclasses import dataclass, field
from typing import Protocol

from trader.sim.broker.exchange import Exchange
from trader.sim.gateway.feeds.feeds import Feeds
from trader.sim.gateway.orders.gateway import Gateway
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.outlet import Outlet
from trader.sim.gateway.ways.pacing import RateRule
from trader.sim.model.orders import Execution, Order


@dataclass(frozen=True, slots=True)
class World:
    """What every session of one simulator shares."""

    gateway: Gateway
    exchange: Exchange
    feeds: Feeds
    faults: Faults
    server_version: int
    # Nobody is held to a rate unless the host says so.
    rate: RateRule = field(default_factory=RateRule)


class Asker(Protocol):
    """A session, as the parts that answer its questions see it."""

    world: World
    outlet: Outlet
    sv: int
    client_id: int | None

    def push(self, message_id: int, frame: bytes) -> None:
        """Send one frame."""

    def show_order(self, order: Order) -> None:
        """Send openOrder and orderStatus."""

    def show_execution(self, item: Execution, request_id: int = -1) -> None:
        """Send an execution; the request id is -1 for a live one."""

    def show_commission(self, item: Execution) -> None:
        """Send a commission report."""

    def show_error(self, request_id: int, code: int, text: str) -> None:
        """Send an error message."""
