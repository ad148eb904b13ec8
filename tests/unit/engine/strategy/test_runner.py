"""A strategy alone in its box: its ids, its fills, its failures are its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.runners import a_runner
from tests.unit.engine.world import (
    BUY,
    CON,
    LINEAGE,
    OTHER_CON,
    SELL,
    World,
    a_status,
    an_execution,
    an_instrument,
    an_intent,
    turns,
)
from trader.core import events as ev
from trader.core.bars import Bar, BarSpec, BarsView
from trader.core.book import Book
from trader.core.brackets import Role
from trader.core.calendar import SessionStage
from trader.core.executions import Execution
from trader.core.halts import HaltCause
from trader.core.ids import ExecId, IntentId, StrategyName, intent_id
from trader.core.intents import BracketTerms, OrderType
from trader.core.market import Quote
from trader.core.orders import OrderState
from trader.core.strategy_events import BarsKnown, StrategyCheckpointed
from trader.ports import QuoteTick
from trader.strategies.base import Context, OrderStage, OrderUpdate, SessionChange, Wish
from trader.strategies.own import OwnStrategy, Parameters


class Scripted(OwnStrategy[Parameters]):
    """Wishes each second what the test tells it to, and remembers what it was shown."""

    def __init__(self, name: str = "alpha", symbols: tuple[str, ...] = ("AAA",)) -> None:
        super().__init__(name, symbols, Parameters())
        self.wishes: list[Wish] = []
        self.after_result: list[Wish] = []
        self.looks_s: list[float] = []
        self.quotes: list[Quote] = []
        self.fills: list[Execution] = []
        self.updates: list[OrderUpdate] = []
        self.ids: list[IntentId] = []
        self.error: Exception | None = None
        self.wishes_for_ever = False
        self.spec: BarSpec | None = None
        self.bars: list[Bar] = []
        # What it could read of the first instrument when it was told a bar.
        self.beside: list[Sequence[Bar]] = []
        self.sessions: list[SessionChange] = []
        self.state = {"n": 0}

    def on_start(self, context: Context) -> None:
        context.set_timer("look", 0)

    def on_timer(self, name: str, context: Context) -> None:
        context.set_timer(name, 1)
        self.looks_s.append(context.now_s)
        if self.error is not None:
            raise self.error
        while self.wishes:
            self.state["n"] += 1
            self.ids.append(context.submit(self.wishes.pop(0)))

    def on_quote(self, quote: Quote, context: Context) -> None:
        assert context.quote(quote.con_id) is quote
        self.quotes.append(quote)

    @property
    def bar_spec(self) -> BarSpec | None:
        return self.spec

    def on_bar(self, bar: Bar, context: Context) -> None:
        self.bars.append(bar)
        self.beside.append(context.bars(CON))

    def on_session(self, change: SessionChange, context: Context) -> None:
        self.sessions.append(change)

    def on_fill(self, execution: Execution, context: Context) -> None:
        self.fills.append(execution)

    def on_order(self, update: OrderUpdate, context: Context) -> None:
        self.updates.append(update)
        for wish in self.after_result:
            self.state["n"] += 1
            self.ids.append(context.submit(wish))
        if not self.wishes_for_ever:
            self.after_result.clear()

    def checkpoint(self) -> str:
        return json.dumps(self.state)

    def restore(self, state: str) -> None:
        self.state = json.loads(state)


def a_buy(quantity: int = 10) -> Wish:
    return Wish(CON, BUY, Decimal(quantity), reason="test")


def a_bar(minute: int) -> Bar:
    price = Decimal(100 + minute)
    start_utc = datetime(2026, 1, 5, 15, minute, tzinfo=UTC)
    return Bar(CON, start_utc, 60, price, price, price, price)


def restarted(world: World) -> World:
    """Return a world whose book is the one that the journal of another one holds."""
    after = World()
    book = Book()
    for row in world.journal.rows:
        book.apply(row)
    after.journal.rows = list(world.journal.rows)
    after.book.__dict__.update(book.__dict__)
    return after


# ---- wishes


async def test_a_wish_becomes_an_order_and_its_result_comes_back() -> None:
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy()]
    a_runner(world, strategy).start()
    await asyncio.sleep(2)
    assert strategy.ids == [intent_id(LINEAGE, strategy.name, 1)]
    (told,) = strategy.updates
    assert (told.stage, told.intent_id) == (OrderStage.SENT, strategy.ids[0])
    assert told.order_id == world.broker.placed[0].order.order_id
    assert len(world.broker.placed) == 1
    await world.supervisor.stop()


async def test_a_refused_wish_is_told_with_its_code() -> None:
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy(100_000)]
    a_runner(world, strategy).start()
    await asyncio.sleep(2)
    (told,) = strategy.updates
    assert (told.stage, told.code, told.order_id) == (OrderStage.REFUSED, "QUANTITY_MAX", None)
    await world.supervisor.stop()


async def test_state_and_counter_are_recorded_before_each_intent_leaves() -> None:
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy(1), a_buy(2)]
    # A wish made while the results of others come in is as much a wish.
    strategy.after_result = [a_buy(3)]
    a_runner(world, strategy).start()
    await asyncio.sleep(2)
    assert len(world.broker.placed) == 3
    for number, placed in enumerate(world.broker.placed, start=1):
        counts = [
            event.intent_count
            for event in placed.durable_events
            if isinstance(event, StrategyCheckpointed)
        ]
        assert counts, "nothing was recorded before the intent left"
        assert counts[-1] >= number
    await world.supervisor.stop()


async def test_a_restart_goes_on_counting_and_never_names_an_intent_again() -> None:
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy(1), a_buy(2)]
    a_runner(world, strategy).start()
    await asyncio.sleep(2)
    await world.supervisor.stop()
    after, again = restarted(world), Scripted()
    runner = a_runner(after, again)
    assert runner.intent_count == 2
    assert again.state == {"n": 2}
    assert runner.submit(a_buy(3)) == intent_id(LINEAGE, again.name, 3)


async def test_a_replayed_intent_collides_and_gets_the_earlier_outcome() -> None:
    # The counter of a lost checkpoint names the intent again: no second order.
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy()]
    a_runner(world, strategy).start()
    await asyncio.sleep(2)
    await world.supervisor.stop()
    after, again = restarted(world), Scripted()
    runner = a_runner(after, again)
    runner.intent_count = 0
    again.wishes = [a_buy()]
    runner.start()
    await asyncio.sleep(2)
    (told,) = again.updates
    assert (told.intent_id, told.stage) == (strategy.ids[0], OrderStage.SENT)
    assert after.broker.placed == []
    await after.supervisor.stop()


async def test_a_flood_of_wishes_stops_the_strategy_and_sends_none() -> None:
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy(1)] * 200
    runner = a_runner(world, strategy)
    runner.start()
    await asyncio.sleep(2)
    assert "wishes in one look" in runner.problem
    assert world.broker.placed == []


async def test_a_slow_flood_stops_the_strategy_too() -> None:
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    runner.start()
    for _ in range(13):
        strategy.wishes = [a_buy(100_000)] * 50
        await asyncio.sleep(1.5)
    assert "more than 600 wishes in a minute" in runner.problem


async def test_what_it_wishes_for_again_and_again_is_counted_together() -> None:
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy(100_000)]
    # Each refusal leads to the next wish, all of them in one look.
    strategy.after_result = [a_buy(100_000)]
    strategy.wishes_for_ever = True
    runner = a_runner(world, strategy)
    runner.start()
    await asyncio.sleep(2)
    assert "more than 100 wishes in one look" in runner.problem


async def test_until_the_book_lacks_nothing_it_is_told_nothing_and_nothing_is_lost() -> None:
    """STR-01: what it wished for while the daemon comes up would be refused, and decided on."""
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy()]
    runner = a_runner(world, strategy)
    order = await world.working(an_intent(strategy=strategy.name))
    runner.intent_count = 1
    world.guard.set_level(HaltCause.NOT_RECONCILED, "a look at the broker has to come first")
    runner.start()
    world.fill(order)
    await asyncio.sleep(5)
    told = (strategy.looks_s, strategy.quotes, strategy.fills, strategy.updates, strategy.sessions)
    assert told == ([], [], [], [], [])
    world.quote()
    world.guard.clear_level(HaltCause.NOT_RECONCILED)
    await asyncio.sleep(2)
    assert [one.exec_id for one in strategy.fills] == ["0001.aa.01.01"]
    assert strategy.quotes
    assert OrderStage.REFUSED not in [told.stage for told in strategy.updates]
    assert len(world.broker.placed) == 2
    # Later on it is told all, whatever the daemon may do: only its own beginning waits.
    world.guard.set_level(HaltCause.NOT_RECONCILED, "the link was lost")
    before = len(strategy.looks_s)
    await asyncio.sleep(3)
    assert len(strategy.looks_s) > before
    await world.supervisor.stop()


@pytest.mark.parametrize("known_after_s", [2, 60])
async def test_it_begins_once_its_bars_are_known_or_have_been_waited_for(
    known_after_s: float,
) -> None:
    """STR-06: the second leg of a pair that was half open was refused for bars not told yet."""
    world, strategy = World(), Scripted()
    strategy.spec = BarSpec(60, 2)
    views = {CON: BarsView(unknown="the broker has not told of the past yet")}
    world.gateway.bars_of = lambda name, con_id: views[con_id]
    strategy.wishes = [a_buy()]
    a_runner(world, strategy).start()
    await asyncio.sleep(1.9)
    assert (strategy.looks_s, strategy.quotes, strategy.sessions) == ([], [], [])
    await asyncio.sleep(known_after_s - 1.9)
    views[CON] = BarsView()
    await asyncio.sleep(2)
    assert [update.stage for update in strategy.updates] == [
        OrderStage.SENT if known_after_s < 5 else OrderStage.REFUSED
    ]
    # What holds back new risk later on holds up nothing else.
    views[CON] = BarsView(unknown="nobody has counted them lately")
    before = len(strategy.looks_s)
    await asyncio.sleep(3)
    assert len(strategy.looks_s) > before
    await world.supervisor.stop()


# ---- failures


async def test_a_strategy_that_keeps_everybody_waiting_is_stopped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world, strategy, other = World(), Scripted(), Scripted("beta")
    runner, beside = a_runner(world, strategy), a_runner(world, other)
    now_s = world.clock.monotonic
    late_s = [0.0]
    monkeypatch.setattr(world.clock, "monotonic", lambda: now_s() + late_s[0])

    def slow(quote: Quote, context: Context) -> None:
        late_s[0] += 2.5

    strategy.on_quote = slow  # type: ignore[method-assign]
    runner.start()
    beside.start()
    await asyncio.sleep(3)
    assert runner.problem == "StrategyFault: slow took 2.50 s, allowed are 2 s"
    assert beside.problem == ""
    await world.supervisor.stop()


async def test_a_strategy_that_raises_stops_alone_and_pages() -> None:
    world, strategy, other = World(), Scripted(), Scripted("beta")
    runner, beside = a_runner(world, strategy), a_runner(world, other)
    runner.start()
    beside.start()
    strategy.error = RuntimeError("bad idea")
    await asyncio.sleep(5)
    assert runner.problem == "RuntimeError: bad idea"
    assert world.pager.sent == [
        ("critical", "strategy alpha stopped", "RuntimeError: bad idea"),
    ]
    assert beside.problem == ""
    seen = len(other.looks_s)
    await asyncio.sleep(5)
    assert len(other.looks_s) > seen
    assert not world.supervisor.root_ended.done()
    assert world.guard.causes() == {}
    await world.supervisor.stop()


async def test_a_stopped_strategy_keeps_its_position_and_gathers_no_heap() -> None:
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    runner.start()
    strategy.error = RuntimeError("bad idea")
    await asyncio.sleep(5)
    order = await world.working()
    for number in range(5):
        world.fill(order, f"1.{number}.01", quantity=Decimal(1))
    assert runner.position(CON) == 5
    assert runner._news.take() is None


async def test_a_state_that_cannot_be_read_stops_the_strategy_and_not_the_daemon() -> None:
    world, strategy = World(), Scripted()
    world.ledger.record(StrategyCheckpointed(strategy.name, 7, "{broken"))
    runner = a_runner(world, strategy)
    runner.start()
    await asyncio.sleep(5)
    assert "state" in runner.problem
    assert world.pager.titles() == ["strategy alpha stopped"]
    assert strategy.looks_s == []
    assert runner.intent_count == 7


async def test_while_stopping_a_strategy_sees_its_fills_and_no_market() -> None:
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    runner.start()
    await asyncio.sleep(2)
    order = await world.working()
    runner.is_stopping = True
    seen = len(strategy.looks_s)
    world.fill(order)
    await asyncio.sleep(5)
    assert len(strategy.fills) == 1
    assert len(strategy.looks_s) <= seen + 1
    await world.supervisor.stop()


# ---- its own fills


async def test_its_position_is_that_of_its_own_fills() -> None:
    world, strategy = World(held=100), Scripted()
    runner = a_runner(world, strategy)
    order = await world.working()
    world.fill(order, "1.1.01", quantity=Decimal(4))
    assert runner.position(CON) == 4
    assert runner.working(CON) == 6
    # Over, it may have filled for a while yet (INC-024).
    world.say(a_status(order, "Cancelled"))
    assert runner.working(CON) == 6
    assert runner.orders(CON) == ()
    world.ledger.record(ev.OrderSettled(order.order_id, Decimal(4), "test"))
    assert runner.working(CON) == 0
    # Somebody else trades the same instrument.
    world.say(ev.ExecutionSeen(an_execution(exec_id=ExecId("2.1.01"))))
    assert runner.position(CON) == 4


async def test_a_correction_replaces_its_fill_and_a_repetition_does_nothing() -> None:
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    order = await world.working()
    world.fill(order, "1.1.01")
    world.fill(order, "1.1.01")
    assert runner.position(CON) == 10
    world.fill(order, "1.1.02", quantity=Decimal(7))
    assert runner.position(CON) == 7
    world.fill(order, "1.1.03", quantity=Decimal(0))
    assert runner.position(CON) == 0


async def test_what_somebody_else_closed_is_no_longer_its_position() -> None:
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    order = await world.working()
    world.fill(order)
    sold = an_execution(side=SELL, exec_id=ExecId("2.1.01"))
    world.say(ev.ExecutionSeen(sold))
    assert runner.position(CON) == 0


async def test_the_same_position_after_a_restart() -> None:
    world, strategy = World(held=3), Scripted()
    runner = a_runner(world, strategy)
    order = await world.working()
    world.fill(order, "1.1.01", quantity=Decimal(6))
    world.fill(order, "1.1.02", quantity=Decimal(5))
    assert a_runner(restarted(world), Scripted()).position(CON) == runner.position(CON) == 5


async def test_a_fill_is_shown_at_the_next_look_and_wakes_it() -> None:
    world, strategy = World(), Scripted()
    a_runner(world, strategy).start()
    order = await world.working()
    await asyncio.sleep(3)
    world.fill(order)
    await asyncio.sleep(0.2)
    assert [row.exec_id for row in strategy.fills] == ["0001.aa.01.01"]
    await world.supervisor.stop()


async def test_what_happens_to_its_order_is_told_in_the_order_in_which_it_happened() -> None:
    world, strategy = World(), Scripted()
    strategy.wishes = [a_buy()]
    a_runner(world, strategy).start()
    await asyncio.sleep(2)
    order = world.order()
    world.say(a_status(order))
    world.fill(order)
    await asyncio.sleep(2)
    assert [row.stage for row in strategy.updates] == ["sent", "working", "filled"]
    assert len(strategy.fills) == 1
    await world.supervisor.stop()


async def test_a_fill_that_its_saved_state_does_not_know_of_is_told_after_a_restart() -> None:
    world, strategy = World(), Scripted()
    a_runner(world, strategy).start()
    strategy.wishes = [a_buy()]
    await asyncio.sleep(2)
    order = world.order()
    for number in (1, 2):
        world.fill(order, f"1.{number}.01", quantity=Decimal(1))
    # One of them is corrected before anybody was told: it is told as it is now.
    world.fill(order, "1.2.02", quantity=Decimal(3))
    await world.supervisor.stop()
    after, again = restarted(world), Scripted()
    a_runner(after, again).start()
    await asyncio.sleep(40)
    assert [row.exec_id for row in again.fills] == ["1.1.01", "1.2.02"]
    assert again.looks_s
    # It is told once: its state knows of them now.
    await after.supervisor.stop()
    last, third = restarted(after), Scripted()
    a_runner(last, third).start()
    await asyncio.sleep(2)
    assert third.fills == []
    await last.supervisor.stop()


async def test_its_own_order_of_before_is_told_of_from_where_it_stands() -> None:
    world, strategy = World(), Scripted()
    order = await world.working()
    after = restarted(world)
    a_runner(after, strategy).start()
    await asyncio.sleep(2)
    assert strategy.updates == []
    after.say(a_status(order, "Cancelled"))
    await asyncio.sleep(2)
    assert [row.stage for row in strategy.updates] == ["cancelled"]
    await after.supervisor.stop()


# ---- looking and saving


async def test_a_quote_is_shown_when_it_has_changed_and_always_the_latest() -> None:
    world, strategy = World(), Scripted()
    a_runner(world, strategy).start()
    await asyncio.sleep(3)
    assert len(strategy.quotes) == 1
    for price in ("98.1", "98.2", "98.3"):
        world.hub.on_tick(QuoteTick(CON, "bid", Decimal(price), world.clock.monotonic()))
    await asyncio.sleep(3)
    assert [row.bid for row in strategy.quotes[1:]] == [Decimal("98.3")]
    await world.supervisor.stop()


async def test_a_bar_that_it_wants_is_shown_once_and_its_state_is_saved_behind_it() -> None:
    world, strategy = World(), Scripted()
    strategy.spec = BarSpec(60, 2)
    shelf = [a_bar(minute) for minute in range(5)]
    runner = a_runner(world, strategy, bars_of=lambda con_id, size_s: shelf)
    runner.start()
    await asyncio.sleep(2)
    strategy.state["n"] = 8
    for bar in (a_bar(5), replace(a_bar(5), size_s=300), replace(a_bar(5), con_id=OTHER_CON)):
        runner.on_bar(bar)
    await asyncio.sleep(1)
    assert strategy.bars == [a_bar(5)]
    assert list(runner.bars(CON)) == shelf[-2:]
    assert world.journal.events(StrategyCheckpointed)[-1].state == '{"n": 8}'
    await world.supervisor.stop()


async def test_a_bar_that_its_saved_state_knows_of_is_not_told_again() -> None:
    world, strategy = World(), Scripted()
    strategy.spec = BarSpec(60, 2)
    runner = a_runner(world, strategy)
    runner.start()
    await asyncio.sleep(2)
    for minute in (5, 6):
        strategy.state["n"] = minute
        runner.on_bar(a_bar(minute))
        await asyncio.sleep(1)
    # Its last look changed nothing, and is known all the same.
    runner.on_bar(a_bar(7))
    await asyncio.sleep(1)
    await world.supervisor.stop()
    after, again = restarted(world), Scripted()
    again.spec = BarSpec(60, 2)
    runner = a_runner(after, again)
    runner.start()
    await asyncio.sleep(2)
    for minute in (5, 6, 7, 8):
        runner.on_bar(a_bar(minute))
    await asyncio.sleep(1)
    assert again.bars == [a_bar(8)]
    await after.supervisor.stop()


async def test_a_kill_between_the_bars_of_two_instruments_costs_neither() -> None:
    """STR-01: they end together and are told one after the other, up to 11 s apart."""
    world, strategy = World(), Scripted(symbols=("AAA", "BBB"))
    beside = an_instrument(con_id=OTHER_CON, symbol="BBB")
    world.hub.add(beside)
    strategy.spec = BarSpec(60, 2)
    runner = a_runner(world, strategy)
    runner.start()
    await asyncio.sleep(2)
    first, second = a_bar(5), replace(a_bar(5), con_id=OTHER_CON)
    runner.on_bar(first)
    await asyncio.sleep(1)
    assert strategy.bars == [first]
    await world.supervisor.stop()
    after, again = restarted(world), Scripted(symbols=("AAA", "BBB"))
    after.hub.add(beside)
    again.spec = BarSpec(60, 2)
    runner = a_runner(after, again)
    runner.start()
    await asyncio.sleep(2)
    for bar in (first, second):
        runner.on_bar(bar)
    await asyncio.sleep(1)
    assert again.bars == [second]
    await after.supervisor.stop()


@pytest.mark.parametrize(("comes_after_s", "is_there"), [(4, True), (60, False)])
async def test_after_a_restart_no_bar_is_told_before_those_of_before_can_be_read(
    comes_after_s: float, is_there: bool
) -> None:
    """STR-01: a pair is decided on by the bars of both legs, of which one was told before."""
    before, strategy = World(), Scripted(symbols=("AAA", "BBB"))
    start_utc = before.clock.utc() - timedelta(seconds=65)
    first = replace(a_bar(5), start_utc=start_utc)
    known = (BarsKnown(first.end_utc, 60, (CON,)),)
    before.ledger.record(StrategyCheckpointed(strategy.name, 0, "", (), known))
    world = restarted(before)
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    strategy.spec = BarSpec(60, 2)
    shelf: dict[int, list[Bar]] = {CON: [], OTHER_CON: []}
    runner = a_runner(world, strategy, bars_of=lambda con_id, size_s: shelf[con_id])
    runner.start()
    second = replace(first, con_id=OTHER_CON)
    shelf[OTHER_CON] = [second]
    runner.on_bar(second)
    await asyncio.sleep(3)
    assert strategy.bars == []
    assert strategy.quotes, "all else goes on"
    await asyncio.sleep(comes_after_s - 3)
    shelf[CON] = [first]
    runner.on_bar(first)
    await asyncio.sleep(1.5)
    assert strategy.bars == [second]
    # A history that does not come holds nothing up for longer than a bar may be late.
    assert strategy.beside == ([[first]] if is_there else [[]])
    await world.supervisor.stop()


async def test_a_clock_that_was_set_back_while_nobody_was_here_costs_no_bar() -> None:
    """The machine was an hour ahead: what it was told of that hour is told by the clock of now."""
    world = World()
    known = (BarsKnown(world.clock.utc() + timedelta(hours=1), 60, (CON,)),)
    world.ledger.record(StrategyCheckpointed(Scripted().name, 0, "", (), known))
    after, again = restarted(world), Scripted()
    again.spec = BarSpec(60, 2)
    runner = a_runner(after, again)
    runner.start()
    await asyncio.sleep(2)
    ended = replace(a_bar(5), start_utc=after.clock.utc() - timedelta(seconds=60))
    runner.on_bar(ended)
    await asyncio.sleep(1)
    assert again.bars == [ended]
    known = after.journal.events(StrategyCheckpointed)[-1].bars_known
    assert known[-1] == BarsKnown(ended.end_utc, 60, (CON,))
    await after.supervisor.stop()


@pytest.mark.parametrize("up_after_s", [5, 40])
async def test_a_bar_that_ends_while_the_daemon_comes_up_is_told_if_it_is_not_too_late(
    up_after_s: float,
) -> None:
    """STR-01: a kill at the end of a bar cost the decision on it."""
    world, strategy = World(), Scripted()
    strategy.spec = BarSpec(60, 2)
    runner = a_runner(world, strategy)
    world.guard.set_level(HaltCause.NOT_RECONCILED, "a look at the broker has to come first")
    runner.start()
    await asyncio.sleep(1)
    start_utc = world.clock.utc() - timedelta(seconds=61)
    ended = replace(a_bar(5), start_utc=start_utc)
    runner.on_bar(ended)
    runner.on_bar(replace(ended, con_id=OTHER_CON))
    await asyncio.sleep(up_after_s)
    assert strategy.bars == []
    world.guard.clear_level(HaltCause.NOT_RECONCILED)
    await asyncio.sleep(2)
    assert strategy.bars == ([ended] if up_after_s < 30 else [])
    await world.supervisor.stop()


async def test_a_session_is_told_at_the_beginning_and_when_it_changes() -> None:
    world, strategy = World(), Scripted()
    a_runner(world, strategy).start()
    await asyncio.sleep(5)
    (told,) = strategy.sessions
    assert (told.symbol, told.stage) == ("AAA", SessionStage.UNKNOWN)
    await world.supervisor.stop()


async def test_its_timers_are_kept_to_while_nothing_else_comes() -> None:
    world, strategy = World(), Scripted()
    a_runner(world, strategy).start()
    await asyncio.sleep(11.5)
    assert 8 <= len(strategy.looks_s) <= 12
    await world.supervisor.stop()


async def test_its_state_is_saved_when_it_is_due_and_has_changed() -> None:
    world, strategy = World(), Scripted()
    a_runner(world, strategy).start()
    await asyncio.sleep(100)
    assert len(world.journal.events(StrategyCheckpointed)) == 1
    strategy.state["n"] = 5
    await asyncio.sleep(35)
    assert world.journal.events(StrategyCheckpointed)[-1].state == '{"n": 5}'
    await world.supervisor.stop()


async def test_it_cancels_its_own_orders_and_nobody_elses() -> None:
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    mine = await world.working(an_intent(1))
    other = StrategyName("beta")
    theirs = await world.working(
        an_intent(2, strategy=other, intent_id=intent_id(LINEAGE, other, 1))
    )
    runner.cancel_all(CON, "test")
    assert world.broker.cancelled == [mine.order_id]
    assert world.state(theirs.order_id) is OrderState.WORKING
    assert runner.working(CON) == 10


async def test_an_instrument_is_unknown_until_the_broker_has_described_it() -> None:
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    assert runner.instrument("AAA") is not None
    assert runner.instrument("BBB") is None
    await turns()
    world.say(a_status(await world.working()))


@pytest.mark.parametrize("kind", ["held", "failed"])
async def test_a_journal_in_trouble_does_not_kill_the_strategy(kind: str) -> None:
    world, strategy = World(deadline_s=2.0), Scripted()
    runner = a_runner(world, strategy)
    strategy.wishes = [a_buy()]
    if kind == "held":
        world.journal.hold()
    else:
        world.journal.fail("disk full")
    runner.start()
    await asyncio.sleep(5)
    assert runner.problem == ""
    assert [row.stage for row in strategy.updates] == [OrderStage.REFUSED]
    await world.supervisor.stop()


# ---- brackets


async def test_a_wish_with_a_bracket_becomes_three_orders_of_its_own() -> None:
    """STR-04: they are found again by a strategy that begins anew."""
    world, strategy = World(), Scripted()
    runner = a_runner(world, strategy)
    wish = replace(
        a_buy(),
        order_type=OrderType.LIMIT,
        limit_price=Decimal(100),
        bracket=BracketTerms(Decimal(110), Decimal(95)),
    )
    strategy.wishes = [wish]
    runner.start()
    await asyncio.sleep(1)
    assert [one.order.terms.is_reduce_only for one in world.broker.placed] == [False, True, True]
    for placed in world.broker.placed:
        world.say(a_status(world.book.orders[placed.order.order_id], "PreSubmitted"))
    assert [update.bracket.role for update in strategy.updates if update.bracket][:3] == list(Role)
    assert runner.working(CON) == 10, "the legs count for nothing before it fills"
    await world.supervisor.stop()

    after = restarted(world)
    again = a_runner(after, Scripted())
    rows = again.orders(CON)
    assert [row.bracket.role for row in rows if row.bracket] == list(Role)
    assert {row.bracket.ids for row in rows if row.bracket} == {tuple(row.order_id for row in rows)}
    assert [row.intent_id for row in rows][1:] == [f"{rows[0].intent_id}{mark}" for mark in "ps"]
