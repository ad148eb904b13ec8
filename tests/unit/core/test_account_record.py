"""What the journal holds of the broker's own figures: the fold of its events."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import T0
from trader.core.account_events import AccountTold, ResultAgreed, ResultDisputed, Teller
from trader.core.account_record import (
    CHANGED_S,
    UNCHANGED_S,
    AccountRecord,
    after,
    is_worth_a_row,
)
from trader.core.policy import AccountType

D = Decimal
DISPUTE = ResultDisputed("2026-03-01 23:55", D(100), D(0), D(25), T0)

TOLD = AccountTold(
    source=Teller.UPDATES,
    as_of_utc=T0,
    currency="USD",
    account_type=AccountType.CASH,
    net_liquidation=D(100_000),
    available_funds=D(50_000),
    buying_power=None,
    initial_margin=D(0),
    maintenance_margin=D(0),
    settled_cash=(("USD", D(40_000)),),
)


def test_a_dispute_stands_until_it_is_over() -> None:
    """CAP-31: over a restart as well, because it is in the journal."""
    disputed = after(AccountRecord(), DISPUTE)
    assert disputed.dispute == DISPUTE
    assert after(disputed, ResultAgreed(DISPUTE.day, "together again")) == AccountRecord()


def test_the_newest_dispute_stands() -> None:
    later = ResultDisputed("2026-03-02 23:55", D(1), D(2), D(0), T0)
    assert after(after(AccountRecord(), DISPUTE), later).dispute == later


def test_the_values_and_a_dispute_are_kept_apart() -> None:
    both = after(after(AccountRecord(), TOLD), DISPUTE)
    assert both == AccountRecord(DISPUTE, TOLD)
    assert after(both, replace(TOLD, net_liquidation=None)).dispute == DISPUTE


# ---- what is worth a row


def test_the_first_of_a_process_is_and_one_in_a_quarter_of_an_hour() -> None:
    """CAP-29: a hundred rows on a quiet day."""
    assert is_worth_a_row(None, TOLD, 0.0)
    assert is_worth_a_row(TOLD, TOLD, float("inf"))
    assert is_worth_a_row(TOLD, TOLD, UNCHANGED_S)
    assert not is_worth_a_row(TOLD, TOLD, UNCHANGED_S - 1)
    assert 86_400 / UNCHANGED_S <= 100
    assert 86_400 / CHANGED_S <= 1440


@pytest.mark.parametrize(
    "change",
    [
        {"currency": "EUR"},
        {"account_type": None},
        {"net_liquidation": D(101_001)},
        {"net_liquidation": D(98_999)},
        {"net_liquidation": None},
        {"available_funds": D(51_001)},
        {"buying_power": D(0)},
        {"initial_margin": D(1_001)},
        {"maintenance_margin": D(-1_001)},
        {"settled_cash": (("USD", D(38_999)),)},
        {"settled_cash": ()},
        {"settled_cash": (("EUR", D(40_000)), ("USD", D(40_000)))},
    ],
)
def test_what_changes_by_a_hundredth_of_the_account_is_at_most_once_a_minute(
    change: dict[str, Any],
) -> None:
    now = replace(TOLD, **change)
    assert is_worth_a_row(TOLD, now, CHANGED_S)
    assert not is_worth_a_row(TOLD, now, CHANGED_S - 1)


@pytest.mark.parametrize(
    "change",
    [
        {"net_liquidation": D(101_000)},
        {"available_funds": D(49_000)},
        {"settled_cash": (("USD", D(41_000)),)},
        {"as_of_utc": T0.replace(hour=20)},
    ],
)
def test_less_than_that_waits(change: dict[str, Any]) -> None:
    assert not is_worth_a_row(TOLD, replace(TOLD, **change), UNCHANGED_S - 1)


def test_of_an_account_of_unknown_worth_any_change_counts() -> None:
    unknown = replace(TOLD, net_liquidation=None)
    assert is_worth_a_row(unknown, replace(unknown, available_funds=D(50_001)), CHANGED_S)
    assert not is_worth_a_row(unknown, unknown, CHANGED_S)
