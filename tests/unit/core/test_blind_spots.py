"""Each blind spot as a number: what it comes to by hand, and what always holds."""

from __future__ import annotations

import math
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.blind_spots import (
    RATIO_MOST,
    Matrix,
    correlation_break,
    largest_cluster,
    realised_volatility,
    times_apart,
    uncovered_share,
    unpriced_share,
)
from trader.core.covariance import sample_correlations
from trader.core.ids import ConId

D = Decimal
A, B, C, E = ConId(1), ConId(2), ConId(3), ConId(4)
AMOUNTS = st.decimals(-1_000_000, 1_000_000, places=2)
SEEDS = st.integers(0, 2**32 - 1)


# ---- without a price


def test_what_has_no_price_is_a_share_of_the_account_whichever_side_it_is_on() -> None:
    assert unpriced_share([], D(100)) == 0
    assert unpriced_share([D(20), D(-30)], D(100)) == D("0.5")


def test_what_was_never_worth_anything_known_is_no_share() -> None:
    assert unpriced_share([D(20), None], D(100)) is None


@pytest.mark.parametrize("equity", [D(0), D(-5)])
def test_an_account_that_is_worth_nothing_has_no_shares(equity: Decimal) -> None:
    assert unpriced_share([D(1)], equity) is None
    assert unpriced_share([], equity) == 0
    assert unpriced_share([D(0)], equity) == 0


@given(st.lists(AMOUNTS), AMOUNTS.filter(lambda value: value > 0))
def test_more_without_a_price_is_never_a_smaller_share(
    values: list[Decimal], equity: Decimal
) -> None:
    less, more = unpriced_share(values, equity), unpriced_share([*values, D(1)], equity)
    assert less is not None
    assert more is not None
    assert 0 <= less < more
    assert unpriced_share([-value for value in values], equity) == less


# ---- without a row


def test_what_has_no_row_is_a_share_of_gross_exposure() -> None:
    held = {A: D(60), B: D(-30), C: D(10)}
    assert uncovered_share(held, covered={A}, waiting=()) == D("0.4")
    assert uncovered_share(held, covered={A, B, C}, waiting=()) == 0
    assert uncovered_share({}, covered=(), waiting=()) == 0


def test_what_waits_is_neither_seen_nor_blind() -> None:
    held = {A: D(60), B: D(-30), C: D(10)}
    assert uncovered_share(held, covered={A}, waiting={B}) == D("0.1")
    assert uncovered_share(held, covered={A}, waiting={B, C}) is None
    assert uncovered_share(held, covered={A, B, C}, waiting={A, B, C}) == 0


@given(st.dictionaries(SEEDS.map(ConId), AMOUNTS), st.sets(SEEDS.map(ConId)))
def test_it_is_a_share(held: dict[ConId, Decimal], covered: set[ConId]) -> None:
    share = uncovered_share(held, covered=covered, waiting=())
    assert share is not None
    assert 0 <= share <= 1


# ---- another volatility than the predicted one


@pytest.mark.parametrize(
    ("realised", "predicted", "value"),
    [
        (2.0, 1.0, 2.0),
        (1.0, 2.0, 2.0),
        (1.0, 1.0, 1.0),
        (0.0, 1.0, RATIO_MOST),
        (1e-9, 1.0, RATIO_MOST),
        (1e9, 1.0, RATIO_MOST),
        (1.0, 0.0, None),
        (math.nan, 1.0, None),
        (1.0, math.inf, None),
        (-1.0, 1.0, None),
        (None, 1.0, None),
        (1.0, None, None),
    ],
)
def test_how_far_both_are_apart(
    realised: float | None, predicted: float | None, value: float | None
) -> None:
    assert times_apart(realised, predicted) == value


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9))
def test_either_way_round_is_as_far_and_never_less_than_once(one: float, other: float) -> None:
    found = times_apart(one, other)
    assert found is not None
    assert 1 <= found <= RATIO_MOST
    assert found == pytest.approx(times_apart(other, one))


def test_what_was_realised_is_that_of_the_portfolio_and_counts_a_trend() -> None:
    changes = np.array([[0.01, 0.02], [0.01, -0.02], [0.01, 0.0]])
    assert realised_volatility(changes, np.array([100.0, 0.0])) == pytest.approx(1.0)
    assert realised_volatility(changes, np.array([0.0, 300.0])) == pytest.approx(24**0.5)
    assert realised_volatility(changes[:1], np.array([1.0, 1.0])) is None


# ---- what loses together


def correlations(**pairs: float) -> Matrix:
    """Return a matrix of A, B, C and E from pairs such as AB=0.9."""
    found = np.eye(4)
    for names, value in pairs.items():
        one, other = ("ABCE".index(name) for name in names)
        found[one, other] = found[other, one] = value
    return found


