"""Two ticks make a price; what one says alone moves neither end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, OTHER_CON, World
from trader.core.marks import Mark, Source
from trader.engine.marks import Ends, Marks

D = Decimal


def look(world: World, marks: Marks) -> None:
    """Take in what the value of a holding rests on now, whatever is wrong with the quote."""
    quote = world.hub.quotes[CON]
    assert quote.received_s is not None
    mid = quote.mid or D(7)
    found = {CON: Mark(mid, "USD", "STK", Source.QUOTE, quote.received_s)}
    marks.sample(found, world.clock.monotonic())


async def sampled(world: World, marks: Marks, *mids: str) -> None:
    for mid in mids:
        await asyncio.sleep(1)
        world.quote(str(D(mid) - 1), str(D(mid) + 1))
        look(world, marks)


async def test_the_last_two_prices_are_the_ends() -> None:
    world = World()
    marks = Marks(world.hub, D("0.2"))
    assert marks.of(CON) is None
    await sampled(world, marks, "100")
    now_s = world.clock.monotonic()
    assert marks.of(CON) == Ends(D(100), D(100), now_s)
    await sampled(world, marks, "50", "60")
    assert marks.of(CON) == Ends(D(50), D(60), now_s + 2)


async def test_a_price_that_stands_still_is_one_price_however_often_it_is_looked_at() -> None:
    world = World()
    marks = Marks(world.hub, D("0.2"))
    await sampled(world, marks, "100", "50")
    for _ in range(5):
        await asyncio.sleep(1)
        look(world, marks)
    found = marks.of(CON)
    assert found is not None
    assert (found.low, found.high) == (D(50), D(100))
    assert marks.of(OTHER_CON) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"bid": D(20), "ask": D(100)},
        {"bid": D(101), "ask": D(100)},
        {"bid": D("NaN")},
        {"ask": None},
        {"data_type": 2},
        {"is_halted": True},
    ],
)
async def test_a_quote_that_no_market_explains_is_no_price(changes: dict[str, object]) -> None:
    world = World()
    marks = Marks(world.hub, D("0.2"))
    await sampled(world, marks, "100")
    await asyncio.sleep(1)
    world.quote("50", "50.02")
    world.hub.quotes[CON] = replace(world.hub.quotes[CON], **changes)  # type: ignore[arg-type]
    look(world, marks)
    found = marks.of(CON)
    assert found is not None
    assert found.low == found.high == D(100)


@pytest.mark.parametrize("source", [Source.SESSION, Source.BROKER])
async def test_what_no_quote_values_needs_none(source: Source) -> None:
    world = World()
    marks = Marks(world.hub, D("0.2"))
    world.hub.forget_quotes()
    for price, at_s in ((5, 10.0), (4, 190.0), (4, 190.0)):
        marks.sample({CON: Mark(D(price), "USD", "STK", source, at_s)}, 200.0)
    assert marks.of(CON) == Ends(D(4), D(5), 190.0)
