"""The events of the account's figures are plain values; what they leave is in account_record."""

from __future__ import annotations

from typing import get_args

from trader.core import account_events
from trader.core import events as ev


def test_each_of_them_can_be_recorded() -> None:
    kinds = set(get_args(account_events.AccountEvent))
    assert kinds
    assert kinds <= set(get_args(ev.Event))
