"""Highest and lowest are exactly those of the single slots, whatever the instrument and hours."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from tests.unit.sim.market.test_reach import queries
from tests.unit.sim.support import Bench, at_wall
from trader.sim.market.extremes import Side, highest, lowest, pieces, value

SIDES = list(Side)


@pytest.mark.parametrize("always_open", [True, False])
@pytest.mark.parametrize("number", range(6))
def test_extremes_are_those_of_a_walk_through_the_slots(number: int, always_open: bool) -> None:
    rng, bench = random.Random(number), Bench(always_open=always_open)
    if not always_open:
        at_wall(bench, "2026-11-23T14:28:00")
    bench.market.speed = 90.0 if always_open else 1.0
    item = bench.market.catalogue.find(queries(bench)[number])
    assert item is not None
    bench.clock.advance(700)
    for _ in range(6):
        last = bench.market.slot() - rng.randrange(1000)
        first = last - rng.choice([0, 1, 19, 300, 1200])
        for side in SIDES:
            seen = [value(bench.market, item, slot, side) for slot in range(first, last + 1)]
            found = (lowest(bench.market, item, first, last, side),
                     highest(bench.market, item, first, last, side))  # fmt: skip
            assert found == (min(seen), max(seen)), (side, first, last)


@pytest.mark.parametrize("side", SIDES)
def test_pins_and_halts_are_within_the_extremes(side: Side) -> None:
    bench = Bench()
    market, item = bench.market, bench.market.catalogue.all()[0]
    call = bench.market.catalogue.find(queries(bench)[1])
    assert call is not None
    bench.clock.advance(60)
    for price in ("150.37", "260.11"):
        market.pins["AAPL"] = Decimal(price)
        bench.clock.advance(1)
        del market.pins["AAPL"]
        market.halts.halt(item.con_id)
        bench.clock.advance(7)
        market.halts.reopen(item.con_id)
        bench.clock.advance(20)
    last = market.slot()
    for one in (item, call):
        for first in (last - 3, last - 130, last - 260):
            seen = [value(market, one, slot, side) for slot in range(first, last + 1)]
            assert lowest(market, one, first, last, side) == min(seen)
            assert highest(market, one, first, last, side) == max(seen)


@pytest.mark.parametrize("grain", [1, 26, 390])
@pytest.mark.parametrize("number", range(6))
def test_pieces_cover_a_stretch_and_hold_their_slots(number: int, grain: int) -> None:
    bench = Bench()
    bench.market.speed = 400.0
    bench.clock.advance(100)
    item = bench.market.catalogue.find(queries(bench)[number])
    assert item is not None
    first, last = -200, bench.market.slot()
    found = list(pieces(bench.market, item, first, last, grain=grain))
    slots = [slot for piece in found for slot in range(piece.first, piece.last + 1)]
    assert slots == list(range(first, last + 1))
    for piece in found:
        for slot in range(piece.first, piece.last + 1):
            assert piece.low <= bench.market.middle(item, slot) <= piece.high


def test_a_long_stretch_is_searched_without_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()
    bench.clock.advance(30 * 86_400)
    market, item, looked = bench.market, bench.market.catalogue.all()[0], []
    middle = market.middle

    def counted(one: object, slot: int) -> int:
        looked.append(slot)
        return middle(item, slot)

    monkeypatch.setattr(market, "middle", counted)
    highest(market, item, 0, market.slot(), Side.MIDDLE)
    assert len(looked) < 1000
