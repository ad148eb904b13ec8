"""A reading is a value: two that say the same are the same."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace
from decimal import Decimal

import pytest

from trader.core.account import AccountReading
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
