"""Each reading from what the engine knows, and what resets a count."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest

from tests.unit.engine.breaker_world import Breaking
from tests.unit.engine.world import (
    CON,
    START_S,
    World,
    a_ticket,
    an_execution,
    an_instrument,
    an_intent,
)
from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.breakers.rules import BreakerName
from trader.core.halts import Mode
from trader.core.ids import ConId, ExecId
from trader.core.orders import OrderState
from trader.ports import QuoteTick, ServerTime

D = Decimal
VIX = ConId(900)


def value_of(broken: Breaking, name: BreakerName) -> Decimal | None:
    return broken.readings.of(name).value


async def with_returns(count: int, *returns: str) -> Breaking:
    broken = await Breaking().settle()
    safety = broken.world.book.safety
    assert safety.baseline is not None
    values = tuple(D(returns[place % len(returns)]) for place in range(count))
    baseline = replace(safety.baseline, returns=values)
    broken.world.book.safety = replace(safety, baseline=baseline)
    return broken


async def test_too_few_days_are_too_few_for_the_sharpe_ratio_and_said_so() -> None:
    """BRK-12."""
    reading = (await with_returns(29, "-0.01", "-0.02")).readings.of(BreakerName.PSR)
    assert reading.is_too_early
    assert reading.text == "29 days of 30: too few to judge by"
    still = (await with_returns(40, "0")).readings.of(BreakerName.PSR)
    assert still.is_too_early


async def test_a_series_of_losses_kills_by_its_sharpe_ratio() -> None:
    broken = await with_returns(40, "-0.01", "-0.002")
    value = value_of(broken, BreakerName.PSR)
    assert value is not None
    assert value < D("0.2")
    await broken.at("100")
    assert broken.posture() == "halted"
    good = value_of(await with_returns(40, "0.01", "0.002"), BreakerName.PSR)
    assert good is not None
    assert good > D("0.8")


async def test_rejects_are_a_share_of_the_last_orders_and_a_reset_forgets_them() -> None:
    world = World()
    broken = await Breaking(world).settle()
    for number in range(1, 5):
        order = await world.working(an_intent(number, quantity=D(1)))
        if number > 1:
            world.book.put_order(replace(order, state=OrderState.REJECTED))
    assert broken.readings.of(BreakerName.REJECT_RATE).is_too_early
    await world.working(an_intent(9, quantity=D(1)))
    assert value_of(broken, BreakerName.REJECT_RATE) == D("0.6")
    await broken.at("100")
    assert broken.posture() == "halted"
    await asyncio.sleep(1)
    world.ledger.record(be.BreakerReset(BreakerName.REJECT_RATE, "ops", "seen"))
    assert broken.readings.of(BreakerName.REJECT_RATE).is_too_early


def closed_by_a_clock_that_was_an_hour_ahead(world: World, name: BreakerName) -> None:
    right = world.clock.utc
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.clock, "utc", lambda: right() + timedelta(hours=1))
        world.ledger.record(be.BreakerReset(name, "ops", "seen"))


async def test_a_clock_that_was_set_back_hides_no_rejects() -> None:
    """Closed at a time that is still to come, the breaker saw no order for an hour."""
    world = World()
    broken = await Breaking(world).settle()
    closed_by_a_clock_that_was_an_hour_ahead(world, BreakerName.REJECT_RATE)
    for number in range(1, 7):
        order = await world.working(an_intent(number, quantity=D(1)))
        world.book.put_order(replace(order, state=OrderState.REJECTED))
    assert value_of(broken, BreakerName.REJECT_RATE) == 1
    await broken.at("100")
    assert broken.posture() == "halted"


async def test_a_clock_that_was_set_back_hides_no_fills() -> None:
    world = World()
    broken = await Breaking(world).settle()
    closed_by_a_clock_that_was_an_hour_ahead(world, BreakerName.FILL_RATE)
    order = await world.working()
    for number in (1, 2):
        world.fill(order, f"000{number}.aa.01.01", time_utc=world.clock.utc())
    assert value_of(broken, BreakerName.FILL_RATE) == 2


async def test_orders_without_an_answer_are_counted() -> None:
    world = World()
    broken = await Breaking(world).settle()
    assert value_of(broken, BreakerName.UNANSWERED) == 0
    outcome = await world.gateway.submit(an_intent())
    assert outcome.order_id is not None
    assert value_of(broken, BreakerName.UNANSWERED) == 0
    world.ledger.record(ev.OrderUnanswered(outcome.order_id, "late"))
    reading = broken.readings.of(BreakerName.UNANSWERED)
    assert (reading.value, reading.text) == (D(1), str(outcome.order_id))


async def test_more_executed_than_ordered_is_an_anomaly_for_a_minute() -> None:
    world = World()
    broken = await Breaking(world).settle()
    assert value_of(broken, BreakerName.FILL_RATE) == 0
    order = await world.working()
    world.fill(order)
    assert value_of(broken, BreakerName.FILL_RATE) == 1
    world.fill(order, "0002.aa.01.01")
    assert value_of(broken, BreakerName.FILL_RATE) == 2
    await asyncio.sleep(61)
    assert value_of(broken, BreakerName.FILL_RATE) == 0


async def test_an_execution_on_another_contract_than_its_orders_is_one_too_many() -> None:
    """INC-156."""
    world = World()
    broken = await Breaking(world).settle()
    order = await world.working()
    world.fill(order, con_id=ConId(555), symbol="ZZZ")
    value = value_of(broken, BreakerName.FILL_RATE)
    assert value is not None
    assert value > 1


async def test_an_execution_of_nobodys_is_no_anomaly() -> None:
    world = World()
    broken = await Breaking(world).settle()
    world.say(ev.ExecutionSeen(an_execution(exec_id=ExecId("9.9.9.01"))))
    assert value_of(broken, BreakerName.FILL_RATE) == 0


async def test_quotes_count_where_something_is_held_or_worked() -> None:
    broken = await Breaking().settle()
    assert value_of(broken, BreakerName.QUOTE_STALENESS) == 0
    broken.world.hub.quotes.pop(CON)
    assert value_of(broken, BreakerName.QUOTE_STALENESS) == 1
    flat = await Breaking(World()).settle()
    flat.world.hub.quotes.pop(CON)
    assert value_of(flat, BreakerName.QUOTE_STALENESS) == 0


async def test_a_feed_that_stays_crossed_halts_and_one_moment_of_it_does_not() -> None:
    """BRK-14."""
    broken = await Breaking().settle()
    world = broken.world
    for _ in range(2):
        world.quote("101", "100")
        await broken.still(1)
    assert broken.posture() == "armed"
    world.quote("100", "100.02")
    await broken.still(1)
    for _ in range(3):
        world.quote("101", "100")
        await broken.still(1)
    assert broken.posture() == "halted"
    assert "crossed" in next(iter(world.guard.causes().values()))
    await broken.at(*["100"] * 63)
    assert broken.posture() == "armed"


async def test_what_two_runs_could_not_settle_is_a_drift() -> None:
    broken = Breaking()
    assert value_of(broken, BreakerName.DRIFT) is None
    broken.readings.on_run(frozenset({"cash USD 5"}), 0)
    assert value_of(broken, BreakerName.DRIFT) == 0
    broken.readings.on_run(None, 0)
    broken.readings.on_run(frozenset({"cash USD 5", "other"}), 0)
    assert value_of(broken, BreakerName.DRIFT) == 1
    broken.readings.on_run(frozenset(), 0)
    assert value_of(broken, BreakerName.DRIFT) == 0
    broken.world.ledger.record(a_ticket())
    assert value_of(broken, BreakerName.DRIFT) == 1


async def test_a_drift_that_a_run_could_not_look_at_is_not_settled_by_it() -> None:
    broken, cash = Breaking(), frozenset({"cash USD 5"})
    for pending, unseen, value in (
        (cash, frozenset(), 0),
        (frozenset(), cash, 0),
        (cash, frozenset(), 1),
        (frozenset(), cash, 1),
        (frozenset(), cash, 1),
        (frozenset(), frozenset(), 0),
        (frozenset(), cash, 0),
    ):
        broken.readings.on_run(pending, 0, unseen)
        assert value_of(broken, BreakerName.DRIFT) == value


async def test_a_lag_between_two_rounds_is_not_missed() -> None:
    broken = await Breaking().settle()
    for lag_s in (0.0, 2.5, 0.0):
        broken.world.guard.note_lag(lag_s)
    assert value_of(broken, BreakerName.LOOP_LAG) == D("2.5")
    assert value_of(broken, BreakerName.LOOP_LAG) == 0


async def test_a_clock_that_is_off_restricts() -> None:
    broken = await Breaking().settle()
    told = broken.world.clock.utc() + timedelta(seconds=5)
    broken.world.guard.on_heartbeat(ServerTime(told, 0.01))
    assert value_of(broken, BreakerName.CLOCK_SKEW) == D("5.0")
    await broken.at("100")
    assert broken.posture() == "reduce_only"


@pytest.mark.parametrize("mode", Mode)
async def test_a_clock_that_no_time_service_vouches_for_restricts_in_mode_live_alone(
    mode: Mode,
) -> None:
    broken = await Breaking().settle()
    broken.world.guard.mode = mode
    for problem in ("unsynchronised", "cannot be asked: Operation not permitted"):
        broken.readings.time_problem = lambda said=problem: said  # type: ignore[misc]
        await broken.at("100")
        is_live = mode is Mode.LIVE
        assert broken.posture() == ("reduce_only" if is_live else "armed")
        told = broken.world.guard.restraint().restrictions.get("clock_skew", "")
        assert (problem in told) is is_live
    broken.readings.time_problem = lambda: ""
    await broken.at("100")
    assert broken.posture() == "armed"


async def test_before_the_time_service_was_asked_a_live_clock_is_unknown() -> None:
    broken = await Breaking().settle()
    broken.world.guard.mode = Mode.LIVE
    await broken.at("100")
    assert broken.posture() == "reduce_only"


async def test_the_brokers_clock_counts_whatever_the_time_service_says() -> None:
    broken = await Breaking().settle()
    broken.world.guard.mode = Mode.LIVE
    broken.readings.time_problem = lambda: "unsynchronised"
    told = broken.world.clock.utc() + timedelta(seconds=5)
    broken.world.guard.on_heartbeat(ServerTime(told, 0.01))
    assert value_of(broken, BreakerName.CLOCK_SKEW) == D("5.0")


@pytest.mark.parametrize(
    ("price", "share"), [("15", "1"), ("20", "0.75"), ("30", "0.5"), ("80", "0")]
)
async def test_the_vix_is_the_last_price_of_its_index(price: str, share: str) -> None:
    broken = await Breaking(vix={"is_enabled": True}).settle()
    broken.world.hub.add(an_instrument(con_id=VIX, symbol="VIX", sec_type="IND"))
    now_s = broken.world.clock.monotonic()
    broken.world.hub.on_tick(QuoteTick(VIX, "last", D(price), now_s))
    await broken.at("100")
    assert value_of(broken, BreakerName.VIX) == D(price)
    # What was missing before had not tripped it.
    assert broken.breakers.allocation() == D(share)
    await asyncio.sleep(121)
    await broken.at("100")
    assert broken.breakers.allocation() == 0, "a VIX that is too old counts as high"


async def test_losses_in_a_row_are_those_of_closed_trades() -> None:
    """BRK-08."""
    world = World()
    broken = await Breaking(world, consecutive_losses={"is_enabled": True}).settle()
    for number, price in enumerate(("100", "99", "100", "98"), 1):
        side = "BUY" if number % 2 else "SELL"
        execution = an_execution(exec_id=ExecId(f"{number}.a.b.01"), price=D(price))
        execution = replace(execution, side=type(execution.side)(side))
        world.say(ev.ExecutionSeen(execution))
    assert value_of(broken, BreakerName.CONSECUTIVE_LOSSES) == 2
    assert world.clock.monotonic() >= START_S


def traded(world: World, number: int, price: str, **changes: object) -> None:
    side = "BUY" if number % 2 else "SELL"
    execution = an_execution(exec_id=ExecId(f"{number}.a.b.01"), price=D(price))
    execution = replace(execution, side=type(execution.side)(side), time_utc=world.clock.utc())
    world.say(ev.ExecutionSeen(replace(execution, **changes)))  # type: ignore[arg-type]


async def test_a_fill_that_is_told_late_does_not_hide_the_losses_since() -> None:
    """BRK-08: it is of before the breaker was closed, and came after everything."""
    world = World()
    broken = await Breaking(world, consecutive_losses={"is_enabled": True}).settle()
    before = world.clock.utc()
    await asyncio.sleep(5)
    world.ledger.record(be.BreakerReset(BreakerName.CONSECUTIVE_LOSSES, "me", "looked at"))
    for number, price in enumerate(("100", "99", "100", "98"), 1):
        traded(world, number, price)
    assert value_of(broken, BreakerName.CONSECUTIVE_LOSSES) == 2
    traded(world, 5, "100", time_utc=before, con_id=ConId(102))
    assert value_of(broken, BreakerName.CONSECUTIVE_LOSSES) == 2


async def test_an_execution_that_was_taken_back_is_no_trade_and_breaks_no_reading() -> None:
    world = World()
    broken = await Breaking(world, consecutive_losses={"is_enabled": True}).settle()
    for number, price in enumerate(("100", "99", "100"), 1):
        traded(world, number, price)
    traded(world, 3, "100", exec_id=ExecId("3.a.b.02"), quantity=D(0))
    assert value_of(broken, BreakerName.CONSECUTIVE_LOSSES) == 1


async def test_a_feed_that_is_dead_for_most_counts_though_nothing_is_held() -> None:
    """DAT-05: freshness of all that is open, not only of what is held or worked."""
    flat = await Breaking(World()).settle()
    hub = flat.world.hub
    hub.forget_quotes()
    hub.subscribed(CON)
    assert value_of(flat, BreakerName.QUOTE_STALENESS) == 0
    await asyncio.sleep(31)
    assert value_of(flat, BreakerName.QUOTE_STALENESS) == 1
    hub.open_for_s = lambda _con_id: None
    assert value_of(flat, BreakerName.QUOTE_STALENESS) == 0
