"""Ensemble: several simple signals vote, and a position follows the weighted vote.

Combining forecasts with fixed weights is hard to beat by anything cleverer (J. Bates and C.
Granger, "The combination of forecasts", Operational Research Quarterly 20, 1969; A. Timmermann,
"Forecast combinations", Handbook of Economic Forecasting 1, 2006). A member that has too few bars
abstains; with too few voters there is no vote, and without a vote nothing is entered.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import ClassVar

from pydantic import Field, model_validator

from trader.core.bars import COUNT_MAX, Bar
from trader.strategies.indicators import atr, deviation, ema, returns, zscore
from trader.strategies.own import Parameters
from trader.strategies.single import Judgement, SingleParameters, SingleStrategy


def _weight(of: str) -> float:
    weight: float = Field(
        default=1.0, ge=0, le=100, allow_inf_nan=False, description=f"of {of}; 0 leaves it out"
    )
    return weight


class EnsembleParameters(SingleParameters):
    """Windows in bars; a vote is from -1 to 1."""

    is_trailing: bool = Field(default=True, description="the stop follows the best price")
    momentum_bars: int = Field(default=20, ge=3, le=COUNT_MAX - 1, description="of its lookback")
    reversion_bars: int = Field(default=20, ge=5, le=COUNT_MAX, description="of mean and deviation")
    fast_bars: int = Field(default=8, ge=2, le=COUNT_MAX, description="of the faster mean")
    slow_bars: int = Field(default=21, ge=3, le=COUNT_MAX, description="of the slower mean")
    momentum_weight: float = _weight("what has risen")
    reversion_weight: float = _weight("what has fallen below its mean")
    trend_weight: float = _weight("the faster mean above the slower")
    voters_min: int = Field(default=2, ge=1, le=3, description="members that must have data")
    entry_vote: float = Field(
        default=0.3, gt=0, le=1, allow_inf_nan=False, description="enters at this vote"
    )
    exit_vote: float = Field(
        default=0.0, ge=-1, lt=1, allow_inf_nan=False, description="is over at this vote"
    )
    atr_bars: int = Field(default=14, ge=2, le=COUNT_MAX - 1, description="of the true range")
    stop_atrs: float = Field(
        default=3.0, gt=0, le=100, allow_inf_nan=False, description="true ranges to the stop"
    )

    @model_validator(mode="after")
    def _sensible(self) -> "EnsembleParameters":
        if not self.fast_bars < self.slow_bars:
            raise ValueError(f"fast_bars {self.fast_bars} below slow_bars {self.slow_bars}")
        if not self.exit_vote < self.entry_vote:
            raise ValueError(f"exit_vote {self.exit_vote:g} below entry_vote {self.entry_vote:g}")
        voting = sum(1 for one in self.weights.values() if one > 0)
        if voting < self.voters_min:
            raise ValueError(f"voters_min {self.voters_min} at most the {voting} that have weight")
        return self

    @property
    def weights(self) -> Mapping[str, float]:
        """Return the weight of each member."""
        return {
            "momentum": self.momentum_weight,
            "reversion": self.reversion_weight,
            "trend": self.trend_weight,
        }


def momentum(closes: Sequence[float], bars: int) -> float | None:
    """Return the change over so many bars in what chance would have made of it, -1 to 1.

    The scaling by volatility is that of Moskowitz, Ooi and Pedersen (2012).
    """
    steps = returns(closes[-bars - 1 :]) if len(closes) > bars else None
    width = None if steps is None else deviation(steps, bars)
    if width is None:
        return None
    return _clipped((closes[-1] / closes[-bars - 1] - 1) / (width * math.sqrt(bars)))


def reversion(closes: Sequence[float], bars: int) -> float | None:
    """Return how far the last close is below its mean, two deviations being 1."""
    z = zscore(closes, bars)
    return None if z is None else _clipped(-z / 2)


def trend(run: Sequence[Bar], fast: int, slow: int, atr_bars: int) -> float | None:
    """Return how far the faster mean is above the slower, a true range being 1."""
    closes = [float(bar.close) for bar in run]
    quick, late, width = ema(closes, fast), ema(closes, slow), range_of(run, atr_bars)
    if quick is None or late is None or width is None:
        return None
    return _clipped((quick - late) / width)


def range_of(run: Sequence[Bar], bars: int) -> float | None:
    """Return the average true range of a run, in units of the price."""
    return atr(
        [float(bar.high) for bar in run],
        [float(bar.low) for bar in run],
        [float(bar.close) for bar in run],
        bars,
    )


class EnsembleStrategy(SingleStrategy[EnsembleParameters]):
    """Follows the weighted vote of momentum, mean reversion and trend."""

    Parameters: ClassVar[type[Parameters]] = EnsembleParameters

    @property
    def window(self) -> int:
        """Return how many bars the member looks at that looks at most."""
        p = self.parameters
        return max(p.momentum_bars + 1, p.reversion_bars, p.slow_bars, p.atr_bars + 1)

    def judged(self, run: Sequence[Bar]) -> Judgement | None:
        """Count the votes of the members that can say something; pure."""
        parameters, width = self.parameters, range_of(run, self.parameters.atr_bars)
        signals = self.signals(run)
        weights = {name: parameters.weights[name] for name in signals}
        if width is None or len(signals) < parameters.voters_min:
            return None
        vote = sum(signals[name] * weights[name] for name in signals) / sum(weights.values())
        words = ", ".join(f"{name} {value:+.2f}" for name, value in signals.items())
        return Judgement(
            entry=1
            if vote >= parameters.entry_vote
            else -1
            if -vote >= parameters.entry_vote
            else 0,
            is_over_long=vote <= parameters.exit_vote,
            is_over_short=-vote <= parameters.exit_vote,
            stop_distance=width * parameters.stop_atrs,
            reason=f"vote {vote:+.2f}: {words}",
            signals=signals,
            weights=weights,
            indicators={"vote": vote, "true_range": width},
        )

    def signals(self, run: Sequence[Bar]) -> dict[str, float]:
        """Return what each member says, -1 to 1; who abstains or has no weight is not in it."""
        p, closes = self.parameters, [float(bar.close) for bar in run]
        members: Mapping[str, Callable[[], float | None]] = {
            "momentum": lambda: momentum(closes, p.momentum_bars),
            "reversion": lambda: reversion(closes, p.reversion_bars),
            "trend": lambda: trend(run, p.fast_bars, p.slow_bars, p.atr_bars),
        }
        said = {name: ask() for name, ask in members.items() if p.weights[name] > 0}
        return {name: one for name, one in said.items() if one is not None}


def _clipped(value: float) -> float:
    return max(-1.0, min(1.0, value))
