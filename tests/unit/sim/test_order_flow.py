"""Random order flow over all types from several clients: every client sees only what a gateway
could have sent, no order fills beyond its quantity, groups hold, and the money adds up.
"""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.sim.statuses import Watch
from tests.unit.sim.support import Bench, Peer, request
from trader.sim.clock import utc
from trader.sim.model.instruments import ContractQuery, Leg
from trader.sim.model.orders import Condition

CLIENTS = (1, 2, 3)
KINDS = (
    "MKT", "LMT", "STP", "STP LMT", "TRAIL", "TRAIL LIMIT", "MIT", "LIT", "MTL", "REL", "PEG MKT",
    "PEG MID", "MIDPRICE", "MOC", "LOC",
)  # fmt: skip
TIFS = ("DAY", "GTC", "IOC", "FOK", "GTD", "OPG", "")
CENT = Decimal("0.01")
# Saturday 06:03:20 UTC, where the clock starts, to Monday 09:30 in New York.
TO_MONDAY_OPEN_S = 203_200


class Flow:
    """One world and the hands that stir it."""

    def __init__(self, seed: int, *, always_open: bool) -> None:
        self.rng = random.Random(seed)
        self.bench = Bench(
            seed=seed, ack_s=(0.001, 0.05), fill_s=(0.01, 0.3), always_open=always_open,
            cash=Decimal(5_000_000),
        )  # fmt: skip
        if not always_open:
            self.bench.clock.advance(TO_MONDAY_OPEN_S + 60)
        self.bench.feeds.start()
        self.peers: dict[int, Peer] = {n: self.bench.client(n) for n in CLIENTS}
        self.watches = {n: Watch() for n in CLIENTS}
        self.next_id = dict.fromkeys(CLIENTS, 1)

    def run(self, steps: int) -> None:
        doing = [self.place] * 10 + [self.change] * 4 + [self.cancel] * 3 + [self.bracket] * 2
        doing += [self.pin] * 3 + [self.combination, self.cancel_all, self.halt]
        for _ in range(steps):
            self.rng.choice(doing)()
            self.bench.clock.advance(self.rng.choice((0.0, 0.01, 0.1, 0.5, 3.0)))
            self.look()

    def look(self) -> None:
        for client_id, peer in self.peers.items():
            self.watches[client_id].see(peer.frames())

    def price(self, width: float = 0.03) -> Decimal:
        item = self.bench.market.catalogue.symbol("AAPL")
        assert item is not None
        last = self.bench.exchange.price_now(item).last
        return (last * Decimal(1 + self.rng.uniform(-width, width))).quantize(CENT)

    def terms(self) -> dict[str, Any]:
        rng, kind = self.rng, self.rng.choice(KINDS)
        found: dict[str, Any] = {
            "order_type": kind, "action": rng.choice(("BUY", "SELL")), "tif": rng.choice(TIFS),
            "quantity": Decimal(rng.randint(1, 900)), "limit_price": self.price(),
            "aux_price": self.price(),
        }  # fmt: skip
        if kind in ("TRAIL", "TRAIL LIMIT"):
            found |= {"aux_price": Decimal(rng.randint(1, 300)) / 100, "limit_offset": CENT}
        elif kind in ("REL", "PEG MKT", "PEG MID", "MIDPRICE"):
            found |= {"aux_price": Decimal(rng.randint(0, 5)) / 100, "limit_price": None}
        if found["tif"] == "GTD":
            found["good_till"] = self.soon()
        extra = rng.choice(("", "", "", "aon", "iceberg", "least", "after", "condition", "oca"))
        found |= self.more(extra, found["quantity"])
        return found

    def more(self, name: str, quantity: Decimal) -> dict[str, Any]:
        item = self.bench.market.catalogue.symbol("AAPL")
        assert item is not None
        fields = ("a", "1", str(self.price()), str(item.con_id), "SMART", "0")
        group = {"oca_group": f"g{self.rng.randint(1, 3)}", "oca_type": self.rng.randint(1, 3)}
        every: dict[str, dict[str, Any]] = {
            "": {}, "aon": {"all_or_none": True}, "iceberg": {"display_size": 1},
            "least": {"min_quantity": Decimal(1)}, "after": {"good_after": self.soon()},
            "condition": {"conditions": (Condition(1, fields),)}, "oca": group,
        }  # fmt: skip
        return every[name] if quantity > 1 else {}

    def soon(self) -> str:
        later = self.bench.clock.time() + self.rng.randint(1, 60)
        return utc(later).strftime("%Y%m%d-%H:%M:%S")

    def place(self) -> None:
        client_id = self.rng.choice(CLIENTS)
        self.bench.gateway.place(client_id, request(self.use(client_id), **self.terms()))

    def use(self, client_id: int) -> int:
        self.next_id[client_id] += 1
        return self.next_id[client_id]

    def bracket(self) -> None:
        client_id, rng = self.rng.choice(CLIENTS), self.rng
        place, quantity = self.bench.gateway.place, Decimal(rng.randint(1, 300))
        entry = self.use(client_id)
        common: dict[str, Any] = {"quantity": quantity, "tif": "GTC"}
        place(client_id, request(entry, transmit=False, order_type="LMT",
                                 limit_price=self.price(0.01), **common))  # fmt: skip
        below: dict[str, Any] = {"action": "SELL", "parent_id": entry, **common}
        place(client_id, request(self.use(client_id), transmit=False, order_type="LMT",
                                 limit_price=self.price(), **below))  # fmt: skip
        place(client_id, request(self.use(client_id), order_type="STP",
                                 aux_price=self.price(), **below))  # fmt: skip

    def combination(self) -> None:
        client_id = self.rng.choice(CLIENTS)
        items = [self.bench.market.catalogue.symbol(name) for name in ("AAPL", "IBM")]
        legs = tuple(
            Leg(item.con_id, ratio, action)
            for item, ratio, action in zip(items, (2, 3), ("BUY", "SELL"), strict=True)
            if item is not None
        )
        contract = ContractQuery(sec_type="BAG", exchange="SMART", currency="USD", legs=legs)
        self.bench.gateway.place(
            client_id, request(self.use(client_id), contract=contract, quantity=Decimal(3))
        )

    def pick(self) -> tuple[int, int]:
        client_id = self.rng.choice(CLIENTS)
        return client_id, self.rng.randint(1, self.next_id[client_id])

    def change(self) -> None:
        client_id, order_id = self.pick()
        order = self.bench.gateway.live(client_id, order_id)
        if order is None or order.instrument.legs:
            return
        terms = self.terms() | {"action": str(order.side), "tif": order.tif}
        terms |= {"oca_group": "", "order_type": self.rng.choice((order.order_type, "LMT"))}
        self.bench.gateway.place(client_id, request(order_id, parent_id=order.parent_id, **terms))

    def cancel(self) -> None:
        self.bench.gateway.cancel(*self.pick())

    def cancel_all(self) -> None:
        if self.rng.random() < 0.2:
            self.bench.gateway.cancel_all(self.rng.choice(CLIENTS))

    def pin(self) -> None:
        self.bench.pin("AAPL", str(self.price(0.02)))

    def halt(self) -> None:
        self.bench.exchange.shows_pending_cancel = self.rng.random() < 0.5

    # -- what must hold ----------------------------------------------------------------------------

    def check(self) -> None:
        exchange, account = self.bench.exchange, self.bench.account
        own: dict[int, Decimal] = {}
        held: dict[int, Decimal] = {}
        spent = Decimal(0)
        for item in exchange.executions:
            if not item.is_leg:
                own[item.perm_id] = own.get(item.perm_id, Decimal(0)) + item.quantity
            if not item.instrument.legs:
                con_id = item.instrument.con_id
                held[con_id] = held.get(con_id, Decimal(0)) + item.side.sign * item.quantity
                spent += item.side.sign * item.quantity * item.price + item.commission
        for perm_id, order in exchange.orders.items():
            assert own.get(perm_id, 0) == order.filled <= order.quantity
            assert order.order_type != "LMT" or not order.filled or self.is_in_limit(perm_id)
        assert {e.instrument.con_id: e.quantity for e in account.held()} == {
            con_id: quantity for con_id, quantity in held.items() if quantity
        }
        assert abs(account.cash - (5_000_000 - spent)) < CENT

    def is_in_limit(self, perm_id: int) -> bool:
        """Return whether a limit order that was never changed got its limit or better."""
        order = self.bench.exchange.orders[perm_id]
        if order.changes or order.limit_price is None:
            return True
        fills = [e for e in self.bench.exchange.executions if e.perm_id == perm_id]
        gap = order.terms.discretionary
        return all((e.price - order.limit_price) * e.side.sign <= gap for e in fills)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("always_open", [True, False])
