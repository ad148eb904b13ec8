"""Pairs: both legs or none, whatever is refused, fills in part, or is gone after a restart."""

from __future__ import annotations

import json
import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.strategies.bar_stage import BarStage, assert_unreadable
from trader.core.calendar import SessionStage
from trader.core.intents import Side
from trader.strategies.base import OrderStage, OrderUpdate, Strategy
from trader.strategies.pairs_trading import (
    PairsTradingParameters,
    PairsTradingStrategy,
    reading,
)
from trader.strategies.single import RETRY_S

PARAMETERS = PairsTradingParameters(
    window=20, entry_z=3.0, exit_z=0.5, stop_z=30.0, correlation_min=0.8, half_life_bars_max=10,
    complete_s=30, pause_s=60, quote_age_s_max=60,
)  # fmt: skip


def made(parameters: PairsTradingParameters = PARAMETERS) -> PairsTradingStrategy:
    return PairsTradingStrategy("pairs", ("AAA", "BBB"), parameters)


def prices(number: int, apart: float = 0.0) -> dict[str, str]:
    """Return two prices that move together: one is about twice the other and 5 more."""
    other = 50 + 2 * math.sin(number / 3)
    one = 5 + 2 * other + 0.1 * math.sin(number * 2.3) + apart
    return {"AAA": f"{one:.2f}", "BBB": f"{other:.2f}"}


def quiet(trial: BarStage[PairsTradingStrategy], count: int = 21, begin: int = 0) -> int:
    for number in range(begin, begin + count):
        trial.bars_of(prices(number))
    return begin + count


def stage(**changes: object) -> BarStage[PairsTradingStrategy]:
    return BarStage(made(PARAMETERS.model_copy(update=changes)))


def kept(of: BarStage[PairsTradingStrategy]) -> dict[str, Any]:
    found = json.loads(of.strategy.checkpoint())
    assert isinstance(found, dict)
    return found


def held(of: BarStage[PairsTradingStrategy]) -> tuple[int, int]:
    return int(of.held("AAA")), int(of.held("BBB"))


def apart(trial: BarStage[PairsTradingStrategy], by: float = -1.0) -> None:
    """Let the prices part behind a quiet time."""
    trial.bars_of(prices(quiet(trial), by))


def holding(**changes: object) -> BarStage[PairsTradingStrategy]:
    trial = stage(**changes)
    apart(trial)
    assert held(trial) == (10, -20)
    trial.wishes.clear()
    return trial


# ---- entries


def test_it_is_a_strategy_of_two_symbols() -> None:
    strategy: Strategy = made()
    assert strategy.bar_spec is not None
    assert strategy.bar_spec.count == 21
    assert made().sells_short
    for symbols in (("AAA",), ("AAA", "BBB", "CCC")):
        with pytest.raises(ValueError, match="allowed are the two of a pair"):
            PairsTradingStrategy("pairs", symbols, PARAMETERS)


@pytest.mark.parametrize(
    ("by", "sides", "legs"),
    [(-1.0, [("BBB", Side.SELL, 20), ("AAA", Side.BUY, 10)], (10, -20)),
     (1.0, [("AAA", Side.SELL, 10), ("BBB", Side.BUY, 20)], (-10, 20))],
)  # fmt: skip
def test_when_they_part_the_dear_one_is_sold_first_and_the_cheap_one_bought(
    by: float, sides: list[tuple[str, Side, int]], legs: tuple[int, int]
) -> None:
    trial = stage()
    apart(trial, by)
    said = [("AB"[one.con_id - 1] * 3, one.side, int(one.quantity)) for one in trial.wishes]
    assert said == sides
    assert held(trial) == legs
    row = kept(trial)
    assert (row["phase"], row["pair"]["direction"]) == ("open", 1 if by < 0 else -1)
    assert row["pair"]["hedge_ratio"] == pytest.approx(2.0, abs=0.05)
    assert row["pair"]["entry_spread"] == pytest.approx(by, abs=0.15)


def test_while_they_are_together_nothing_is_done() -> None:
    trial = stage()
    quiet(trial, 60)
    assert trial.wishes == []


def test_further_apart_than_the_stop_is_no_pair() -> None:
    trial = stage(stop_z=5.0)
    apart(trial)
    assert trial.wishes == []


