"""What the simulator's tests share: price files, a clock moved by hand, a client without I/O."""

from __future__ import annotations

import random
from dataclasses import fields
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from trader.sim.broker.exchange import Exchange, Latency
from trader.sim.broker.money.accounts import Account
from trader.sim.clock import VirtualClock
from trader.sim.gateway.desks.world import World
from trader.sim.gateway.feeds.feeds import Feeds
from trader.sim.gateway.orders.gateway import Gateway
from trader.sim.gateway.session import Session
from trader.sim.gateway.ways.faults import Faults
from trader.sim.market.history import DayBar
from trader.sim.market.hours import ExchangeHours
from trader.sim.market.market import Market, Replay
from trader.sim.model.instruments import ContractQuery
from trader.sim.model.orders import OrderRequest, Terms
from trader.sim.reference.catalogue import Catalogue, Listing
from trader.sim.wire.frames import encode

ACCOUNT = "DUSIM0001"
_TERMS = {field.name for field in fields(Terms)}
EPOCH_S = 1_795_240_000.0
SYMBOLS = (("AAPL", 200.0), ("IBM", 150.0), ("VIX", 18.0))


def hand_clock() -> VirtualClock:
    """Return a clock that moves only when a test says so."""
    return VirtualClock(EPOCH_S + 1000.0)


