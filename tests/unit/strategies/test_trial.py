"""The stage for a strategy: orders fill against the market of the test, and nothing else moves."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.bars import Bar, BarSpec
from trader.core.calendar import SessionStage
from trader.core.executions import Execution
from trader.core.ids import ConId, OrderId
from trader.core.intents import BracketTerms, OrderType, Side
from trader.core.market import Quote, fault
from trader.strategies.base import Context, OrderStage, OrderUpdate, SessionChange, Wish
from trader.strategies.own import OwnStrategy, Parameters
from trader.strategies.trial import Trial, _Working

MINUTE = timedelta(minutes=1)


class Told(OwnStrategy[Parameters]):
    """Wishes for what the test lays out, and keeps all that it is told."""

    def __init__(self) -> None:
        super().__init__("told", ("AAPL", "IBM"), Parameters())
        self.next: list[Wish] = []
        self.told: list[object] = []

    @property
    def bar_spec(self) -> BarSpec | None:
        return BarSpec(60, 3)

    def on_start(self, context: Context) -> None:
        self.told.append("start")

    def on_quote(self, quote: Quote, context: Context) -> None:
        assert context.quote(quote.con_id) is quote
        self.told.append(fault(quote, context.now_s, 5) or "good")
        while self.next:
            context.submit(self.next.pop(0))

    def on_bar(self, bar: Bar, context: Context) -> None:
        assert context.bars(bar.con_id)[-1] is bar
        self.told.append(bar)

    def on_timer(self, name: str, context: Context) -> None:
        self.told.append((name, context.now_s))

    def on_session(self, change: SessionChange, context: Context) -> None:
        self.told.append(change)

    def on_fill(self, execution: Execution, context: Context) -> None:
        self.told.append(execution)
        self.kept["fills"] = self.kept.get("fills", 0) + 1

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        self.told.append(update)

    @property
    def updates(self) -> list[OrderUpdate]:
        return [one for one in self.told if isinstance(one, OrderUpdate)]


def wish(trial: Trial[Told], side: Side, **more: object) -> Wish:
    return Wish(trial.con_id("AAPL"), side, Decimal(5), **more)  # type: ignore[arg-type]


def after(side: Side, **more: object) -> Trial[Told]:
    trial = Trial(Told())
    trial.strategy.next = [wish(trial, side, **more)]
    trial.move("AAPL", "99.98", "100.02")
    return trial


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.02"), (Side.SELL, "99.98")])
def test_an_order_at_the_market_meets_the_other_side(side: Side, price: str) -> None:
    trial = after(side)
    (fill,) = trial.fills
    assert (fill.price, fill.side, fill.symbol) == (Decimal(price), side, "AAPL")
    assert trial.held("AAPL") == 5 * side.sign
    assert trial.working(trial.con_id("AAPL")) == 0
    # It hears of the order first, and then of its fill.
    assert trial.strategy.told[3] is fill
    assert [one.stage for one in trial.strategy.updates] == ["sent", "filled"]


@given(
    st.sampled_from(Side), st.decimals(90, 110, places=2), st.decimals(90, 110, places=2),
    st.sampled_from((OrderType.LIMIT, OrderType.STOP)),
)  # fmt: skip
def test_a_limit_waits_for_a_better_market_and_a_stop_for_a_worse_one(
    side: Side, edge: Decimal, market: Decimal, kind: OrderType
) -> None:
    trial = Trial(Told())
    name = "limit_price" if kind is OrderType.LIMIT else "stop_price"
    trial.strategy.next = [wish(trial, side, order_type=kind, **{name: edge})]
    trial.move("AAPL", market, market)
    is_better = market <= edge if side is Side.BUY else market >= edge
    is_worse = market >= edge if side is Side.BUY else market <= edge
    assert bool(trial.fills) is (is_better if kind is OrderType.LIMIT else is_worse)
    assert trial.working(trial.con_id("AAPL")) == (0 if trial.fills else 5 * side.sign)


def test_what_waits_can_be_changed_and_cancelled() -> None:
    trial = after(Side.BUY, order_type=OrderType.LIMIT, limit_price=Decimal(90))
    (order,) = trial.orders(trial.con_id("AAPL"))
    trial.modify(order.order_id, limit_price=Decimal(95), quantity=Decimal(7))
    trial.modify(OrderId(77), limit_price=Decimal(95))
    trial.move("AAPL", "94.00", "94.50")
    assert [(one.stage, one.code) for one in trial.strategy.updates[1:3]] == [
        (OrderStage.CHANGED, ""), (OrderStage.CHANGE_REFUSED, "ORDER_UNKNOWN"),
    ]  # fmt: skip
    assert (trial.fills[0].price, trial.held("AAPL")) == (Decimal("94.50"), Decimal(7))
    other = after(Side.BUY, order_type=OrderType.LIMIT, limit_price=Decimal(90))
    other.cancel_all(other.con_id("AAPL"), "over")
    other.move("AAPL", "1.00", "1.01")
    assert not other.fills
    assert other.strategy.updates[-1].stage is OrderStage.CANCELLED


BRACKET = BracketTerms(Decimal(110), Decimal(95))


def bracketed(*, parts: tuple[int, ...] = ()) -> Trial[Told]:
    """A bracket of five, whose entry fills in these parts, or at once."""

    class Parts(Trial[Told]):
        def _fills(self, one: _Working) -> Decimal:
            room = super()._fills(one)
            return Decimal(left.pop(0)) if left and not one.is_leg and room else room

    left = [*parts]
    trial = Parts(Told())
    trial.strategy.next = [wish(trial, Side.BUY, bracket=BRACKET)]
    trial.move("AAPL", "99.98", "100.02")
    return trial


def told_of(trial: Trial[Told]) -> list[tuple[str, str]]:
    return [
        (one.bracket.role.value, one.stage.value)
        for one in trial.strategy.updates
        if one.bracket is not None
    ]


@pytest.mark.parametrize(
    ("price", "taken", "other"),
    [("110", "take_profit", "stop_loss"), ("95", "stop_loss", "take_profit")],
)
def test_a_bracket_holds_its_legs_back_and_one_of_them_ends_the_other(
    price: str, taken: str, other: str
) -> None:
    trial = bracketed()
    assert trial.held("AAPL") == 5
    assert trial.working(trial.con_id("AAPL")) == -5
    rows = trial.orders(trial.con_id("AAPL"))
    assert [(one.limit_price, one.stop_price, one.side) for one in rows] == [
        (Decimal(110), None, Side.SELL), (None, Decimal(95), Side.SELL),
    ]  # fmt: skip
    assert len({one.bracket.ids for one in rows if one.bracket is not None}) == 1
    trial.move("AAPL", price, price)
    assert (trial.held("AAPL"), trial.orders(trial.con_id("AAPL"))) == (Decimal(0), ())
    assert told_of(trial) == [
        ("entry", "sent"), ("take_profit", "sent"), ("stop_loss", "sent"), ("entry", "filled"),
        (taken, "filled"), (other, "cancelled"),
    ]  # fmt: skip


def test_a_leg_trades_what_its_entry_has_brought_and_no_more() -> None:
    trial = bracketed(parts=(2, 0, 0))
    assert trial.working(trial.con_id("AAPL")) == 3 - 2
    # The first part is taken off while the rest of the entry waits.
    trial.move("AAPL", "94", "94")
    assert [int(one.quantity) for one in trial.fills] == [2, 2]
    assert len(trial.orders(trial.con_id("AAPL"))) == 3
    trial.move("AAPL", "100", "100")
    trial.move("AAPL", "94", "94")
    assert [int(one.quantity) for one in trial.fills] == [2, 2, 3, 3]
    assert trial.orders(trial.con_id("AAPL")) == ()


def test_a_cancelled_entry_takes_its_legs_along_or_leaves_them_what_it_brought() -> None:
    waiting = bracketed(parts=(0,))
    entry = waiting.orders(waiting.con_id("AAPL"))[0]
    waiting.cancel(entry.order_id, "over")
    assert waiting.orders(waiting.con_id("AAPL")) == ()
    partly = bracketed(parts=(2,))
    partly.cancel(partly.orders(partly.con_id("AAPL"))[0].order_id, "over")
    assert len(partly.orders(partly.con_id("AAPL"))) == 2
    # A leg alone counts for all of it.
    partly.cancel(partly.orders(partly.con_id("AAPL"))[1].order_id, "over")
    assert partly.working(partly.con_id("AAPL")) == -2
    partly.move("AAPL", "111", "111")
    assert partly.held("AAPL") == 0


def test_a_restart_finds_what_its_bracket_holds() -> None:
    first = bracketed()
    second = first.restarted(Told)
    second.move("AAPL", "111", "111")
    assert (first.held("AAPL"), second.held("AAPL")) == (Decimal(5), Decimal(0))
    first.move("AAPL", "94", "94")
    assert first.held("AAPL") == 0


def test_a_refusal_is_told_and_nothing_works() -> None:
    trial = Trial(Told(), refuses_with="HALTED")
    trial.strategy.next = [wish(trial, Side.BUY)]
    assert len(trial.move("AAPL", "99.98", "100.02")) == 1
    (told,) = trial.strategy.updates
    assert (told.stage, told.code, told.order_id) == (OrderStage.REFUSED, "HALTED", None)
    assert not trial.orders(trial.con_id("AAPL"))


def test_a_quote_is_as_old_as_the_test_says() -> None:
    trial = Trial(Told())
    trial.move("AAPL", "1.00", "1.01")
    trial.move("AAPL", "1.00", "1.01", age_s=30)
    assert trial.strategy.told == ["start", "good", "age 30.000 s"]
    assert trial.instrument("MSFT") is None


def test_bars_end_on_their_grid_and_open_where_the_last_has_closed() -> None:
    trial = Trial(Told())
    trial.wait(75)
    trial.bar("AAPL", "100")
    assert trial.seconds == 120
    trial.bars_of({"AAPL": "101", "IBM": "50"}, low="99.5")
    first, second, other = (one for one in trial.strategy.told if isinstance(one, Bar))
    assert (second.open, second.low, second.high) == (Decimal(100), Decimal("99.5"), Decimal(101))
    assert first.end_utc == second.start_utc == other.start_utc == trial.now_utc - MINUTE
    for close in ("102", "103"):
        trial.bar("AAPL", close)
    assert [bar.close for bar in trial.bars(trial.con_id("AAPL"))] == [101, 102, 103]


def test_timers_come_when_they_are_due_and_once() -> None:
    trial = Trial(Told())
    for name, after_s in (("late", 20), ("soon", 5), ("moved", 3), ("moved", 30)):
        trial.set_timer(name, after_s)
    trial.wait(25)
    assert trial.strategy.told == ["start", ("soon", 5), ("late", 20)]
    assert trial.restarted(Told).strategy.told == ["start"]


def test_a_session_is_told() -> None:
    trial = Trial(Told())
    trial.session("IBM", SessionStage.CLOSING, 600)
    assert trial.strategy.told[1:] == [SessionChange(ConId(2), "IBM", SessionStage.CLOSING, 600)]


def test_a_restart_takes_the_state_along_and_leaves_the_first_as_it_was() -> None:
    first = after(Side.BUY)
    second = first.restarted(Told)
    # Its state was saved before the wish left; of the fill it is told again.
    assert second.strategy.kept == {"fills": 1}
    assert second.strategy.told == ["start", first.fills[0]]
    trial = first.restarted(Told)
    trial.save()
    trial.move("AAPL", "100.00", "100.02")
    third = trial.restarted(Told)
    assert (third.strategy.kept, third.strategy.told) == ({"fills": 1}, ["start"])
    second.strategy.next = [wish(second, Side.SELL)]
    second.move("AAPL", "101.00", "101.02")
    assert (first.held("AAPL"), second.held("AAPL")) == (Decimal(5), Decimal(0))
    assert (len(first.fills), len(second.fills)) == (1, 2)
