"""A plan of reductions carried out: exits alone, as many as are missing, and held by every halt.

The account is 1000 shares at 100 and some cash; in a storm two fifths of it may be held.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.policies import bent
from tests.unit.engine.acts.test_liquidation import filling, later
from tests.unit.engine.risk.test_exposure import a_policy
from tests.unit.engine.world import BUY, CON, World, a_status, an_exit
from trader.core.halts import HaltCause
from trader.core.intents import OrderType
from trader.core.policy import Regime
from trader.core.reducing import PAUSE_S, ROUNDS_MAX
from trader.core.reduction_events import ReductionEnded, ReductionOrdered
from trader.core.regime import Outlook
from trader.core.risk_actions import RiskActionKind
from trader.engine.operator import Answer
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
        self.exposure = Exposure(world.services, policy, lambda: self.outlook)
        self.reducing = Reducing(
            world.services,
            gateway=world.gateway,
            reconciler=world.reconciler,
            exposure=self.exposure,
            policy=policy,
            turn=world.desk.turn,
        )
        world.desk.reductions = self.reducing
        self.exposure.automatic = self.reducing.automatic
        world.broker.on_place = filling(world)
        self.price("100")

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
    await reduced.world.working(an_exit(1, 900))
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
    assert answer.details == ("SELL 200 of 1000 AAA: an earlier round's order is under way",)


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
    assert "sent 90; HALTED" in answer.details[0]


async def test_without_a_reconciliation_nothing_is_sold() -> None:
    reduced = Reduced()
    reduced.world.broker.on_snapshot = _broken
    answer = await reduced.reduce()
    assert answer.text == "not reduced"
    assert reduced.placed == []


def _broken() -> None:
    raise SnapshotUnavailable("no end marker")


async def test_without_a_price_to_trade_on_the_line_says_so() -> None:
    reduced = Reduced(price__quote_age_s_max=10.0)
    await asyncio.sleep(11)
    answer = await reduced.reduce()
    assert reduced.placed == []
    assert answer.code == "remains"
    assert answer.details[0].startswith("SELL 200 of 1000 AAA: no price to trade at: ")


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
    reduced.reducing.regime_lacks = lambda: ("VIX",)
    await reduced.pass_s(600)
    assert reduced.placed == []
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic == "does not go by itself: the regime is a storm for want of VIX"
    assert (await reduced.reduce()).is_done, "a person may judge otherwise"


async def test_after_some_rounds_without_an_end_it_calls_a_person_and_stops() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)

    def refuse(placed: Any) -> None:
        order = reduced.world.book.orders[placed.order_id]
        later(0.5, lambda: reduced.world.say(a_status(order, "Cancelled")))

    reduced.world.broker.on_place = refuse
    await reduced.pass_s(AFTER_S + 20 + (ROUNDS_MAX + 3) * (PAUSE_S + 15))
    assert len(reduced.placed) == ROUNDS_MAX
    assert reduced.world.pager.titles().count("reduction without end") == 1
    shown = reduced.exposure.status().reduction
    assert shown is not None
    assert shown.automatic == f"goes by itself no more: {ROUNDS_MAX} rounds have not ended it"


async def test_a_round_in_which_nothing_can_leave_is_tried_again_and_does_not_count() -> None:
    reduced = Reduced(exposure__reduce_after_s=AFTER_S)
    reduced.world.broker.on_place = lambda placed: None
    await reduced.world.working(an_exit(1, 1_000))
    await reduced.pass_s(AFTER_S + 20 + (ROUNDS_MAX + 3) * (PAUSE_S + 15))
    assert reduced.placed == ["alpha SELL 1000"]
    assert "reduction without end" not in reduced.world.pager.titles()
    assert reduced.world.pager.titles().count("exposure reduced") == 0
    assert reduced.world.journal.events(ReductionOrdered) == [], "what nobody did needs no review"
    assert reduced.world.pager.titles().count("reduction in vain, tried again") == 1
