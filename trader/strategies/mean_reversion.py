"""Mean reversion: buy what has fallen far below its mean, sell it when it is back.

Short-run reversal is old in the literature (A. Lo and C. MacKinlay, "When are contrarian profits
due to stock market overreaction?", Review of Financial Studies 3, 1990; J. Poterba and L. Summers,
"Mean reversion in stock prices", Journal of Financial Economics 22, 1988); the band of deviations
around a moving mean is Bollinger's. Nothing of it says that it earns more than it costs.
"""

from collections.abc import Sequence
from typing import ClassVar

from pydantic import Field, model_validator

from trader.core.bars import COUNT_MAX, Bar
from trader.strategies.indicators import deviation, sma, zscore
from trader.strategies.own import Parameters
from trader.strategies.single import Judgement, SingleParameters, SingleStrategy


class MeanReversionParameters(SingleParameters):
    """Distances in standard deviations of the closes in the window."""

    window: int = Field(default=20, ge=5, le=COUNT_MAX, description="bars of mean and deviation")
    entry_z: float = Field(
        default=2.0, gt=0, le=10, allow_inf_nan=False, description="enters this far from the mean"
    )
    exit_z: float = Field(
        default=0.0, ge=0, lt=10, allow_inf_nan=False, description="is over this near to the mean"
    )
    stop_fraction: float = Field(
        default=0.01, gt=0, le=0.5, allow_inf_nan=False, description="of the price, to the stop"
    )

    @model_validator(mode="after")
    def _reachable(self) -> "MeanReversionParameters":
        if not self.exit_z < self.entry_z:
            raise ValueError(f"exit_z {self.exit_z:g} below entry_z {self.entry_z:g}")
        # The newest close is one of the window, and can be no further from its mean.
        furthest = (self.window - 1) / self.window**0.5
        if not self.entry_z < furthest:
            raise ValueError(f"entry_z below {furthest:.2f}, the most in {self.window} bars")
        return self


class MeanReversionStrategy(SingleStrategy[MeanReversionParameters]):
    """Enters far from the mean of the last closes, leaves at the mean or at a stop."""

    Parameters: ClassVar[type[Parameters]] = MeanReversionParameters

    @property
    def window(self) -> int:
        """Return how many bars it looks at."""
        return self.parameters.window

    def judged(self, run: Sequence[Bar]) -> Judgement | None:
        """Return where the last close stands, in deviations from the mean; pure."""
        parameters, closes = self.parameters, [float(bar.close) for bar in run]
        z, mean = zscore(closes, parameters.window), sma(closes, parameters.window)
        width = deviation(closes, parameters.window)
        if z is None or mean is None or width is None:
            return None
        is_low, is_high = z <= -parameters.entry_z, z >= parameters.entry_z
        return Judgement(
            entry=1 if is_low else -1 if is_high else 0,
            is_over_long=z >= -parameters.exit_z,
            is_over_short=z <= parameters.exit_z,
            stop_distance=closes[-1] * parameters.stop_fraction,
            reason=f"{z:.2f} deviations from the mean {mean:.4f}",
            signals={"z": z},
            indicators={"mean": mean, "deviation": width},
        )
