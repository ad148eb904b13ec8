"""A quote is good enough to risk money on, or the reason why not is given."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import CON, NOW_S, a_quote
from trader.core.market import (
    Quote,
    QuoteFault,
    QuoteRule,
    fault,
    form_fault,
    only_side,
    quote_fault,
)

AGE_S_MAX = 10.0


def test_a_live_fresh_two_sided_quote_has_no_fault() -> None:
    assert fault(a_quote(), NOW_S, AGE_S_MAX) is None


@pytest.mark.parametrize(
    ("quote", "reason"),
    [
        (None, "no quote"),
        (Quote(CON), "data type 0"),
        (a_quote(data_type=2), "data type 2"),
        (a_quote(data_type=3), "data type 3"),
        (a_quote(data_type=4), "data type 4"),
        (a_quote(is_halted=True), "halted"),
        (a_quote(bid=None), "one-sided"),
        (a_quote(ask=None), "one-sided"),
        (a_quote(received_s=None), "one-sided"),
        (a_quote(bid=Decimal(0)), "not above zero"),
        (a_quote(bid=Decimal(-1)), "not above zero"),
        (a_quote(bid=Decimal(-2), ask=Decimal(-1)), "not above zero"),
        (a_quote(bid=Decimal("100.01")), "crossed"),
        (a_quote(bid=Decimal("NaN")), "not a number"),
        (a_quote(ask=Decimal("NaN")), "not a number"),
        (a_quote(ask=Decimal("sNaN")), "not a number"),
        (a_quote(ask=Decimal("Infinity")), "not a number"),
        (a_quote(received_s=NOW_S - 10.001), "age 10.001 s"),
        (a_quote(received_s=NOW_S + 0.001), "age -0.001 s"),
        (a_quote(received_s=float("nan")), "age nan"),
        (a_quote(received_s=float("-inf")), "age inf"),
    ],
)
def test_a_quote_with_a_fault_is_refused_with_its_reason(quote: Quote | None, reason: str) -> None:
    """INC-019, INC-058, INC-141."""
    found = fault(quote, NOW_S, AGE_S_MAX)
    assert found is not None
    assert reason in found


DOUBT = QuoteFault(QuoteRule.OUTSIDE_BAND, "from nowhere")


@pytest.mark.parametrize(
    ("quote", "rule"),
    [
        (None, "no_quote"),
        (Quote(CON), "untyped"),
        (a_quote(data_type=2), "frozen"),
        (a_quote(data_type=3), "delayed"),
        (a_quote(data_type=4), "delayed"),
        (a_quote(is_halted=True), "halted"),
        (a_quote(bid=None), "one_sided"),
        (a_quote(ask=Decimal("NaN")), "not_a_number"),
        (a_quote(bid=Decimal(-1)), "not_positive"),
        (a_quote(bid=Decimal("100.01")), "crossed"),
        (a_quote(received_s=NOW_S - 11), "old"),
        (a_quote(doubt=DOUBT), "outside_band"),
        # Of several the first in this order is told.
        (a_quote(doubt=DOUBT, received_s=NOW_S - 11), "old"),
        (a_quote(is_halted=True, bid=None, data_type=3), "delayed"),
    ],
)
def test_each_rule_has_a_name_that_stays(quote: Quote | None, rule: str) -> None:
    found = quote_fault(quote, NOW_S, AGE_S_MAX)
    assert found is not None
    assert found.rule == rule
    assert fault(quote, NOW_S, AGE_S_MAX) == found.text


def test_a_doubt_is_no_fault_of_form() -> None:
    assert form_fault(a_quote(doubt=DOUBT), NOW_S, AGE_S_MAX) is None
    assert [rule for rule in QuoteRule if QuoteFault(rule, "").is_doubt] == [
        QuoteRule.FIRST_OF_SESSION,
        QuoteRule.STUB_SPREAD,
        QuoteRule.OUTSIDE_BAND,
    ]
    # An exit in a market of one side is not locked in by it.
    one_sided = a_quote(ask=None, doubt=DOUBT)
    assert only_side(one_sided, NOW_S, AGE_S_MAX, is_buy=False) == 100


@pytest.mark.parametrize("age_s", [0.0, 10.0])
def test_a_quote_may_be_exactly_as_old_as_the_limit(age_s: float) -> None:
    assert fault(a_quote(received_s=NOW_S - age_s), NOW_S, AGE_S_MAX) is None


def test_a_clock_that_is_no_number_refuses() -> None:
    assert fault(a_quote(), float("nan"), AGE_S_MAX) is not None
    assert fault(a_quote(), NOW_S, float("nan")) is not None


@given(
    st.none() | st.decimals(),
    st.none() | st.decimals(),
    st.none() | st.floats(),
    st.floats(),
    st.floats(),
)
def test_whatever_the_numbers_a_quote_without_fault_has_two_prices(
    bid: Decimal | None,
    ask: Decimal | None,
    received_s: float | None,
    now_s: float,
    age_s_max: float,
) -> None:
    quote = a_quote(bid=bid, ask=ask, received_s=received_s)
    if fault(quote, now_s, age_s_max) is None:
        assert quote.bid is not None
        assert quote.mid is not None
        assert 0 < quote.bid <= quote.mid


def test_the_middle_needs_both_sides() -> None:
    assert a_quote(bid=Decimal(99), ask=Decimal(101)).mid == 100
    assert a_quote(bid=None).mid is None
    assert a_quote(ask=None).mid is None


@pytest.mark.parametrize(
    ("quote", "is_buy", "price"),
    [
        (a_quote(ask=None), False, Decimal(100)),
        (a_quote(bid=None), True, Decimal(100)),
        (a_quote(ask=None), True, None),
        (a_quote(bid=None), False, None),
        (a_quote(), False, None),
        (None, False, None),
        (a_quote(ask=None, data_type=2), False, None),
        (a_quote(ask=None, is_halted=True), False, None),
        (a_quote(ask=None, received_s=NOW_S - 11), False, None),
        (a_quote(ask=None, received_s=None), False, None),
        (a_quote(ask=None, bid=Decimal(0)), False, None),
        (a_quote(ask=None, bid=Decimal("NaN")), False, None),
    ],
)
def test_one_side_is_enough_for_whoever_meets_it(
    quote: Quote | None, is_buy: bool, price: Decimal | None
) -> None:
    assert only_side(quote, NOW_S, AGE_S_MAX, is_buy=is_buy) == price
