"""Goal: the regime is right, and late by no more than is written down, on markets with labels.

Method: markets that switch between three known states are drawn minute by minute from a seed, and
the simulator's stored days, whose hidden state its generator knows, are gone through day by day.
The detector sees what it sees in the daemon: the VIX, and the middle of all instruments'
volatilities of the last two hours. No market is real, and none was tuned on: the limits are those
that are shipped. The figures of docs/blind-spots.md are asserted here.
"""

from __future__ import annotations

import csv
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from statistics import median

import numpy as np
import pytest

from scripts.make_price_data import DATA_DIR, ROUGH_VOLATILITY, SEED, SHARES, market_days
from trader.core.policy import Regime, RegimePolicy
from trader.core.regime import STORM, RegimeState, step

POLICY = RegimePolicy()
ORDER = (Regime.CALM, Regime.NORMAL, Regime.STORM)
# Volatility a year and VIX of each state, and the chance a minute to leave it.
VOLATILITY = (0.09, 0.21, 0.50)
FEAR = (12.5, 20.0, 36.0)
LEAVES = 1 / 900
MINUTES = 20_000
WINDOW = 120
INSTRUMENTS = 4
MINUTES_A_YEAR = 252 * 390
SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Drawn:
    """One market: its hidden state of every minute, and what is seen of it; NaN where nothing."""

    labels: list[int]
    fear: np.ndarray[tuple[int], np.dtype[np.float64]]
    realised: np.ndarray[tuple[int], np.dtype[np.float64]]


def market(seed: int) -> Drawn:
    """Draw a market with heavy tails; the VIX goes half of its way in ten minutes."""
    chance = np.random.default_rng(seed)
    state, labels = 0, []
    for _ in range(MINUTES):
        if chance.random() < LEAVES:
            state = int(chance.choice([place for place in range(3) if place != state]))
        labels.append(state)
    scale = np.array(VOLATILITY)[labels] / math.sqrt(MINUTES_A_YEAR)
    common, own = chance.standard_t(5, size=(MINUTES, 1)), chance.standard_t(5, size=(MINUTES, 4))
    moves = (0.6 * common + 0.8 * own) * math.sqrt(3 / 5) * scale[:, None]
    sums = np.cumsum(np.vstack([np.zeros((1, INSTRUMENTS)), moves**2]), axis=0)
    spread = np.sqrt((sums[WINDOW:] - sums[:-WINDOW]) / (WINDOW - 1))
    realised = np.full(MINUTES, np.nan)
    realised[WINDOW - 1 :] = np.median(spread, axis=1) * math.sqrt(MINUTES_A_YEAR)
    pull, level, fear = 1 - 0.5 ** (1 / 10), math.log(FEAR[0]), []
    for label in labels:
        level += pull * (math.log(FEAR[label]) - level) + 0.004 * chance.normal()
        fear.append(math.exp(level))
    return Drawn(labels, np.array(fear), realised)


def told(value: float) -> Decimal | None:
    return None if math.isnan(value) else Decimal(repr(float(value)))


def detected(
    fear: Sequence[float], realised: Sequence[float], seconds: float = 60.0
) -> Iterator[int]:
    """Give what the detector says after each look, 0 for calm to 2 for a storm."""
    state: RegimeState = STORM
    for place, (vix, volatility) in enumerate(zip(fear, realised, strict=True)):
        state = step(POLICY, state, vix=told(vix), realised=told(volatility), now_s=place * seconds)
        yield ORDER.index(state.regime)


def lags(labels: Sequence[int], found: Sequence[int], *, rougher: bool) -> list[int]:
    """Return for each switch how many looks it took; a state that ended before counts whole."""
    late = []
    starts = [place for place in range(1, len(labels)) if labels[place] != labels[place - 1]]
    for start, end in zip(starts, [*starts[1:], len(labels)], strict=True):
        if (labels[start] > labels[start - 1]) is not rougher:
            continue
        label, count = labels[start], 0
        while start + count < end and (
            found[start + count] < label if rougher else found[start + count] > label
        ):
            count += 1
        late.append(count)
    return late


@pytest.fixture(scope="module", params=SEEDS)
def drawn(request: pytest.FixtureRequest) -> Drawn:
    print("seed", request.param)
    return market(request.param)


