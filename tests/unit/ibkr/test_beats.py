"""Answers without a name belong to the oldest question, and none is lost between two callers."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from trader.ibkr.beats import Beats
from trader.ports import LinkDown

T0 = datetime(2026, 3, 2, tzinfo=UTC)


class HandClock:
    """Time in the test's hand."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def monotonic(self) -> float:
        return self.now_s

    def utc(self) -> datetime:
        return T0

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing sleeps here")


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


async def test_an_answer_is_the_oldest_questions(clock: HandClock) -> None:
    beats = Beats(clock)
    beats.asked()
    clock.now_s = 103.0
    beats.asked()
    clock.now_s = 105.0
    beats.answered(T0, 105.0)
    assert (await beats.next()).round_trip_s == 5.0
    clock.now_s = 108.0
    beats.answered(T0, 108.0)
    assert (await beats.next()).round_trip_s == 5.0


async def test_what_nobody_waited_for_is_the_next_callers_once(clock: HandClock) -> None:
    beats = Beats(clock)
    beats.asked()
    beats.answered(T0, 101.0)
    clock.now_s = 104.0
    got = await beats.next()
    assert (got.server_utc, got.round_trip_s) == (T0, 4.0)
    waiting = asyncio.create_task(beats.next())
    await asyncio.sleep(0)
    assert not waiting.done()
    beats.answered(T0 + timedelta(seconds=3), 104.0)
    assert (await waiting).server_utc == T0 + timedelta(seconds=3)


async def test_a_question_that_is_lost_does_not_make_later_ones_look_old(clock: HandClock) -> None:
    beats = Beats(clock)
    beats.asked()
    clock.now_s = 221.0
    beats.asked()
    beats.answered(T0, 221.5)
    clock.now_s = 221.5
    assert (await beats.next()).round_trip_s == 0.5


async def test_a_lost_link_ends_every_wait_and_forgets(clock: HandClock) -> None:
    beats = Beats(clock)
    beats.asked()
    assert beats.is_asked_since(1.0)
    waiting = asyncio.create_task(beats.next())
    await asyncio.sleep(0)
    beats.reset(LinkDown("reset"))
    with pytest.raises(LinkDown, match="reset"):
        await waiting
    assert not beats.is_asked_since(1.0)
    beats.asked()
    clock.now_s = 102.0
    assert not beats.is_asked_since(1.0)
    beats.answered(T0, 102.0)
    assert not beats.is_asked_since(100.0), "it is answered"


async def test_an_answer_that_goes_with_its_link_in_the_same_turn_is_a_lost_link(
    clock: HandClock,
) -> None:
    """Both can lie in the socket when a process that was stopped goes on."""
    beats = Beats(clock)
    beats.asked()
    waiting = asyncio.create_task(beats.next())
    await asyncio.sleep(0)
    beats.answered(T0, 100.0)
    beats.reset(LinkDown("reset"))
    with pytest.raises(LinkDown, match="reset"):
        await waiting
