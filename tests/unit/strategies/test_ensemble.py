"""The ensemble: members vote, who has no data abstains, and too few voters are no vote."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.strategies.bar_stage import (
    BarStage,
    assert_alike,
    assert_comes_back,
    assert_unreadable,
    kept,
    played,
)
from trader.core.bars import Bar
from trader.core.ids import ConId
from trader.core.intents import Side
from trader.strategies.base import Strategy
from trader.strategies.ensemble import (
    EnsembleParameters,
    EnsembleStrategy,
    momentum,
    range_of,
    reversion,
    trend,
)

PARAMETERS = EnsembleParameters(
    momentum_bars=4, reversion_bars=5, fast_bars=2, slow_bars=4, atr_bars=3, stop_atrs=3.0,
    reversion_weight=0.5, voters_min=2, entry_vote=0.4, exit_vote=0.0, quote_age_s_max=60,
)  # fmt: skip
RISING = ["100", "100.2", "100.3", "100.6", "100.8", "101.1", "101.2"]


def made(parameters: EnsembleParameters = PARAMETERS) -> EnsembleStrategy:
    return EnsembleStrategy("ensemble", ("AAA", "BBB"), parameters)


def stage(**changes: object) -> BarStage[EnsembleStrategy]:
    return BarStage(made(PARAMETERS.model_copy(update=changes)))


def bars(prices: Sequence[float], width: float = 0.1) -> list[Bar]:
    begin = datetime(2026, 3, 2, 15, tzinfo=UTC)
    rows = []
    for number, price in enumerate(prices):
        at, half = Decimal(str(price)), Decimal(str(width))
        start = begin + timedelta(minutes=number)
        rows.append(Bar(ConId(1), start, 60, at, at + half, at - half, at))
    return rows


def holding(**changes: object) -> BarStage[EnsembleStrategy]:
    trial = stage(**changes)
    trial.closes("AAA", RISING)
    assert trial.held("AAA") == 10
    trial.wishes.clear()
    return trial


# ---- its members


def test_momentum_is_the_rise_in_what_chance_would_have_made_of_it() -> None:
    assert momentum([100, 101, 100, 101, 100], 4) == 0.0
    assert momentum([100, 101, 102.2, 103, 104.5], 4) == 1.0
    assert momentum([104.5, 103, 102.2, 101, 100], 4) == -1.0
    assert momentum([100, 101, 102.2, 103], 4) is None
    assert momentum([100.0] * 5, 4) is None


def test_reversion_is_the_distance_below_the_mean() -> None:
    low = reversion([100.1, 99.9, 100.1, 99.9, 98], 5)
    assert low is not None
    assert 0.8 < low < 1.0
    high = reversion([-one for one in [100.1, 99.9, 100.1, 99.9, 98]], 5)
    assert high == -low
    assert reversion([100.0] * 4, 5) is None


def test_trend_is_the_faster_mean_above_the_slower_in_true_ranges() -> None:
    up = trend(bars([100, 100.1, 100.2, 100.3, 100.4]), 2, 4, 3)
    down = trend(bars([100.4, 100.3, 100.2, 100.1, 100]), 2, 4, 3)
    assert up is not None
    assert down is not None
    assert up == pytest.approx(-down)
    assert 0 < up < 1
    assert trend(bars([100, 101, 102]), 2, 4, 2) is None
    assert trend(bars([100.0] * 6, width=0), 2, 4, 3) is None


@given(st.lists(st.integers(9_000, 11_000), min_size=6, max_size=30))
def test_a_member_says_minus_one_to_one_or_nothing(cents: list[int]) -> None:
    run = bars([cent / 100 for cent in cents])
    for value in made().signals(run).values():
        assert -1 <= value <= 1


# ---- the vote


def test_it_is_a_strategy_with_the_longest_window_of_its_members() -> None:
    strategy: Strategy = made()
    assert strategy.bar_spec is not None
    assert strategy.bar_spec.count == 5
    other = made(PARAMETERS.model_copy(update={"atr_bars": 30}))
    assert other.window == 31


def test_the_vote_is_the_weighted_mean_of_who_votes() -> None:
    run = bars([100, 100.2, 100.1, 100.4, 100.5])
    strategy = made()
    said = strategy.judged(run)
    assert said is not None
    signals = said.signals
    assert set(signals) == {"momentum", "reversion", "trend"}
    by_hand = signals["momentum"] + 0.5 * signals["reversion"] + signals["trend"]
    assert said.indicators["vote"] == pytest.approx(by_hand / 2.5)
    assert said.weights == {"momentum": 1.0, "reversion": 0.5, "trend": 1.0}


def test_who_has_no_data_abstains_and_too_few_voters_are_no_vote() -> None:
    long = PARAMETERS.model_copy(update={"momentum_bars": 50})
    run = bars([100, 100.2, 100.1, 100.4, 100.5])
    said = made(long).judged(run)
    assert said is not None
    assert set(said.signals) == {"reversion", "trend"}
    assert made(long.model_copy(update={"voters_min": 3})).judged(run) is None
    longer = long.model_copy(update={"reversion_bars": 50})
    assert made(longer).judged(run) is None
    assert made(longer.model_copy(update={"voters_min": 1})).judged(run) is not None


def test_a_member_without_weight_does_not_vote() -> None:
    run = bars([100, 100.2, 100.1, 100.4, 100.5])
    found = made(PARAMETERS.model_copy(update={"trend_weight": 0.0})).signals(run)
    assert set(found) == {"momentum", "reversion"}


def test_without_a_range_there_is_no_stop_and_no_vote() -> None:
    assert made().judged(bars([100.0] * 8, width=0)) is None
    assert range_of(bars([100.0, 101.0]), 2) is None


# ---- on the stage


def test_a_vote_for_it_is_bought_and_says_who_voted() -> None:
    trial = stage()
    (wish,) = trial.closes("AAA", RISING)
    assert (wish.side, int(wish.quantity)) == (Side.BUY, 10)
    assert "momentum +" in wish.reason
    assert "trend +" in wish.reason


def test_a_gap_leaves_too_few_voters() -> None:
    trial = stage()
    trial.closes("AAA", RISING[:4])
    trial.spoil_bar("AAA")
    assert trial.closes("AAA", RISING[4:]) == []


def test_when_the_vote_turns_it_sells() -> None:
    trial = holding(stop_atrs=100.0)
    wishes = trial.closes("AAA", ["101.1", "100.9", "100.5", "100.2"])
    assert (wishes[0].side, wishes[0].is_reduce_only) == (Side.SELL, True)
    assert wishes[0].reason.startswith("over: vote -")
    assert trial.held("AAA") == 0


def test_the_stop_trails_the_peak_by_true_ranges() -> None:
    trial = holding()
    first = Decimal(kept(trial)["stop"])
    trial.closes("AAA", ["101.6", "102"])
    assert trial.held("AAA") == 10
    later = Decimal(kept(trial)["stop"])
    assert later > first
    assert later == 102 - Decimal(str(kept(trial)["stop_distance"]))
    assert trial.move("AAA", later, later)[0].reason.startswith("stop")


def test_it_keeps_the_votes_and_the_weights_of_the_last_bar() -> None:
    trial = holding()
    row = kept(trial)
    assert set(row["signals"]) == {"momentum", "reversion", "trend"}
    assert row["weights"] == {"momentum": 1.0, "reversion": 0.5, "trend": 1.0}
    assert set(row["indicators"]) == {"vote", "true_range"}
    assert row["peak"] == "101.2"
    after = trial.restarted(made)
    assert kept(after)["signals"] == row["signals"]


@pytest.mark.parametrize(
    "values",
    [
        {"fast_bars": 21}, {"exit_vote": 0.3}, {"entry_vote": 0}, {"entry_vote": 1.1},
        {"voters_min": 3, "trend_weight": 0}, {"voters_min": 4}, {"trend_weight": -1},
        {"trend_weight": float("inf")}, {"stop_atrs": 0}, {"momentum_bars": 720},
    ],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        EnsembleParameters.model_validate(values)


# ---- determinism and state

STEPS = st.lists(st.integers(-60, 60), min_size=20, max_size=50)


def play(trial: BarStage[EnsembleStrategy], price: Decimal, step: int) -> Decimal:
    price = max(price + Decimal(step) / 100, Decimal(1))
    trial.bar("AAA", price)
    trial.move("AAA", price, price, after_s=20)
    return price


def shorting() -> EnsembleStrategy:
    return made(PARAMETERS.model_copy(update={"may_short": True}))


@settings(max_examples=50)
@given(STEPS)
def test_the_same_bars_give_the_same_wishes(steps: list[int]) -> None:
    assert_alike(played(shorting, play, steps), played(shorting, play, steps))


@settings(max_examples=50)
@given(STEPS, st.sets(st.integers(0, 49), max_size=6))
def test_killed_at_any_bar_it_goes_on_as_its_twin(steps: list[int], kills: set[int]) -> None:
    def tight() -> EnsembleStrategy:
        return made(PARAMETERS.model_copy(update={"may_short": True, "stop_atrs": 1.5}))

    assert_alike(played(tight, play, steps, kills), played(tight, play, steps))


@settings(max_examples=50)
@given(STEPS)
def test_what_is_kept_comes_back(steps: list[int]) -> None:
    assert_comes_back(made, played(shorting, play, steps))


@pytest.mark.parametrize(
    "state",
    ["", "[]", "{}", '{"symbols": {"AAA": {"weights": {"trend": "Infinity"}}}}',
     '{"symbols": {"AAA": {"signals": ["trend"]}}}',
     json.dumps({"symbols": {"AAA": {"weights": {f"m{number}": 1 for number in range(17)}}}})],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_a_value_error(state: str) -> None:
    assert_unreadable(made(), state)
