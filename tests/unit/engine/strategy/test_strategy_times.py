"""Timers come when they are due, once and in order; a session is told when its stage changes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.engine.world import CON, an_instrument
from trader.core.calendar import SessionStage, Standing
from trader.engine.sessions import Sessions
from trader.engine.strategy.strategy_times import SessionTeller, Timers


@given(st.dictionaries(st.text(max_size=3), st.floats(0, 100), max_size=10), st.floats(0, 100))
def test_each_timer_comes_once_when_it_is_due_the_earliest_first(
    due: dict[str, float], now_s: float
) -> None:
    timers = Timers()
    for name, due_s in due.items():
        timers.set(name, due_s)
    first = timers.take_due(now_s)
    assert first == sorted((n for n in due if due[n] <= now_s), key=lambda n: (due[n], n))
    assert timers.take_due(now_s) == []
    assert set(first + timers.take_due(100.0)) == set(due)


def test_the_wait_is_for_the_next_timer_and_never_below_zero() -> None:
    timers = Timers()
    assert timers.wait_s(5.0, 1.0) == 1.0
    timers.set("late", 9.0)
    assert timers.wait_s(5.0, 1.0) == 1.0
    timers.set("soon", 5.25)
    assert timers.wait_s(5.0, 1.0) == 0.25
    assert timers.wait_s(6.0, 1.0) == 0.0


def test_there_is_an_end_to_timers() -> None:
    timers = Timers()
    for number in range(100):
        timers.set(str(number), 1.0)
    timers.set("7", 2.0)
    with pytest.raises(ValueError, match="one too many, allowed are 100"):
        timers.set("more", 1.0)


OPEN = Standing(is_regular=True, is_extended=True, since_open_s=60.0, until_close_s=3_600.0)
SOON = Standing(is_regular=True, is_extended=True, since_open_s=60.0, until_close_s=600.0)


def test_a_session_is_told_when_its_stage_changes_and_looked_at_once_a_second() -> None:
    now: list[Standing | None] = [None]
    sessions = cast(Sessions, cast(Any, SimpleNamespace(told=lambda con_id: now[0])))
    teller, instruments = SessionTeller(sessions, 900.0), [an_instrument()]
    (told,) = teller.changes(instruments, 10.0)
    assert (told.con_id, told.stage, told.until_close_s) == (CON, SessionStage.UNKNOWN, None)
    now[0] = OPEN
    assert list(teller.changes(instruments, 10.5)) == []
    (told,) = teller.changes(instruments, 11.0)
    assert (told.stage, told.until_close_s) == (SessionStage.OPEN, 3_600.0)
    assert list(teller.changes(instruments, 12.0)) == []
    now[0] = SOON
    (told,) = teller.changes(instruments, 13.0)
    assert told.stage is SessionStage.CLOSING
