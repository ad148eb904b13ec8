"""The contract of a strategy: what it may say, and that it can say nothing more."""

from __future__ import annotations

import inspect
from decimal import Decimal

import pytest

from trader.core.ids import ConId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.engine.strategy.runner import StrategyRunner
from trader.strategies.base import Context, Strategy, Wish
from trader.strategies.momentum import MomentumStrategy
from trader.strategies.own import OwnStrategy
from trader.strategies.trial import Trial


def members(kind: type) -> list[str]:
    return [name for name in vars(kind) if not name.startswith("_")]


def test_a_wish_is_a_market_order_for_the_day_unless_it_says_otherwise() -> None:
    wish = Wish(ConId(1), Side.BUY, Decimal(1))
    assert (wish.order_type, wish.time_in_force) == (OrderType.MARKET, TimeInForce.DAY)
    assert (wish.limit_price, wish.stop_price, wish.is_reduce_only) == (None, None, False)


def test_a_strategy_sees_and_wishes_and_nothing_of_it_reaches_the_broker_at_once() -> None:
    seen = {"now_utc", "now_s", "instrument", "quote", "bars", "position", "working", "orders"}
    wished, own = {"submit", "modify"}, {"save", "set_timer"}
    # Of these a cancel alone may leave at once: it takes risk away.
    assert set(members(Context)) == seen | wished | own | {"cancel", "cancel_all"}


@pytest.mark.parametrize("name", members(Context))
@pytest.mark.parametrize("kind", [StrategyRunner, Trial])
def test_runner_and_trial_are_the_context(name: str, kind: type) -> None:
    promised, kept = getattr(Context, name), getattr(kind, name)
    if isinstance(promised, property):
        promised, kept = promised.fget, kept.fget
    assert inspect.signature(promised) == inspect.signature(kept)


@pytest.mark.parametrize("name", members(Strategy))
@pytest.mark.parametrize("kind", [MomentumStrategy, OwnStrategy])
def test_each_is_a_strategy_and_nothing_in_it_waits(name: str, kind: type) -> None:
    assert hasattr(kind, name)
    assert not inspect.iscoroutinefunction(getattr(kind, name))
