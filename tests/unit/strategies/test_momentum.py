"""Momentum: the same quotes give the same wishes, and doubtful quotes give none."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.executions import Execution
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    OrderId,
    OrderRef,
    PermId,
)
from trader.core.instruments import Instrument
from trader.core.intents import OrderType, Side
from trader.core.market import Quote
from trader.strategies.base import OrderStage, OrderUpdate, Wish
from trader.strategies.momentum import MomentumParameters, MomentumStrategy
from trader.strategies.trial import Trial

CON = ConId(1)
T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
PARAMETERS = MomentumParameters(
    symbols=("AAA",),
    quantity=Decimal(10),
    sample_s=1.0,
    lookback_samples=3,
    entry_fraction=Decimal("0.01"),
    stop_fraction=Decimal("0.02"),
    target_fraction=Decimal("0.05"),
    pause_s=2.0,
    quote_age_s_max=5.0,
)


class Stage(Trial[MomentumStrategy]):
    """A context whose orders fill when the test says so."""

    def __init__(self, parameters: MomentumParameters = PARAMETERS) -> None:
        super().__init__(MomentumStrategy(parameters))
        self.held_now = Decimal(0)
        self.open = Decimal(0)
        self.is_known = True

    def instrument(self, symbol: str) -> Instrument | None:
        return super().instrument(symbol) if self.is_known else None

    def position(self, con_id: ConId) -> Decimal:
        return self.held_now

    def working(self, con_id: ConId) -> Decimal:
        return self.open

    def submit(self, wish: Wish) -> IntentId:
        self.wishes.append(wish)
        return IntentId(f"abc123-momentum-{len(self.wishes)}")

    def look(self, quote: Quote | None, step_s: float = 1.0) -> None:
        self.seconds += step_s
        if quote is not None:
            self.strategy.on_quote(quote, self)

    def price(self, *prices: str) -> None:
        for price in prices:
            self.look(self.seen(price), 1.0)

    def seen(self, price: str, **changes: object) -> Quote:
        at = Decimal(price)
        live = Quote(CON, bid=at, ask=at, data_type=1, received_s=self.seconds + 1.0)
        return replace(live, **changes)  # type: ignore[arg-type]

    def fill(self, price: str, side: Side = Side.BUY, quantity: int = 10) -> None:
        self.held_now += side.sign * quantity
        self.strategy.on_fill(an_execution(price, side, quantity), self)


def an_execution(price: str, side: Side, quantity: int, symbol: str = "AAA") -> Execution:
    return Execution(
        exec_id=ExecId("1.1.01"),
        account=AccountId("DU1"),
        con_id=CON,
        symbol=symbol,
        side=side,
        quantity=Decimal(quantity),
        price=Decimal(price),
        order_id=OrderId(1),
        client_id=ClientId(7),
        perm_id=PermId(1),
        order_ref=OrderRef(""),
        time_utc=T0,
    )


def holding(price: str = "101") -> Stage:
    stage = Stage()
    stage.price("100", "100", "100", price)
    stage.fill(price)
    stage.wishes.clear()
    stage.seconds += PARAMETERS.pause_s
    return stage


# ---- entries


def test_a_rise_over_the_whole_lookback_is_bought() -> None:
    stage = Stage()
    stage.price("100", "100.3", "100.6")
    assert stage.wishes == []
    stage.price("101")
    (wish,) = stage.wishes
    assert (wish.side, wish.quantity, wish.order_type) == (Side.BUY, Decimal(10), OrderType.MARKET)
    assert not wish.is_reduce_only
    assert wish.reason


@pytest.mark.parametrize("last", ["100.99", "100", "90"])
def test_less_than_the_entry_is_not_bought(last: str) -> None:
    stage = Stage()
    stage.price("100", "100", "100", last)
    assert stage.wishes == []


def test_what_is_held_or_on_its_way_is_not_bought_again() -> None:
    stage = Stage()
    stage.open = Decimal(10)
    stage.price("100", "100", "100", "103")
    assert stage.wishes == []
    held = holding()
    held.price("102", "103", "104")
    assert [wish.side for wish in held.wishes] == []


def test_after_acting_it_pauses() -> None:
    stage = Stage()
    stage.price("100", "100", "100", "102", "103")
    assert len(stage.wishes) == 1
    stage.price("105", "107")
    assert len(stage.wishes) == 2


def test_quotes_between_two_samples_are_not_counted() -> None:
    stage = Stage()
    stage.price("100")
    for _ in range(8):
        stage.look(stage.seen("150"), step_s=0.1)
    stage.seconds = 1.0
    stage.price("100", "100", "100")
    assert stage.wishes == []


def test_a_sample_is_of_the_step_of_the_grid_that_it_comes_in() -> None:
    """A sample that came late did delay all that followed, and early ones were left out."""
    stage = Stage()
    for price, step_s in (("100", 1.3), ("100", 0.9), ("100", 0.9), ("101", 0.95)):
        stage.look(stage.seen(price, received_s=stage.seconds + step_s), step_s)
    assert [wish.side for wish in stage.wishes] == [Side.BUY]


def test_what_stands_when_a_sample_is_due_is_sampled() -> None:
    trial = Trial(MomentumStrategy(PARAMETERS))
    trial.move("AAA", "100", "100", after_s=0.5)
    trial.wait(4.9)
    kept = json.loads(trial.strategy.checkpoint())["AAA"]
    assert kept["samples"] == ["100"] * 4
    # Too old by now: what nobody has renewed is no price.
    trial.wait(3)
    assert json.loads(trial.strategy.checkpoint())["AAA"]["sampled_utc"] == kept["sampled_utc"]


def test_a_restart_between_two_samples_moves_no_later_one() -> None:
    def made() -> MomentumStrategy:
        return MomentumStrategy(PARAMETERS)

    trial, twin = Trial(made()), Trial(made())
    for each in (trial, twin):
        each.move("AAA", "100", "100", after_s=0.5)
        each.wait(3)
    trial = trial.restarted(made)
    # The subscription begins anew, and shows once more what stands.
    trial.move("AAA", "100", "100", after_s=0.2)
    twin.wait(0.2)
    for each in (trial, twin):
        each.move("AAA", "101", "101", after_s=0.2)
        each.wait(1)
    assert trial.wishes == twin.wishes
    assert len(twin.wishes) == 1
    assert trial.strategy.checkpoint() == twin.strategy.checkpoint()


def test_a_sample_that_is_missed_makes_no_lookback_longer() -> None:
    stage = Stage()
    stage.price("100", "102.5")
    stage.look(None, 1.0)
    stage.price("100", "103")
    assert stage.wishes == [], "three samples ago it was 102.5"
    stage.price("104")
    assert stage.wishes == [], "the sample of three steps ago is the one that was missed"
    stage.price("104")
    assert [wish.side for wish in stage.wishes] == [Side.BUY]


def test_a_clock_that_is_set_back_begins_the_lookback_anew() -> None:
    stage = Stage()
    stage.seconds = 100.0
    stage.price("100", "100", "100")
    stage.seconds = 50.0
    stage.price("103", "103", "103")
    assert stage.wishes == []
    # A correction by less than a step is none of its business.
    stage.seconds -= 0.5
    stage.price("105", "105")
    assert len(stage.wishes) == 1


# ---- quotes it must not act on


DOUBTFUL: Sequence[dict[str, object]] = (
    {"bid": None},
    {"ask": None},
    {"bid": Decimal(200)},
    {"ask": Decimal(-1)},
    {"bid": Decimal("NaN")},
    {"data_type": 3},
    {"is_halted": True},
    {"received_s": None},
    {"received_s": -100.0},
    {"received_s": math.nan},
)


@pytest.mark.parametrize("change", DOUBTFUL)
def test_a_doubtful_quote_is_not_acted_on_and_not_kept(change: dict[str, object]) -> None:
    stage = Stage()
    stage.price("100", "100", "100")
    stage.look(stage.seen("150", **change))
    assert stage.wishes == []
    stage.price("100", "100")
    assert stage.wishes == []


def test_without_a_quote_or_an_instrument_it_does_nothing() -> None:
    stage = Stage()
    stage.price("100", "100", "100")
    stage.look(None)
    stage.is_known = False
    stage.price("150")
    assert stage.wishes == []


def test_samples_from_before_a_gap_say_nothing_of_a_rise() -> None:
    """Yesterday's close and this morning's open are not a rise over three seconds."""
    stage = Stage()
    stage.price("100", "100", "100")
    stage.seconds += 60_000.0
    stage.price("120", "120", "120")
    assert stage.wishes == []
    stage.price("122")
    assert len(stage.wishes) == 1


def test_a_lookback_of_one_sample_is_complete_although_looks_come_late() -> None:
    stage = Stage(replace(PARAMETERS, lookback_samples=1))
    stage.look(stage.seen("100"), 1.01)
    stage.look(stage.seen("102"), 1.01)
    assert len(stage.wishes) == 1


def test_the_shortest_lookback_sees_a_rise_though_each_sample_comes_a_little_late() -> None:
    stage = Stage(replace(PARAMETERS, lookback_samples=1))
    stage.price("100")
    stage.seconds += 0.3
    stage.price("102")
    assert len(stage.wishes) == 1


# ---- exits


@pytest.mark.parametrize(
    ("price", "reason"), [("98.9", "stop"), ("106.1", "target"), ("99.5", "turned")]
)
def test_it_sells_all_at_a_stop_a_target_or_a_turn(price: str, reason: str) -> None:
    stage = holding("101")
    stage.price(price)
    (wish,) = stage.wishes
    assert (wish.side, wish.quantity, wish.is_reduce_only) == (Side.SELL, Decimal(10), True)
    assert reason in wish.reason


def test_between_stop_and_target_a_position_is_kept() -> None:
    stage = holding("101")
    stage.price("101.5", "102", "103", "104")
    assert stage.wishes == []


def test_it_sells_what_it_holds_and_not_what_it_wished_for() -> None:
    stage = Stage()
    stage.price("100", "100", "100", "101")
    stage.fill("101", quantity=4)
    stage.seconds += PARAMETERS.pause_s
    stage.price("90")
    assert stage.wishes[-1].quantity == 4


def test_a_position_whose_entry_is_unknown_is_closed() -> None:
    stage = Stage()
    stage.held_now = Decimal(5)
    stage.price("100", "100", "100", "100")
    assert "entry price unknown" in stage.wishes[0].reason


def test_a_refused_exit_is_wished_again_after_the_pause() -> None:
    stage = holding("101")
    stage.price("90")
    refused = OrderUpdate(IntentId("abc123-momentum-1"), None, OrderStage.REFUSED, "X", "no")
    stage.strategy.on_order(refused, stage)
    stage.price("90", "90", "90")
    assert [wish.side for wish in stage.wishes] == [Side.SELL, Side.SELL]


def test_fills_of_other_symbols_are_not_its_entry() -> None:
    stage = holding("101")
    before = stage.strategy.checkpoint()
    stage.strategy.on_fill(an_execution("500", Side.BUY, 1, symbol="ZZZ"), stage)
    assert stage.strategy.checkpoint() == before


# ---- determinism and state


@pytest.mark.parametrize("is_told", [True, False])
def test_samples_of_another_grid_say_nothing_of_a_rise(is_told: bool) -> None:
    """Three samples of a second are no half minute, although it takes up a state with three."""
    stage = Stage()
    stage.price("100", "100", "100")
    rows = json.loads(stage.strategy.checkpoint())
    if not is_told:
        # Kept by a program that did not say of which grid.
        rows["AAA"].pop("sample_s", None)
    after = Stage(replace(PARAMETERS, sample_s=10.0))
    after.strategy.restore(json.dumps(rows))
    after.seconds = stage.seconds
    after.look(after.seen("103", received_s=after.seconds + 10), 10.0)
    assert after.wishes == []
    for _ in range(3):
        after.look(after.seen("106", received_s=after.seconds + 10), 10.0)
    assert [wish.side for wish in after.wishes] == [Side.BUY]


@given(st.lists(st.integers(9_000, 11_000), min_size=4, max_size=60))
def test_the_same_quotes_give_the_same_wishes(cents: list[int]) -> None:
    def played() -> list[Wish]:
        stage = Stage()
        for cent in cents:
            stage.price(str(Decimal(cent) / 100))
            if stage.wishes and stage.wishes[-1].side is Side.BUY and not stage.held_now:
                stage.fill(str(Decimal(cent) / 100))
            elif stage.wishes and stage.wishes[-1].side is Side.SELL and stage.held_now:
                stage.fill(str(Decimal(cent) / 100), Side.SELL)
        return stage.wishes

    assert played() == played()


def test_a_restored_twin_exits_where_the_original_does() -> None:
    stage, twin = holding("101"), Stage()
    twin.strategy.restore(stage.strategy.checkpoint())
    twin.held_now, twin.seconds = stage.held_now, stage.seconds
    assert twin.strategy.checkpoint() == stage.strategy.checkpoint()
    for each in (stage, twin):
        each.wishes.clear()
        each.price("101", "101", "101", "98.9")
    assert stage.wishes[-1] == twin.wishes[-1]
    assert "stop" in twin.wishes[-1].reason


def test_a_restart_keeps_the_stop_from_the_first_quote_on() -> None:
    """The lookback takes minutes to fill again; a falling position must not wait for it."""
    twin = Stage()
    stage = holding("101")
    twin.strategy.restore(stage.strategy.checkpoint())
    twin.held_now, twin.seconds = Decimal(10), stage.seconds
    twin.price("98.9")
    (wish,) = twin.wishes
    assert (wish.side, wish.quantity) == (Side.SELL, Decimal(10))
    assert "stop" in wish.reason


def test_a_stop_between_two_samples_does_not_wait_for_the_grid() -> None:
    stage = holding("101")
    stage.price("101")
    stage.look(stage.seen("98.9", received_s=stage.seconds), 0.1)
    (wish,) = stage.wishes
    assert "stop" in wish.reason


def test_flat_again_it_has_nothing_to_remember() -> None:
    stage = holding("101")
    stage.fill("102", Side.SELL)
    kept = json.loads(stage.strategy.checkpoint())["AAA"]
    assert [kept[name] for name in ("entry", "stop", "target", "peak")] == [None] * 4


def test_symbols_of_an_older_configuration_are_ignored() -> None:
    stage = Stage()
    stage.strategy.restore('{"ZZZ": {"entry": "1", "peak": "1"}}')
    kept = json.loads(stage.strategy.checkpoint())["AAA"]
    assert [kept[name] for name in ("entry", "stop", "target", "peak")] == [None] * 4


@pytest.mark.parametrize(
    "state",
    [
        "",
        "{",
        "[]",
        "7",
        '{"AAA": {}}',
        '{"AAA": null}',
        '{"AAA": {"entry": "x", "peak": null}}',
        '{"AAA": {"entry": "NaN", "peak": null}}',
        '{"AAA": {"entry": "Infinity", "peak": null}}',
        '{"AAA": {"entry": "-5", "peak": null}}',
        '{"AAA": {"entry": [], "peak": null}}',
    ],
)
def test_a_state_that_cannot_be_read_is_a_value_error(state: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the type is the contract
        Stage().strategy.restore(state)


def test_it_names_itself_and_its_symbols() -> None:
    strategy = MomentumStrategy(PARAMETERS, name="fast")
    assert (strategy.name, strategy.symbols) == ("fast", ("AAA",))


def test_a_state_of_before_knows_its_stop_again() -> None:
    stage = Stage()
    stage.strategy.restore('{"AAA": {"entry": "100", "peak": "101"}}')
    kept = json.loads(stage.strategy.checkpoint())["AAA"]
    assert (kept["stop"], kept["target"]) == ("98.00", "105.00")


def test_other_parameters_do_not_move_the_stop_of_what_is_held() -> None:
    stage = holding("101")
    twin = Stage(replace(PARAMETERS, stop_fraction=Decimal("0.5")))
    twin.strategy.restore(stage.strategy.checkpoint())
    assert json.loads(twin.strategy.checkpoint()) == json.loads(stage.strategy.checkpoint())


# No quote comes at the very moment at which a sample is due.
AFTER_S = 0.7301


@given(
    st.lists(st.integers(-300, 300), min_size=30, max_size=120),
    st.sets(st.integers(1, 119), max_size=6),
)
def test_killed_at_any_quote_it_goes_on_as_its_twin(steps: list[int], kills: set[int]) -> None:
    def made() -> MomentumStrategy:
        return MomentumStrategy(PARAMETERS)

    trial, twin, price = Trial(made()), Trial(made()), Decimal(100)
    for number, step in enumerate(steps):
        price = max(price + Decimal(step) / 100, Decimal(1))
        if number in kills:
            trial = trial.restarted(made)
        wished = trial.move("AAA", price, price, after_s=AFTER_S)
        assert wished == twin.move("AAA", price, price, after_s=AFTER_S)
    assert trial.strategy.checkpoint() == twin.strategy.checkpoint()
    assert trial.held("AAA") == twin.held("AAA")