@pytest.mark.parametrize(
    "change", [{"correlation_min": 0.9999}, {"half_life_bars_max": 0.1}, {"window": 30}]
)
def test_what_is_no_pair_is_not_traded(change: dict[str, object]) -> None:
    trial = stage(**change)
    apart(trial)
    assert trial.wishes == []
    assert kept(trial)["signals"] == {}


def test_two_that_move_against_each_other_are_no_pair() -> None:
    trial = stage()
    for number in range(22):
        at = 2 * math.sin(number / 3)
        trial.bars_of({"AAA": f"{100 + at:.2f}", "BBB": f"{50 - at + number % 2 / 50:.2f}"})
    assert trial.wishes == []


def test_a_hedge_of_less_than_a_share_is_no_pair() -> None:
    trial = stage(quantity=1)
    for number in range(23):
        row = prices(number, -1.0 if number == 22 else 0.0)
        trial.bars_of({"AAA": row["AAA"], "BBB": str(Decimal(row["BBB"]) * 9)})
    assert trial.wishes == []


# ---- data it must not decide on


@pytest.mark.parametrize("symbol", ["AAA", "BBB"])
@pytest.mark.parametrize("is_lost", [True, False])
def test_a_missing_bar_of_either_leg_is_not_bridged(symbol: str, is_lost: bool) -> None:
    trial = stage()
    number = quiet(trial)
    (trial.drop_bar if is_lost else trial.spoil_bar)(symbol, 3)
    trial.bars_of(prices(number, -1.0))
    assert trial.wishes == []
    apart(trial)
    assert held(trial) == (10, -20)


def test_bars_of_one_leg_alone_are_not_decided_on() -> None:
    trial = stage()
    number = quiet(trial)
    trial.bar("AAA", prices(number, -1.0)["AAA"])
    assert trial.wishes == []


@pytest.mark.parametrize("symbol", ["AAA", "BBB"])
def test_without_good_quotes_of_both_legs_nothing_is_entered(symbol: str) -> None:
    class Blind(BarStage[PairsTradingStrategy]):
        def quote(self, con_id: Any) -> Any:
            return None if con_id == self.con_id(symbol) else super().quote(con_id)

    trial = Blind(made())
    apart(trial)
    assert trial.wishes == []


def test_in_a_session_that_is_not_open_nothing_is_entered() -> None:
    trial = stage()
    trial.session("BBB", SessionStage.EXTENDED)
    apart(trial)
    assert trial.wishes == []


# ---- exits


def test_together_again_both_legs_are_closed() -> None:
    trial = holding()
    trial.bars_of(prices(22))
    trial.wait(0.3)
    assert [(one.side, int(one.quantity), one.is_reduce_only) for one in trial.wishes] == [
        (Side.SELL, 10, True),
        (Side.BUY, 20, True),
    ]
    assert held(trial) == (0, 0)
    row = kept(trial)
    assert (row["phase"], row["pair"]) == ("flat", None)


def test_a_stop_is_held_at_every_quote() -> None:
    trial = holding(stop_z=20.0)
    at = Decimal(prices(21)["AAA"])
    trial.move("AAA", at - Decimal("0.9"), at - Decimal("0.9"))
    assert trial.wishes == []
    trial.move("AAA", at - 4, at - 4)
    trial.wait(0.3)
    assert held(trial) == (0, 0)
    assert trial.wishes[0].reason.startswith("stop: -")


def test_prices_of_two_moments_are_no_spread() -> None:
    """The legs fall together, and the price of one arrives a little before the other's."""
    trial = holding(stop_z=20.0)
    for symbol, by in (("AAA", 4), ("BBB", 2)):
        at = Decimal(prices(21, -1.0)[symbol]) - by
        trial.move(symbol, at, at, after_s=0.1)
    trial.wait(2)
    assert trial.wishes == []
    # What stands for a moment is believed, without a further quote.
    at = Decimal(prices(21, -1.0)["AAA"]) - 8
    trial.move("AAA", at, at, after_s=0.1)
    assert trial.wishes == []
    trial.wait(0.3)
    assert trial.wishes[0].reason.startswith("stop: -")


