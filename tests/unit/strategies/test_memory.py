"""Prices, signals and indicators that strategies keep are bounded, however long it goes on.

A million ticks, and a bar for every thousand of them: what a strategy holds, and what it saves,
is no more after all of them than after the first part, and comes back as it was.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import BaseModel

from trader.core.bars import Bar
from trader.core.calendar import SessionStage
from trader.core.market import LIVE, Quote
from trader.strategies.base import Strategy
from trader.strategies.bracket_momentum import (
    BracketMomentumParameters,
    BracketMomentumStrategy,
)
from trader.strategies.ensemble import EnsembleParameters, EnsembleStrategy
from trader.strategies.mean_reversion import MeanReversionParameters, MeanReversionStrategy
from trader.strategies.momentum import MomentumParameters, MomentumStrategy
from trader.strategies.pairs_trading import PairsTradingParameters, PairsTradingStrategy
from trader.strategies.trial import Trial

TICKS = 1_000_000
TICKS_A_BAR = 1_000
NAMES = ("AAA", "BBB")


def momentum() -> Strategy:
    return MomentumStrategy(
        MomentumParameters(
            symbols=NAMES, quantity=Decimal(10), sample_s=1.0, lookback_samples=20,
            entry_fraction=Decimal("0.001"), stop_fraction=Decimal("0.01"),
            target_fraction=Decimal("0.02"), pause_s=60.0, quote_age_s_max=5.0,
        )
    )  # fmt: skip


def reversion() -> Strategy:
    parameters = MeanReversionParameters(window=20, entry_z=1.5, pause_s=1)
    return MeanReversionStrategy("reversion", NAMES, parameters)


def ensemble() -> Strategy:
    return EnsembleStrategy("ensemble", NAMES, EnsembleParameters(entry_vote=0.1, pause_s=1))


def pairs() -> Strategy:
    parameters = PairsTradingParameters(
        window=20, entry_z=1.0, stop_z=50, pause_s=1, correlation_min=0.01, half_life_bars_max=700
    )
    return PairsTradingStrategy("pairs", NAMES, parameters)


def brackets() -> Strategy:
    parameters = BracketMomentumParameters(
        pause_s=1, entry_score=0.2, profit_atrs=0.5, stop_atrs=0.5
    )
    return BracketMomentumStrategy("brackets", NAMES, parameters)


class Long(Trial[Strategy]):
    """A stage that forgets what the test does not ask for."""

    def tick(self, number: int) -> None:
        self.seconds += 0.06
        index = number % 2
        con_id = self.con_id(NAMES[index])
        cents = 10_000 + round(300 * math.sin(number / (7_000 + 900 * index))) + number % 5
        at = Decimal(cents).scaleb(-2)
        quote = Quote(con_id, at, at, data_type=LIVE, received_s=self.seconds)
        self._quotes[con_id] = quote
        self.strategy.on_quote(quote, self)
        if number % TICKS_A_BAR == 0 and self.strategy.bar_spec is not None:
            self.end_bars(number)
        self._tell()
        del self.wishes[:-1], self.fills[:-1]

    def end_bars(self, number: int) -> None:
        spec = self.strategy.bar_spec
        assert spec is not None
        for name in NAMES:
            con_id = self.con_id(name)
            rows = self._bars.setdefault(con_id, [])
            at = self._quotes[con_id].mid if con_id in self._quotes else Decimal(100)
            assert at is not None
            start = self.now_utc - timedelta(seconds=60)
            start = rows[-1].end_utc if rows else start
            rows.append(Bar(con_id, start, 60, at, at + 1, at - 1, at))
            del rows[: -spec.count]
        for name in NAMES:
            self.strategy.on_bar(self._bars[self.con_id(name)][-1], self)


def size_of(value: object, seen: set[int] | None = None) -> int:
    """Return the bytes of a value with all that hangs on it."""
    seen = set() if seen is None else seen
    if id(value) in seen or isinstance(value, type) or callable(value):
        return 0
    seen.add(id(value))
    size = sys.getsizeof(value)
    if isinstance(value, dict):
        return size + sum(size_of(one, seen) for pair in value.items() for one in pair)
    if isinstance(value, list | tuple | set | frozenset):
        return size + sum(size_of(one, seen) for one in value)
    if is_dataclass(value) or isinstance(value, BaseModel) or hasattr(value, "__dict__"):
        names = getattr(value, "__slots__", None) or vars(value)
        return size + sum(size_of(getattr(value, name, None), seen) for name in names)
    return size


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("made", [momentum, reversion, ensemble, pairs, brackets])
def test_a_million_ticks_leave_no_more_than_the_first_part(made: Callable[[], Strategy]) -> None:
    """STR-07."""
    trial = Long(made())
    for name in NAMES:
        trial.session(name, SessionStage.OPEN)
    traded, largest = 0, 0
    for number in range(TICKS):
        trial.tick(number)
        if number == TICKS // 10:
            largest, traded = size_of(trial.strategy), len(trial.fills)
    assert traded, "it never traded: nothing was kept that could grow"
    assert size_of(trial.strategy) < largest * 1.2 + 2_000
    state = trial.strategy.checkpoint()
    assert len(state) < 4_000
    after = made()
    after.restore(state)
    assert after.checkpoint() == state
