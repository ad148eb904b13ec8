"""A reading is a value: two that say the same are the same."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from decimal import Decimal

import pytest

from trader.core.account import AccountReading, Holding
from trader.core.ids import ConId
from trader.core.policy import AccountType

READING = AccountReading(
    net_liquidation=Decimal(100),
    available_funds=Decimal(50),
    buying_power=Decimal(200),
    initial_margin=Decimal(10),
    maintenance_margin=Decimal(8),
    settled_cash={"USD": Decimal(40)},
    account_type=AccountType.CASH,
    as_of_s=5.0,
)


def test_a_reading_cannot_be_changed_after_it_was_taken() -> None:
    assert replace(READING) == READING
    with pytest.raises(FrozenInstanceError):
        READING.net_liquidation = Decimal(1)  # type: ignore[misc]


HOLDING = Holding(ConId(7), "ZZZ", "STK", "USD", Decimal(-4), Decimal(-10), since_s=0.0, at_s=100.0)


def test_a_unit_of_a_holding_is_worth_its_part_of_the_whole() -> None:
    assert HOLDING.unit_value == Decimal("2.5")
    assert replace(HOLDING, quantity=Decimal(4), value=Decimal(10)).unit_value == Decimal("2.5")


@pytest.mark.parametrize(
    ("quantity", "value"), [(0, 0), (0, 5), (4, -10), (-4, 10), (-4, 0), (4, 0)]
)
def test_a_value_that_no_price_explains_is_none(quantity: int, value: int) -> None:
    odd = replace(HOLDING, quantity=Decimal(quantity), value=Decimal(value))
    assert odd.unit_value is None


@pytest.mark.parametrize(("quantity", "unit"), [(4, Decimal(0)), (-4, None)])
def test_what_still_is_worth_nothing_after_a_whole_list_is_worth_nothing_when_owned(
    quantity: int, unit: Decimal | None
) -> None:
    owned = replace(HOLDING, quantity=Decimal(quantity), value=Decimal(0), at_s=170.0)
    assert owned.unit_value == unit
    assert replace(owned, at_s=169.0).unit_value is None