def write_prices(directory: Path, days: int = 300) -> Path:
    """Write one price file per symbol, the same on every machine."""
    for symbol, price in SYMBOLS:
        rng, day, close = random.Random(symbol), date(2020, 1, 1), price
        rows = ["date,open,high,low,close,volume"]
        for _ in range(days):
            day += timedelta(days=3 if day.weekday() == 4 else 1)
            opened = round(close * rng.uniform(0.995, 1.005), 2)
            close = round(opened * rng.uniform(0.99, 1.01), 2)
            high = round(max(opened, close) * rng.uniform(1.0, 1.004), 2)
            low = round(min(opened, close) * rng.uniform(0.996, 1.0), 2)
            volume = 0 if symbol == "VIX" else rng.randrange(10**6, 10**8)
            rows.append(f"{day},{opened:.2f},{high:.2f},{low:.2f},{close:.2f},{volume}")
        (directory / f"{symbol}.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return directory


def bars() -> dict[str, tuple[DayBar, ...]]:
    """Return a few hand-made days of the three symbols."""
    result = {}
    for symbol, price in (("AAPL", 200), ("IBM", 150), ("VIX", 18)):
        base = Decimal(price)
        result[symbol] = tuple(
            DayBar(
                date(2020, 1, 6) + timedelta(days=n), base + n, base + n + 3, base + n - 2,
                base + n + 1, 0 if symbol == "VIX" else 1_000_000 + n,
            )
            for n in range(5)
        )  # fmt: skip
    return result


class Bench:
    """A whole simulator without sockets, on a clock moved by hand."""

    def __init__(
        self,
        *,
        cash: Decimal = Decimal(1_000_000),
        ack_s: tuple[float, float] = (0.0, 0.0),
        fill_s: tuple[float, float] = (0.0, 0.0),
        server_version: int = 178,
        seed: int = 1,
        history: dict[str, tuple[DayBar, ...]] | None = None,
        always_open: bool = True,
    ) -> None:
        self.clock = hand_clock()
        days = history or bars()
        prices = {name: one[0].close for name, one in days.items()}
        listing = Listing(prices, self.clock.time, always_open)
        catalogue = Catalogue(days, listing)
        replay = Replay() if always_open else Replay(hours=ExchangeHours(self.clock.time()))
        self.market = Market(self.clock, catalogue, days, random.Random(seed), replay)
        self.account = Account(ACCOUNT, cash)
        self.exchange = Exchange(
            self.clock, self.market, [self.account], random.Random(seed + 1), Latency(*fill_s)
        )
        self.faults = Faults()
        self.gateway = Gateway(
            self.clock, self.exchange, self.faults, random.Random(seed + 2), Latency(*ack_s)
        )
        self.feeds = Feeds(self.clock, self.market, self.exchange, self.faults, 0.25)
        self.world = World(self.gateway, self.exchange, self.feeds, self.faults, server_version)

    def pin(self, symbol: str, price: str) -> None:
        """Hold a symbol's mid at a price and let the market see it."""
        self.market.pins[symbol] = Decimal(price)
        self.feeds.refresh(symbol)

    def client(self, client_id: int = 7, versions: str = "v157..178") -> Peer:
        """Connect a client and forget what it was greeted with."""
        peer = Peer(self)
        peer.hello(versions)
        peer.send(71, 2, client_id, "")
        peer.frames()
        return peer


class Peer:
    """The client end of one session."""

    def __init__(self, bench: Bench) -> None:
        self.session = Session(bench.world, lambda: None)
        self._buffer = b""

    def hello(self, versions: str = "v157..178") -> None:
        text = versions.encode()
        self.session.receive(b"API\0" + len(text).to_bytes(4, "big") + text)

    def send(self, *fields: object) -> None:
        self.session.receive(encode(*fields))

    def frames(self) -> list[list[str]]:
        """Return the frames that came since the last call."""
        self._buffer += self.session.outlet.take()
        found = split(self._buffer)
        self._buffer = b""
        return found

    def ids(self) -> list[int]:
        """Return the message ids that came since the last call."""
        return [int(fields[0]) for fields in self.frames()]


def split(data: bytes) -> list[list[str]]:
    """Cut whole frames into fields."""
    found = []
    while data:
        size = int.from_bytes(data[:4], "big")
        assert len(data) >= 4 + size, "a frame was cut"
        found.append(data[4 : 4 + size].decode().split("\0")[:-1])
        data = data[4 + size :]
    return found


def contract(symbol: str = "AAPL", con_id: int = 0, exchange: str = "") -> list[object]:
    """Return the twelve contract fields of a request."""
    kind = "IND" if symbol == "VIX" else "STK"
    exchange = exchange or ("CBOE" if symbol == "VIX" else "SMART")
    return [con_id, symbol, kind, "", 0.0, "", "", exchange, "", "USD", "", ""]


def request(order_id: int = 1, **changes: Any) -> OrderRequest:
    """Return a valid order request, with changes of its own fields or of its terms'."""
    terms: dict[str, Any] = {
        "action": "BUY", "quantity": Decimal(100), "order_type": "MKT", "tif": "DAY",
    }  # fmt: skip
    values: dict[str, Any] = {
        "order_id": order_id, "order_ref": "ref",
        "contract": ContractQuery(symbol="AAPL", sec_type="STK", exchange="SMART"),
    }  # fmt: skip
    for name, value in changes.items():
        (terms if name in _TERMS else values)[name] = value
    return OrderRequest(terms=Terms(**terms), **values)


def place_fields(order_id: int, version: int = 178, **order: object) -> list[object]:
    """Return message 3 as ib_async lays out a plain order at a server version."""
    get = order.get
    named = contract(str(get("symbol", "AAPL")), exchange=str(get("exchange", "")))
    words: list[object] = [3, order_id, *named, "", ""]
    words += [
        get("action", "BUY"), get("quantity", 100), get("kind", "MKT"), get("limit", ""),
        get("stop", ""), get("tif", "DAY"), "", get("account", ""), "", 0, get("ref", ""),
        get("transmit", 1), 0, 0, 0, 0, 0, 0, 0,
    ]  # fmt: skip
    words += ["", 0.0, "", "", "", "", ""] + ([""] if version < 177 else [])
    words += ["", 0, "", -1, 0, "", "", 0, "", "", 0, 0, "", 0, "", "", "", "", "", 0]
    words += ["", "", "", "", 0, "", "", "", "", "", "", "", "", "", "", 0, "", "", 0, 0]
    words += ["", "", get("what_if", 0), "", 0, 0, 0, 0]
    words += ["", "", "", "", "", "", 0, "", "", "", "", "", "", "", "", 0, 0, 0, 0]
    tail = ((158, ""), (160, ""), (162, 0), (166, ""), (169, ""))
    return words + [value for since, value in tail if version >= since]


def at_wall(bench: Bench, text: str) -> Bench:
    """Advance a bench to a moment in UTC, given in ISO 8601."""
    moment = datetime.fromisoformat(f"{text}+00:00").timestamp()
    assert moment >= bench.clock.time(), "a clock only goes ahead"
    bench.clock.advance(moment - bench.clock.time())
    return bench
