"""What is held and not described is asked for at once, again, and waited for with an end."""

from __future__ import annotations

import asyncio

import pytest

from tests.unit.engine.world import World, an_instrument
from trader.engine.market.descriptions import Descriptions


def lacking(*undescribed: str, held: int = 10) -> tuple[World, list[tuple[float, frozenset[str]]]]:
    """Return a world in which AAA is held and unknown, and the questions about it."""
    world = World(held=held)
    asked: list[tuple[float, frozenset[str]]] = []
    world.hub.instruments.clear()
    world.hub.quotes.clear()
    world.hub.undescribed = frozenset(undescribed)
    world.hub.describe_now = lambda names: asked.append((world.clock.monotonic(), names))
    return world, asked


async def test_what_is_held_is_asked_for_as_soon_as_it_begins() -> None:
    world, asked = lacking("AAA", "BBB")
    descriptions = Descriptions(world.services)
    assert not descriptions.is_awaited()
    descriptions.begin()
    assert asked == [(world.clock.monotonic(), frozenset({"AAA"}))]
    assert descriptions.is_awaited()


@pytest.mark.parametrize(("undescribed", "held"), [((), 10), (("BBB",), 10), (("AAA",), 0)])
async def test_what_is_described_or_not_held_is_neither_asked_for_nor_awaited(
    undescribed: tuple[str, ...], held: int
) -> None:
    world, asked = lacking(*undescribed, held=held)
    descriptions, began_s = Descriptions(world.services), world.clock.monotonic()
    descriptions.begin()
    assert not descriptions.is_awaited()
    await descriptions.arrived(began_s + 45)
    assert (asked, world.clock.monotonic()) == ([], began_s)


async def test_it_asks_again_and_gives_up_before_a_liquidation_ends() -> None:
    world, asked = lacking("AAA")
    descriptions, began_s = Descriptions(world.services), world.clock.monotonic()
    descriptions.begin()
    await descriptions.arrived(began_s + 45)
    assert not descriptions.is_awaited()
    assert world.clock.monotonic() - began_s == pytest.approx(20, abs=0.2)
    assert [at_s - began_s for at_s, _ in asked] == pytest.approx([0, 5, 10, 15], abs=0.2)
    # The next liquidation begins anew.
    descriptions.begin()
    assert descriptions.is_awaited()
    await descriptions.arrived(world.clock.monotonic() + 3)
    assert world.clock.monotonic() - began_s == pytest.approx(23, abs=0.3)


@pytest.mark.parametrize(("quoted_s", "took_s"), [(4, 4), (None, 7)])
async def test_what_is_described_has_a_moment_to_get_a_quote(
    quoted_s: float | None, took_s: float
) -> None:
    world, _ = lacking("AAA")
    descriptions, began_s = Descriptions(world.services), world.clock.monotonic()
    descriptions.begin()
    later = asyncio.get_running_loop().call_later
    later(2, world.hub.add, an_instrument())
    if quoted_s is not None:
        later(quoted_s, world.quote)
    await descriptions.arrived(began_s + 45)
    assert world.clock.monotonic() - began_s == pytest.approx(took_s, abs=0.2)
