"""The one composition root: a whole simulator, whatever network carries its connections.

A host adds how connections come about: `SimServer` listens on TCP, `MemoryHost` joins clients in
the same process under virtual time.
"""

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from trader.sim.broker.exchange import Exchange, Latency
from trader.sim.broker.money.accounts import Account, Kind
from trader.sim.broker.money.commissions import Schedule
from trader.sim.clock import Clock
from trader.sim.gateway.desks.world import World
from trader.sim.gateway.feeds.feeds import Feeds
from trader.sim.gateway.orders.gateway import Gateway
from trader.sim.gateway.orders.liquidator import Liquidator
from trader.sim.gateway.ways.faults import Faults
from trader.sim.gateway.ways.pacing import RateRule
from trader.sim.host.keeper import Keeper
from trader.sim.host.link import Link
from trader.sim.host.pipe import MemoryPeer
from trader.sim.host.transcript import Transcript
from trader.sim.market.history import load_directory
from trader.sim.market.hours import AlwaysOpen, ExchangeHours
from trader.sim.market.market import Market, Replay
from trader.sim.oracle import truth
from trader.sim.reference.catalogue import Catalogue, Listing
from trader.sim.script.processes import NoProcesses, Processes
from trader.sim.script.puppets import Puppets
from trader.sim.settings import Settings, SettingsError


class Simulator(ABC):
    """Everything behind the connections; a host adds the network."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.settings, self.clock = settings, clock
        rng = random.Random(settings.seed)
        self.market = _market(settings, clock, _fork(rng))
        # Chance of their own, so that a fault takes nothing from the world's draws.
        self.faults = Faults(random.Random(f"faults {settings.seed}"))
        self.exchange = Exchange(
            clock, self.market, _accounts(settings), _fork(rng), Latency(*settings.fill_s)
        )
        self.gateway = Gateway(
            clock, self.exchange, self.faults, _fork(rng), Latency(*settings.ack_s)
        )
        self.gateway.is_read_only = settings.is_read_only
        self.gateway.zone = ZoneInfo(settings.zone)
        self.feeds = Feeds(clock, self.market, self.exchange, self.faults, settings.tick_interval_s)
        self.feeds.history_meter.is_on = settings.has_history_pacing
        self.world = World(
            self.gateway, self.exchange, self.feeds, self.faults, settings.server_version,
            RateRule(settings.rate_limit),
        )  # fmt: skip
        self.liquidator = Liquidator(clock, self.gateway)
        self.puppets = Puppets(self.join)
        self.processes: Processes = NoProcesses()
        # What was said on every connection, when somebody wants to read it.
        self.transcript: Transcript | None = None
        # A dictionary for its order: a set would differ from run to run.
        self.links: dict[Link, None] = {}
        self._is_open = False
        self.keeper = Keeper(settings.state, self.gateway, settings.seed)

    @property
    @abstractmethod
    def is_listening(self) -> bool:
        """Return whether new connections are taken."""

    @abstractmethod
    def refuse(self) -> None:
        """Take no connections any more; those that stand go on."""

    def go_down(self, how: str) -> None:
        """Take no connections any more and close every one, by FIN or RST; at once."""
        self.refuse()
        self.drop_links(how)
        self.faults.handshakes.restarted()

    @abstractmethod
    def come_up(self) -> None:
        """Take connections again, at the address of before."""

    def open(self) -> None:
        """Restore state and open the market. Raises SettingsError or StateError."""
        self._check_currency()
        self._check_start()
        if not self.keeper.restore():
            self._open_positions()
        self.gateway.on_change = self.keeper.mark
        self.feeds.start()
        self.exchange.bank.nights.start(self.clock, self.settings.zone)
        self.liquidator.start()
        self._is_open = True

    def _check_currency(self) -> None:
        currency = self.settings.currency
        if not self.exchange.bank.rates.knows(currency, "USD"):
            pairs = [i for i in self.market.catalogue.underlyings() if i.sec_type == "CASH"]
            known = dict.fromkeys(name for pair in pairs for name in (pair.symbol, pair.currency))
            allowed = ", ".join(sorted(known))
            raise SettingsError(f"currency: {currency} is not allowed; allowed: {allowed}")

    def _check_start(self) -> None:
        asked, days = self.settings.start_date, self.market.days
        if asked is not None and not days[0] <= asked <= days[-1]:
            allowed = f"{days[0]} to {days[-1]}, the days of the price files"
            raise SettingsError(f"start-date: {asked} is not allowed; allowed: {allowed}")

    def _open_positions(self) -> None:
        for symbol, quantity in self.settings.positions:
            item = self.market.catalogue.symbol(symbol)
            if item is None or not item.is_tradable:
                known = ", ".join(i.symbol for i in self.market.catalogue.all() if i.is_tradable)
                raise SettingsError(f"position: {symbol} is not allowed; allowed: {known}")
            self.exchange.bank.endow("", item, quantity)

    def close(self) -> None:
        """Stop the market and save the state."""
        self.feeds.stop()
        self.gateway.on_change = lambda: None
        if self._is_open:
            self.keeper.close()
        else:
            self.keeper.abandon()

    def join(self, deliver: Callable[[bytes], None] | None = None) -> MemoryPeer:
        """Join as a client of the same process. Raises ConnectionRefusedError while down."""
        if not self.is_listening:
            raise ConnectionRefusedError("the simulator does not listen")
        return MemoryPeer(self, deliver)

    def mute(self, is_on: bool) -> None:
        """Stop reading and writing but keep every connection (half-open), or go on."""
        self.faults.is_muted = is_on
        for link in list(self.links):
            if is_on:
                link.pause()
            else:
                link.resume()

    def drop_links(self, how: str) -> int:
        """Close every connection by FIN or RST; return how many there were."""
        links = list(self.links)
        for link in links:
            link.drop(how)
        return len(links)

    def truth(self) -> dict[str, Any]:
        """Return the broker's truth for comparison."""
        open_now = sum(link.session.outlet.frames for link in self.links)
        told = truth.report(self.world, frames_out=self.gateway.frames_out + open_now)
        return told | self.processes.report()


def _market(settings: Settings, clock: Clock, rng: random.Random) -> Market:
    is_always_open = settings.sessions == "always"
    history = load_directory(settings.data)
    prices = {symbol: days[0].close for symbol, days in history.items()}
    listing = Listing(prices, clock.time, always_open=is_always_open)
    replay = Replay(
        settings.speed, settings.start_date, settings.tick_interval_s,
        AlwaysOpen() if is_always_open else ExchangeHours(clock.time()),
    )  # fmt: skip
    return Market(clock, Catalogue(history, listing), history, rng, replay)


def _accounts(settings: Settings) -> list[Account]:
    return [
        Account(
            name, settings.cash, kind=Kind(settings.account_kind), base=settings.currency,
            schedule=Schedule(settings.commissions),
        )
        for name in (settings.account, *settings.more_accounts)
    ]  # fmt: skip


def _fork(rng: random.Random) -> random.Random:
    return random.Random(rng.getrandbits(64))
