"""A standing order halts, is carried out once the broker can be reached, and then goes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.unit.engine.world import World, an_intent, turns
from trader.core.halts import HaltCause
from trader.engine.acts.standing import Standing, StandingOrders
from trader.engine.operator import Answer
from trader.ports import WorldError

DONE = Answer(True, "flat", (), "done")
LEFT = Standing(must_liquidate=True, is_everything=False, by="desk", words="close every position")


class File:
    """A standing order in the test's hands."""

    def __init__(self, left: Standing | None = LEFT) -> None:
        self.left = left
        self.error: WorldError | None = None

    def standing(self) -> Standing | None:
        if self.error is not None:
            raise self.error
        return self.left

    def withdraw(self) -> None:
        if self.error is not None:
            raise self.error
        self.left = None


class Bench:
    """The task over a desk that answers as it was told."""

    def __init__(self, left: Standing | None = LEFT, *answers: Answer) -> None:
        self.world = World()
        self.file = File(left)
        self.asked: list[tuple[str, bool]] = []
        self.answers = list(answers) or [DONE]
        self.orders = StandingOrders(
            self.world.services,
            gateway=self.world.gateway,
            desk=self,  # type: ignore[arg-type]  # the two verbs are all that it may use
            file=self.file,
        )

    async def liquidate(self, *, by: str, is_everything: bool = False) -> Answer:
        self.asked.append((f"liquidate by {by}", is_everything))
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]

    async def cancel_orders(
        self, *, by: str, keeps_exits: bool = False, is_everything: bool = False
    ) -> Answer:
        what = "cancel everything" if is_everything else "cancel"
        self.asked.append((f"{what} by {by}", keeps_exits))
        return self.answers[0]


async def test_it_is_carried_out_and_taken_away() -> None:
    bench = Bench()
    await bench.orders.look()
    assert bench.asked == [("liquidate by desk (standing order)", False)]
    assert bench.file.left is None
    assert not bench.world.guard.has(HaltCause.STANDING_ORDER)
    await bench.orders.look()
    assert len(bench.asked) == 1


async def test_it_goes_as_far_as_it_was_asked_to() -> None:
    bench = Bench(Standing(True, True, "desk", "x"))
    await bench.orders.look()
    assert bench.asked == [("liquidate by desk (standing order)", True)]
    bench = Bench(Standing(False, False, "desk", "x"))
    await bench.orders.look()
    assert bench.asked == [("cancel by desk (standing order)", True)]
    bench = Bench(Standing(False, True, "desk", "x"))
    await bench.orders.look()
    assert bench.asked == [("cancel everything by desk (standing order)", False)]


async def test_one_that_was_left_meanwhile_is_carried_out_as_well() -> None:
    weaker = Standing(must_liquidate=False, is_everything=False, by="sentinel", words="cancel")
    bench = Bench(weaker)
    cancel = bench.cancel_orders

    async def then_a_person_wants_more(**asked: Any) -> Answer:
        bench.file.left = LEFT
        return await cancel(**asked)

    bench.cancel_orders = then_a_person_wants_more  # type: ignore[method-assign]
    await bench.orders.look()
    assert bench.file.left == LEFT
    assert bench.world.guard.has(HaltCause.STANDING_ORDER)
    await bench.orders.look()
    assert bench.asked[-1] == ("liquidate by desk (standing order)", False)
    assert bench.file.left is None


@pytest.mark.parametrize("cause", [HaltCause.LINK, HaltCause.UPSTREAM, HaltCause.STARTING])
async def test_without_a_link_it_waits_and_halts(cause: HaltCause) -> None:
    bench = Bench()
    bench.world.guard.set_level(cause, "gone")
    await bench.orders.look()
    assert bench.asked == []
    assert bench.world.guard.causes()[HaltCause.STANDING_ORDER] == LEFT.words
    bench.world.guard.clear_level(cause)
    await bench.orders.look()
    assert len(bench.asked) == 1


async def test_nobody_resumes_past_it() -> None:
    bench = Bench()
    bench.world.guard.set_level(HaltCause.LINK, "gone")
    await bench.orders.look()
    bench.world.guard.clear_level(HaltCause.LINK)
    answer = await bench.world.desk.resume(reason="fine", by="me")
    assert not answer.is_done
    assert answer.details == (f"standing_order: {LEFT.words}",)


async def test_withdrawn_by_a_person_it_is_gone() -> None:
    bench = Bench()
    bench.world.guard.set_level(HaltCause.LINK, "gone")
    await bench.orders.look()
    bench.file.left = None
    await bench.orders.look()
    assert not bench.world.guard.has(HaltCause.STANDING_ORDER)
    assert bench.asked == []


async def test_what_could_not_be_done_is_tried_again_less_and_less_often() -> None:
    bench = Bench(LEFT, Answer(False, "not flat", (), "remains"))
    task = asyncio.get_running_loop().create_task(bench.orders.run())
    await asyncio.sleep(100)
    assert 4 <= len(bench.asked) <= 6
    assert bench.world.pager.sent
    bench.answers = [DONE]
    await asyncio.sleep(61)
    assert bench.file.left is None
    task.cancel()
    await turns()


async def test_closing_orders_that_wait_at_the_broker_are_left_in_their_place() -> None:
    bench = Bench(LEFT, Answer(False, "not flat", (), "waiting"), DONE)
    await bench.world.working(an_intent())
    task = asyncio.get_running_loop().create_task(bench.orders.run())
    await asyncio.sleep(600)
    assert len(bench.asked) == 1
    (order,) = bench.world.gateway.working_orders()
    bench.world.fill(order)
    await asyncio.sleep(5)
    assert len(bench.asked) == 2
    assert bench.file.left is None
    task.cancel()
    await turns()


async def test_a_file_that_cannot_be_understood_halts_and_does_nothing() -> None:
    bench = Bench()
    bench.file.error = WorldError("standing_order.json is not a standing order")
    await bench.orders.look()
    assert bench.asked == []
    assert "not a standing order" in bench.world.guard.causes()[HaltCause.STANDING_ORDER]


async def test_one_that_cannot_be_removed_is_not_carried_out_all_the_time() -> None:
    bench = Bench()

    class Stuck(File):
        def withdraw(self) -> None:
            raise WorldError("read-only")

    bench.orders._file = Stuck()
    await bench.orders.look()
    await bench.orders.look()
    assert len(bench.asked) == 1