def test_what_is_held_too_long_is_closed_also_without_a_new_quote() -> None:
    trial = holding(hold_s_max=50)
    trial.wait(51)
    assert held(trial) == (0, 0)
    assert trial.wishes[0].reason == "held for 50 s"


def test_before_the_end_of_a_session_both_legs_are_closed() -> None:
    trial = holding()
    trial.session("BBB", SessionStage.CLOSING, 900.0)
    assert held(trial) == (0, 0)


def test_after_an_exit_they_have_to_come_together_and_a_pause_to_pass() -> None:
    trial = holding(stop_z=20.0)
    at = Decimal(prices(21)["AAA"]) - 4
    trial.move("AAA", at, at)
    trial.wait(0.3)
    trial.wishes.clear()
    trial.bars_of(prices(22, -1.0))
    assert trial.wishes == []
    assert kept(trial)["is_armed"] is False
    number = quiet(trial, 25, 23)
    assert kept(trial)["is_armed"] is True
    trial.bars_of(prices(number, -1.0))
    assert held(trial) == (10, -20)


# ---- one leg alone


def test_a_refused_first_leg_opens_nothing() -> None:
    trial = stage()
    trial.refused = frozenset({"BBB"})
    apart(trial)
    assert [one.side for one in trial.wishes] == [Side.SELL]
    assert held(trial) == (0, 0)
    row = kept(trial)
    assert (row["phase"], row["is_armed"]) == ("flat", False)


def test_a_refused_second_leg_closes_the_first() -> None:
    trial = stage()
    trial.refused = frozenset({"AAA"})
    apart(trial)
    first, second, third = trial.wishes
    assert (first.side, second.side) == (Side.SELL, Side.BUY)
    assert (third.con_id, third.side, int(third.quantity)) == (first.con_id, Side.BUY, 20)
    assert third.is_reduce_only
    assert third.reason.startswith("a leg was refused: SHORT_SALE")
    assert held(trial) == (0, 0)


@pytest.mark.parametrize("stage_of", [OrderStage.REJECTED, OrderStage.CANCELLED])
def test_a_second_leg_that_the_broker_takes_off_closes_the_first(stage_of: OrderStage) -> None:
    trial = stage()
    trial.stuck = frozenset({"AAA"})
    apart(trial)
    (working,) = trial.orders(trial.con_id("AAA"))
    trial.cancel(working.order_id, "the broker's own")
    if stage_of is OrderStage.REJECTED:
        trial._news.clear()
        gone = OrderUpdate(working.intent_id, working.order_id, stage_of)
        trial._news.append(gone)
    trial._tell()
    assert held(trial) == (0, 0)


def test_a_leg_that_does_not_fill_in_time_is_taken_off_and_the_other_closed() -> None:
    trial = stage()
    trial.stuck = frozenset({"AAA"})
    apart(trial)
    assert held(trial) == (0, -20)
    trial.wait(29)
    assert len(trial.wishes) == 2
    trial.wait(3 + RETRY_S)
    assert held(trial) == (0, 0)
    assert trial.orders(trial.con_id("AAA")) == ()
    assert trial.wishes[-1].reason.startswith("not complete within 30 s: held 0 and -20")


def test_a_leg_that_fills_in_part_is_closed_with_the_other() -> None:
    trial = stage()
    trial.parts = {"AAA": Decimal(3)}
    apart(trial)
    assert held(trial) == (3, -20)
    trial.wait(31)
    assert trial.orders(trial.con_id("AAA")) == ()
    trial.stuck = frozenset()
    for _ in range(3):
        trial.move("AAA", "100", "100", after_s=RETRY_S)
    assert held(trial) == (0, 0)


def test_a_leg_that_fills_late_but_in_time_makes_the_pair() -> None:
    trial = stage()
    trial.stuck = frozenset({"BBB"})
    apart(trial)
    assert held(trial) == (0, 0)
    trial.stuck = frozenset()
    trial.move("AAA", prices(21, -1.0)["AAA"], prices(21, -1.0)["AAA"], after_s=20)
    assert held(trial) == (10, -20)
    assert kept(trial)["phase"] == "open"


