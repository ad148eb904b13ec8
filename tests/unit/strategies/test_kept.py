"""What strategies keep comes back as it was, and what is no price or no moment is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.strategies.kept import price_of, text_of, utc_of


@given(st.decimals(min_value="0.0001", max_value=10**9, allow_nan=False))
def test_a_price_comes_back(price: Decimal) -> None:
    assert price_of(text_of(price)) == price


@given(st.datetimes(timezones=st.just(UTC)))
def test_a_moment_comes_back(at: datetime) -> None:
    assert utc_of(text_of(at)) == at


def test_nothing_stays_nothing() -> None:
    assert text_of(None) is None
    assert price_of(None) is None
    assert utc_of(None) is None


@pytest.mark.parametrize("text", ["", "x", "NaN", "Infinity", "-5", "0", 5, [], 1.5])
def test_what_is_no_price_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="allowed is a price above 0"):
        price_of(text)


@pytest.mark.parametrize("text", ["2026-01-05T15:00:00", 5, []])
def test_what_is_no_moment_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="allowed is a moment with its zone"):
        utc_of(text)


def test_a_text_that_is_no_time_is_refused() -> None:
    with pytest.raises(ValueError, match="isoformat"):
        utc_of("yesterday")
