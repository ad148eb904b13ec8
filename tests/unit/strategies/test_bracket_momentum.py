"""Bracket momentum: one bracket at a time, whatever becomes of its orders, also after a restart."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from tests.unit.strategies.bar_stage import BarStage, assert_unreadable, kept
from trader.core.brackets import Role
from trader.core.calendar import SessionStage
from trader.core.instruments import Instrument, PriceBand
from trader.core.intents import BracketTerms, OrderType, Side, TimeInForce
from trader.core.market import LIVE, Quote
from trader.strategies.base import OrderStage, OrderUpdate, OwnOrder, Strategy
from trader.strategies.bracket_momentum import (
    GRACE_S,
    BracketMomentumParameters,
    BracketMomentumStrategy,
    Reading,
    wanted,
)
from trader.strategies.single import RETRY_S
from trader.strategies.trial import Trial

PARAMETERS = BracketMomentumParameters(
    momentum_bars=4, atr_bars=3, entry_score=0.6, exit_score=-0.6, pause_s=60, quote_age_s_max=60,
    profit_atrs=0, profit_fraction=0.02, stop_atrs=0, stop_fraction=0.01, entry_s_max=200,
)  # fmt: skip
RISE = ["100", "100.1", "100", "100.2", "100.6"]
Stage = BarStage[BracketMomentumStrategy]


def made(parameters: BracketMomentumParameters = PARAMETERS) -> BracketMomentumStrategy:
    return BracketMomentumStrategy("brackets", ("AAA", "BBB"), parameters)


def stage(**changes: object) -> Stage:
    return BarStage(made(PARAMETERS.model_copy(update=changes)))


def remade(trial: Stage) -> Stage:
    parameters = trial.strategy.parameters
    return trial.restarted(lambda: made(parameters))


def roles(of: Stage) -> dict[Role | None, OwnOrder]:
    """Return the orders of AAA that may fill, by what they are in their bracket."""
    rows = of.orders(of.con_id("AAA"))
    found = {None if one.bracket is None else one.bracket.role: one for one in rows}
    assert len(found) == len(rows), "two of one kind"
    return found


def waiting(**changes: object) -> Stage:
    """A bracket whose entry waits."""
    trial = stage(**changes)
    trial.stuck = frozenset({"AAA"})
    trial.closes("AAA", RISE)
    assert set(roles(trial)) == set(Role)
    return trial


def holding(**changes: object) -> Stage:
    """A bracket whose entry has filled, with both legs at work."""
    trial = stage(**changes)
    trial.closes("AAA", RISE)
    assert (int(trial.held("AAA")), {*roles(trial)}) == (10, {Role.TAKE_PROFIT, Role.STOP_LOSS})
    return trial


def partly(**changes: object) -> Stage:
    """A bracket of whose entry four of ten have filled, and the rest waits."""
    trial = stage(**changes)
    trial.parts = {"AAA": Decimal(4)}
    trial.closes("AAA", RISE)
    assert (int(trial.held("AAA")), {*roles(trial)}) == (4, set(Role))
    return trial


# ---- entries


def test_it_is_a_strategy() -> None:
    strategy: Strategy = made()
    assert (strategy.name, strategy.symbols) == ("brackets", ("AAA", "BBB"))
    assert strategy.bar_spec is not None
    assert (strategy.bar_spec.size_s, strategy.bar_spec.count) == (60, 5)
    assert not made().sells_short
    assert made(PARAMETERS.model_copy(update={"may_short": True})).sells_short


def test_a_rise_is_bought_with_a_profit_above_and_a_stop_below() -> None:
    trial = stage()
    (wish,) = trial.closes("AAA", RISE)
    assert (wish.side, int(wish.quantity), wish.order_type) == (Side.BUY, 10, OrderType.LIMIT)
    assert (wish.limit_price, wish.time_in_force) == (Decimal("100.60"), TimeInForce.DAY)
    # 2 in 100 above and 1 in 100 below, each to the next cent outwards.
    expected = BracketTerms(Decimal("102.62"), Decimal("99.59"), TimeInForce.GTC)
    assert wish.bracket == expected
    assert wish.reason.startswith("momentum +1.00, true range 0.2")
    assert trial.held("BBB") == 0


def test_a_fall_is_sold_short_only_where_it_may_be() -> None:
    fall = ["100.6", "100.5", "100.6", "100.4", "100"]
    assert stage().closes("AAA", fall) == []
    trial = stage(may_short=True)
    (wish,) = trial.closes("AAA", fall)
    assert (wish.side, wish.limit_price) == (Side.SELL, Decimal(100))
    assert wish.bracket == BracketTerms(Decimal(98), Decimal(101))
    assert trial.held("AAA") == -10
    trial.move("AAA", "101", "101")
    assert trial.held("AAA") == 0
    assert kept(trial)["phase"] == "flat"


def test_distances_are_the_wider_of_true_ranges_and_a_part_of_the_price() -> None:
    """The last three ranges are 0.1, 0.2 and 0.4: by Wilder 0.2333 after the third."""
    trial = stage(profit_atrs=4, profit_fraction=0.001, stop_atrs=0.5, stop_fraction=0.005)
    (wish,) = trial.closes("AAA", RISE)
    true_range = kept(trial)["indicators"]["true_range"]
    assert wish.bracket is not None
    assert true_range * 4 > 0.1006 > 0
    assert float(wish.bracket.take_profit) == pytest.approx(100.60 + 4 * true_range, abs=0.01)
    assert float(wish.bracket.take_profit) >= 100.60 + 4 * true_range
    assert wish.bracket.stop_loss == Decimal("100.09")


def test_what_does_not_move_is_not_traded() -> None:
    assert stage().closes("AAA", ["100"] * 20) == []


def test_too_small_a_rise_is_not_bought() -> None:
    trial = stage(entry_score=0.9)
    assert trial.closes("AAA", ["100.1", "100.4", "100.1", "100.4", "100.6"]) == []
    assert kept(trial)["signals"] == {"score": pytest.approx(0.8719, abs=1e-4)}


INSTRUMENT = Instrument(
    stage().con_id("AAA"), "AAA", "STK", "SMART", "USD", Decimal(1),
    (PriceBand(Decimal(0), Decimal("0.01")), PriceBand(Decimal(100), Decimal("0.05"))),
    Decimal(1), 1,
)  # fmt: skip
SAID = Reading(0.9, 0.3)


def quote(bid: str, ask: str) -> Quote:
    return Quote(INSTRUMENT.con_id, Decimal(bid), Decimal(ask), data_type=LIVE, received_s=0.0)


def test_prices_lie_on_the_grid_and_never_nearer_than_wished() -> None:
    found = wanted(1, quote("99.97", "99.98"), SAID, PARAMETERS, INSTRUMENT)
    assert found is not None
    assert found[0] == Decimal("99.98")
    assert found[1] == BracketTerms(Decimal("102.00"), Decimal("98.98"))
    short = wanted(-1, quote("101.00", "101.05"), SAID, PARAMETERS, INSTRUMENT)
    assert short is not None
    assert short[1] == BracketTerms(Decimal("98.98"), Decimal("102.05"))


@pytest.mark.parametrize("direction", [1, -1])
@pytest.mark.parametrize(
    ("bid", "ask", "changes"),
    [
        # The spread is wider than the way to the stop.
        ("98.90", "100.00", {}), ("100.00", "101.10", {}),
        # Further away than anybody would wait for.
        ("100.00", "100.00", {"stop_atrs": 100, "profit_atrs": 100}),
        ("100.00", "100.00", {"profit_atrs": 99.0, "stop_atrs": 134.0}),
    ],
)  # fmt: skip
def test_legs_that_make_no_sense_are_not_wished_for(
    direction: int, bid: str, ask: str, changes: dict[str, object]
) -> None:
    parameters = PARAMETERS.model_copy(update={**changes, "profit_fraction": 0.01})
    said = Reading(0.9, 0.42)
    assert wanted(direction, quote(bid, ask), said, parameters, INSTRUMENT) is None


@settings(max_examples=200)
@given(
    st.decimals("0.5", "5000", places=2), st.integers(0, 200), st.floats(0, 50), st.booleans(),
    st.floats(0.001, 0.4), st.floats(0, 100),
)  # fmt: skip
def test_whatever_is_wished_for_the_review_would_find_in_order(
    bid: Decimal, spread: int, width: float, is_long: bool, fraction: float, atrs: float
) -> None:
    told = quote(str(bid), str(bid + spread * Decimal("0.01")))
    parameters = PARAMETERS.model_copy(
        update={"profit_fraction": fraction, "stop_fraction": fraction, "stop_atrs": atrs}
    )
    found = wanted(1 if is_long else -1, told, Reading(1.0, width), parameters, INSTRUMENT)
    if found is None:
        return
    limit, terms = found
    assert told.bid is not None
    assert told.ask is not None
    for price in (limit, terms.take_profit, terms.stop_loss):
        assert price > 0
        assert price % INSTRUMENT.tick_at(price) == 0
    low, high = sorted((terms.take_profit, terms.stop_loss))
    assert low < min(limit, told.bid) <= max(limit, told.ask) < high
    assert max(high - limit, limit - low) < limit / 2
    assert (terms.take_profit > limit) == is_long


# ---- data it must not decide on


@pytest.mark.parametrize("back", [1, 2, 4])
@pytest.mark.parametrize("is_lost", [True, False])
def test_a_missing_bar_is_not_bridged(back: int, is_lost: bool) -> None:
    trial = stage()
    trial.closes("AAA", RISE[:-1])
    (trial.drop_bar if is_lost else trial.spoil_bar)("AAA", back)
    assert trial.closes("AAA", RISE[-1:]) == []
    assert kept(trial)["signals"] == {}
    # And when there are enough again behind the gap, it goes on.
    assert trial.closes("AAA", ["100.6", *RISE])


def test_a_night_is_a_gap() -> None:
    trial = stage()
    trial.closes("AAA", RISE[:-1])
    trial.wait(60_000)
    assert trial.closes("AAA", RISE[-1:]) == []


def test_too_few_bars_are_not_decided_on() -> None:
    assert stage().closes("AAA", RISE[1:]) == []


@pytest.mark.parametrize("bad", ["missing", "stale", "crossed", "one-sided", "frozen"])
def test_without_a_good_quote_nothing_is_entered(bad: str) -> None:
    class Doubtful(BarStage[BracketMomentumStrategy]):
        def quote(self, con_id: Any) -> Quote | None:
            told = super().quote(con_id)
            assert told is not None
            changes: dict[str, dict[str, Any]] = {
                "stale": {"received_s": self.seconds - 5.1},
                "crossed": {"bid": Decimal(999)},
                "one-sided": {"ask": None},
                "frozen": {"data_type": 2},
            }
            return None if bad == "missing" else replace(told, **changes[bad])

    trial = Doubtful(made(PARAMETERS.model_copy(update={"quote_age_s_max": 5.0})))
    assert trial.closes("AAA", RISE) == []


def test_a_bar_behind_others_that_wait_is_not_of_now() -> None:
    trial = stage()
    trial.closes("AAA", ["100", "100.1", "100", "100.1", "100"])
    bars = trial.bars(trial.con_id("AAA"))
    trial.closes("AAA", ["100.1"])
    assert kept(trial)["signals"]
    trial.strategy.on_bar(bars[-1], trial)
    assert kept(trial)["signals"] == {}


@pytest.mark.parametrize("one", [SessionStage.CLOSING, SessionStage.EXTENDED, SessionStage.UNKNOWN])
def test_it_enters_in_open_sessions_only(one: SessionStage) -> None:
    trial = stage()
    trial.session("AAA", one)
    assert trial.closes("AAA", RISE) == []
    night = stage(is_flat_at_close=False)
    night.session("AAA", one)
    assert len(night.closes("AAA", RISE)) == 1


def test_until_the_broker_has_described_it_nothing_is_done() -> None:
    class Unknown(BarStage[BracketMomentumStrategy]):
        def instrument(self, symbol: str) -> Instrument | None:
            return None

    assert Unknown(made()).closes("AAA", RISE) == []


# ---- one bracket at a time


def test_while_a_bracket_works_there_is_no_other() -> None:
    for trial in (waiting(entry_s_max=10_000), holding(profit_fraction=0.3)):
        trial.closes("AAA", ["101", "102", "103", "104", "105"])
        assert len(trial.wishes) == 1


def test_while_a_wish_is_not_answered_none_is_made() -> None:
    trial = stage()
    trial.closes("AAA", RISE[:-1])
    trial._tell = lambda: None  # type: ignore[method-assign]
    for price in (RISE[-1], "101", "102"):
        trial.bar("AAA", price)
    assert len(trial.wishes) == 1
    assert kept(trial)["phase"] == "entering"


def test_behind_a_bracket_the_signal_has_to_go_away_first() -> None:
    trial = holding()
    trial.closes("AAA", ["102.7"])
    assert (int(trial.held("AAA")), kept(trial)["is_armed"]) == (0, False)
    trial.closes("AAA", ["103", "103.4", "104", "104.5"])
    assert len(trial.wishes) == 1
    trial.closes("AAA", ["104.4", "104.5", "104.4", "104.5", "104.4"])
    assert kept(trial)["is_armed"] is True
    trial.closes("AAA", ["104.6", "105.2"])
    assert len(trial.wishes) == 2


def test_between_two_brackets_it_pauses() -> None:
    trial = holding(pause_s=600)
    trial.closes("AAA", ["102.7", "102.6", "102.7", "102.6", "102.7", "102.6"])
    assert kept(trial)["is_armed"] is True
    trial.closes("AAA", ["102.8", "103.4"])
    assert len(trial.wishes) == 1
    trial.closes("AAA", ["103.5", "103.4", "103.5", "103.4", "103.5", "104"])
    assert len(trial.wishes) == 2


def test_a_refused_bracket_is_none_and_not_wished_for_again_at_once() -> None:
    trial = stage(pause_s=120)
    trial.refused = frozenset({"AAA"})
    trial.closes("AAA", RISE)
    assert (kept(trial)["phase"], kept(trial)["bracket"]) == ("flat", None)
    trial.refused = frozenset()
    trial.closes("AAA", ["101"])
    trial.move("AAA", "101", "101")
    assert len(trial.wishes) == 1
    trial.closes("AAA", ["101.5"])
    assert len(trial.wishes) == 2


# ---- the end of a waiting entry


def entry_gone(trial: Stage) -> None:
    assert roles(trial) == {}
    assert [trial.held("AAA"), trial.working(trial.con_id("AAA"))] == [0, 0]
    assert kept(trial)["phase"] == "flat"


def test_an_entry_that_waits_too_long_is_cancelled_with_its_legs() -> None:
    trial = waiting(entry_s_max=30)
    trial.wait(29)
    assert len(roles(trial)) == 3
    trial.wait(2)
    entry_gone(trial)
    assert len(trial.wishes) == 1


def test_an_entry_whose_signal_has_turned_is_cancelled() -> None:
    trial = waiting(entry_s_max=10_000)
    trial.closes("AAA", ["100", "99", "98"])
    entry_gone(trial)


def test_an_entry_is_cancelled_before_the_end_of_a_session() -> None:
    trial = waiting()
    trial.session("AAA", SessionStage.CLOSING, 900.0)
    trial.wait(1)
    entry_gone(trial)
    night = waiting(is_flat_at_close=False)
    night.session("AAA", SessionStage.CLOSING, 900.0)
    night.wait(1)
    assert len(roles(night)) == 3


def test_a_cancel_is_asked_for_again_and_not_at_every_look() -> None:
    trial = waiting(entry_s_max=30)
    asked: list[str] = []
    trial.cancel = lambda order_id, reason: asked.append(reason)  # type: ignore[method-assign]
    trial.wait(30 + 2 * RETRY_S + 1)
    assert asked == ["not filled within 30 s"] * 3


def test_what_has_filled_of_a_cancelled_entry_stays_between_its_legs() -> None:
    """The broker has made the legs smaller, so none can be moved: they end it."""
    trial = partly(entry_s_max=30, hold_s_max=60)
    trial.wait(31)
    assert set(roles(trial)) == {Role.TAKE_PROFIT, Role.STOP_LOSS}
    assert (int(trial.held("AAA")), kept(trial)["phase"]) == (4, "protected")
    trial.wait(600)
    assert kept(trial)["leaving"] == ""
    trial.stuck = frozenset()
    trial.move("AAA", "99.5", "99.5")
    entry_gone(trial)
    assert [int(one.quantity) for one in trial.fills] == [4, 4]


# ---- what is held


@pytest.mark.parametrize(("price", "role"), [("102.62", "profit"), ("99.59", "stop")])
def test_a_leg_takes_it_off_and_nothing_else_is_wished_for(price: str, role: str) -> None:
    trial = holding()
    before = roles(trial)
    trial.move("AAA", price, price)
    entry_gone(trial)
    taken = before[Role.TAKE_PROFIT if role == "profit" else Role.STOP_LOSS]
    assert trial.fills[-1].order_id == taken.order_id
    assert len(trial.wishes) == 1


LEAVES: dict[str, tuple[dict[str, object], Callable[[Stage], object]]] = {
    "held for 300 s": ({"hold_s_max": 300}, lambda trial: trial.wait(301)),
    "the session ends": ({}, lambda trial: trial.session("AAA", SessionStage.CLOSING)),
    "the momentum has turned": (
        {"exit_score": 0.2},
        lambda trial: trial.closes("AAA", ["100.3", "100.1"]),
    ),
}


@pytest.mark.parametrize("reason", LEAVES)
def test_to_leave_early_its_profit_is_moved_to_the_market(reason: str) -> None:
    """Never a closing order beside the legs: both could fill."""
    changes, happens = LEAVES[reason]
    trial = holding(quote_age_s_max=60, **changes)
    profit = roles(trial)[Role.TAKE_PROFIT]
    trial.stuck = frozenset({"AAA"})
    happens(trial)
    trial.move("AAA", "100.4", "100.42", after_s=RETRY_S)
    moved = roles(trial)
    assert set(moved) == {Role.TAKE_PROFIT, Role.STOP_LOSS}
    assert moved[Role.TAKE_PROFIT].order_id == profit.order_id
    limit = moved[Role.TAKE_PROFIT].limit_price
    assert limit is not None
    assert Decimal(100) < limit <= Decimal("100.4")
    assert kept(trial)["leaving"].startswith(reason)
    assert len(trial.wishes) == 1
    trial.stuck = frozenset()
    trial.move("AAA", "100.4", "100.42")
    entry_gone(trial)
    assert trial.fills[-1].order_id == profit.order_id


def test_a_profit_behind_the_market_is_moved_again_and_not_at_every_quote() -> None:
    trial = holding(hold_s_max=100, stop_fraction=0.05)
    moves: list[Decimal] = []
    move = trial.modify

    def counted(order_id: Any, *, limit_price: Decimal, reason: str) -> None:
        moves.append(limit_price)
        move(order_id, limit_price=limit_price, reason=reason)

    trial.modify = counted  # type: ignore[method-assign, assignment]
    trial.stuck = frozenset({"AAA"})
    trial.wait(100)
    for number in range(21):
        price = 100 - Decimal(number) / 10
        trial.move("AAA", price, price)
    assert moves == [Decimal("99.95"), Decimal("99.05"), Decimal("98.05")]


def test_without_a_price_a_profit_is_not_moved() -> None:
    trial = holding(hold_s_max=100, quote_age_s_max=5.0)
    before = roles(trial)
    trial.wait(200)
    assert roles(trial) == before
    assert kept(trial)["leaving"] == "held for 100 s"
    trial.move("AAA", "100.4", "100.42")
    assert trial.held("AAA") == 0


def test_a_change_under_way_is_waited_for() -> None:
    class Changing(BarStage[BracketMomentumStrategy]):
        is_slow = False

        def orders(self, con_id: Any) -> tuple[OwnOrder, ...]:
            return tuple(replace(one, is_changing=self.is_slow) for one in super().orders(con_id))

    trial = Changing(made(PARAMETERS.model_copy(update={"hold_s_max": 10})))
    trial.closes("AAA", RISE)
    trial.is_slow = True
    trial.move("AAA", "100.5", "100.5", after_s=30)
    assert trial.held("AAA") == 10
    trial.is_slow = False
    trial.move("AAA", "100.5", "100.5")
    assert trial.held("AAA") == 0


# ---- without a stop


def test_what_has_lost_its_stop_is_closed_when_nothing_else_can_fill() -> None:
    trial = holding()
    trial.cancel(roles(trial)[Role.STOP_LOSS].order_id, "a person's")
    trial._tell()
    assert kept(trial)["phase"] == "exposed"
    trial.wait(GRACE_S - 0.5)
    assert set(roles(trial)) == {Role.TAKE_PROFIT}
    assert len(trial.wishes) == 1
    trial.wait(1.5)
    # Its profit goes first, and only then what is held.
    assert roles(trial) == {}
    assert len(trial.wishes) == 1
    trial.move("AAA", "100", "100", after_s=RETRY_S)
    wish = trial.wishes[1]
    assert (wish.side, int(wish.quantity), wish.is_reduce_only) == (Side.SELL, 10, True)
    entry_gone(trial)


def test_while_a_profit_may_still_fill_nothing_is_closed_beside_it() -> None:
    trial = holding()
    trial.cancel(roles(trial)[Role.STOP_LOSS].order_id, "a person's")
    trial.cancel = lambda order_id, reason: None  # type: ignore[method-assign]
    for _ in range(20):
        trial.move("AAA", "100", "100", after_s=RETRY_S)
    assert len(trial.wishes) == 1


@pytest.mark.parametrize("quantity", [7, -7])
def test_a_position_of_no_bracket_is_closed(quantity: int) -> None:
    trial = stage()
    trial.hold("AAA", quantity)
    trial.move("AAA", "100", "100")
    assert trial.wishes == []
    trial.wait(GRACE_S + 1)
    (wish,) = trial.wishes
    assert (int(wish.quantity), wish.is_reduce_only) == (7, True)
    assert wish.side is (Side.SELL if quantity > 0 else Side.BUY)
    assert trial.held("AAA") == 0


def test_a_closing_order_on_its_way_is_neither_asked_for_again_nor_taken_off() -> None:
    trial = stage()
    trial.hold("AAA", 7)
    trial.stuck = frozenset({"AAA"})
    for _ in range(10):
        trial.move("AAA", "100", "100", after_s=RETRY_S)
    assert len(trial.wishes) == 1
    assert set(roles(trial)) == {None}


def test_a_refused_close_is_wished_for_again_and_not_at_every_look() -> None:
    trial = stage()
    trial.hold("AAA", 7)
    trial.refused = frozenset({"AAA"})
    trial.move("AAA", "100", "100")
    trial.wait(GRACE_S + 1)
    assert len(trial.wishes) == 1
    trial.wait(RETRY_S - 2)
    assert len(trial.wishes) == 1
    trial.wait(2)
    assert len(trial.wishes) == 2


def test_legs_that_end_one_after_the_other_are_no_loss() -> None:
    """The stop is told as cancelled a moment before the fill of the profit is."""
    trial = holding()
    stop = roles(trial)[Role.STOP_LOSS]
    trial._working = [one for one in trial._working if one.order_id != stop.order_id]
    told = OrderUpdate(stop.intent_id, stop.order_id, OrderStage.CANCELLED, bracket=stop.bracket)
    trial.strategy.on_order(told, trial)
    assert kept(trial)["phase"] == "exposed"
    trial.move("AAA", "102.7", "102.7")
    entry_gone(trial)
    assert len(trial.wishes) == 1


# ---- restarts (STR-04)


def test_it_keeps_the_bracket_with_its_orders_and_its_group() -> None:
    trial = holding()
    row = kept(trial)
    legs = roles(trial)
    stop, profit = legs[Role.STOP_LOSS], legs[Role.TAKE_PROFIT]
    assert stop.bracket is not None
    assert row["bracket"] == {
        "intent": "trial0-brackets-1",
        "direction": 1,
        "quantity": "10",
        "limit": "100.6",
        "take_profit": "102.62",
        "stop_loss": "99.59",
        "wished_utc": "2026-03-02T15:05:00Z",
        "linked": {
            "entry_id": stop.bracket.entry_id,
            "take_profit_id": profit.order_id,
            "stop_loss_id": stop.order_id,
            "oca_group": stop.bracket.oca_group,
        },
    }
    assert (row["phase"], row["correction"], row["leaving"]) == ("protected", "", "")
    assert row["acted_utc"] == "2026-03-02T15:05:00Z"
    assert set(row["signals"]) == {"score"}
    assert set(row["indicators"]) == {"true_range"}


def profit_taken() -> Stage:
    trial = holding()
    trial.move("AAA", "102.7", "102.7")
    return trial


def stopped_out() -> Stage:
    trial = holding()
    trial.move("AAA", "99", "99")
    return trial


def cancelled() -> Stage:
    trial = waiting(entry_s_max=30)
    trial.wait(31)
    return trial


def refused() -> Stage:
    trial = stage()
    trial.refused = frozenset({"AAA"})
    trial.closes("AAA", RISE)
    trial.refused = frozenset()
    return trial


def leaving() -> Stage:
    trial = holding(hold_s_max=100)
    trial.stuck = frozenset({"AAA"})
    trial.move("AAA", "100.4", "100.5", after_s=120)
    assert kept(trial)["leaving"]
    return trial


def exposed() -> Stage:
    trial = holding()
    trial.cancel(roles(trial)[Role.STOP_LOSS].order_id, "a person's")
    trial._tell()
    return trial


STATES: dict[str, Callable[[], Stage]] = {
    "entry waiting": waiting, "partly filled": partly, "both legs at work": holding,
    "profit taken": profit_taken, "stopped out": stopped_out, "cancelled": cancelled,
    "refused": refused, "leaving": leaving, "exposed": exposed,
}  # fmt: skip
# Up, down, and through both legs.
AFTER = ("100.8", "101.4", "102", "102.7", "103", "99", "98.5", "99.5", "100", "100.2", "100.1")


@pytest.mark.parametrize("name", STATES)
def test_after_a_restart_it_decides_as_its_twin(name: str) -> None:
    trial, twin = STATES[name](), STATES[name]()
    trial = remade(trial)
    assert kept(trial)["bracket"] == kept(twin)["bracket"]
    assert kept(trial)["correction"] == ""
    for one in (trial, twin):
        one.wait(5)
        one.stuck = frozenset()
    for price in AFTER:
        for one in (trial, twin):
            one.move("AAA", price, price, after_s=20)
            one.bar("AAA", price)
        assert trial.wishes == twin.wishes
        assert roles(trial) == roles(twin)
        assert kept(trial)["phase"] == kept(twin)["phase"]
    assert trial.strategy.checkpoint() == twin.strategy.checkpoint()


class Deaf(BracketMomentumStrategy):
    """Is dead: told of nothing that happens."""

    def _look(self, *told: object, **more: object) -> None:
        """Do nothing."""


def while_dead(trial: Stage, happens: Callable[[Stage], object]) -> Stage:
    """Return the trial after a kill behind which something happened before the next start."""
    parameters, saved = trial.strategy.parameters, trial._saved
    trial.strategy = Deaf("brackets", ("AAA", "BBB"), parameters)
    happens(trial)
    trial._saved = saved
    return remade(trial)


def unstick(trial: Stage) -> None:
    trial.stuck = frozenset()
    trial.move("AAA", "100.6", "100.6")


MEANWHILE: dict[str, tuple[Callable[[], Stage], Callable[[Stage], object], str]] = {
    "the entry fills": (waiting, unstick, "protected"),
    "the rest of the entry fills": (partly, unstick, "protected"),
    "the profit is taken": (holding, lambda one: one.move("AAA", "103", "103"), "flat"),
    "it is stopped out": (holding, lambda one: one.move("AAA", "99", "99"), "flat"),
    "a person cancels the entry": (
        waiting, lambda one: one.cancel(roles(one)[Role.ENTRY].order_id, ""), "flat",
    ),
    "a person cancels the rest": (
        partly, lambda one: one.cancel(roles(one)[Role.ENTRY].order_id, ""), "protected",
    ),
    "a person cancels the stop": (
        holding, lambda one: one.cancel(roles(one)[Role.STOP_LOSS].order_id, ""), "exposed",
    ),
    "nothing of it ever left": (waiting, lambda one: one._working.clear(), "flat"),
}  # fmt: skip


@pytest.mark.parametrize("name", MEANWHILE)
def test_what_happened_while_it_was_dead_is_taken_from_the_book(name: str) -> None:
    begin, happens, phase = MEANWHILE[name]
    trial = while_dead(begin(), happens)
    trial.stuck = frozenset({"AAA"})
    trial.wait(1)
    row = kept(trial)
    assert row["phase"] == phase
    assert (row["bracket"] is None) == (phase == "flat")
    assert len(trial.wishes) == 1


def test_a_bracket_that_was_not_kept_is_found_in_the_book() -> None:
    """STR-04: the state is lost, and its orders are not."""
    trial = holding()
    before = kept(trial)["bracket"]
    trial._saved = None
    after = remade(trial)
    after._open()
    after.move("AAA", "100.6", "100.6")
    row = kept(after)
    assert row["bracket"]["linked"] == before["linked"]
    assert (row["phase"], row["bracket"]["limit"]) == ("protected", None)
    assert row["correction"] == "the book has trial0-brackets-1, none was kept"
    after.move("AAA", "99", "99")
    entry_gone(after)
    assert len(after.wishes) == 1


def test_a_claim_that_the_book_does_not_share_is_corrected() -> None:
    trial = holding()
    state = json.loads(trial.strategy.checkpoint())
    bracket = state["symbols"]["AAA"]["bracket"]
    bracket["linked"]["stop_loss_id"] = 77
    bracket["quantity"] = "40"
    bracket["direction"] = -1
    trial._saved = json.dumps(state), 1
    after = remade(trial)
    after.move("AAA", "100.6", "100.6")
    row = kept(after)
    assert row["bracket"] == kept(trial)["bracket"]
    assert row["correction"] == (
        "the book has trial0-brackets-1: +10 as 1 2 3, kept was trial0-brackets-1: -40 as 1 2 77"
    )
    assert len(after.wishes) == 1


def test_another_instrument_is_nothing_to_it() -> None:
    trial = holding()
    before = trial.strategy.checkpoint()
    trial.strategy.on_quote(replace(quote("1", "1"), con_id=trial.con_id("BBB")), trial)
    assert trial.strategy.checkpoint() == before


def test_a_clock_that_was_set_back_has_it_count_from_now_on() -> None:
    trial = waiting(entry_s_max=100)
    trial.wait(50)
    state = trial.strategy._states["AAA"]
    assert state.bracket is not None
    moment = state.bracket.wished_utc
    state.bracket = state.bracket.model_copy(update={"wished_utc": moment.replace(year=2027)})
    trial.wait(99)
    assert len(roles(trial)) == 3
    trial.wait(2)
    entry_gone(trial)


# ---- properties

STEPS = st.lists(st.integers(-80, 80), min_size=15, max_size=50)


def play(trial: Stage, price: Decimal, step: int) -> Decimal:
    price = max(price + Decimal(step) / 100, Decimal(20))
    trial.move("AAA", price, price + Decimal("0.01"), after_s=20)
    trial.bar("AAA", price)
    return price


LIVELY: dict[str, object] = {
    "may_short": True, "exit_score": 0.1, "hold_s_max": 400, "entry_s_max": 100,
    "profit_fraction": 0.004, "stop_fraction": 0.003,
}  # fmt: skip


@settings(max_examples=50)
@given(STEPS)
def test_the_same_bars_give_the_same_wishes(steps: list[int]) -> None:
    def played() -> tuple[object, str]:
        trial, price = stage(**LIVELY), Decimal(100)
        for step in steps:
            price = play(trial, price, step)
        return trial.wishes, trial.strategy.checkpoint()

    assert played() == played()


@settings(max_examples=60)
@given(STEPS, st.sets(st.integers(0, 49), max_size=6), st.data())
def test_killed_at_any_bar_it_goes_on_as_its_twin(
    steps: list[int], kills: set[int], data: st.DataObject
) -> None:
    trial, twin = stage(**LIVELY), stage(**LIVELY)
    price = same = Decimal(100)
    for number, step in enumerate(steps):
        if number in kills:
            trial = remade(trial)
        part = data.draw(st.sampled_from([None, None, None, Decimal(3)]))
        stuck = data.draw(st.sampled_from([frozenset(), frozenset(), frozenset({"AAA"})]))
        for one in (trial, twin):
            one.parts, one.stuck = {} if part is None else {"AAA": part}, stuck
        price, same = play(trial, price, step), play(twin, same, step)
        assert trial.wishes == twin.wishes
    assert trial.strategy.checkpoint() == twin.strategy.checkpoint()
    assert trial.held("AAA") == twin.held("AAA")
    assert trial.orders(trial.con_id("AAA")) == twin.orders(twin.con_id("AAA"))


@settings(max_examples=60)
@given(STEPS, st.data())
def test_whatever_becomes_of_its_orders_there_is_one_bracket_and_no_order_beside_it(
    steps: list[int], data: st.DataObject
) -> None:
    trial, price = stage(**LIVELY), Decimal(100)
    some = st.sampled_from([frozenset[str](), frozenset({"AAA"})])
    for step in steps:
        trial.refused, trial.stuck = data.draw(some), data.draw(some)
        if data.draw(st.booleans()):
            trial.parts = {"AAA": Decimal(data.draw(st.integers(1, 9)))}
        price = play(trial, price, step)
        found = roles(trial)
        assert None not in found, "an order beside a bracket, whose legs end everything"
        assert abs(trial.held("AAA")) <= 10
        if trial.held("AAA") != 0:
            assert Role.STOP_LOSS in found


@settings(max_examples=50)
@given(STEPS)
def test_what_is_kept_comes_back(steps: list[int]) -> None:
    trial, price = stage(**LIVELY), Decimal(100)
    for step in steps:
        price = play(trial, price, step)
    after = made()
    after.restore(trial.strategy.checkpoint())
    assert after.checkpoint() == trial.strategy.checkpoint()


# ---- parameters and state


@pytest.mark.parametrize(
    "values",
    [
        {"momentum_bars": 2}, {"momentum_bars": 10_000}, {"entry_score": 0}, {"entry_score": 1.1},
        {"entry_score": float("nan")}, {"exit_score": 0.5}, {"exit_score": -1.1}, {"atr_bars": 1},
        {"profit_atrs": 0, "profit_fraction": 0}, {"stop_atrs": 0, "stop_fraction": 0},
        {"stop_fraction": 0.5}, {"profit_atrs": 101}, {"profit_atrs": float("inf")},
        {"entry_s_max": 0}, {"slip_fraction": 0.02}, {"bar_s": 7}, {"quantity": 0}, {"more": 1},
    ],
)  # fmt: skip
def test_a_parameter_out_of_its_range_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        BracketMomentumParameters.model_validate(values)


def test_symbols_of_other_settings_are_left_out() -> None:
    strategy = made()
    before = strategy.checkpoint()
    strategy.restore('{"symbols": {"ZZZ": {"is_armed": false}}}')
    assert strategy.checkpoint() == before


BRACKET = '{"intent": "a", "direction": 1, "quantity": "1", "limit": null, "take_profit": null, \
"stop_loss": null, "wished_utc": "2026-03-02T15:05:00Z"%s}'


@pytest.mark.parametrize(
    "state",
    [
        "", "{", "[]", "7", "null", "{}", '{"symbols": 3}', '{"symbols": {"AAA": null}}',
        '{"symbols": {"AAA": {"phase": "shut"}}}', '{"symbols": {"AAA": {"phase": "entering"}}}',
        '{"symbols": {"AAA": {"phase": "protected"}}}', '{"symbols": {"AAA": {"more": 1}}}',
        '{"symbols": {"AAA": {"acted_utc": "2026-03-02T15:00:00"}}}',
        '{"symbols": {"AAA": {"signals": {"score": "NaN"}}}}',
        '{"symbols": {"AAA": {"phase": "flat", "bracket": ' + BRACKET % "" + "}}}",
        '{"symbols": {"AAA": {"phase": "entering", "bracket": '
        + BRACKET % ', "linked": {"entry_id": 1}' + "}}}",
        '{"symbols": {"AAA": {"phase": "entering", "bracket": {"intent": "a"}}}}',
    ],
)  # fmt: skip
def test_a_state_that_cannot_be_read_is_a_value_error(state: str) -> None:
    assert_unreadable(made(), state)


def test_its_own_trial_is_the_one_that_users_have() -> None:
    """The tutorial's stage plays brackets too: entry, then the legs, then one of them."""
    trial = Trial(made(PARAMETERS.model_copy(update={"is_flat_at_close": False})))
    for price in RISE:
        trial.bar("AAA", price)
    assert trial.held("AAA") == 10
    trial.move("AAA", "102.7", "102.7")
    assert trial.held("AAA") == 0
    assert trial.orders(trial.con_id("AAA")) == ()
