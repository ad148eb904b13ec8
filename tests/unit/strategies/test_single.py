"""One position in each symbol: what holds whatever the bars are taken to mean."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from pydantic import ValidationError

from tests.unit.strategies.bar_stage import BarStage
from trader.core.bars import Bar
from trader.core.ids import ConId
from trader.core.instruments import Instrument
from trader.core.intents import Side
from trader.core.market import LIVE, Quote
from trader.strategies.single import Held, Judgement, SingleParameters, SingleStrategy

PARAMETERS = SingleParameters(pause_s=120, quote_age_s_max=60)


class Told(SingleStrategy[SingleParameters]):
    """Does what the test says."""

    says: Judgement | None = Judgement(1, False, False, 2.0, "told so")

    @property
    def window(self) -> int:
        return 3

    def judged(self, run: Sequence[Bar]) -> Judgement | None:
        self.seen = [bar.close for bar in run]
        return self.says


def stage(**changes: object) -> BarStage[Told]:
    return BarStage(Told("told", ("AAA", "BBB"), PARAMETERS.model_copy(update=changes)))


def kept(of: BarStage[Told]) -> Held:
    return Held.model_validate(json.loads(of.strategy.checkpoint())["symbols"]["AAA"])


def test_what_it_judges_are_the_bars_of_its_window() -> None:
    trial = stage()
    trial.closes("AAA", ["10", "11", "12", "13"])
    assert trial.strategy.seen == [11, 12, 13]
    assert trial.strategy.bar_spec is not None
    assert trial.strategy.bar_spec.count == 3


@pytest.mark.parametrize("distance", [0.0, -1.0, 1e-9, float("nan"), float("inf")])
def test_an_entry_without_a_stop_is_none(distance: float) -> None:
    trial = stage()
    trial.strategy.says = Judgement(1, False, False, distance, "no stop")
    assert trial.closes("AAA", ["10", "11"]) == []


def test_a_stop_further_away_than_half_the_price_is_nearer() -> None:
    trial = stage()
    trial.strategy.says = Judgement(1, False, False, 500.0, "far")
    trial.closes("AAA", ["10"])
    assert kept(trial).stop == 5


def test_without_a_judgement_nothing_is_entered_and_nothing_remembered() -> None:
    trial = stage()
    trial.strategy.says = None
    assert trial.closes("AAA", ["10", "11", "12"]) == []
    assert kept(trial).signals == {}


def test_between_two_entries_it_pauses() -> None:
    trial = stage()
    trial.closes("AAA", ["10"])
    trial.hold("AAA", 0)
    assert trial.closes("AAA", ["10"]) == []
    assert len(trial.closes("AAA", ["10"])) == 1


def test_a_clock_that_was_set_back_has_it_pause_from_now_on() -> None:
    trial = stage()
    trial.closes("AAA", ["10"])
    trial.hold("AAA", 0)
    state = trial.strategy._states["AAA"]
    assert state.acted_utc is not None
    state.acted_utc += timedelta(days=1)
    assert trial.closes("AAA", ["10", "10"]) == []
    assert len(trial.closes("AAA", ["10"])) == 1


def test_peak_and_trough_know_of_the_bars_from_while_it_was_not_there() -> None:
    trial = stage(is_trailing=True)
    trial.closes("AAA", ["10"])
    con_id = trial.con_id("AAA")
    (only,) = trial.bars(con_id)
    minute = timedelta(minutes=1)
    missed = replace(only, start_utc=only.end_utc, high=Decimal(14), low=Decimal(9))
    trial.wait(60)
    trial._bars[con_id].append(missed)
    trial.wait(60)
    last = replace(missed, start_utc=missed.start_utc + minute, high=Decimal(13), low=Decimal(12))
    trial._bars[con_id].append(last)
    trial._quotes[con_id] = Quote(
        con_id, Decimal(13), Decimal(13), data_type=LIVE, received_s=trial.seconds
    )
    trial.strategy.on_bar(last, trial)
    state = kept(trial)
    assert [state.peak, state.trough, state.stop] == [Decimal(14), Decimal(9), Decimal(12)]


def test_a_clock_that_was_set_back_does_not_hold_up_a_stop_that_follows() -> None:
    """It had seen bars of an hour that is still to come."""
    trial = stage(is_trailing=True)
    trial.closes("AAA", ["10"])
    state = trial.strategy._states["AAA"]
    assert state.seen_utc is not None
    state.seen_utc += timedelta(hours=1)
    trial.closes("AAA", ["11", "12", "13"])
    assert [kept(trial).peak, kept(trial).stop] == [Decimal(13), Decimal(11)]


def test_what_is_not_whole_makes_no_peak() -> None:
    trial = stage(is_trailing=True)
    trial.closes("AAA", ["10", "10"])
    con_id = trial.con_id("AAA")
    last = trial.bars(con_id)[-1]
    odd = replace(last, start_utc=last.end_utc, high=Decimal(99), is_whole=False)
    trial._bars[con_id].append(odd)
    trial.strategy.on_bar(odd, trial)
    assert kept(trial).peak == 10


def test_another_instrument_is_nothing_to_it() -> None:
    trial = stage()
    trial.closes("AAA", ["10"])
    before, wishes = trial.strategy.checkpoint(), len(trial.wishes)
    trial.strategy.on_quote(Quote(ConId(99), Decimal(1), Decimal(1), data_type=LIVE), trial)
    trial.strategy.on_bar(replace(trial.bars(trial.con_id("AAA"))[-1], con_id=ConId(99)), trial)
    trial.strategy.on_fill(replace(trial.fills[0], symbol="ZZZ"), trial)
    assert (trial.strategy.checkpoint(), len(trial.wishes)) == (before, wishes)


def test_until_the_broker_has_described_it_nothing_is_done() -> None:
    class Unknown(BarStage[Told]):
        def instrument(self, symbol: str) -> Instrument | None:
            return None

    trial = Unknown(Told("told", ("AAA",), PARAMETERS))
    assert trial.closes("AAA", ["10", "11"]) == []


def test_a_fill_that_makes_it_smaller_moves_neither_entry_nor_stop() -> None:
    trial = stage()
    trial.closes("AAA", ["10"])
    before = kept(trial)
    trial.hold("AAA", 6)
    trial.strategy.on_fill(replace(trial.fills[0], side=Side.SELL, quantity=Decimal(4)), trial)
    assert kept(trial) == before


@pytest.mark.parametrize(
    "values",
    [{"bar_s": 7}, {"bar_s": True}, {"quantity": 1.5}, {"pause_s": 0.5}, {"pause_s": "inf"},
     {"hold_s_max": float("nan")}, {"quote_age_s_max": 0}, {"quote_age_s_max": 61}],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        SingleParameters.model_validate(values)
