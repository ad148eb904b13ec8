"""Killed in the middle of what it holds, the daemon's strategies decide as if they had not been.

Goal: a restart costs no decision and makes no other one. Method: the whole daemon with shipped
strategies under virtual time, killed twelve times at drawn moments, most of them soon after a
decision, beside a twin that is never killed (tests/simulation/twin.py says what is compared).
`TWINS=20` plays so many pairs of each plot; half a minute each.
"""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.simulation import settings
from tests.simulation.run import Wish
from tests.simulation.twin import BAR_S, Plot, Story, drawn_kills, told
from tests.targets import TARGETS
from trader.config import Configuration
from trader.core.strategy_events import BarsKnown
from trader.engine.strategy import strategy_news
from trader.engine.strategy.strategy_bars import StrategyBars
from trader.strategies.base import Strategy
from trader.strategies.bracket_momentum import BracketMomentumParameters, BracketMomentumStrategy
from trader.strategies.ensemble import EnsembleParameters, EnsembleStrategy
from trader.strategies.mean_reversion import MeanReversionParameters, MeanReversionStrategy
from trader.strategies.momentum import MomentumParameters, MomentumStrategy
from trader.strategies.pairs_trading import PairsTradingParameters, PairsTradingStrategy

# Older than the market ever is between two of its moves.
QUOTE_AGE_S = 30


