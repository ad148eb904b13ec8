"""Mean reversion: bought far below the mean, sold at it; nothing is decided on missing bars."""

from __future__ import annotations

import json
from dataclasses import replace
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
from trader.core.calendar import SessionStage
from trader.core.intents import OrderType, Side
from trader.strategies.base import Strategy
from trader.strategies.mean_reversion import MeanReversionParameters, MeanReversionStrategy
from trader.strategies.single import RETRY_S

PARAMETERS = MeanReversionParameters(
    window=6, entry_z=1.5, exit_z=0.0, stop_fraction=0.05, pause_s=60, quote_age_s_max=60
)
QUIET = ["100.1", "99.9", "100.1", "99.9", "100.1"]


def made(parameters: MeanReversionParameters = PARAMETERS) -> MeanReversionStrategy:
    return MeanReversionStrategy("reversion", ("AAA", "BBB"), parameters)


def stage(**changes: object) -> BarStage[MeanReversionStrategy]:
    return BarStage(made(PARAMETERS.model_copy(update=changes)))


def holding(**changes: object) -> BarStage[MeanReversionStrategy]:
    found = stage(**changes)
    found.closes("AAA", [*QUIET, "98"])
    assert found.held("AAA") == 10
    found.wishes.clear()
    return found


# ---- entries


def test_it_is_a_strategy() -> None:
    strategy: Strategy = made()
    assert (strategy.name, strategy.symbols) == ("reversion", ("AAA", "BBB"))
    assert strategy.bar_spec is not None
    assert (strategy.bar_spec.size_s, strategy.bar_spec.count) == (60, 6)


def test_a_fall_far_below_the_mean_is_bought() -> None:
    trial = stage()
    (wish,) = trial.closes("AAA", [*QUIET, "98"])
    assert (wish.side, int(wish.quantity), wish.order_type) == (Side.BUY, 10, OrderType.MARKET)
    assert not wish.is_reduce_only
    assert wish.reason.startswith("-2.0")
    assert trial.held("BBB") == 0


def test_a_small_fall_is_not_bought() -> None:
    assert stage(entry_z=2.04).closes("AAA", [*QUIET, "98"]) == []
    assert stage().closes("AAA", [*QUIET, "99.9"]) == []


def test_a_rise_is_sold_short_only_where_it_may_be() -> None:
    assert stage().closes("AAA", [*QUIET, "102"]) == []
    (wish,) = stage(may_short=True).closes("AAA", [*QUIET, "102"])
    assert (wish.side, wish.is_reduce_only) == (Side.SELL, False)
    assert made(PARAMETERS.model_copy(update={"may_short": True})).sells_short
    assert not made().sells_short


def test_what_does_not_move_is_not_traded() -> None:
    assert stage().closes("AAA", ["100"] * 20) == []


def test_what_was_refused_is_not_wished_for_again_at_every_quote() -> None:
    trial = stage()
    trial.refused = frozenset({"AAA"})
    assert len(trial.closes("AAA", [*QUIET, "98"])) == 1
    trial.move("AAA", "97", "97", after_s=5)
    assert len(trial.wishes) == 1


# ---- data it must not decide on


@pytest.mark.parametrize("back", [1, 2, 5])
@pytest.mark.parametrize("is_lost", [True, False])
def test_a_missing_bar_is_not_bridged(back: int, is_lost: bool) -> None:
    trial = stage()
    trial.closes("AAA", QUIET)
    (trial.drop_bar if is_lost else trial.spoil_bar)("AAA", back)
    assert trial.closes("AAA", ["98"]) == []
    # And when there are enough again behind the gap, it goes on.
    assert trial.closes("AAA", [*QUIET, "95"])


def test_a_night_is_a_gap() -> None:
    trial = stage()
    trial.closes("AAA", QUIET)
    trial.wait(60_000)
    assert trial.closes("AAA", ["90", "89.9", "90.1"]) == []


def test_too_few_bars_are_not_decided_on() -> None:
    assert stage().closes("AAA", [*QUIET[1:], "90"]) == []


