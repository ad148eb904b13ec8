"""Killed in the middle of what it holds, the daemon's strategies decide as if they had not been.

Goal: a restart costs no decision and makes no other one. Method: the whole daemon with two shipped
strategies on bars of a minute, for an hour under virtual time, killed twelve times at drawn
moments, beside a twin that is never killed. `TWINS=20` plays so many pairs; half a minute each.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.simulation import settings
from tests.simulation.run import Wish
from tests.simulation.twin import BAR_S, Story, drawn_kills, told
from tests.targets import TARGETS
from trader.config import Configuration
from trader.strategies.base import Strategy
from trader.strategies.ensemble import EnsembleParameters, EnsembleStrategy
from trader.strategies.mean_reversion import MeanReversionParameters, MeanReversionStrategy

TWINS = "2"
LASTS_S = 60.0 * BAR_S
KILLS = 12
# Older than the market ever is between two of its moves.
QUOTE_AGE_S = 30


class Forgetful(MeanReversionStrategy):
    """One that takes nothing up."""

    def restore(self, state: str) -> None:
        """Forget."""


def made(reversion: type[MeanReversionStrategy] = MeanReversionStrategy) -> Sequence[Strategy]:
    return (
        reversion(
            "reversion",
            ("AAPL", "MSFT"),
            MeanReversionParameters(
                window=10, entry_z=1.2, quantity=5, stop_fraction=0.05,
                quote_age_s_max=QUOTE_AGE_S, is_flat_at_close=False,
            ),
        ),
        EnsembleStrategy(
            "ensemble",
            ("IBM", "GOOG"),
            EnsembleParameters(
                momentum_bars=8, reversion_bars=8, fast_bars=3, slow_bars=8, atr_bars=5,
                quantity=5, quote_age_s_max=QUOTE_AGE_S, is_flat_at_close=False,
            ),
        ),
    )  # fmt: skip


@pytest.fixture
def config(tmp_path: Path, wish: Wish) -> Configuration:
    """Give the production pace of everything that only takes time here."""
    pace = copy.deepcopy(settings._SETTINGS)
    pace["broker"] |= {
        "heartbeat_interval_s": 5, "heartbeat_deadline_s": 5, "heartbeat_age_s_max": 30,
        "silence_s_max": 30,
    }  # fmt: skip
    pace["reconcile"] |= {"orders_interval_s": 120, "positions_interval_s": 300}
    pace["checkpoint_interval_s"] = 60
    prices = {**TARGETS["price"], "quote_age_s_max": QUOTE_AGE_S}
    return settings.configuration(tmp_path, settings=pace, targets={**TARGETS, "price": prices})


def pair_of(seed: int, config: Configuration, killed: type[MeanReversionStrategy]) -> list[Story]:
    kills_s = drawn_kills(seed, LASTS_S, KILLS)
    undisturbed = told(seed, config, made, (), LASTS_S)
    return [undisturbed, told(seed, config, lambda: made(killed), kills_s, LASTS_S)]


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_killed_in_the_middle_it_decides_as_its_twin(config: Configuration) -> None:
    for seed in range(1, 1 + int(os.environ.get("TWINS", TWINS))):
        one, other = pair_of(seed, config, MeanReversionStrategy)
        assert (one.problem, other.problem) == ("", ""), seed
        assert (one.starts, other.starts) == (1, 1 + KILLS), seed
        assert other.holding_kills > 2, f"seed {seed} proves little: {other}"
        assert {line.split()[0] for line in one.decisions} == {"reversion", "ensemble"}, seed
        assert sum(map(len, one.decisions.values())) > KILLS, seed
        assert other.decisions == one.decisions, seed


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_one_that_forgets_decides_otherwise(config: Configuration) -> None:
    one, other = pair_of(1, config, Forgetful)
    assert (one.problem, other.problem) == ("", "")
    assert other.decisions != one.decisions
