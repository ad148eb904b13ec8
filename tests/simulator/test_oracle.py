"""Goal: the simulator's truth is the sum of what it told, to the cent, whatever clients do.

Method: several clients send random orders, changes and cancels under virtual time while prices
jump; each adds up its own frames, and the sum must equal the truth. ORACLE_EXAMPLES sets the
number of runs (a soak uses thousands).
"""

from __future__ import annotations

import os
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.simulator.believer import Believer
from tests.unit.sim.host.test_server import make
from tests.unit.sim.statuses import Watch
from tests.unit.sim.support import EPOCH_S, place_fields, write_prices
from trader.sim.host.memory import MemoryHost

EXAMPLES = int(os.environ.get("ORACLE_EXAMPLES", "40"))
CLIENTS = (1, 2, 3)
KINDS = ("MKT", "LMT", "STP", "STP LMT", "MIT", "LIT", "TRAIL", "MTL")
CASH = Decimal(1_000_000)

place = st.tuples(
    st.just("place"), st.sampled_from(CLIENTS), st.sampled_from(["AAPL", "IBM"]),
    st.sampled_from(["BUY", "SELL"]), st.sampled_from(KINDS),
    st.integers(1, 400), st.integers(-300, 300), st.sampled_from(["DAY", "GTC", "IOC", "FOK"]),
)  # fmt: skip
change = st.tuples(
    st.just("change"), st.sampled_from(CLIENTS), st.integers(0, 30), st.integers(1, 400),
    st.integers(-300, 300),
)  # fmt: skip
cancel = st.tuples(st.just("cancel"), st.sampled_from(CLIENTS), st.integers(0, 30))
cancel_all = st.tuples(st.just("cancel-all"), st.sampled_from(CLIENTS))
price = st.tuples(st.just("price"), st.sampled_from(["AAPL", "IBM"]), st.integers(-400, 400))
wait = st.tuples(st.just("wait"), st.floats(0.0, 0.5))
leave = st.tuples(st.just("leave"), st.sampled_from(CLIENTS))
actions = st.lists(
    st.one_of(place, place, place, change, cancel, price, wait, wait, cancel_all, leave),
    max_size=60,
)


class Market:
    """Drives the clients through one list of actions."""

    def __init__(self, directory: Path, seed: int) -> None:
        self.host = MemoryHost(
            make(directory, seed=seed, cash=CASH, tick_interval_s=0.05, rate_limit=None),
            epoch_s=EPOCH_S,
        )
        self.host.start()
        self.clients = {number: Believer(self.host, number) for number in CLIENTS}
        self.placed: dict[int, list[list[object]]] = {number: [] for number in CLIENTS}
        self.base = {
            symbol: self.host.exchange.quote(item).last
            for symbol in ("AAPL", "IBM")
            if (item := self.host.market.catalogue.symbol(symbol))
        }

    def run(self, steps: list[tuple[object, ...]]) -> None:
        """Do every step, then let everything come to rest."""
        for verb, *values in steps:
            getattr(self, "do_" + str(verb).replace("-", "_"))(*values)
        self.do_wait(5.0)

    def do_place(
        self, number: int, symbol: str, side: str, kind: str, size: int, cents: int, tif: str
    ) -> None:
        at = self.base[symbol] + Decimal(cents) / 100
        order_id = len(self.placed[number]) + 1
        fields = place_fields(
            order_id, symbol=symbol, action=side, kind=kind, quantity=size, limit=at, stop=at,
            tif=tif, ref=f"{number}-{order_id}",
        )  # fmt: skip
        self.placed[number].append(fields)
        self.clients[number].send(*fields)

    def do_change(self, number: int, which: int, size: int, cents: int) -> None:
        if not self.placed[number]:
            return
        fields = list(self.placed[number][which % len(self.placed[number])])
        # Quantity, limit and stop price of message 3 behind its twelve contract fields.
        at = self.base[str(fields[3])] + Decimal(cents) / 100
        fields[17], fields[19], fields[20] = size, at, at
        self.clients[number].send(*fields)

    def do_cancel(self, number: int, which: int) -> None:
        self.clients[number].send(4, 1, which + 1, "")

    def do_cancel_all(self, number: int) -> None:
        self.clients[number].send(58, 1)

    def do_price(self, symbol: str, cents: int) -> None:
        self.host.market.pins[symbol] = self.base[symbol] + Decimal(cents) / 100
        self.host.feeds.refresh(symbol)

    def do_wait(self, seconds: float) -> None:
        self.host.clock.advance(seconds)
        for client in self.clients.values():
            client.listen()

    def do_leave(self, number: int) -> None:
        """Drop a connection and join again; what was missed is asked for."""
        client = self.clients[number]
        self.do_wait(0.0)
        client.peer.close()
        self.host.clock.advance(0.3)
        again = Believer(self.host, number, frames=client.frames)
        again.fills, again.commissions = client.fills, client.commissions
        again.statuses, again.quantities = client.statuses, client.quantities
        self.clients[number] = again
        again.send(7, 3, 900, number, "", "", "", "", "", "")
        self.do_wait(0.0)


@pytest.fixture(scope="module")
def prices(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_prices(tmp_path_factory.mktemp("prices"))


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), steps=actions)
def test_the_truth_is_the_sum_of_what_clients_were_told(
    prices: Path, seed: int, steps: list[tuple[object, ...]]
) -> None:
    market = Market(prices, seed)
    market.run(steps)
    truth = market.host.truth()
    clients = list(market.clients.values())
    told = sum((client.cash_change() for client in clients), CASH)
    assert Decimal(truth["cash"]["USD"]) == told
    held: dict[int, Decimal] = defaultdict(Decimal)
    for client in clients:
        for con_id, quantity in client.held().items():
            held[con_id] += quantity
    assert {row["con_id"]: Decimal(row["quantity"]) for row in truth["positions"]} == held
    assert_orders(truth["orders"], clients)
    for client in clients:
        # Every status was one that a real gateway has been seen to give.
        Watch().see(client.frames)
    market.host.stop()


def assert_orders(rows: list[dict[str, str]], clients: list[Believer]) -> None:
    """Compare every order of the truth with what its client added up."""
    filled = {perm: size for client in clients for perm, size in client.filled().items()}
    for row in rows:
        perm_id, quantity = int(row["perm_id"]), Decimal(row["quantity"])
        assert Decimal(row["filled"]) == filled.get(perm_id, 0) <= quantity
        client = next(c for c in clients if c.client_id == int(row["client_id"]))
        if row["status"] in ("Filled", "Cancelled"):
            last = client.statuses[perm_id][-1] if client.statuses[perm_id] else None
            assert last is None or last[1] <= quantity