def test_a_day_of_random_orders_is_one_a_gateway_could_have_shown(
    seed: int, always_open: bool
) -> None:
    flow = Flow(seed, always_open=always_open)
    flow.run(150)
    flow.check()
    flow.bench.clock.advance(300)
    flow.look()
    flow.check()


def test_a_round_trip_in_a_micro_future_costs_the_tick_and_both_commissions() -> None:
    bench = Bench()
    peer = bench.client()
    (month, *_) = bench.market.catalogue.find_all(ContractQuery(symbol="MES", sec_type="FUT"))
    for number, side in ((1, "BUY"), (2, "SELL")):
        contract = ContractQuery(con_id=month.con_id, exchange="CME")
        one: dict[str, Any] = {"contract": contract, "quantity": Decimal(1), "action": side}
        assert bench.gateway.place(7, request(number, **one)) is None
    frames = peer.frames()
    bought, sold = (Decimal(f[20]) for f in frames if f[0] == "11")
    (opened, opened_result), (closed, result) = ((f[3], f[5]) for f in frames if f[0] == "59")
    assert (opened, closed, opened_result) == ("0.62", "0.62", "1.7976931348623157E308")
    # The multiplier is 5; a result has its commissions taken off.
    assert Decimal(result) == (sold - bought) * 5 - 2 * Decimal("0.62")