@pytest.mark.parametrize("bad", ["missing", "stale", "crossed", "one-sided", "frozen"])
def test_without_a_good_quote_nothing_is_wished_for(bad: str) -> None:
    trial = stage(quote_age_s_max=5.0)
    trial.closes("AAA", QUIET)
    shown = trial._bar
    con_id = trial.con_id("AAA")

    def spoiled(*told: object) -> object:
        ended = shown(*told)  # type: ignore[arg-type]
        quote = trial._quotes.pop(con_id)
        assert quote.received_s is not None
        changes: dict[str, dict[str, object]] = {
            "stale": {"received_s": quote.received_s - 5.1},
            "crossed": {"bid": Decimal(99)},
            "one-sided": {"ask": None},
            "frozen": {"data_type": 2},
        }
        if bad != "missing":
            trial._quotes[con_id] = replace(quote, **changes[bad])  # type: ignore[arg-type]
        return ended

    trial._bar = spoiled  # type: ignore[method-assign, assignment]
    assert trial.closes("AAA", ["98"]) == []


def test_a_bar_behind_others_that_wait_is_not_of_now() -> None:
    trial = stage()
    trial.closes("AAA", [*QUIET, "99.9"])
    bars = trial.bars(trial.con_id("AAA"))
    before = trial.strategy.checkpoint()
    trial.wait(61)
    trial.strategy.on_bar(bars[-1], trial)
    assert trial.wishes == []
    assert json.loads(before)["symbols"]["AAA"]["signals"]
    assert kept(trial)["signals"] == {}


# ---- exits


def test_it_sells_at_the_mean() -> None:
    trial = holding()
    (wish,) = trial.closes("AAA", ["99", "99.7"])
    assert (wish.side, int(wish.quantity), wish.is_reduce_only) == (Side.SELL, 10, True)
    assert wish.reason.startswith("over")
    assert trial.held("AAA") == 0


def test_the_stop_is_held_at_every_quote_whatever_the_bars_say() -> None:
    trial = holding()
    assert trial.move("AAA", "93.2", "93.2") == []
    trial.drop_bar("AAA", 1)
    (wish,) = trial.move("AAA", "93.1", "93.1")
    assert wish.reason == "stop: 93.1 is at or beyond 93.1, entered at 98"


def test_a_short_position_has_its_stop_above() -> None:
    trial = stage(may_short=True)
    trial.closes("AAA", [*QUIET, "102"])
    assert trial.held("AAA") == -10
    assert trial.move("AAA", "107.0", "107.0") == []
    trial.move("AAA", "107.1", "107.1")
    assert (trial.wishes[-1].side, trial.wishes[-1].is_reduce_only) == (Side.BUY, True)
    assert trial.held("AAA") == 0


def test_after_a_stop_the_signal_has_to_go_away_first() -> None:
    trial = holding()
    trial.move("AAA", "90", "90")
    assert trial.held("AAA") == 0
    trial.wishes.clear()
    trial.wait(120)
    # Whole again, and falling faster: as far below the mean as an entry asks for.
    trial.closes("AAA", ["89.9", "90", "89.9", "90", "89.9", "84", "70"])
    z = kept(trial)["signals"]
    assert z == {"z": pytest.approx(-2.0, abs=0.1)}
    trial.closes("AAA", ["87", "88", "87", "88", "87", "88"])
    trial.closes("AAA", ["85"])
    assert [one.side for one in trial.wishes] == [Side.BUY]


def test_what_is_held_too_long_is_closed() -> None:
    trial = holding(hold_s_max=300)
    trial.move("AAA", "98", "98", after_s=299)
    assert trial.wishes == []
    trial.move("AAA", "98", "98", after_s=1)
    assert trial.wishes[0].reason == "held for 300 s"


