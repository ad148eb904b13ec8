"""What an order takes is never more than is there, never beyond its limit."""

from __future__ import annotations

import random
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from trader.sim.broker.floor import matching
from trader.sim.broker.floor.matching import Want
from trader.sim.market.book import Level
from trader.sim.model.orders import Side

D = Decimal
ASKS = tuple(Level(D(price), size, "ARCA") for price, size in (("10.01", 100), ("10.03", 300)))


def took(quantity: int, limit: str | None, **kwargs: object) -> list[tuple[int, Decimal, Decimal]]:
    want = Want(Side.BUY, D(quantity), None if limit is None else D(limit), **kwargs)  # type: ignore[arg-type]
    return [(place, f.quantity, f.price) for place, f in matching.walk(ASKS, want, {})]


def test_a_market_order_walks_the_levels() -> None:
    assert took(250, None) == [(0, D(100), D("10.01")), (1, D(150), D("10.03"))]


def test_a_limit_order_stops_at_its_limit() -> None:
    assert took(250, "10.02") == [(0, D(100), D("10.01"))]
    assert took(250, "10.00") == []


def test_all_or_none_takes_all_or_none() -> None:
    assert took(401, None, is_whole=True) == []
    assert sum(q for _, q, _ in took(400, None, is_whole=True)) == 400


def test_a_minimum_must_be_reached_at_once() -> None:
    assert took(300, "10.02", least=D(101)) == []
    assert took(300, "10.02", least=D(100)) != []


def test_what_others_took_is_gone() -> None:
    want = Want(Side.BUY, D(50), D("10.02"))
    assert matching.walk(ASKS, want, {(Side.BUY, 0): D(100)}) == []
    ((_, fill),) = matching.walk(ASKS, want, {(Side.BUY, 0): D(60)})
    assert fill.quantity == 40


@given(
    st.integers(1, 3000),
    st.one_of(st.none(), st.integers(990, 1010)),
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 500)), max_size=6),
    st.sampled_from(list(Side)),
)
def test_a_walk_never_exceeds_order_levels_or_limit(
    quantity: int, limit: int | None, steps: list[tuple[int, int]], side: Side
) -> None:
    price, levels = D(1000), []
    for step, size in steps:
        price += step * side.sign
        levels.append(Level(price, size, "X"))
    bound = None if limit is None else D(limit)
    found = matching.walk(levels, Want(side, D(quantity), bound), {})
    assert sum(fill.quantity for _, fill in found) <= quantity
    for place, fill in found:
        assert 0 < fill.quantity <= levels[place].size
        assert bound is None or (fill.price - bound) * side.sign <= 0


@given(st.integers(1, 500), st.sampled_from(["1", "0.0001", "5"]), st.integers(0, 99))
def test_parts_add_up_and_are_multiples_of_the_step(units: int, step: str, seed: int) -> None:
    quantity = units * D(step)
    parts = matching.parts(quantity, D(step), random.Random(seed))
    assert sum(parts) == quantity
    assert 1 <= len(parts) <= matching.PARTS_MAX
    assert all(part > 0 and part % D(step) == 0 for part in parts)


def test_a_huge_quantity_of_a_tiny_step_is_cut_all_the_same() -> None:
    parts = matching.parts(D(10) ** 15, D("0.00000001"), random.Random(3))
    assert sum(parts) == D(10) ** 15


def test_a_better_price_has_nobody_before_it_and_a_worse_one_a_queue() -> None:
    bids = (Level(D("10.00"), 400, "A"), Level(D("9.98"), 200, "A"))
    rng = random.Random(1)
    assert matching.queue_ahead(Side.BUY, D("10.01"), bids, rng) == 0
    assert matching.queue_ahead(Side.BUY, D("9.99"), bids, rng) == 0
    assert 120 <= matching.queue_ahead(Side.BUY, D("10.00"), bids, rng) <= 400
    assert 60 <= matching.queue_ahead(Side.BUY, D("9.00"), bids, rng) <= 200
    assert matching.queue_ahead(Side.BUY, D("9.00"), (), rng) == 0


def test_volume_works_through_the_queue_before_it_reaches_the_order() -> None:
    price = D(10)
    assert matching.rest(Side.BUY, price, D(300), price, D(100)) == matching.Rest(D(200), D(0))
    assert matching.rest(Side.BUY, price, D(300), price, D(350)) == matching.Rest(D(0), D(50))
    assert matching.rest(Side.BUY, price, D(300), D(11), D(999)) == matching.Rest(D(300), D(0))
    assert matching.rest(Side.SELL, price, D(300), D(11), D(1)).quantity.is_infinite()


def test_a_share_of_a_quantity_is_rounded_up_to_the_step() -> None:
    assert matching.scaled(D(100), D("0.333"), D(1)) == 34
    assert matching.scaled(D(100), D(0), D(1)) == 0