def cluster(held: tuple[float, ...], limit: float = 0.7, **pairs: float) -> tuple[str, float]:
    exposures = dict(zip((A, B, C, E), held, strict=True))
    group, gross = largest_cluster(exposures, (A, B, C, E), correlations(**pairs), limit)
    return "".join("ABCE"[con_id - 1] for con_id in group), gross


def test_the_largest_group_by_what_is_held_of_it_counts() -> None:
    assert cluster((10, 10, 30, 20), AB=0.9, CE=0.8) == ("CE", 50)
    assert cluster((40, 20, 30, 20), AB=0.9, CE=0.8) == ("AB", 60)


def test_a_limit_is_reached_at_the_limit() -> None:
    assert cluster((1, 1, 1, 1), AB=0.7) == ("AB", 2)
    assert cluster((1, 1, 1, 1), AB=0.699) == ("", 0)


def test_a_chain_is_one_group() -> None:
    assert cluster((1, 1, 1, 1), AB=0.8, BC=0.8, CE=0.8) == ("ABCE", 4)


def test_a_hedge_is_no_group_and_two_sides_of_opposites_are_one() -> None:
    assert cluster((10, -10, 0, 0), AB=0.95) == ("", 0)
    assert cluster((10, -10, 0, 0), AB=-0.95) == ("AB", 20)
    assert cluster((-10, -10, 0, 0), AB=0.95) == ("AB", 20)


def test_what_is_not_held_links_nobody() -> None:
    assert cluster((1, 0, 1, 0), AB=0.9, BC=0.9) == ("", 0)
    assert largest_cluster({}, (), np.eye(0), 0.7) == ((), 0.0)


@given(SEEDS)
def test_a_group_has_two_links_inside_and_none_to_the_outside(seed: int) -> None:
    chance = np.random.default_rng(seed)
    size = int(chance.integers(1, 7))
    matrix = sample_correlations(chance.normal(size=(8, size)))
    con_ids = tuple(ConId(place) for place in range(size))
    held = {con_id: float(chance.normal()) for con_id in con_ids}
    group, gross = largest_cluster(held, con_ids, matrix, 0.3)
    assert len(group) != 1
    assert gross == pytest.approx(sum(abs(held[con_id]) for con_id in group))
    for one in group:
        links = [
            other
            for other in con_ids
            if other != one and held[one] * held[other] * matrix[one, other] > 0
            and abs(matrix[one, other]) >= 0.3
        ]  # fmt: skip
        assert links
        assert set(links) <= set(group)
    other_way, same = largest_cluster({k: -v for k, v in held.items()}, con_ids, matrix, 0.3)
    assert set(other_way) == set(group)
    assert same == pytest.approx(gross)


# ---- correlations that are no longer what they were


def test_how_far_correlations_have_moved_by_what_is_held() -> None:
    before, now = correlations(AB=0.8, CE=0.1), correlations(AB=-0.2, CE=0.1)
    assert correlation_break(before, now, np.array([1.0, -1, 0, 0])) == pytest.approx(1.0)
    assert correlation_break(before, now, np.array([0.0, 0, 1, 1])) == 0
    assert correlation_break(before, now, np.array([1.0, 1, 1, 1])) == pytest.approx(1 / 6)
    assert correlation_break(before, now, np.array([1.0, 0, 0, 0])) == 0, "one is no pair"


@given(SEEDS)
def test_it_is_no_more_than_two_and_nothing_where_nothing_moved(seed: int) -> None:
    chance = np.random.default_rng(seed)
    size = int(chance.integers(1, 7))
    one, other = (sample_correlations(chance.normal(size=(5, size))) for _ in range(2))
    held = chance.normal(size=size)
    found = correlation_break(one, other, held)
    assert 0 <= found <= 2
    assert found == correlation_break(other, one, held)
    assert found == pytest.approx(correlation_break(one, other, -3 * held))
    assert correlation_break(one, one, held) == 0


def test_of_a_market_that_does_not_change_the_shipped_limits_hear_nothing() -> None:
    """How often chance alone reaches them: figures of docs/blind-spots.md."""
    chance = np.random.default_rng(5)
    for size, rho, most in ((2, 0.0, 0), (2, 0.6, 0), (8, 0.3, 0)):
        root = np.linalg.cholesky(np.full((size, size), rho) + (1 - rho) * np.eye(size))
        held, false = np.ones(size), 0
        for _ in range(1_000):
            series = chance.normal(size=(120, size)) @ root.T
            before, late = series[:90], series[90:]
            moved = correlation_break(sample_correlations(before), sample_correlations(late), held)
            far = times_apart(realised_volatility(late, held), float(np.std(before @ held)))
            assert far is not None
            false += moved >= 0.8 or far >= 4
        assert false <= most
