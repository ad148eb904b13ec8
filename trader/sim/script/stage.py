"""What an action acts on: the simulated world, its connections, and the hooks of its host.

`Host` is what a composition root offers (`trader.sim.host.simulator.Simulator` does); `Stage` is
one host with what else an action may need. `Action` is a name, its declared inputs and an effect.
"""

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from trader.sim.broker.exchange import Exchange
from trader.sim.clock import Clock
from trader.sim.gateway.desks.world import World
from trader.sim.gateway.feeds.feeds import Feeds
from trader.sim.gateway.orders.gateway import Gateway
from trader.sim.gateway.orders.liquidator import Liquidator
from trader.sim.gateway.session import Session
from trader.sim.gateway.ways.faults import Faults
from trader.sim.market.market import Market
from trader.sim.model.instruments import Instrument
from trader.sim.reference import rules
from trader.sim.script.fields import Field, Given
from trader.sim.script.inputs import InputError, Inputs
from trader.sim.script.processes import Processes
from trader.sim.script.puppets import Puppets

# Below so many ticks a market has no room for a bid beneath its ask.
TICKS_LEAST = 10


class Connection(Protocol):
    """One client's connection as a host keeps it."""

    @property
    def session(self) -> Session:
        """Return its protocol session."""

    def drop(self, how: str) -> None:
        """Close it by FIN or RST."""

    def pause(self) -> None:
        """Stop reading."""

    def resume(self) -> None:
        """Read again and write what had gathered."""


class Host(Protocol):
    """A whole simulator with its connections."""

    market: Market
    faults: Faults
    exchange: Exchange
    gateway: Gateway
    feeds: Feeds
    world: World
    puppets: Puppets
    liquidator: Liquidator
    processes: Processes

    @property
    def clock(self) -> Clock:
        """Return the only source of time."""

    @property
    def links(self) -> Collection[Connection]:
        """Return the open connections, in the order they came."""

    @property
    def is_listening(self) -> bool:
        """Return whether new connections are taken."""

    def mute(self, is_on: bool) -> None:
        """Stop reading and writing everywhere but keep every connection, or go on."""

    def refuse(self) -> None:
        """Take no connections any more; those that stand go on."""

    def go_down(self, how: str) -> None:
        """Take no connections any more and close every one."""

    def come_up(self) -> None:
        """Take connections again."""

    def truth(self) -> dict[str, Any]:
        """Return the broker's truth."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One host, and what else actions need."""

    host: Host
    stop: Callable[[], None]
    advance: Callable[[float], None]
    rng: random.Random

    def links(self, client_id: int | None = None) -> list[Connection]:
        """Return the connections of one client, or all of them."""
        found = list(self.host.links)
        return [c for c in found if client_id in (None, c.session.client_id)]

    def instrument(self, symbol: str, field: str = "symbol") -> Instrument:
        """Return the instrument of a symbol. Raises InputError."""
        return self._pick(symbol, field, self.host.market.catalogue.all())

    def tradable(self, symbol: str, field: str = "symbol") -> Instrument:
        """Return the tradable instrument of a symbol. Raises InputError."""
        items = [item for item in self.host.market.catalogue.all() if item.is_tradable]
        return self._pick(symbol, field, items)

    def _pick(self, symbol: str, field: str, items: list[Instrument]) -> Instrument:
        for item in items:
            if item.symbol == symbol:
                return item
        raise InputError(field, symbol, ", ".join(item.symbol for item in items))


def on_grid(field: str, price: Decimal | None, item: Instrument) -> None:
    """Refuse a price that the instrument cannot have. Raises InputError."""
    if price is None:
        return
    step = rules.increment(item.market_rule_id, price)
    least = rules.finest(item.market_rule_id) * TICKS_LEAST
    if price < least or not rules.is_multiple(price, step):
        raise InputError(field, str(price), f"multiples of {step:f} from {least:f} on")


def in_lots(field: str, quantity: Decimal, item: Instrument) -> None:
    """Refuse a size that the instrument does not trade in. Raises InputError."""
    if quantity < item.size_min or not rules.is_multiple(quantity, item.size_step):
        allowed = f"multiples of {item.size_step:f} from {item.size_min:f} on"
        raise InputError(field, str(quantity), allowed)


Effect = Callable[[Stage, Given], dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Action:
    """A named action: what it does in one sentence, which capabilities it serves, its inputs."""

    name: str
    doc: str
    serves: tuple[str, ...]
    fields: tuple[Field, ...]
    effect: Effect
    # It moves the broker: a scenario performs it on the next turn, never within a match.
    is_deferred: bool = False

    def read(self, inputs: Inputs) -> Given:
        """Check all inputs. Raises InputError."""
        values = {field.name: field.read(inputs) for field in self.fields}
        inputs.done()
        return Given(values)
