"""A plan of reductions carried out: exits alone, as many as are missing, and held by every halt.

The account is 1000 shares at 100 and some cash; in a storm two fifths of it may be held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.policies import bent
from tests.unit.engine.acts.test_liquidation import filling, later
from tests.unit.engine.risk.test_exposure import a_policy
from tests.unit.engine.test_ignored import NAME, waiting
from tests.unit.engine.world import (
    BUY,
    CON,
    OTHER_CON,
    SELL,
    World,
    a_status,
    an_execution,
    an_exit,
    an_instrument,
)
from trader.core import events as ev
from trader.core.halts import HaltCause
from trader.core.ids import ExecId
from trader.core.intents import Intent, OrderType
from trader.core.policy import Regime, RegimeLimits
from trader.core.reducing import PAUSE_S, ROUNDS_MAX
from trader.core.reduction_events import ReductionEnded, ReductionOrdered
from trader.core.regime import Outlook
from trader.core.risk_actions import RiskActionKind
from trader.engine.operator import Answer
from trader.engine.outcomes import Outcome, OutcomeKind
from trader.engine.risk.exposure import Exposure
from trader.engine.risk.reducing import Reducing
from trader.ports import SnapshotUnavailable

D = Decimal
AFTER_S = 120.0
LARGE: dict[str, Any] = {"order__quantity_max": D(1_000), "order__notional_max": D(200_000)}


class Reduced:
    """A world with too much in it once its market is a storm."""

    def __init__(self, held: int = 1_000, **changes: Any) -> None:
        policy = bent(a_policy(), **LARGE | changes)
        self.world = world = World(held=held, cash=200_000 - held * 100, policy=policy)
        self.outlook = Outlook(Regime.STORM)
        world.gateway.outlook = lambda: self.outlook
        self.policy = policy
        self.start_anew()
        world.broker.on_place = filling(world)
        self.price("100")

    def start_anew(self) -> None:
        """Forget what no journal holds, as a restart does."""
        world = self.world
        self.exposure = Exposure(world.services, self.policy, lambda: self.outlook)
        self.reducing = Reducing(
            world.services,
            gateway=world.gateway,
            reconciler=world.reconciler,
            exposure=self.exposure,
            policy=self.policy,
            turn=world.desk.turn,
        )
        world.desk.reductions = self.reducing
        self.exposure.automatic = self.reducing.automatic

    def price(self, price: str) -> None:
        self.world.quote(price, price)
        self.world.valuer.refresh()

    async def reduce(self) -> Answer:
        return await self.world.desk.reduce(reason="storm", by="me")

    async def pass_s(self, seconds: float, look: Callable[[], None] = lambda: None) -> None:
        for _ in range(int(seconds)):
            await asyncio.sleep(1)
            self.price("100")
            look()
            self.exposure.look()
            await self.reducing.look()

    @property
    def placed(self) -> list[str]:
        orders = [row.order.terms for row in self.world.broker.placed]
        return [f"{row.strategy} {row.side} {row.quantity}" for row in orders]


async def test_a_round_sends_what_the_plan_says_and_says_what_is_left() -> None:
    reduced = Reduced()
    answer = await reduced.reduce()
    assert reduced.placed == ["operator SELL 200"]
    (sent,) = reduced.world.broker.placed
    assert sent.order.terms.is_reduce_only
    assert sent.order.terms.order_type is OrderType.MARKET
    assert sent.was_promised
    assert (answer.is_done, answer.code) == (True, "sent")
    assert answer.text == "1 orders sent for 1 of the plan; what is held is inside the limits"
    assert answer.details == ("SELL 200 of 1000 AAA: sent 200",)
    (ordered,) = reduced.world.journal.events(ReductionOrdered)
    assert (ordered.by, ordered.reason) == ("me", "storm")
    assert reduced.world.book.position_of(CON) == D(800)
    assert (await reduced.reduce()) == Answer(
        True, "nothing that is held exceeds a limit", (), "done"
    )
    assert len(reduced.placed) == 1


async def test_a_short_holding_is_bought_back() -> None:
    reduced = Reduced(held=-1_000, position__is_short_allowed=True)
    answer = await reduced.reduce()
    assert reduced.world.broker.placed[0].order.terms.side is BUY
    assert answer.is_done


async def test_a_large_line_goes_in_parts() -> None:
    reduced = Reduced(order__quantity_max=D(90))
    answer = await reduced.reduce()
    assert reduced.placed == ["operator SELL 90", "operator SELL 90", "operator SELL 20"]
    assert answer.details == ("SELL 200 of 1000 AAA: sent 90 and 90 and 20",)


async def test_a_part_is_never_worth_more_than_one_order_may_be() -> None:
    reduced = Reduced(order__notional_max=D(9_500))
    await reduced.reduce()
    sizes = [row.order.terms.quantity for row in reduced.world.broker.placed]
    assert sum(sizes) == D(200)
    assert max(sizes) * D(100) <= D(9_500)


async def test_what_exits_take_off_already_is_not_sold_a_second_time() -> None:
    reduced = Reduced()
    reduced.world.broker.on_place = lambda placed: None
    await reduced.world.working(a_limited_exit(1, 900))
    reduced.world.broker.on_place = filling(reduced.world)
    answer = await reduced.reduce()
    assert reduced.placed == ["alpha SELL 900", "operator SELL 100"]
    assert not answer.is_done
    assert answer.details == ("SELL 200 of 1000 AAA: sent 100",)
    answer = await reduced.reduce()
    assert len(reduced.placed) == 2
    assert answer.details == ("SELL 100 of 900 AAA: exits of 900 are working or settling already",)
    assert (answer.is_done, answer.code) == (False, "remains")


async def test_an_order_that_has_not_filled_counts_in_the_next_round() -> None:
    reduced = Reduced()
    reduced.world.broker.on_place = lambda placed: reduced.world.say(
        a_status(reduced.world.book.orders[placed.order_id])
    )
    first = await reduced.reduce()
    assert not first.is_done
    assert "still exceeded: net" in first.text
    answer = await reduced.reduce()
    assert reduced.placed == ["operator SELL 200"]
    assert answer.details == ("SELL 200 of 1000 AAA: what is under way takes it off already",)


@pytest.mark.parametrize(
    "cause", [HaltCause.OPERATOR, HaltCause.LINK, HaltCause.BREAKER, HaltCause.HEARTBEAT]
)
async def test_every_halt_holds_it(cause: HaltCause) -> None:
    reduced = Reduced()
    if cause in (HaltCause.OPERATOR, HaltCause.BREAKER):
        reduced.world.guard.latch(cause, "stop", by="me")
    else:
        reduced.world.guard.set_level(cause, "stop")
    answer = await reduced.reduce()
    assert (answer.is_done, answer.text, answer.code) == (False, "not reduced", "refused")
    assert "stop" in answer.details[0]
    assert reduced.placed == []
    assert reduced.world.journal.events(ReductionOrdered) == []


async def test_a_halt_that_comes_on_the_way_lets_nothing_more_leave() -> None:
    reduced = Reduced(order__quantity_max=D(90))
    fill = filling(reduced.world)

    def first(placed: Any) -> None:
        reduced.world.desk.halt(reason="stop", by="me")
        fill(placed)

    reduced.world.broker.on_place = first
    answer = await reduced.reduce()
    assert reduced.placed == ["operator SELL 90"]
    assert "sent 90; operator: stop" in answer.details[0]


async def test_without_a_reconciliation_nothing_is_sold() -> None:
    reduced = Reduced()
    reduced.world.broker.on_snapshot = _broken
    answer = await reduced.reduce()
    assert answer.text == "not reduced"
    assert reduced.placed == []


def a_limited_exit(number: int, quantity: int) -> Intent:
    """Return what may rest for long: a profit to be taken, as a stop would."""
    return replace(an_exit(number, quantity), order_type=OrderType.LIMIT, limit_price=D(100))


def _broken() -> None:
    raise SnapshotUnavailable("no end marker")


async def test_without_a_price_to_trade_on_the_line_says_so() -> None:
    reduced = Reduced(price__quote_age_s_max=10.0)
    await asyncio.sleep(11)
    answer = await reduced.reduce()
    assert reduced.placed == []
    assert answer.code == "remains"
    assert answer.details[0].startswith("SELL 200 of 1000 AAA: no price to trade at: ")


async def test_what_others_took_off_meanwhile_is_not_sold_as_well() -> None:
    reduced = Reduced(order__quantity_max=D(90))
    meanwhile(reduced, 300)
    answer = await reduced.reduce()
    assert reduced.placed == ["operator SELL 90"]
    assert answer.details == (
        "SELL 200 of 1000 AAA: sent 90; what is under way takes it off already",
    )


async def test_a_position_that_turned_meanwhile_is_not_traded_on_its_other_side() -> None:
    reduced = Reduced(order__quantity_max=D(90), position__is_short_allowed=True)
    meanwhile(reduced, 1_500)
    answer = await reduced.reduce()
    assert reduced.placed == ["operator SELL 90"]
    assert answer.details == (
        "SELL 200 of 1000 AAA: sent 90; it has turned since the plan was made",
    )


def meanwhile(reduced: Reduced, quantity: int) -> None:
    """Have somebody sell so much by hand while the first order is on its way."""
    fill = filling(reduced.world)

    def place(placed: Any) -> None:
        if len(reduced.placed) == 1:
            sold = an_execution(exec_id=ExecId("7.7.01"), side=SELL, quantity=D(quantity))
            reduced.world.say(ev.ExecutionSeen(sold))
        fill(placed)

    reduced.world.broker.on_place = place


async def test_an_exit_at_the_market_that_is_on_its_way_is_not_sold_a_second_time() -> None:
    reduced = Reduced()
    reduced.world.broker.on_place = lambda placed: None
    await reduced.world.working(an_exit(1, 150))
    reduced.world.broker.on_place = filling(reduced.world)
    answer = await reduced.reduce()
    assert reduced.placed == ["alpha SELL 150", "operator SELL 50"]
    assert answer.details == ("SELL 200 of 1000 AAA: sent 50",)


async def test_an_order_that_is_over_counts_until_it_is_settled() -> None:
    """Its last fill may not have been told yet: sold again it would be sold twice (INC-024)."""
    reduced = Reduced()
    reduced.world.broker.on_place = cancelled(reduced)
    await reduced.reduce()
    reduced.price("100")
    answer = await reduced.reduce()
    assert reduced.placed == ["operator SELL 200"]
    assert answer.details == ("SELL 200 of 1000 AAA: what is under way takes it off already",)


def cancelled(reduced: Reduced) -> Callable[[Any], None]:
    def cancel(placed: Any) -> None:
        order = reduced.world.book.orders[placed.order_id]
        later(0.5, lambda: reduced.world.say(a_status(order, "Cancelled")))

    return cancel


async def test_a_liquidation_waits_for_no_round() -> None:
    reduced = Reduced(order__quantity_max=D(90))
    desk, fill = reduced.world.desk, filling(reduced.world)
    liquidations: list[asyncio.Task[Answer]] = []

    def place(placed: Any) -> None:
        if not liquidations:
            liquidations.append(asyncio.create_task(desk.liquidate(by="me")))
        fill(placed)

    reduced.world.broker.on_place = place
    answer = await reduced.reduce()
    assert "sent 90; WITHHELD operator: liquidation" in answer.details[0]
    assert (await liquidations[0]).text == "flat"
    assert reduced.placed[0] == "operator SELL 90"
    assert sum(row.order.terms.quantity for row in reduced.world.broker.placed) == D(1_000)


async def test_a_halt_ends_the_wait_for_fills() -> None:
    reduced = Reduced()
    reduced.world.broker.on_place = lambda placed: later(
        1.0, lambda: reduced.world.desk.halt(reason="stop", by="me")
    )
    started_s = reduced.world.clock.monotonic()
    await reduced.reduce()
    assert reduced.world.clock.monotonic() - started_s < 1.5


async def test_a_round_lets_go_of_the_desk_after_a_while() -> None:
    reduced = Reduced(order__quantity_max=D(30))
    place = reduced.world.gateway.submit

    async def slowly(intent: Intent) -> Outcome:
        await asyncio.sleep(12)
        reduced.price("100")
        return await place(intent)

    reduced.world.gateway.submit = slowly  # type: ignore[method-assign,assignment]
    answer = await reduced.reduce()
    assert len(reduced.placed) == 3
    assert "a round sends for 30 s, the next one has the rest" in answer.details[0]


# ---- by itself


async def test_without_the_policys_word_nothing_ever_goes_by_itself() -> None:
    reduced = Reduced()
    await reduced.pass_s(600)
    assert reduced.placed == []
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic == "does not go by itself: exposure.reduce_after_s is not set"


async def test_it_goes_by_itself_once_the_limits_were_exceeded_for_so_long() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    await reduced.pass_s(100)
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic.startswith("goes by itself in ")
    assert reduced.placed == []
    await reduced.pass_s(60)
    assert reduced.placed == ["operator SELL 200"]
    (ordered,) = reduced.world.journal.events(ReductionOrdered)
    assert (ordered.by, ordered.reason) == ("policy", "limits exceeded for 120 s")
    (action,) = reduced.world.book.actions.rows()
    assert (action.kind, action.is_critical) == (RiskActionKind.REDUCTION, True)
    assert "exposure reduced" in reduced.world.pager.titles()
    await reduced.pass_s(300)
    assert len(reduced.placed) == 1
    assert len(reduced.world.journal.events(ReductionEnded)) == 1


async def test_a_halt_in_between_makes_the_time_begin_anew() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    await reduced.pass_s(100)
    reduced.world.guard.set_level(HaltCause.HEARTBEAT, "silent")
    await reduced.pass_s(3)
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic == "does not go by itself: heartbeat: silent"
    reduced.world.guard.clear_level(HaltCause.HEARTBEAT)
    await reduced.pass_s(100)
    assert reduced.placed == []
    await reduced.pass_s(30)
    assert len(reduced.placed) == 1


async def test_a_storm_for_want_of_a_measure_sells_nothing_by_itself() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    reduced.reducing.regime_doubt = lambda: "the regime is a storm for want of VIX"
    await reduced.pass_s(600)
    assert reduced.placed == []
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic == "does not go by itself: the regime is a storm for want of VIX"
    assert (await reduced.reduce()).is_done, "a person may judge otherwise"


async def test_an_open_ticket_that_is_ignored_keeps_it_from_going_by_itself() -> None:
    """It restricts and does not halt: what is held is in question all the same."""
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    waiting(reduced.world)
    await reduced.pass_s(600)
    assert reduced.placed == []
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic == f"does not go by itself: ticket {NAME} is open"


async def test_after_some_rounds_without_an_end_it_calls_a_person_and_stops() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    reduced.world.broker.on_place = settled(reduced)
    await reduced.pass_s(AFTER_S + 20 + (ROUNDS_MAX + 3) * (PAUSE_S + 15))
    assert len(reduced.placed) == ROUNDS_MAX
    assert reduced.world.pager.titles().count("reduction without end") == 1
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic == f"goes by itself no more: {ROUNDS_MAX} rounds have not ended it"


async def test_a_round_in_which_nothing_can_leave_is_tried_again_and_does_not_count() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    reduced.world.broker.on_place = lambda placed: None
    await reduced.world.working(a_limited_exit(1, 1_000))
    await reduced.pass_s(AFTER_S + 20 + (ROUNDS_MAX + 3) * (PAUSE_S + 15))
    assert reduced.placed == ["alpha SELL 1000"]
    assert "reduction without end" not in reduced.world.pager.titles()
    assert reduced.world.pager.titles().count("exposure reduced") == 0
    assert reduced.world.journal.events(ReductionOrdered) == [], "what nobody did needs no review"
    assert reduced.world.pager.titles().count("reduction in vain, tried again") == 1


def settled(reduced: Reduced) -> Callable[[Any], None]:
    """Have the broker cancel each order, and a list of executions show soon that none filled."""
    cancel = cancelled(reduced)

    def place(placed: Any) -> None:
        cancel(placed)
        gone = ev.OrderSettled(placed.order_id, D(0), "listed")
        later(5.0, lambda: reduced.world.ledger.record(gone))

    return place


async def test_a_restart_begins_no_count_of_rounds_anew() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    reduced.world.broker.on_place = settled(reduced)
    await reduced.pass_s(AFTER_S + 20 + PAUSE_S + 15)
    assert len(reduced.placed) == 2
    for _ in range(4):
        reduced.start_anew()
        await reduced.pass_s(AFTER_S + 5 + PAUSE_S + 15)
    assert len(reduced.placed) == ROUNDS_MAX


async def test_rounds_that_are_refused_each_time_come_to_an_end_too() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)

    async def refuse(intent: Intent) -> Outcome:
        return Outcome(OutcomeKind.REFUSED, "ANY", "for some reason")

    reduced.world.gateway.submit = refuse  # type: ignore[method-assign,assignment]
    await reduced.pass_s(3_600)
    assert len(reduced.world.journal.events(ReductionOrdered)) == ROUNDS_MAX
    assert reduced.world.pager.titles().count("reduction without end") == 1


async def test_no_more_goes_by_itself_than_every_look_has_asked_for() -> None:
    """A price of one tick makes the holding five times as large, and the plan as well."""
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    await reduced.pass_s(AFTER_S + 5)
    while not reduced.placed:
        await asyncio.sleep(1)
        reduced.price("500")
        reduced.exposure.look()
        await reduced.reducing.look()
        reduced.price("100")
    assert reduced.placed[0] == "operator SELL 200"


async def test_what_does_not_exceed_a_limit_all_the_time_is_left() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    await reduced.pass_s(20)
    for second in range(600):
        await asyncio.sleep(1)
        reduced.price("60" if second % 9 else "100")
        reduced.exposure.look()
        await reduced.reducing.look()
    assert reduced.placed == []
    assert reduced.exposure.status().reduction is not None, "the plan stands all along"


async def test_what_came_while_it_waited_for_the_desk_counts() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    await reduced.pass_s(100)
    async with reduced.world.desk.turn:
        waiting = asyncio.create_task(reduced.pass_s(60))
        await asyncio.sleep(50)
        reduced.reducing.regime_doubt = lambda: "the regime is a storm for want of VIX"
    await waiting
    assert reduced.placed == []
    assert "reduction in vain, tried again" not in reduced.world.pager.titles()


async def test_half_of_a_hedge_is_not_taken_off_by_itself() -> None:
    """Long and short are each too much; the short one cannot be bought back."""
    tight = RegimeLimits(D("0.5"), D("0.2"), D(10))
    reduced = Reduced(
        exposure__reduce_after_s=AFTER_S, exposure__storm=tight, position__is_short_allowed=True
    )
    world = reduced.world
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    sold = an_execution(side=SELL, quantity=D(1_000), con_id=OTHER_CON, symbol="BBB")
    world.say(ev.ExecutionSeen(sold))

    def both() -> None:
        world.quote("100", "100", OTHER_CON)

    await reduced.pass_s(200, both)
    assert reduced.placed == ["operator SELL 500", "operator BUY 500"]

    reduced = Reduced(
        exposure__reduce_after_s=AFTER_S, exposure__storm=tight, position__is_short_allowed=True
    )
    world = reduced.world
    world.say(ev.ExecutionSeen(sold))
    world.hub.add(an_instrument(con_id=OTHER_CON, symbol="BBB"))
    both()
    world.broker.on_place = lambda placed: None
    await world.working(replace(a_limited_exit(1, 1_000), side=BUY, con_id=OTHER_CON))
    await reduced.pass_s(200, both)
    assert reduced.placed == ["alpha BUY 1000"]
    answer = await reduced.reduce()
    assert reduced.placed == ["alpha BUY 1000", "operator SELL 500"], "a person may judge otherwise"
    assert "still exceeded: " in answer.text
