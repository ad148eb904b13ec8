"""Bounds of a stretch hold for each of its slots, whatever the instrument and the hours."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from tests.unit.sim.support import Bench, at_wall
from trader.sim.market.reach import reach
from trader.sim.model.instruments import ContractQuery, Leg


def queries(bench: Bench) -> list[ContractQuery]:
    call = ContractQuery(symbol="AAPL", sec_type="OPT", expiry="20261218", strike=Decimal(200),
                         right="C", exchange="SMART")  # fmt: skip
    put = ContractQuery(symbol="AAPL", sec_type="OPT", expiry="20261218", strike=Decimal(210),
                        right="P", exchange="SMART")  # fmt: skip
    items = [bench.market.catalogue.find(one) for one in (call, put)]
    legs = tuple(Leg(item.con_id, 1, "BUY", "SMART") for item in items if item is not None)
    assert len(legs) == 2
    return [
        ContractQuery(symbol="AAPL", sec_type="STK", exchange="SMART"), call, put,
        ContractQuery(symbol="ES", sec_type="FUT", expiry="202612", exchange="CME"),
        ContractQuery(symbol="EUR", sec_type="CASH", currency="USD", exchange="IDEALPRO"),
        ContractQuery(symbol="AAPL", sec_type="BAG", currency="USD", legs=legs),
    ]  # fmt: skip


@pytest.mark.parametrize("always_open", [True, False])
@pytest.mark.parametrize("number", range(6))
def test_no_slot_of_a_stretch_leaves_its_bounds(number: int, always_open: bool) -> None:
    rng = random.Random(number)
    bench = Bench(always_open=always_open)
    if not always_open:
        at_wall(bench, "2026-11-23T08:59:00")
    bench.market.speed = 30.0 if always_open else 1.0
    item = bench.market.catalogue.find(queries(bench)[number])
    assert item is not None
    widths = []
    for _ in range(30):
        bench.clock.advance(rng.uniform(0, 1500))
        first = bench.market.slot()
        last = first + rng.choice([0, 1, 7, 40, 400])
        low, high = reach(bench.market, item, first, last)
        widths.append(high - low)
        for slot in sorted({first, last, *(rng.randint(first, last) for _ in range(40))}):
            # Each is looked at when it is there: days to an expiry go by the date on the wall.
            bench.clock.advance((slot - bench.market.slot()) * bench.market.quantum_s)
            assert low <= bench.market.middle(item, slot) <= high
    assert min(widths) < 300


def test_a_price_that_is_held_or_halted_reaches_nothing_else() -> None:
    bench = Bench()
    item = bench.market.catalogue.all()[0]
    bench.pin("AAPL", "210")
    slot = bench.market.slot()
    held = 21_000
    assert reach(bench.market, item, slot, slot + 100_000) == (held, held)
    del bench.market.pins["AAPL"]
    bench.feeds.halt(item)
    bench.clock.advance(1)
    middle = bench.market.middle(item, slot)
    assert reach(bench.market, item, slot + 4, slot + 100_000) == (middle, middle)
