"""The clock on the wall tells when it showed a moment, whoever has set it since."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.simulation.ambient import EPOCH_S, Wall
from tests.simulation.loop import SimulatedLoop


@pytest.fixture
def loop() -> Iterator[SimulatedLoop]:
    made = SimulatedLoop("test")
    yield made
    made.close()


@pytest.fixture
def wall(loop: SimulatedLoop) -> Wall:
    return Wall(loop)


def _shown_us(wall: Wall) -> int:
    return round(wall.time() * 1e6)


def _steady_us(loop: SimulatedLoop) -> int:
    return round((EPOCH_S + loop.time()) * 1e6)


def _pass(loop: SimulatedLoop, seconds: int) -> None:
    loop.now_ns += seconds * 1_000_000_000


def _is_close(found: int | None, wanted: int) -> bool:
    return found is not None and abs(found - wanted) <= 2


def test_a_moment_of_a_clock_that_nobody_set_is_itself(loop: SimulatedLoop, wall: Wall) -> None:
    _pass(loop, 3)
    assert _is_close(wall.first_us(_shown_us(wall)), _steady_us(loop))


def test_a_moment_after_a_step_is_told_by_the_steady_clock(loop: SimulatedLoop, wall: Wall) -> None:
    _pass(loop, 3)
    wall.step(3600)
    _pass(loop, 3)
    assert _shown_us(wall) - _steady_us(loop) > 3_599_000_000
    assert _is_close(wall.first_us(_shown_us(wall)), _steady_us(loop))


def test_a_moment_that_was_shown_twice_is_of_the_first_time(
    loop: SimulatedLoop, wall: Wall
) -> None:
    _pass(loop, 10)
    first = _steady_us(loop)
    shown = _shown_us(wall)
    _pass(loop, 2)
    wall.step(-5)
    _pass(loop, 3)
    assert abs(_shown_us(wall) - shown) <= 2
    assert _is_close(wall.first_us(shown), first)


def test_a_moment_that_a_step_left_out_was_never_shown(loop: SimulatedLoop, wall: Wall) -> None:
    _pass(loop, 10)
    shown = _shown_us(wall) + 2_000_000
    wall.step(5)
    _pass(loop, 1)
    assert wall.first_us(shown) is None


def test_a_moment_that_is_yet_to_come_was_never_shown(wall: Wall) -> None:
    assert wall.first_us(_shown_us(wall) + 1_000_000) is None
