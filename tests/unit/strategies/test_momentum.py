"""Momentum: the same quotes give the same wishes, and doubtful quotes give none."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from trader.core.instruments import Instrument, PriceBand
from trader.core.intents import OrderType, Side
from trader.core.market import MarketView, Quote
from trader.strategies.base import OwnOrder, Wish, WishResult
from trader.strategies.momentum import MomentumParameters, MomentumStrategy

CON = ConId(101)
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


class Stage:
    """A context whose orders fill when the test says so."""

    def __init__(self, parameters: MomentumParameters = PARAMETERS) -> None:
        self.strategy = MomentumStrategy(parameters)
        self.wishes: list[Wish] = []
        self.held = Decimal(0)
        self.open = Decimal(0)
        self.is_known = True
        self.now_s = 0.0

    def instrument(self, symbol: str) -> Instrument | None:
        bands = (PriceBand(Decimal(0), Decimal("0.01")),)
        one = Decimal(1)
        known = Instrument(CON, symbol, "STK", "SMART", "USD", one, bands, one, 1)
        return known if self.is_known else None

    def position(self, con_id: ConId) -> Decimal:
        return self.held

    def working(self, con_id: ConId) -> Decimal:
        return self.open

    def submit(self, wish: Wish) -> IntentId:
        self.wishes.append(wish)
        return IntentId(f"abc123-momentum-{len(self.wishes)}")

    def orders(self, con_id: ConId) -> tuple[OwnOrder, ...]:
        raise AssertionError("momentum looks at no single order")

    def modify(
        self,
        order_id: OrderId,
        *,
        quantity: Decimal | None = None,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        reason: str = "",
    ) -> None:
        raise AssertionError("momentum changes nothing")

    def cancel_all(self, con_id: ConId, reason: str) -> None:
        raise AssertionError("momentum cancels nothing")

    def look(self, quote: Quote | None, step_s: float = 1.0) -> None:
        self.now_s += step_s
        quotes = {} if quote is None else {CON: quote}
        view = MarketView(T0 + timedelta(seconds=self.now_s), self.now_s, quotes)
        self.strategy.on_market(view, self)

    def price(self, *prices: str) -> None:
        for price in prices:
            self.look(self.quote(price), 1.0)

    def quote(self, price: str, **changes: object) -> Quote:
        at = Decimal(price)
        live = Quote(CON, bid=at, ask=at, data_type=1, received_s=self.now_s + 1.0)
        return replace(live, **changes)  # type: ignore[arg-type]

    def fill(self, price: str, side: Side = Side.BUY, quantity: int = 10) -> None:
        self.held += side.sign * quantity
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
    stage.now_s += PARAMETERS.pause_s
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
        stage.look(stage.quote("150"), step_s=0.1)
    stage.now_s = 1.0
    stage.price("100", "100", "100")
    assert stage.wishes == []


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
    stage.look(stage.quote("150", **change))
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
    stage.now_s += 60_000.0
    stage.price("120", "120", "120")
    assert stage.wishes == []
    stage.price("122")
    assert len(stage.wishes) == 1


def test_a_lookback_of_one_sample_is_complete_although_looks_come_late() -> None:
    stage = Stage(replace(PARAMETERS, lookback_samples=1))
    stage.look(stage.quote("100"), 1.01)
    stage.look(stage.quote("102"), 1.01)
    assert len(stage.wishes) == 1


def test_the_shortest_lookback_sees_a_rise_though_each_sample_comes_a_little_late() -> None:
    stage = Stage(replace(PARAMETERS, lookback_samples=1))
    stage.price("100")
    stage.now_s += 0.3
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
    stage.now_s += PARAMETERS.pause_s
    stage.price("90")
    assert stage.wishes[-1].quantity == 4


def test_a_position_whose_entry_is_unknown_is_closed() -> None:
    stage = Stage()
    stage.held = Decimal(5)
    stage.price("100", "100", "100", "100")
    assert "entry price unknown" in stage.wishes[0].reason


def test_a_refused_exit_is_wished_again_after_the_pause() -> None:
    stage = holding("101")
    stage.price("90")
    refused = WishResult(IntentId("abc123-momentum-1"), is_sent=False, code="X", text="no")
    stage.strategy.on_result(refused, stage)
    stage.price("90", "90", "90")
    assert [wish.side for wish in stage.wishes] == [Side.SELL, Side.SELL]


def test_fills_of_other_symbols_are_not_its_entry() -> None:
    stage = holding("101")
    before = stage.strategy.checkpoint()
    stage.strategy.on_fill(an_execution("500", Side.BUY, 1, symbol="ZZZ"), stage)
    assert stage.strategy.checkpoint() == before


# ---- determinism and state


@given(st.lists(st.integers(9_000, 11_000), min_size=4, max_size=60))
def test_the_same_quotes_give_the_same_wishes(cents: list[int]) -> None:
    def played() -> list[Wish]:
        stage = Stage()
        for cent in cents:
            stage.price(str(Decimal(cent) / 100))
            if stage.wishes and stage.wishes[-1].side is Side.BUY and not stage.held:
                stage.fill(str(Decimal(cent) / 100))
            elif stage.wishes and stage.wishes[-1].side is Side.SELL and stage.held:
                stage.fill(str(Decimal(cent) / 100), Side.SELL)
        return stage.wishes

    assert played() == played()


def test_a_restored_twin_exits_where_the_original_does() -> None:
    stage, twin = holding("101"), Stage()
    twin.strategy.restore(stage.strategy.checkpoint())
    twin.held = stage.held
    assert twin.strategy.checkpoint() == stage.strategy.checkpoint()
    for each in (stage, twin):
        each.wishes.clear()
        each.price("101", "101", "101", "98.9")
    assert stage.wishes[-1] == twin.wishes[-1]
    assert "stop" in twin.wishes[-1].reason


def test_a_restart_keeps_the_stop_from_the_first_quote_on() -> None:
    """The lookback takes minutes to fill again; a falling position must not wait for it."""
    twin = Stage()
    twin.strategy.restore(holding("101").strategy.checkpoint())
    twin.held = Decimal(10)
    twin.price("98.9")
    (wish,) = twin.wishes
    assert (wish.side, wish.quantity) == (Side.SELL, Decimal(10))
    assert "stop" in wish.reason


def test_a_stop_between_two_samples_does_not_wait_for_the_grid() -> None:
    stage = holding("101")
    stage.price("101")
    stage.look(stage.quote("98.9", received_s=stage.now_s), 0.1)
    (wish,) = stage.wishes
    assert "stop" in wish.reason


def test_flat_again_it_has_nothing_to_remember() -> None:
    stage = holding("101")
    stage.fill("102", Side.SELL)
    assert json.loads(stage.strategy.checkpoint()) == {"AAA": {"entry": None, "peak": None}}


def test_symbols_of_an_older_configuration_are_ignored() -> None:
    stage = Stage()
    stage.strategy.restore('{"ZZZ": {"entry": "1", "peak": "1"}}')
    assert json.loads(stage.strategy.checkpoint()) == {"AAA": {"entry": None, "peak": None}}


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