def test_while_a_wish_is_not_answered_none_is_made() -> None:
    """Between a wish and its order nothing is held and nothing works: twice would be double."""
    trial = stage()
    number = quiet(trial)
    tell, trial._tell = trial._tell, lambda: None  # type: ignore[method-assign]
    trial.bars_of(prices(number, -1.0))
    for symbol, price in prices(number, -1.0).items():
        trial.move(symbol, price, price)
    assert len(trial.wishes) == 1
    trial._tell = tell  # type: ignore[method-assign]
    trial._tell()
    assert held(trial) == (10, -20)


@pytest.mark.parametrize(("symbol", "left"), [("AAA", "BBB"), ("BBB", "AAA")])
def test_a_leg_that_is_gone_closes_the_other(symbol: str, left: str) -> None:
    trial = holding()
    trial.hold(symbol, 0)
    trial.move(left, *[prices(21, -1.0)[left]] * 2)
    (wish,) = trial.wishes
    assert wish.con_id == trial.con_id(left)
    assert wish.is_reduce_only
    assert wish.reason.startswith("broken: ")
    assert held(trial) == (0, 0)


def test_a_position_of_no_pair_is_closed() -> None:
    trial = stage()
    trial.hold("BBB", 5)
    trial.move("BBB", "50", "50")
    (wish,) = trial.wishes
    assert (wish.side, int(wish.quantity), wish.is_reduce_only) == (Side.SELL, 5, True)
    assert wish.reason.startswith("of no pair")


def test_a_refused_exit_is_wished_for_again_and_not_at_every_look() -> None:
    trial = holding()
    trial.refused = frozenset({"AAA", "BBB"})
    trial.session("AAA", SessionStage.CLOSING)
    assert len(trial.wishes) == 2
    trial.wait(RETRY_S - 1)
    assert len(trial.wishes) == 2
    trial.wait(2)
    assert len(trial.wishes) == 4


def test_an_exit_on_its_way_is_neither_asked_for_again_nor_taken_off() -> None:
    trial = holding()
    trial.stuck = frozenset({"AAA", "BBB"})
    trial.session("AAA", SessionStage.CLOSING)
    before = [trial.orders(trial.con_id(name)) for name in ("AAA", "BBB")]
    assert [len(row) for row in before] == [1, 1]
    trial.wait(5 * RETRY_S)
    assert len(trial.wishes) == 2
    assert [trial.orders(trial.con_id(name)) for name in ("AAA", "BBB")] == before


def test_without_a_price_for_it_no_exit_is_wished_for() -> None:
    trial = holding(quote_age_s_max=5.0)
    trial.wait(10)
    trial.hold("AAA", 0)
    trial.wait(100)
    assert trial.wishes == []
    trial.move("BBB", "50", "50")
    assert held(trial) == (0, 0)


# ---- restarts


@pytest.mark.parametrize("waited_s", [0, 40])
def test_killed_with_one_leg_filled_it_completes_in_time_or_closes(waited_s: int) -> None:
    """STR-06: one leg is there at the crash, and the second was never sent."""
    trial = stage()
    number = quiet(trial)
    row = prices(number, -1.0)
    trial.stuck = frozenset({"AAA", "BBB"})
    trial.bars_of(row)
    # The short leg fills while nobody is there.
    trial.stuck, trial.seconds = frozenset(), trial.seconds + waited_s
    dead, trial.strategy = trial.strategy, Deaf("pairs", ("AAA", "BBB"), PARAMETERS)
    trial._fill()
    assert held(trial) == (0, -20)
    trial.strategy = dead
    after = trial.restarted(made)
    for symbol, price in row.items():
        after.move(symbol, price, price)
    assert held(after) == ((10, -20) if waited_s == 0 else (0, 0))
    assert kept(after)["phase"] == ("open" if waited_s == 0 else "flat")


class Deaf(PairsTradingStrategy):
    """Is told of nothing."""

    def on_fill(self, execution: object, context: object) -> None:
        """Be dead."""


@pytest.mark.parametrize("symbol", ["AAA", "BBB"])
def test_a_leg_that_is_gone_after_a_restart_closes_the_other(symbol: str) -> None:
    trial = holding()
    trial.bars_of(prices(21, -1.0))
    trial.hold(symbol, 0)
    after = trial.restarted(made)
    for name, price in prices(21, -1.0).items():
        after.move(name, price, price)
    assert held(after) == (0, 0)