@settings(max_examples=15, deadline=None)
@given(st.integers(100, 10**9))
def test_any_seed_is_as_good(seed: int) -> None:
    flow = Flow(seed, always_open=True)
    flow.run(40)
    flow.check()


@pytest.mark.parametrize("seed", range(20))
def test_of_a_type_one_group_only_one_ever_fills(seed: int) -> None:
    bench, rng = Bench(fill_s=(0.01, 0.4), seed=seed), random.Random(seed)
    bench.pin("AAPL", "200.00")
    for number in range(1, 6):
        price = Decimal(19_800 + rng.randint(0, 250)) / 100
        bench.gateway.place(
            1 + number % 3,
            request(number, oca_group="g", oca_type=1, order_type="LMT", limit_price=price),
        )
    for _ in range(40):
        bench.clock.advance(0.1)
        bench.pin("AAPL", str(Decimal(20_000 + rng.randint(-250, 100)) / 100))
    filled = [order for order in bench.exchange.orders.values() if order.filled]
    assert len(filled) <= 1


@pytest.mark.parametrize("seed", range(30))
def test_a_bracket_never_sells_more_than_its_entry_has_bought(seed: int) -> None:
    bench, rng = Bench(fill_s=(0.01, 0.4), seed=seed, cash=Decimal(10**9)), random.Random(seed)
    bench.pin("AAPL", "200.00")
    common: dict[str, Any] = {"quantity": Decimal(rng.randint(200, 3000)), "tif": "GTC"}
    below: dict[str, Any] = {"action": "SELL", "parent_id": 1, **common}
    limit, stop = Decimal("200.01"), Decimal("199.60")
    place = bench.gateway.place
    place(1, request(1, transmit=False, order_type="LMT", limit_price=limit, **common))
    place(1, request(2, transmit=False, order_type="LMT", limit_price=limit + 1, **below))
    place(1, request(3, order_type="STP", aux_price=stop, **below))
    entry, *children = bench.exchange.orders.values()
    parts = 0
    for _ in range(60):
        bench.clock.advance(0.1)
        bench.pin("AAPL", str(Decimal(20_000 + rng.randint(-30, 150)) / 100))
        sold = sum(child.filled for child in children)
        assert sold <= entry.filled
        assert all(child.quantity <= entry.quantity for child in children)
        parts += 0 < entry.filled < entry.quantity
        target = bench.gateway.live(1, 2)
        if target is not None and rng.random() < 0.5:
            shown = below | {"quantity": rng.choice((target.quantity, below["quantity"]))}
            place(1, request(2, order_type="LMT", limit_price=limit + rng.randint(0, 2), **shown))
    assert parts or entry.status.is_done
