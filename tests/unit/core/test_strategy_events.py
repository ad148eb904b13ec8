"""The events of a strategy are plain values; what they do is in book_strategies."""

from __future__ import annotations

from typing import get_args

from trader.core import events as ev
from trader.core import strategy_events


def test_each_of_them_can_be_recorded() -> None:
    kinds = set(get_args(strategy_events.StrategyEvent))
    assert len(kinds) == 2
    assert kinds <= set(get_args(ev.Event))
