"""Prices in good form that are not believed, and what makes them believed."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.market import QuoteFault, QuoteRule
from trader.core.plausibility import (
    Belief,
    Plausibility,
    PlausibilityLimits,
    is_within,
    stub_fault,
)

LIMITS = PlausibilityLimits(
    jump_fraction_max=Decimal("0.1"),
    gap_fraction_max=Decimal("0.25"),
    stub_spread_fraction=Decimal("0.5"),
    believed_ticks=5,
    believed_s=5.0,
)
OPEN_S = 1_000_000.0
PRICES = st.decimals(min_value="0.01", max_value="100000", places=2)


def in_session(limits: PlausibilityLimits = LIMITS, *, has_band: bool = True) -> Plausibility:
    """Return what was subscribed at the open of a session."""
    plausibility = Plausibility(limits, has_band=has_band)
    plausibility.enter(OPEN_S, OPEN_S, is_closed=False)
    return plausibility


def show(
    plausibility: Plausibility, mid: str, now_s: float = 0.0, spread: str = "0.02"
) -> QuoteFault | None:
    """Tell both sides around a middle and return the doubt that is left."""
    half = Decimal(spread) / 2
    bid, ask = Decimal(mid) - half, Decimal(mid) + half
    plausibility.doubt("bid", bid, ask, now_s)
    return plausibility.doubt("ask", bid, ask, now_s)


def rule(found: QuoteFault | None) -> str:
    return "" if found is None else str(found.rule)


def test_the_first_value_of_a_side_is_not_believed_before_its_second() -> None:
    """INC-140."""
    plausibility = in_session()
    assert rule(show(plausibility, "100")) == "first_of_session"
    bid, ask = Decimal("99.99"), Decimal("100.01")
    found = plausibility.doubt("bid", bid, ask, 1.0)
    assert found is not None
    assert found.text.startswith("ask told once")
    assert plausibility.doubt("ask", bid, ask, 1.0) is None


def test_a_trade_of_this_session_proves_the_first_values_and_one_of_yesterday_does_not() -> None:
    plausibility = in_session()
    plausibility.traded(Decimal(OPEN_S - 1))
    assert rule(show(plausibility, "100")) == "first_of_session"
    fresh = in_session()
    fresh.traded(Decimal(OPEN_S))
    assert show(fresh, "100") is None
    fresh.traded(None)
    assert show(fresh, "100") is None


def test_a_session_that_opens_begins_anew_and_so_does_a_new_subscription() -> None:
    plausibility = in_session()
    for _ in range(2):
        show(plausibility, "100")
    plausibility.enter(OPEN_S, OPEN_S + 60, is_closed=False)
    assert show(plausibility, "100") is None
    plausibility.enter(OPEN_S + 3_600, OPEN_S + 3_601, is_closed=False)
    assert rule(show(plausibility, "100")) == "first_of_session"
    assert show(plausibility, "100") is None
    plausibility.traded(Decimal(OPEN_S + 3_602))
    plausibility.subscribed()
    plausibility.enter(OPEN_S + 3_600, OPEN_S + 4_000, is_closed=False)
    assert rule(show(plausibility, "100")) == "first_of_session"


def test_hours_that_nobody_told_need_the_second_value_and_a_closed_market_none() -> None:
    plausibility = Plausibility(LIMITS)
    plausibility.enter(None, OPEN_S, is_closed=False)
    plausibility.traded(Decimal(OPEN_S))
    assert rule(show(plausibility, "100")) == "first_of_session"
    plausibility.enter(None, OPEN_S, is_closed=True)
    plausibility.subscribed()
    plausibility.enter(None, OPEN_S, is_closed=True)
    assert show(plausibility, "100") is None


def test_the_first_last_price_of_a_session_is_kept_back() -> None:
    plausibility = in_session()
    assert not plausibility.takes_last()
    assert plausibility.takes_last()
    proven = in_session()
    proven.traded(Decimal(OPEN_S + 1))
    assert proven.takes_last()
    closed = Plausibility(LIMITS)
    closed.enter(None, OPEN_S, is_closed=True)
    assert closed.takes_last()


def believed_at(mid: str) -> Plausibility:
    plausibility = in_session()
    show(plausibility, mid)
    assert show(plausibility, mid) is None
    return plausibility


def test_a_price_from_nowhere_is_believed_once_it_stays_and_somebody_is_told() -> None:
    plausibility = believed_at("100")
    found = [rule(show(plausibility, "80", float(second))) for second in range(7)]
    # Two ticks a look: five ticks are there after two seconds, five seconds after five.
    assert found == ["outside_band"] * 5 + ["", ""]
    assert plausibility.belief == Belief(Decimal(100), Decimal(80))


def test_neither_many_ticks_at_once_nor_a_long_time_with_few_are_believed() -> None:
    quick = believed_at("100")
    assert {rule(show(quick, "80", 0.01 * n)) for n in range(50)} == {"outside_band"}
    slow = believed_at("100")
    assert [rule(show(slow, "80", 100.0 * n)) for n in range(2)] == ["outside_band"] * 2


def test_prices_that_do_not_stay_with_each_other_are_never_believed() -> None:
    plausibility = believed_at("100")
    wild = [rule(show(plausibility, ("50", "200")[n % 2], float(n))) for n in range(100)]
    assert set(wild) == {"outside_band"}
    assert plausibility.belief is None
    assert show(plausibility, "101", 100.0) is None


def test_the_first_price_of_a_session_is_held_against_the_last_close() -> None:
    plausibility = in_session()
    plausibility.closed_at(Decimal(100))
    plausibility.closed_at(Decimal(-1))
    plausibility.closed_at(None)
    show(plausibility, "80")
    assert show(plausibility, "80") is None
    far = in_session()
    far.closed_at(Decimal(100))
    show(far, "74")
    assert rule(show(far, "74")) == "outside_band"


def test_what_was_believed_in_the_session_before_counts_more_than_the_close() -> None:
    plausibility = believed_at("140")
    plausibility.closed_at(Decimal(100))
    plausibility.enter(OPEN_S + 10, OPEN_S + 11, is_closed=False)
    show(plausibility, "150")
    assert show(plausibility, "150") is None


def test_an_instrument_without_a_band_may_move_by_multiples() -> None:
    plausibility = in_session(has_band=False)
    show(plausibility, "1")
    assert show(plausibility, "1") is None
    assert show(plausibility, "9") is None


@pytest.mark.parametrize(
    ("bid", "ask", "is_stub"),
    [("0.01", "200000", True), ("75", "125", False), ("74.99", "125.01", True), ("1", "1", False)],
)
def test_sides_too_far_apart_are_no_market(bid: str, ask: str, is_stub: bool) -> None:
    found = stub_fault(Decimal(bid), Decimal(ask), LIMITS.stub_spread_fraction)
    assert (found is not None) == is_stub


def test_a_stub_is_no_measure_for_what_follows() -> None:
    plausibility = believed_at("100")
    assert rule(show(plausibility, "60", spread="100")) == "stub_spread"
    assert show(plausibility, "100") is None


@given(bid=PRICES, ask=PRICES)
def test_what_is_wrong_in_form_is_no_doubt(bid: Decimal, ask: Decimal) -> None:
    plausibility = in_session()
    crossed = (max(bid, ask) + 1, min(bid, ask))
    assert plausibility.doubt("bid", *crossed, 0.0) is None
    for odd in (None, Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), Decimal(0), -bid):
        assert plausibility.doubt("bid", odd, ask, 0.0) is None
        assert plausibility.doubt("ask", bid, odd, 0.0) is None


@given(reference=PRICES, price=PRICES, band=st.decimals("0", "1", places=3))
def test_the_band_is_symmetric_and_grows_with_its_share(
    reference: Decimal, price: Decimal, band: Decimal
) -> None:
    within = is_within(price, reference, band)
    assert is_within(2 * reference - price, reference, band) == within
    assert not within or is_within(price, reference, band + 1)
    assert is_within(reference, reference, band)


@given(
    moves=st.lists(st.tuples(PRICES, st.floats(0, 3, allow_nan=False)), max_size=60),
    band=st.sampled_from(["0.01", "0.1", "0.5"]),
)
def test_no_price_outside_the_band_is_believed_before_its_evidence_is_there(
    moves: list[tuple[Decimal, float]], band: str
) -> None:
    """Whatever comes: what is believed is near what was believed, or has stayed long enough."""
    limits = replace(LIMITS, jump_fraction_max=Decimal(band), gap_fraction_max=Decimal("0.5"))
    plausibility = in_session(limits)
    plausibility.traded(Decimal(OPEN_S))
    good: Decimal | None = None
    now_s, ticks = 0.0, list[tuple[Decimal, float]]()
    for mid, passed_s in moves:
        now_s += passed_s
        found = plausibility.doubt("bid", mid, mid, now_s)
        ticks.append((mid, now_s))
        if found is not None:
            assert found.rule is QuoteRule.OUTSIDE_BAND
            continue
        if good is not None and not is_within(mid, good, limits.jump_fraction_max):
            stayed = ticks[-limits.believed_ticks :]
            assert len(stayed) == limits.believed_ticks
            assert any(now_s - at_s >= limits.believed_s for _, at_s in ticks)
            assert plausibility.belief == Belief(good, mid)
        good, ticks = mid, []