def singles() -> tuple[Strategy, ...]:
    """Return what holds one position in each symbol and decides on bars."""
    return (
        MeanReversionStrategy(
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


def legs() -> tuple[Strategy, ...]:
    """Return what has several orders for one decision: the legs of a pair, and of a bracket."""
    return (
        PairsTradingStrategy(
            "pairs",
            ("AAPL", "IBM"),
            PairsTradingParameters(
                window=20, entry_z=1.0, exit_z=0.1, stop_z=3.0, correlation_min=0.001,
                half_life_bars_max=700, pause_s=90, quantity=5, complete_s=45,
                quote_age_s_max=QUOTE_AGE_S, is_flat_at_close=False,
            ),
        ),
        BracketMomentumStrategy(
            "brackets",
            ("MSFT", "GOOG"),
            BracketMomentumParameters(
                momentum_bars=5, atr_bars=5, entry_score=0.2, exit_score=-0.2, profit_atrs=2.0,
                stop_atrs=1.5, entry_s_max=10, pause_s=30, quantity=5, may_short=True,
                quote_age_s_max=QUOTE_AGE_S, is_flat_at_close=False,
            ),
        ),
    )  # fmt: skip


def samples() -> tuple[Strategy, ...]:
    """Return what samples quotes. No pause ends where a price moves or a sample is due."""
    symbols = ("AAPL", "MSFT", "IBM", "GOOG")
    parameters = MomentumParameters(
        symbols=symbols, quantity=Decimal(5), sample_s=20.0, lookback_samples=3,
        entry_fraction=Decimal("0.004"), stop_fraction=Decimal("0.015"),
        target_fraction=Decimal("0.02"), pause_s=10.0, quote_age_s_max=QUOTE_AGE_S,
    )  # fmt: skip
    return (MomentumStrategy(parameters),)


PLOTS = {
    "singles": Plot(singles, lasts_s=60 * BAR_S, kills=12, apart_s=70),
    # A pair is half open for several seconds.
    # Bars of one interval are told one after the other, and most kills are in between.
    "apart": Plot(singles, lasts_s=60 * BAR_S, kills=12, apart_s=70, bar_lag_s=8.0),
    "legs": Plot(legs, lasts_s=40 * BAR_S, kills=12, apart_s=70, fill_s=4.0),
    "samples": Plot(samples, lasts_s=20 * BAR_S, kills=12, apart_s=15, is_of_bars=False),
}
# How many pairs of each are played where nobody says more.
TWINS = {"singles": 2, "apart": 1, "legs": 1, "samples": 1}


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, wish: Wish) -> Configuration:
    """Give the production pace of everything that only takes time here; short sales are allowed."""
    pace = copy.deepcopy(settings._SETTINGS)
    pace["broker"] |= {
        "heartbeat_interval_s": 5, "heartbeat_deadline_s": 5, "heartbeat_age_s_max": 30,
        "silence_s_max": 30,
    }  # fmt: skip
    pace["reconcile"] |= {"orders_interval_s": 120, "positions_interval_s": 300}
    pace["checkpoint_interval_s"] = 60
    targets = {
        **TARGETS,
        "price": {**TARGETS["price"], "quote_age_s_max": QUOTE_AGE_S},
        "position": {**TARGETS["position"], "is_short_allowed": True},
    }
    folder: Path = tmp_path_factory.mktemp("twins")
    return settings.configuration(folder, settings=pace, targets=targets)


Undisturbed = Callable[[str, int], Story]


@pytest.fixture(scope="module")
def undisturbed(config: Configuration) -> Undisturbed:
    """Tell of the twin that nobody kills, played once for all that are held against it."""
    known: dict[tuple[str, int], Story] = {}

    def story(name: str, seed: int) -> Story:
        if (name, seed) not in known:
            known[name, seed] = told(seed, config, PLOTS[name])
        return known[name, seed]

    return story


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", PLOTS)
def test_killed_in_the_middle_it_decides_as_its_twin(
    name: str, config: Configuration, undisturbed: Undisturbed
) -> None:
    plot = PLOTS[name]
    for seed in range(1, 1 + int(os.environ.get("TWINS", TWINS[name]))):
        one = undisturbed(name, seed)
        other = told(seed, config, plot, drawn_kills(seed, plot, one))
        assert (one.problem, other.problem) == ("", ""), seed
        assert (one.starts, other.starts) == (1, 1 + plot.kills), seed
        assert other.holding_kills > 2, f"seed {seed} proves little: {other}"
        names = {strategy.name for strategy in plot.made()}
        assert {line.split()[0] for line in one.decisions} == names, seed
        count = sum(map(len, one.decisions.values()))
        print(f"{name} {seed}: {plot.kills} kills, {count} decisions, {one.executions} executions")
        assert count > plot.kills, seed
        assert other.decisions == one.decisions, seed


# ---- the tester itself: what forgets decides otherwise


def forgetting(kind: type[Strategy], *path: str) -> Callable[[], None]:
    """Have a class of strategies take nothing up of one thing that it keeps."""

    def plant() -> None:
        restore, checkpoint = kind.restore, kind.checkpoint

        def forgetful(self: Strategy, state: str) -> None:
            kept, fresh = json.loads(state), json.loads(checkpoint(self))
            _forget(kept, fresh, path)
            restore(self, json.dumps(kept))

        kind.restore = forgetful  # type: ignore[method-assign]

    return plant


def _forget(kept: dict[str, Any], fresh: dict[str, Any], path: tuple[str, ...]) -> None:
    first, *rest = path
    if not rest:
        kept[first] = fresh[first]
        return
    for key in kept if first == "*" else (first,):
        _forget(kept[key], fresh[key], tuple(rest))


def tell_no_fill() -> None:
    """Have nobody told of the fills that a saved state does not know of."""
    strategy_news._untold = lambda book, name: []


def know_all_bars_alike() -> None:
    """Have one time for the bars of all instruments, as states before version 3 had."""
    known = StrategyBars.known

    def alike(bars: StrategyBars) -> tuple[BarsKnown, ...]:
        return tuple(replace(row, con_ids=None) for row in known(bars)[-1:])

    StrategyBars.known = alike  # type: ignore[method-assign, assignment]


FAULTS = {
    "reversion": ("singles", forgetting(MeanReversionStrategy, "symbols", "*", "entry")),
    "ensemble": ("singles", forgetting(EnsembleStrategy, "symbols", "*", "stop")),
    "pairs": ("legs", forgetting(PairsTradingStrategy, "is_armed")),
    "brackets": ("legs", forgetting(BracketMomentumStrategy, "symbols", "*", "is_armed")),
    "momentum": ("samples", forgetting(MomentumStrategy, "*", "samples")),
}


@pytest.mark.slow
@pytest.mark.timeout(0)
@pytest.mark.parametrize("name", dict.fromkeys(where for where, _ in FAULTS.values()))
def test_one_that_forgets_one_thing_decides_otherwise(
    name: str, config: Configuration, undisturbed: Undisturbed
) -> None:
    plot, one = PLOTS[name], undisturbed(name, 1)
    faults = {who: plant for who, (where, plant) in FAULTS.items() if where == name}

    def plant_all() -> None:
        for plant in faults.values():
            plant()

    other = told(1, config, plot, drawn_kills(1, plot, one), plant_all)
    assert (one.problem, other.problem) == ("", "")
    for who in faults:
        assert _of(who, other) != _of(who, one), who


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_one_that_is_told_no_fill_decides_otherwise(
    config: Configuration, undisturbed: Undisturbed
) -> None:
    plot, one = PLOTS["samples"], undisturbed("samples", 1)
    other = told(1, config, plot, drawn_kills(1, plot, one), tell_no_fill)
    assert other.problem == ""
    assert other.decisions != one.decisions


@pytest.mark.slow
@pytest.mark.timeout(0)
def test_one_that_knows_all_bars_alike_decides_otherwise(
    config: Configuration, undisturbed: Undisturbed
) -> None:
    plot, one = PLOTS["apart"], undisturbed("apart", 1)
    other = told(1, config, plot, drawn_kills(1, plot, one), know_all_bars_alike)
    assert other.problem == ""
    assert other.decisions != one.decisions


def _of(who: str, story: Story) -> dict[str, list[str]]:
    return {key: lines for key, lines in story.decisions.items() if key.split()[0] == who}
