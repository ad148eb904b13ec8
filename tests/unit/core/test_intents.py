"""An intent's digest seals its content, and reducing never crosses zero."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.factories import BUY, OTHER_CON, SELL, an_id, an_intent
from trader.core.ids import StrategyName
from trader.core.intents import (
    BracketTerms,
    OrderType,
    TimeInForce,
    digest,
    is_writable,
    reduces,
)

QUANTITIES = st.integers(-500, 500).map(Decimal)


@pytest.mark.parametrize(
    "change",
    [
        {"intent_id": an_id(2)},
        {"strategy": StrategyName("beta")},
        {"con_id": OTHER_CON},
        {"side": SELL},
        {"quantity": Decimal(11)},
        {"order_type": OrderType.STOP},
        {"time_in_force": TimeInForce.GTC},
        {"limit_price": Decimal(101)},
        {"limit_price": None},
        {"stop_price": Decimal(100)},
        {"limit_price": None, "stop_price": Decimal(100)},
        {"is_reduce_only": True},
    ],
)
def test_everything_the_broker_would_be_told_changes_the_digest(change: dict[str, Any]) -> None:
    assert digest(an_intent(**change)) != digest(an_intent())


def test_a_digest_stays_what_journals_hold() -> None:
    stop = an_intent(
        quantity=Decimal("2.50"),
        order_type=OrderType.STOP,
        limit_price=None,
        stop_price=Decimal("99.10"),
        is_reduce_only=True,
    )
    assert digest(an_intent()) == "e047c01d96d4c6f1ca209e2ce2758905"
    assert digest(stop) == "3d90986373309172ad174e530722e188"


def test_a_reason_and_trailing_zeros_leave_the_digest_as_it_is() -> None:
    same = an_intent(quantity=Decimal("10.00"), limit_price=Decimal("1E+2"), reason="because")
    assert digest(same) == digest(an_intent())


def test_a_digest_has_thirty_two_hex_characters() -> None:
    assert len(digest(an_intent())) == 32
    assert int(digest(an_intent()), 16) > 0


@given(QUANTITIES, QUANTITIES)
def test_reducing_brings_a_position_nearer_to_zero_and_never_across(
    held: Decimal, traded: Decimal
) -> None:
    after = held + traded
    nearer = abs(after) < abs(held) and after * held >= 0
    assert reduces(held, traded) == (nearer and traded != 0)


def test_a_flat_position_cannot_be_reduced() -> None:
    assert not reduces(Decimal(0), Decimal(1))
    assert not reduces(Decimal(0), Decimal(-1))


def test_the_signed_quantity_of_a_sell_is_negative() -> None:
    assert an_intent(side=BUY).signed_quantity == 10
    assert an_intent(side=SELL).signed_quantity == -10
    assert SELL.opposite is BUY
    assert BUY.opposite is SELL


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": None},
        {"quantity": 10},
        {"quantity": Decimal("NaN")},
        {"limit_price": Decimal("Infinity")},
        {"limit_price": 100.0},
        {"stop_price": "100"},
        {"side": "BUY"},
        {"order_type": None},
        {"time_in_force": "DAY"},
        {"con_id": "101"},
        {"is_reduce_only": 1},
        {"reason": None},
        {"intent_id": 7},
    ],
)
def test_a_value_that_cannot_be_written_down_is_seen(change: dict[str, Any]) -> None:
    assert is_writable(an_intent())
    assert is_writable(an_intent(limit_price=None, stop_price=None))
    assert not is_writable(an_intent(**change))


@pytest.mark.parametrize(
    "bracket",
    [
        "no terms",
        BracketTerms(Decimal("NaN"), Decimal(95)),
        BracketTerms(Decimal(110), Decimal("Infinity")),
        BracketTerms(110, Decimal(95)),  # type: ignore[arg-type]  # what a strategy may do
        BracketTerms(Decimal(110), None),  # type: ignore[arg-type]  # the same
        BracketTerms(Decimal(110), Decimal(95), "GTC"),  # type: ignore[arg-type]  # the same
    ],
)
def test_a_bracket_with_values_of_other_types_cannot_be_written(bracket: Any) -> None:
    assert is_writable(an_intent(bracket=BracketTerms(Decimal(110), Decimal(95))))
    assert not is_writable(an_intent(bracket=bracket))