def test_it_is_right_nine_minutes_in_ten_and_hardly_ever_too_mild(drawn: Drawn) -> None:
    """CAP-26: most of what is wrong is a regime that is held too long, and none of it is luck."""
    found = list(detected(drawn.fear.tolist(), drawn.realised.tolist()))
    pairs = list(zip(found, drawn.labels, strict=True))
    assert sum(one == label for one, label in pairs) / MINUTES >= 0.91
    assert sum(one < label for one, label in pairs) / MINUTES <= 0.01
    assert found == list(detected(drawn.fear.tolist(), drawn.realised.tolist()))


def test_a_rougher_market_is_seen_in_a_quarter_of_an_hour_and_a_calmer_one_after_the_window(
    drawn: Drawn,
) -> None:
    """CAP-26: the window of the realised volatility has to pass, and then the dwell."""
    found = list(detected(drawn.fear.tolist(), drawn.realised.tolist()))
    assert max(lags(drawn.labels, found, rougher=True)) <= 16
    calmer = lags(drawn.labels, found, rougher=False)
    assert max(calmer) <= WINDOW + 30
    assert median(calmer) >= 30, "never before the dwell"


def test_it_does_not_flutter(drawn: Drawn) -> None:
    found = list(detected(drawn.fear.tolist(), drawn.realised.tolist()))
    true = sum(one != other for one, other in pairwise(drawn.labels))
    seen = sum(one != other for one, other in pairwise(found))
    # A fall from storm to calm may pass through normal, as may a rise.
    assert seen <= 2 * true


def test_realised_volatility_alone_finds_a_storm_that_the_vix_does_not_tell(drawn: Drawn) -> None:
    """The VIX stands still at a calm level: it is seen later, and it is seen."""
    stuck = [FEAR[0]] * MINUTES
    found = list(detected(stuck, drawn.realised.tolist()))
    assert max(lags(drawn.labels, found, rougher=True)) <= 80
    milder = sum(one < label for one, label in zip(found, drawn.labels, strict=True))
    assert milder / MINUTES <= 0.03


def test_the_vix_alone_finds_a_storm_that_the_prices_do_not_show(drawn: Drawn) -> None:
    found = list(detected(drawn.fear.tolist(), [0.09] * MINUTES))
    assert max(lags(drawn.labels, found, rougher=True)) <= 16


@pytest.mark.parametrize("missing", ["fear", "realised"])
def test_without_one_of_them_it_is_a_storm_from_the_first_look_on(
    drawn: Drawn, missing: str
) -> None:
    """CAP-26."""
    fear, realised = drawn.fear.copy(), drawn.realised.copy()
    gone = fear if missing == "fear" else realised
    gone[10_000:10_200] = np.nan
    found = list(detected(fear.tolist(), realised.tolist()))
    assert found[10_000:10_200] == [2] * 200
    assert found[: WINDOW - 1] == [2] * (WINDOW - 1), "nor before there is a volatility"


# ---- the simulator's own days


def closes(symbol: str) -> list[float]:
    with (DATA_DIR / f"{symbol}.csv").open(encoding="utf-8") as file:
        return [float(row["close"]) for row in csv.DictReader(file)]


def test_the_stored_days_are_labelled_by_their_generator_and_found() -> None:
    """CAP-26: generated days, not real ones; a rough state is a storm.

    Of a day's close; realised is the middle of four shares' last 21 days.
    """
    rough = [
        day.volatility == ROUGH_VOLATILITY for day in market_days(random.Random(f"{SEED}:market"))
    ]
    prices = np.log(np.array([closes(share.symbol) for share in SHARES]).T)
    moves = np.diff(prices, axis=0)
    realised = [math.nan] * 21 + [
        float(np.median(np.std(moves[place : place + 21], axis=0, ddof=1))) * math.sqrt(252)
        for place in range(len(moves) - 20)
    ]
    fear = closes("VIX")
    assert len(fear) == len(realised) == len(rough) == 1_043
    found = list(detected(fear, realised, seconds=86_400.0))
    judged = list(zip(found[21:], rough[21:], strict=True))
    storms = [one == 2 for one, is_rough in judged if is_rough]
    calms = [one == 2 for one, is_rough in judged if not is_rough]
    late = lags([2 * row for row in rough], found, rougher=True)
    assert (len(storms), len(late)) == (178, 11)
    assert sum(storms) / len(storms) >= 0.80
    # What a calm state begins with is the window that still holds the storm.
    assert sum(calms) / len(calms) <= 0.17
    assert max(late) <= 6
    assert median(late) <= 4
