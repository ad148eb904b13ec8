"""What adds risk expires at the broker; what takes it off never does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import an_intent
from trader.core.expiry import good_till
from trader.core.intents import Intent, Side, TimeInForce

NOW = datetime(2026, 1, 5, 15, 0, 0, 250_000, tzinfo=UTC)
D = Decimal


def an_order(side: Side = Side.BUY, quantity: int = 10, **changes: Any) -> Intent:
    return replace(an_intent(), side=side, quantity=D(quantity), **changes)


def test_an_entry_expires_in_whole_seconds_and_never_early() -> None:
    assert good_till(an_order(), D(0), 60.0, NOW) == datetime(2026, 1, 5, 15, 1, 1, tzinfo=UTC)
    whole = NOW.replace(microsecond=0)
    assert good_till(an_order(), D(0), 60.0, whole) == whole + timedelta(seconds=60)


def test_without_the_policy_nothing_does() -> None:
    assert good_till(an_order(), D(0), None, NOW) is None


@pytest.mark.parametrize(
    ("intent", "held"),
    [
        (an_order(is_reduce_only=True), 0),
        (an_order(Side.SELL), 10),
        (an_order(Side.SELL), 25),
        (an_order(Side.BUY), -10),
        (an_order(time_in_force=TimeInForce.IOC), 0),
    ],
)
def test_an_exit_stays_and_what_is_over_at_once_needs_no_end(intent: Intent, held: int) -> None:
    assert good_till(intent, D(held), 60.0, NOW) is None


@pytest.mark.parametrize(
    ("side", "held"), [(Side.SELL, 9), (Side.SELL, 0), (Side.BUY, 10), (Side.BUY, -9)]
)
def test_what_would_cross_zero_or_add_is_an_entry(side: Side, held: int) -> None:
    assert good_till(an_order(side), D(held), 60.0, NOW) is not None


@given(
    st.floats(10, 86_400, allow_nan=False),
    st.timedeltas(timedelta(0), timedelta(days=3_650)),
)
def test_the_end_is_the_first_whole_second_that_is_not_too_early(
    expiry_s: float, later: timedelta
) -> None:
    now_utc = NOW + later
    ends = good_till(an_order(), D(0), expiry_s, now_utc)
    assert ends is not None
    assert ends.microsecond == 0
    assert timedelta(0) <= ends - (now_utc + timedelta(seconds=expiry_s)) < timedelta(seconds=1)