def test_after_a_restart_the_hedge_is_not_fitted_anew() -> None:
    trial = holding()
    before = kept(trial)["pair"]
    after = trial.restarted(made)
    after.bars_of(prices(22, -1.5))
    assert kept(after)["pair"] == before


STEPS = st.lists(st.sampled_from([0.0, 0.0, 0.0, -1.0, 1.0, -2.5, 0.4]), min_size=5, max_size=40)


def play(trial: BarStage[PairsTradingStrategy], number: int, by: float) -> None:
    trial.bars_of(prices(number, by))
    at = prices(number, by / 2)
    trial.move("BBB", at["BBB"], at["BBB"], after_s=20)
    trial.move("AAA", at["AAA"], at["AAA"], after_s=3)


@settings(max_examples=40)
@given(STEPS)
def test_the_same_bars_give_the_same_wishes(steps: list[float]) -> None:
    def played() -> tuple[object, str]:
        trial = stage()
        number = quiet(trial)
        for step in steps:
            play(trial, number, step)
            number += 1
        return trial.wishes, trial.strategy.checkpoint()

    assert played() == played()


@settings(max_examples=40)
@given(STEPS, st.sets(st.integers(0, 39), max_size=6))
def test_killed_at_any_bar_it_goes_on_as_its_twin(steps: list[float], kills: set[int]) -> None:
    trial, twin = stage(), stage()
    begin = quiet(trial)
    quiet(twin)
    for number, step in enumerate(steps):
        if number in kills:
            trial = trial.restarted(made)
        play(trial, begin + number, step)
        play(twin, begin + number, step)
        assert trial.wishes == twin.wishes
    assert held(trial) == held(twin)
    assert trial.strategy.checkpoint() == twin.strategy.checkpoint()


@settings(max_examples=40)
@given(STEPS, st.data())
def test_whatever_is_refused_or_stuck_no_leg_stays_alone(
    steps: list[float], data: st.DataObject
) -> None:
    trial = stage()
    number = quiet(trial)
    some = st.frozensets(st.sampled_from(["AAA", "BBB"]), max_size=2)
    for step in steps[:12]:
        trial.refused, trial.stuck = data.draw(some), data.draw(some)
        play(trial, number, step)
        number += 1
    trial.refused = trial.stuck = frozenset()
    # What is as it was wanted stays; everything else is gone in a minute.
    for _ in range(4):
        play(trial, number, -0.4)
        number += 1
    one, other = held(trial)
    assert (one, other) in ((0, 0), (10, -20), (-10, 20)) or kept(trial)["phase"] == "open"
    assert (one == 0) == (other == 0)


@settings(max_examples=40)
@given(STEPS)
def test_what_is_kept_comes_back(steps: list[float]) -> None:
    trial = stage()
    number = quiet(trial)
    for step in steps[:10]:
        play(trial, number, step)
        number += 1
    after = made()
    after.restore(trial.strategy.checkpoint())
    assert after.checkpoint() == trial.strategy.checkpoint()


@pytest.mark.parametrize(
    "state",
    ["", "{", "[]", "7", "null", '{"phase": "open"}', '{"phase": "shut"}', '{"pair": {}}',
     '{"phase": "open", "pair": null}', '{"signals": {"z": "NaN"}}', '{"more": 1}',
     '{"exited_utc": [null]}', '{"acted_utc": "yesterday"}'],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_a_value_error(state: str) -> None:
    assert_unreadable(made(), state)


@pytest.mark.parametrize(
    "values",
    [{"window": 19}, {"window": 720}, {"entry_z": 4.0}, {"exit_z": 2.0}, {"stop_z": 2.0},
     {"correlation_min": 1}, {"half_life_bars_max": 0}, {"complete_s": 0.5}, {"bar_s": 7}],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        PairsTradingParameters.model_validate(values)


def test_a_reading_needs_the_whole_window_of_both() -> None:
    trial = stage()
    quiet(trial)
    first, second = (trial.bars(trial.con_id(name)) for name in ("AAA", "BBB"))
    assert reading(first, second, PARAMETERS) is not None
    assert reading(first[1:], second[1:], PARAMETERS) is None
    assert reading(first, second[1:], PARAMETERS) is None
