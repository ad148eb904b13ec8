"""The stage for a strategy: orders fill against the market of the test, and nothing else moves."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.executions import Execution
from trader.core.ids import OrderId
from trader.core.intents import OrderType, Side
from trader.core.market import MarketView, fault
from trader.strategies.base import ChangeResult, ChangeStage, Context, Wish, WishResult
from trader.strategies.own import OwnStrategy, Parameters
from trader.strategies.trial import Trial


class Told(OwnStrategy[Parameters]):
    """Wishes for what the test lays out, and keeps all that it is told."""

    def __init__(self) -> None:
        super().__init__("told", ("AAPL", "IBM"), Parameters())
        self.next: list[Wish] = []
        self.told: list[object] = []

    def on_market(self, view: MarketView, context: Context) -> None:
        self.told.append(view)
        while self.next:
            context.submit(self.next.pop(0))

    def on_fill(self, execution: Execution, context: Context) -> None:
        self.told.append(execution)
        self.kept["fills"] = self.kept.get("fills", 0) + 1

    def on_result(self, result: WishResult, context: Context) -> None:
        self.told.append(result)

    def on_change(self, result: ChangeResult, context: Context) -> None:
        self.told.append(result)


def wish(trial: Trial[Told], side: Side, **more: object) -> Wish:
    return Wish(trial.con_id("AAPL"), side, Decimal(5), **more)  # type: ignore[arg-type]


def after(side: Side, **more: object) -> Trial[Told]:
    trial = Trial(Told())
    trial.strategy.next = [wish(trial, side, **more)]
    trial.quote("AAPL", "99.98", "100.02")
    return trial


@pytest.mark.parametrize(("side", "price"), [(Side.BUY, "100.02"), (Side.SELL, "99.98")])
def test_an_order_at_the_market_meets_the_other_side(side: Side, price: str) -> None:
    trial = after(side)
    (fill,) = trial.fills
    assert (fill.price, fill.side, fill.symbol) == (Decimal(price), side, "AAPL")
    assert trial.held("AAPL") == 5 * side.sign
    assert trial.working(trial.con_id("AAPL")) == 0
    # It hears of the order first, and then of its fill.
    result, execution = trial.strategy.told[1:]
    assert isinstance(result, WishResult)
    assert result.is_sent
    assert execution is fill


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
    trial.quote("AAPL", market, market)
    is_better = market <= edge if side is Side.BUY else market >= edge
    is_worse = market >= edge if side is Side.BUY else market <= edge
    assert bool(trial.fills) is (is_better if kind is OrderType.LIMIT else is_worse)
    assert trial.working(trial.con_id("AAPL")) == (0 if trial.fills else 5 * side.sign)


def test_what_waits_can_be_changed_and_cancelled() -> None:
    trial = after(Side.BUY, order_type=OrderType.LIMIT, limit_price=Decimal(90))
    (order,) = trial.orders(trial.con_id("AAPL"))
    trial.modify(order.order_id, limit_price=Decimal(95), quantity=Decimal(7))
    trial.modify(OrderId(77), limit_price=Decimal(95))
    trial.look()
    changes = [one for one in trial.strategy.told if isinstance(one, ChangeResult)]
    assert [(one.stage, one.code) for one in changes] == [
        (ChangeStage.APPLIED, ""), (ChangeStage.REFUSED, "ORDER_UNKNOWN"),
    ]  # fmt: skip
    trial.quote("AAPL", "94.00", "94.50")
    assert (trial.fills[0].price, trial.held("AAPL")) == (Decimal("94.50"), Decimal(7))
    other = after(Side.BUY, order_type=OrderType.LIMIT, limit_price=Decimal(90))
    other.cancel_all(other.con_id("AAPL"), "over")
    other.quote("AAPL", "1.00", "1.01")
    assert not other.fills


def test_a_refusal_is_told_and_nothing_works() -> None:
    trial = Trial(Told(), refuses_with="HALTED")
    trial.strategy.next = [wish(trial, Side.BUY)]
    assert len(trial.quote("AAPL", "99.98", "100.02")) == 1
    (result,) = (one for one in trial.strategy.told if isinstance(one, WishResult))
    assert (result.is_sent, result.code, result.order_id) == (False, "HALTED", None)
    assert not trial.orders(trial.con_id("AAPL"))


def test_quotes_are_good_and_grow_old() -> None:
    trial = after(Side.BUY)
    trial.look(after_s=30)
    views = [one for one in trial.strategy.told if isinstance(one, MarketView)]
    quotes = [(view, view.quotes[trial.con_id("AAPL")]) for view in views]
    assert [bool(fault(quote, view.now_s, 5)) for view, quote in quotes] == [False, True]
    assert trial.instrument("MSFT") is None


def test_a_restart_takes_the_state_along_and_leaves_the_first_as_it_was() -> None:
    first = after(Side.BUY)
    second = first.restarted(Told)
    assert second.strategy.kept == {"fills": 1}
    second.strategy.next = [wish(second, Side.SELL)]
    second.quote("AAPL", "101.00", "101.02")
    assert (first.held("AAPL"), second.held("AAPL")) == (Decimal(5), Decimal(0))
    assert (len(first.fills), len(second.fills)) == (1, 2)