def test_before_the_end_of_a_session_it_closes_and_enters_no_more() -> None:
    trial = holding()
    trial.session("AAA", SessionStage.CLOSING, 900.0)
    assert trial.wishes[-1].reason == "the session ends"
    assert trial.held("AAA") == 0
    for one in (SessionStage.CLOSING, SessionStage.EXTENDED, SessionStage.UNKNOWN):
        other = stage()
        other.session("AAA", one)
        assert other.closes("AAA", [*QUIET, "98"]) == []
    night = stage(is_flat_at_close=False)
    night.session("AAA", SessionStage.CLOSING, 900.0)
    assert len(night.closes("AAA", [*QUIET, "98"])) == 1


def test_a_refused_exit_is_wished_for_again_and_not_at_every_quote() -> None:
    trial = holding()
    trial.refused = frozenset({"AAA"})
    for _ in range(4):
        trial.move("AAA", "90", "90", after_s=RETRY_S / 4)
    assert len(trial.wishes) == 1
    trial.move("AAA", "90", "90", after_s=RETRY_S / 4)
    assert len(trial.wishes) == 2


def test_what_is_left_of_the_entry_is_taken_off_before_the_exit() -> None:
    trial = stage()
    trial.parts = {"AAA": Decimal(4)}
    trial.closes("AAA", [*QUIET, "98"])
    assert [trial.held("AAA"), trial.working(trial.con_id("AAA"))] == [Decimal(4), Decimal(6)]
    trial.move("AAA", "90", "90")
    assert trial.working(trial.con_id("AAA")) == 0
    assert len(trial.wishes) == 1
    trial.stuck = frozenset()
    trial.move("AAA", "90", "90", after_s=RETRY_S)
    assert (trial.wishes[-1].side, int(trial.wishes[-1].quantity)) == (Side.SELL, 4)


def test_an_exit_on_its_way_is_not_asked_for_again() -> None:
    trial = holding()
    trial.stuck = frozenset({"AAA"})
    for _ in range(5):
        trial.move("AAA", "90", "90", after_s=60)
    assert len(trial.wishes) == 1
    assert trial.working(trial.con_id("AAA")) == -10


def test_a_position_whose_entry_is_unknown_is_closed() -> None:
    trial = stage()
    trial.hold("AAA", 7)
    (wish,) = trial.move("AAA", "100", "100")
    assert (int(wish.quantity), wish.reason) == (7, "entry price unknown")


def test_a_position_that_somebody_else_closed_leaves_no_entry_behind() -> None:
    trial = holding()
    trial.hold("AAA", 0)
    trial.closes("AAA", ["99.9", "100.1", "99.9", "100.1", "99.9", "98"])
    assert kept(trial)["entry"] == "98"
    assert kept(trial)["entered"] == "10"
    assert kept(trial)["stop"] == "93.1"


# ---- what it keeps


def test_it_keeps_entry_peak_trough_signal_and_when_it_acted() -> None:
    trial = holding()
    trial.bar("AAA", "98.2", low="97.1", high="98.9")
    row = kept(trial)
    assert (row["entry"], row["stop"], row["peak"], row["trough"]) == (
        "98",
        "93.1",
        "98.9",
        "97.1",
    )
    assert row["acted_utc"] == "2026-03-02T15:06:00Z"
    assert set(row["signals"]) == {"z"}
    assert set(row["indicators"]) == {"mean", "deviation"}


def test_a_trailing_stop_follows_the_peak_and_never_goes_back() -> None:
    trial = holding(is_trailing=True, exit_z=-2.05)
    trial.bar("AAA", "109", high="110")
    assert kept(trial)["stop"] == "105.1"
    trial.bar("AAA", "108", low="105.2")
    assert kept(trial)["stop"] == "105.1"
    assert trial.wishes == []
    assert "stop" in trial.bar("AAA", "105")[0].reason


def test_an_entry_in_two_fills_has_their_mean_price() -> None:
    trial = stage()
    trial.parts = {"AAA": Decimal(5)}
    trial.closes("AAA", [*QUIET, "98"])
    trial.stuck = frozenset()
    trial.move("AAA", "96", "96")
    assert kept(trial)["entry"] == "97"
    assert kept(trial)["entered"] == "10"


def test_fills_of_a_position_closed_meanwhile_leave_it_flat() -> None:
    trial = holding()
    entry = trial.fills[0]
    trial.hold("AAA", 0)
    trial.strategy.on_fill(entry, trial)
    assert kept(trial)["entry"] is None


