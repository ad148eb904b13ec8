"""Questions end once, and an answer that comes late is never taken for the next one's."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.ibkr.fake_gateway import HandClock
from trader.ibkr.requests import IdSequence, Kind, Requests
from trader.ports import LinkDown, WorldError


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def requests(clock: HandClock) -> Requests:
    return Requests(clock, late_answer_s=60.0)


async def timed_out(requests: Requests, kind: Kind) -> None:
    """Ask, be sent, and give up without an answer."""
    pending = requests.open(kind)
    pending.is_sent = True
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await requests.answer(pending)


@given(st.lists(st.one_of(st.none(), st.integers(-10, 10**6)), max_size=50))
def test_ids_only_rise_and_stay_above_everything_seen(steps: list[int | None]) -> None:
    ids, given_out, seen = IdSequence(), [0], 0
    for step in steps:
        if step is None:
            given_out.append(ids.take())
            assert given_out[-1] > max(given_out[-2], seen)
        else:
            ids.raise_to(step)
            seen = max(seen, step)


def test_an_absurd_id_does_not_use_the_ids_up() -> None:
    ids = IdSequence()
    ids.raise_to(2**63)
    assert ids.take() == 1


async def test_an_answer_is_its_rows_once_the_end_marker_came(requests: Requests) -> None:
    pending = requests.open(4)
    requests.add(4, "a")
    requests.add(5, "of another request")
    assert requests.finish(4)
    assert await requests.answer(pending) == ["a"]
    assert not requests.finish(4)


async def test_two_waiters_share_one_answer_and_one_may_leave_early(requests: Requests) -> None:
    pending = requests.open(Kind.OPEN_ORDERS)
    first = asyncio.create_task(requests.answer(pending))
    second = asyncio.create_task(requests.answer(pending))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    requests.add(Kind.OPEN_ORDERS, 1)
    requests.finish(Kind.OPEN_ORDERS)
    assert await second == [1]
    assert first.cancelled()


async def test_a_late_end_marker_does_not_end_the_next_request(requests: Requests) -> None:
    await timed_out(requests, Kind.POSITIONS)
    pending = requests.open(Kind.POSITIONS)
    requests.add(Kind.POSITIONS, "row of the late answer")
    assert not requests.finish(Kind.POSITIONS)
    assert not pending.future.done()
    requests.add(Kind.POSITIONS, "row")
    assert requests.finish(Kind.POSITIONS)
    assert await requests.answer(pending) == ["row"]


async def test_a_late_end_marker_before_the_next_request_is_used_up_by_the_old_one(
    requests: Requests,
) -> None:
    await timed_out(requests, Kind.POSITIONS)
    assert not requests.finish(Kind.POSITIONS)
    pending = requests.open(Kind.POSITIONS)
    assert requests.finish(Kind.POSITIONS)
    assert await requests.answer(pending) == []


async def test_an_end_marker_that_never_came_is_not_awaited_for_ever(
    requests: Requests, clock: HandClock
) -> None:
    await timed_out(requests, Kind.POSITIONS)
    clock.added_s = 61.0
    pending = requests.open(Kind.POSITIONS)
    assert requests.finish(Kind.POSITIONS)
    assert await requests.answer(pending) == []


async def test_a_request_that_was_never_sent_owes_no_end_marker(requests: Requests) -> None:
    requests.abandon(requests.open(Kind.POSITIONS))
    requests.open(Kind.POSITIONS)
    assert requests.finish(Kind.POSITIONS)


async def test_a_late_answer_with_an_id_is_dropped_by_its_id(requests: Requests) -> None:
    requests.abandon(requests.open(4))
    requests.add(4, "late")
    assert not requests.finish(4)
    assert requests.is_request(4)
    assert not requests.is_request(5)


async def test_the_loss_of_the_link_ends_every_question(requests: Requests) -> None:
    awaited, unawaited = requests.open(4), requests.open(Kind.POSITIONS)
    waiter = asyncio.create_task(requests.answer(awaited))
    await asyncio.sleep(0)
    requests.fail_all(LinkDown("gone"))
    with pytest.raises(LinkDown, match="gone"):
        await waiter
    # Also the one that nobody had begun to wait for, and as an error, not as a cancellation.
    with pytest.raises(LinkDown, match="gone"):
        await requests.answer(unawaited)


async def test_nothing_is_owed_after_the_link_was_lost(requests: Requests) -> None:
    await timed_out(requests, Kind.POSITIONS)
    requests.fail_all(LinkDown("gone"))
    requests.open(Kind.POSITIONS)
    assert requests.finish(Kind.POSITIONS)


async def test_an_error_ends_only_its_own_request(requests: Requests) -> None:
    failing, other = requests.open(4), requests.open(5)
    assert requests.fail(4, WorldError("no"))
    assert not requests.fail(4, WorldError("again"))
    with pytest.raises(WorldError, match="no"):
        await requests.answer(failing)
    assert not other.future.done()


async def test_turns_of_one_kind_are_taken_one_after_the_other(requests: Requests) -> None:
    order: list[str] = []

    async def ask(name: str) -> None:
        async with requests.turn("rule"):
            order.append(f"{name} in")
            await asyncio.sleep(0)
            order.append(f"{name} out")

    await asyncio.gather(ask("a"), ask("b"))
    assert order == ["a in", "a out", "b in", "b out"]


async def test_one_lost_answer_does_not_cost_every_later_one(
    requests: Requests, clock: HandClock
) -> None:
    # Each question gave its end marker to the lost one, timed out, and was owed one itself: on
    # this connection no snapshot would ever be complete again.
    await timed_out(requests, Kind.POSITIONS)
    for _ in range(3):
        clock.added_s += 25
        pending = requests.open(Kind.POSITIONS)
        pending.is_sent = True
        if requests.finish(Kind.POSITIONS):
            return
        requests.abandon(pending)
    pytest.fail("nothing was ever answered again")
