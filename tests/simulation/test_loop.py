"""Virtual time and processes: of a killed one nothing runs, and standing still has a name."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator
from weakref import WeakSet

import pytest

from tests.simulation.loop import Deadlock, Livelock, SimulatedLoop
from tests.simulation.processes import Process


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    made = SimulatedLoop("test")
    yield made
    made.close()


def test_waiting_takes_virtual_time_alone(loop: SimulatedLoop) -> None:
    before_s = loop.time()
    loop.run_until_complete(asyncio.sleep(86_400))
    assert loop.time() - before_s == pytest.approx(86_400, abs=0.001)


def test_a_killed_process_runs_nothing_any_more_not_even_its_finally(loop: SimulatedLoop) -> None:
    said: list[str] = []

    async def work() -> None:
        try:
            said.append("began")
            await asyncio.sleep(1)
            said.append("went on")
        finally:
            said.append("cleaned up")

    async def main() -> None:
        process = Process("victim")
        process.run(loop.create_task, work())
        await asyncio.sleep(0.5)
        loop.kill(process, sends_fin=True)
        await asyncio.sleep(5)
        assert said == ["began"]

    loop.run_until_complete(main())


def test_tasks_that_have_ended_are_let_go_with_their_results(loop: SimulatedLoop) -> None:
    class Result:
        """Something that is seen to be freed."""

    results: WeakSet[Result] = WeakSet()

    async def work() -> Result:
        result = Result()
        results.add(result)
        return result

    async def main() -> None:
        process = Process("long-lived")
        for _ in range(1_000):
            process.run(loop.create_task, work())
            await asyncio.sleep(1)

    loop.run_until_complete(main())
    assert len(results) < 100


def test_a_planned_crash_comes_before_the_callback_it_is_planned_for(loop: SimulatedLoop) -> None:
    process = Process("victim", crash_at_step=2)
    process.on_crash = lambda where: loop.kill(process, sends_fin=True)
    said: list[int] = []
    for number in range(5):
        process.run(loop.call_later, number, said.append, number)
    loop.run_until_complete(asyncio.sleep(10))
    assert said == [0, 1]


def test_a_signal_reaches_the_handler_of_its_process_alone(loop: SimulatedLoop) -> None:
    said: list[str] = []
    first, second = Process("first"), Process("second")
    first.run(loop.add_signal_handler, signal.SIGTERM, said.append, "first")
    second.run(loop.add_signal_handler, signal.SIGTERM, said.append, "second")
    assert loop.send_signal(second, signal.SIGTERM)
    assert not loop.send_signal(second, signal.SIGINT)
    loop.run_until_complete(asyncio.sleep(1))
    assert said == ["second"]


def test_a_stopped_process_goes_on_where_it_was_and_in_its_order(loop: SimulatedLoop) -> None:
    process, said = Process("stopped"), list[tuple[int, float]]()
    begun_s = loop.time()
    for number in range(4):
        tell = lambda number=number: said.append((number, round(loop.time() - begun_s)))  # noqa: E731
        process.run(loop.call_later, number, tell)
    loop.call_later(0.5, loop.stop_for, process, 9.6)
    loop.run_until_complete(asyncio.sleep(20))
    assert said == [(0, 0), (1, 10), (2, 10), (3, 10)]


def test_nothing_that_can_ever_happen_is_a_deadlock(loop: SimulatedLoop) -> None:
    with pytest.raises(Deadlock):
        loop.run_until_complete(loop.create_future())


def test_callbacks_without_end_are_a_livelock(loop: SimulatedLoop) -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110 - it is what must be found
            await asyncio.sleep(0)

    with pytest.raises(Livelock):
        loop.run_until_complete(spin())


def test_a_fault_springs_at_the_operation_it_was_set_for(loop: SimulatedLoop) -> None:
    sprung: list[int] = []
    loop.at_operation(2, lambda: sprung.append(loop.operations))
    for _ in range(4):
        loop.operation()
    assert sprung == [2]