# ---- parameters


@pytest.mark.parametrize(
    "values",
    [
        {"window": 4}, {"window": 10_000}, {"entry_z": 0}, {"entry_z": float("nan")},
        {"exit_z": 2.0}, {"stop_fraction": 0}, {"stop_fraction": 0.6}, {"bar_s": 61},
        {"quantity": 0}, {"pause_s": 0}, {"window": 6, "entry_z": 2.05}, {"wnidow": 6},
    ],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        MeanReversionParameters.model_validate(values)


# ---- determinism and state

STEPS = st.lists(st.integers(-150, 150), min_size=20, max_size=60)


def play(trial: BarStage[MeanReversionStrategy], price: Decimal, step: int) -> Decimal:
    price = max(price + Decimal(step) / 100 + (100 - price) / 4, Decimal(1))
    trial.move("AAA", price, price, after_s=20)
    trial.bar("AAA", price)
    return price


def shorting() -> MeanReversionStrategy:
    return made(PARAMETERS.model_copy(update={"may_short": True}))


@settings(max_examples=50)
@given(STEPS)
def test_the_same_bars_give_the_same_wishes(steps: list[int]) -> None:
    assert_alike(played(shorting, play, steps), played(shorting, play, steps))


@settings(max_examples=50)
@given(STEPS, st.sets(st.integers(0, 59), max_size=6), st.booleans())
def test_killed_at_any_bar_it_goes_on_as_its_twin(
    steps: list[int], kills: set[int], is_trailing: bool
) -> None:
    update = {"may_short": True, "is_trailing": is_trailing, "stop_fraction": 0.01}

    def tight() -> MeanReversionStrategy:
        return made(PARAMETERS.model_copy(update=update))

    assert_alike(played(tight, play, steps, kills), played(tight, play, steps))


@settings(max_examples=50)
@given(STEPS)
def test_what_is_kept_comes_back(steps: list[int]) -> None:
    assert_comes_back(made, played(shorting, play, steps))


def test_killed_before_a_fill_is_known_it_has_its_stop_all_the_same() -> None:
    """Saved before the wish left, and not behind the fill: the fill is told again."""
    trial = holding()
    assert trial._saved is not None
    assert json.loads(trial._saved[0])["symbols"]["AAA"]["entry"] is None
    after = trial.restarted(made)
    assert (kept(after)["entry"], kept(after)["stop"]) == ("98", "93.1")


def test_a_held_position_keeps_its_stop_under_other_parameters() -> None:
    trial = holding()
    other = made(PARAMETERS.model_copy(update={"stop_fraction": 0.4}))
    other.restore(trial.strategy.checkpoint())
    assert other.checkpoint() == trial.strategy.checkpoint()


def test_symbols_of_other_settings_are_left_out() -> None:
    strategy = made()
    before = strategy.checkpoint()
    strategy.restore('{"symbols": {"ZZZ": {"entry": "1"}}}')
    assert strategy.checkpoint() == before


@pytest.mark.parametrize(
    "state",
    [
        "", "{", "[]", "7", "null", "{}", '{"symbols": 3}', '{"symbols": {"AAA": null}}',
        '{"symbols": {"AAA": {"entry": "x"}}}', '{"symbols": {"AAA": {"entry": "NaN"}}}',
        '{"symbols": {"AAA": {"entry": "-5"}}}', '{"symbols": {"AAA": {"stop": "0"}}}',
        '{"symbols": {"AAA": {"entry": "Infinity"}}}', '{"symbols": {"AAA": {"peak": "1E+999"}}}',
        '{"symbols": {"AAA": {"acted_utc": "2026-03-02T15:00:00"}}}',
        '{"symbols": {"AAA": {"signals": {"z": "NaN"}}}}',
        '{"symbols": {"AAA": {"is_armed": "perhaps"}}}', '{"symbols": {"AAA": {"more": 1}}}',
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_a_value_error(state: str) -> None:
    assert_unreadable(made(), state)
