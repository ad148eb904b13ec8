"""Leaping over rounds that nobody can tell: the broker does the same as if each had been made."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.sim.support import Bench, at_wall, contract, request
from trader.sim.market.quotes import Quote, snapped
from trader.sim.model.instruments import ContractQuery, Instrument, Leg
from trader.sim.model.orders import Condition

_KINDS = ("MKT", "LMT", "STP", "STP LMT", "TRAIL", "LIT", "MIT", "LMT", "STP", "STP")

OPTION = ContractQuery(symbol="AAPL", sec_type="OPT", expiry="20261218", strike=Decimal(200),
                       right="C", exchange="SMART")  # fmt: skip
FUTURE = ContractQuery(symbol="ES", sec_type="FUT", expiry="202612", exchange="CME")


def bench_of(seed: int, *, always_open: bool = True) -> Bench:
    """Return a world whose prices move fast and whose fills take time."""
    bench = Bench(seed=seed, fill_s=(0.005, 0.4), ack_s=(0.001, 0.01), always_open=always_open)
    if always_open:
        bench.market.speed = 20.0
    else:
        # Some minutes before the regular session begins.
        at_wall(bench, "2026-11-23T14:20:00")
    bench.feeds.start()
    return bench


def spread(bench: Bench) -> ContractQuery:
    """Return a spread of two calls."""
    far = bench.market.catalogue.find(replace(OPTION, strike=Decimal(210)))
    near = bench.market.catalogue.find(OPTION)
    assert near is not None
    assert far is not None
    legs = (Leg(near.con_id, 1, "BUY", "SMART"), Leg(far.con_id, 1, "SELL", "SMART"))
    return ContractQuery(symbol="AAPL", sec_type="BAG", exchange="SMART", currency="USD", legs=legs)


def order_of(rng: random.Random, order_id: int, item: Instrument, last: Decimal) -> dict[str, Any]:
    """Draw the values of an order near the market."""
    kind = rng.choice(_KINDS)
    if order_id == 1 and rng.random() < 0.3:
        # Its price follows the market: no round of its instrument can be left out.
        kind = "REL"
    action = rng.choice(["BUY", "SELL"])
    away = Decimal(rng.randrange(-150, 151)) / 100 * (last / 100)
    price = (last + away).quantize(Decimal("0.01"))
    values: dict[str, Any] = {
        "order_id": order_id, "order_type": kind, "action": action, "tif": "GTC",
        "quantity": Decimal(rng.choice([1, 100, 700, 2500])), "outside_rth": rng.random() < 0.5,
        "contract": ContractQuery(
            symbol=item.symbol, sec_type=item.sec_type, exchange=item.exchange
        ),
    }  # fmt: skip
    if kind in ("LMT", "STP LMT", "LIT", "REL"):
        values["limit_price"] = price
    if kind in ("STP", "STP LMT", "LIT", "MIT"):
        values["aux_price"] = price
    if kind == "TRAIL":
        values["aux_price"] = Decimal("0.75")
    if rng.random() < 0.15:
        fields = ("a", rng.choice("01"), str(price), str(item.con_id), "SMART", "0")
        values["conditions"] = (Condition(1, fields),)
    return values


def place_some(bench: Bench, seed: int, count: int = 12) -> None:
    """Place the same orders in any world of the same seed: single ones, and brackets."""
    rng, bank = random.Random(seed), bench.exchange
    for number in range(count):
        symbol = rng.choice(["AAPL", "IBM"])
        item = bench.market.catalogue.symbol(symbol)
        assert item is not None
        values = order_of(rng, number + 1, item, bank.quote(item).last)
        if number % 4 == 3:
            values |= {"parent_id": number}
        bench.gateway.place(7, request(**values))


def outcome(bench: Bench) -> tuple[Sequence[object], Sequence[object]]:
    executions = [
        (e.time_s, e.exec_id, e.order_id, str(e.side), e.quantity, e.price)
        for e in bench.exchange.executions
    ]
    orders = [
        (o.order_id, str(o.status), o.filled, o.stop_now, o.limit_now, o.triggered, o.queue_ahead)
        for o in bench.exchange.orders.values()
    ]
    return executions, orders


@pytest.mark.parametrize("seed", range(16))
def test_a_leap_ends_with_the_same_executions_and_orders_as_all_the_rounds(seed: int) -> None:
    print(f"seed {seed}")
    is_always = seed % 4 != 3
    slow, fast = (bench_of(seed, always_open=is_always) for _ in range(2))
    for bench in (slow, fast):
        bench.client()
        place_some(bench, seed)
    seconds = 900.0 if is_always else 2400.0
    slow.clock.advance(seconds)
    fast.clock.leap(seconds)
    assert outcome(fast) == outcome(slow)
    assert slow.exchange.executions, "an order flow that trades"
    assert fast.account.balances == slow.account.balances


@pytest.mark.parametrize("seed", range(4))
def test_derivatives_and_combinations_are_followed_through_a_leap(seed: int) -> None:
    print(f"seed {seed}")
    slow, fast = bench_of(seed), bench_of(seed)
    for bench in (slow, fast):
        bench.client()
        rng = random.Random(seed)
        for number, query in enumerate((OPTION, FUTURE, spread(bench)) * 3, start=1):
            item = bench.market.catalogue.find(query)
            assert item is not None
            quote = bench.exchange.quote(item)
            ticks = int(quote.last / item.tick) + rng.randrange(-12, 13)
            price = snapped(item, ticks) * item.tick
            stop = {"order_type": "STP", "aux_price": price}
            limit = {"order_type": "LMT", "limit_price": price}
            kind = limit if item.sec_type == "BAG" or rng.random() < 0.5 else stop
            action = rng.choice(["BUY", "SELL"])
            values = {"tif": "GTC", "quantity": Decimal(2), "contract": query, "action": action}
            refusal = bench.gateway.place(7, request(number, **values, **kind))
            assert refusal is None
    slow.clock.advance(1800.0)
    fast.clock.leap(1800.0)
    assert outcome(fast) == outcome(slow)
    kinds = {e.instrument.sec_type for e in slow.exchange.executions}
    assert len(kinds) > 1


def count_rounds(bench: Bench) -> dict[str, int]:
    """Count what the feeds draw of the market from now on."""
    count, draw = {"quotes": 0}, bench.market.quote_at

    def counted(item: Instrument, slot: int) -> Quote:
        count["quotes"] += 1
        return draw(item, slot)

    bench.market.quote_at = counted  # type: ignore[method-assign]
    return count


def test_a_stop_far_from_the_market_costs_nothing_and_a_near_one_only_where_it_is_near() -> None:
    bench = bench_of(1)
    peer = bench.client()
    for number in range(50):
        peer.send(1, 11, number, *contract(("AAPL", "IBM", "VIX")[number % 3]), 0, "", 0, 0, "")
    stop = {"order_type": "STP", "tif": "GTC", "action": "SELL"}
    bench.gateway.place(7, request(1, **stop, aux_price=Decimal(20)))
    count = count_rounds(bench)
    bench.clock.leap(3600.0)
    # A whole round at each boundary of five seconds, and little else of 14,400 rounds.
    assert count["quotes"] < 10_000
    assert len(peer.session.outlet.take()) > 100_000


def test_while_time_goes_by_no_round_is_left_out() -> None:
    bench = bench_of(1)
    count = count_rounds(bench)
    bench.clock.advance(100.0)
    assert count["quotes"] >= 400 * len(bench.market.catalogue.all())


def test_what_is_set_within_a_leap_ends_it_earlier() -> None:
    bench = bench_of(1)
    heard: list[float] = []

    def chain() -> None:
        heard.append(bench.clock.monotonic())
        quotes = bench.exchange.quotes
        assert all(bench.market.quote_at(q.instrument, bench.market.slot()) == q
                   for q in quotes.values())  # fmt: skip
        if len(heard) < 50:
            bench.clock.call_later(7.013, chain)

    bench.clock.call_later(7.013, chain)
    bench.clock.leap(400.0)
    assert len(heard) == 50


@pytest.mark.parametrize("seed", range(3))
def test_queues_are_worked_through_by_the_volume_of_single_rounds(seed: int) -> None:
    print(f"seed {seed}")
    slow, fast = bench_of(seed), bench_of(seed)
    for bench in (slow, fast):
        # Prices come to a cent from afar and rest there: queues go by the volume of single rounds.
        bench.market.speed = 12.0
        bench.client()
        item = bench.market.catalogue.all()[0]
        last = bench.exchange.quote(item).last
        for number in range(1, 41):
            price = last + item.tick * 4 * (number - 20)
            action = "SELL" if number > 20 else "BUY"
            values = {"order_type": "LMT", "limit_price": price, "action": action, "tif": "GTC"}
            bench.gateway.place(7, request(number, **values, quantity=Decimal(900)))
    slow.clock.advance(1200.0)
    fast.clock.leap(1200.0)
    assert outcome(fast) == outcome(slow)
    parts = [e for e in slow.exchange.executions if e.quantity < 900]
    assert len(parts) > 5
