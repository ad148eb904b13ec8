"""No task dies unseen: a root task takes the daemon down, a strategy only itself."""

from __future__ import annotations

import asyncio
import math

import pytest

from tests.unit.engine.world import LoopClock, turns
from trader.engine.supervisor import Ended, Supervisor


async def _forever() -> None:
    await asyncio.Event().wait()


async def _fails() -> None:
    await asyncio.sleep(1)
    raise RuntimeError("broken")


async def _returns() -> None:
    await asyncio.sleep(1.5)


async def test_a_root_task_that_raises_ends_the_daemon_with_its_reason() -> None:
    supervisor = Supervisor(LoopClock())
    supervisor.start("root", _fails)
    assert await supervisor.root_ended == Ended("root", "RuntimeError: broken")


async def test_a_root_task_that_returns_ends_the_daemon_too() -> None:
    supervisor = Supervisor(LoopClock())
    supervisor.start("root", _returns)
    assert await supervisor.root_ended == Ended("root", "ended by itself")


async def test_only_the_first_end_is_told() -> None:
    supervisor = Supervisor(LoopClock())
    supervisor.start("first", _fails)
    supervisor.start("second", _returns)
    await asyncio.sleep(2)
    assert supervisor.root_ended.result().name == "first"


async def test_a_task_with_a_handler_fails_alone() -> None:
    supervisor = Supervisor(LoopClock())
    ended: list[Ended] = []
    supervisor.start("strategy:a", _fails, on_failure=ended.append)
    await asyncio.sleep(2)
    assert ended == [Ended("strategy:a", "RuntimeError: broken")]
    assert not supervisor.root_ended.done()


async def test_a_failing_handler_of_a_failure_ends_the_daemon() -> None:
    supervisor = Supervisor(LoopClock())

    def handler(ended: Ended) -> None:
        raise OSError("the pager is gone")

    supervisor.start("strategy:a", _fails, on_failure=handler)
    ended = await supervisor.root_ended
    assert ended.name == "strategy:a"
    assert "RuntimeError: broken" in ended.problem
    assert "the pager is gone" in ended.problem


async def test_a_cancellation_from_outside_the_supervisor_is_a_failure_and_not_silence() -> None:
    """A library that cancels the future a root task waits for must not end it unseen."""
    supervisor = Supervisor(LoopClock())
    answer = asyncio.get_running_loop().create_future()

    async def waits() -> None:
        await answer

    supervisor.start("root", waits)
    await turns()
    answer.cancel()
    ended = await supervisor.root_ended
    assert ended.name == "root"
    assert "CancelledError" in ended.problem


async def test_stop_ends_tasks_without_calling_it_a_failure() -> None:
    supervisor = Supervisor(LoopClock())
    was_cancelled: list[str] = []

    async def cleans_up() -> None:
        try:
            await _forever()
        finally:
            await asyncio.sleep(1)
            was_cancelled.append("one")

    supervisor.start("one", cleans_up)
    supervisor.start("two", _forever)
    await turns()
    await supervisor.stop()
    assert was_cancelled == ["one"]
    assert not supervisor.root_ended.done()
    supervisor.start("one", _forever)  # the name is free again
    await supervisor.stop("one")


async def test_two_tasks_of_one_name_are_a_bug() -> None:
    supervisor = Supervisor(LoopClock())
    supervisor.start("one", _forever)
    with pytest.raises(AssertionError, match="runs already"):
        supervisor.start("one", _forever)
    await supervisor.stop()


async def test_work_is_done_at_its_interval_and_each_round_is_a_sign_of_life() -> None:
    supervisor = Supervisor(LoopClock())
    done_s: list[float] = []
    clock = LoopClock()
    supervisor.start(
        "equity", lambda: supervisor.every("equity", 2.0, lambda: done_s.append(clock.monotonic()))
    )
    await asyncio.sleep(4.5)
    assert done_s == [1_000.0, 1_002.0, 1_004.0]
    assert dict(supervisor.ages_s()) == {"equity": pytest.approx(0.5)}
    await supervisor.stop()
    assert supervisor.ages_s() == ()


async def test_a_task_beyond_its_budget_is_stalled_and_so_is_one_that_never_moved() -> None:
    supervisor = Supervisor(LoopClock())
    budgets = {"quick": 1.0, "slow": 10.0}
    assert supervisor.stalled(budgets) == "task quick does not run"
    supervisor.start("quick", _forever)
    supervisor.start("slow", _forever)
    await turns()
    assert supervisor.stalled(budgets) == "task quick does not run"
    supervisor.beat("quick")
    supervisor.beat("slow")
    assert supervisor.stalled(budgets) == ""
    await asyncio.sleep(1.5)
    assert supervisor.stalled(budgets) == "task quick last moved 1.5 s ago, allowed 1 s"
    supervisor.beat("quick")
    assert supervisor.stalled(budgets) == ""
    assert supervisor.stalled({"other": 1.0}) == "task other does not run"
    await supervisor.stop()
    assert supervisor.stalled(budgets) == "task quick does not run"


async def test_an_age_that_is_no_number_is_too_much() -> None:
    supervisor = Supervisor(LoopClock())
    supervisor.start("task", _forever)
    supervisor.beat("task")
    assert "last moved" in supervisor.stalled({"task": math.nan})
    await supervisor.stop()
