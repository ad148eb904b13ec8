"""History is asked for as the broker demands, in its turn, and ends: with bars or with a reason.

The gateway's answers are canned frames over a real socket.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.unit.ibkr.fake_gateway import AAPL, approved_order, connected
from trader.core.bars import BarSource
from trader.core.halts import Lane
from trader.core.history_pacing import HistoryTrouble
from trader.core.ids import ConId
from trader.core.quarantine import BrokenMessage
from trader.ports import HistoryRefused, LinkDown, WorldError

# Long ago: every bar has ended.
FIRST_S = 1_775_482_200
ASK, CANCEL, ANSWER = "20", "25", "17"


def answer(
    count: int, *, first_s: int = FIRST_S, size_s: int = 60
) -> Callable[[list[str]], list[str]]:
    """Return what answers a question with so many flat bars."""

    def reply(fields: list[str]) -> list[str]:
        rows = [
            f"{first_s + n * size_s}|{10 + n}|{10 + n}|{10 + n}|{10 + n}|-1|-1|-1"
            for n in range(count)
        ]
        return ["|".join((ANSWER, fields[1], "from", "until", str(count), *rows))]

    return reply


def refusal(code: int, text: str) -> Callable[[list[str]], list[str]]:
    """Return what answers a question with an error."""
    return lambda fields: [f"4|2|{fields[1]}|{code}|{text}|"]


async def test_the_last_bars_come_oldest_first_with_their_label() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = answer(5)
        found = await desk.broker.history(AAPL, 60, 3)

        assert [bar.close for bar in found] == [12, 13, 14]
        assert found[0].start_utc == datetime.fromtimestamp(FIRST_S + 120, UTC)
        assert {bar.source for bar in found} == {BarSource.HISTORY}
        (sent,) = served.of_kind(ASK)
        # conId and what follows; then: expired, end, size, duration, useRTH, show, format, keep.
        assert sent[2] == "265598"
        assert sent[14:22] == ["0", "", "1 min", "240 S", "0", "MIDPOINT", "2", "0"]
        assert desk.pacer.taken[-1] is Lane.DATA


async def test_an_index_has_values_and_no_middle() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = answer(3, size_s=5)
        await desk.broker.history(replace(AAPL, sec_type="IND", exchange="CBOE"), 5, 2)

        (sent,) = served.of_kind(ASK)
        assert sent[16:20] == ["5 secs", "60 S", "0", "TRADES"]


async def test_where_the_last_hours_have_too_few_the_days_before_are_asked_for() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = lambda f: answer(2 if f[17][-1] == "S" else 9, size_s=300)(f)
        found = await desk.broker.history(AAPL, 300, 8)

        assert [fields[17] for fields in served.of_kind(ASK)] == ["2700 S", "5 D"]
        assert len(found) == 8


async def test_no_data_in_the_last_hours_is_no_end_of_it() -> None:
    async with connected() as (served, desk):
        no_data = refusal(162, "HMDS query returned no data: AAPL")
        served.replies[ASK] = lambda f: no_data(f) if f[17].endswith("S") else answer(9)(f)

        assert len(await desk.broker.history(AAPL, 60, 5)) == 5


async def test_bars_of_seconds_are_asked_for_once_only() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = answer(2, size_s=5)

        assert len(await desk.broker.history(AAPL, 5, 100)) == 2
        assert len(served.of_kind(ASK)) == 1


@pytest.mark.parametrize(
    ("size_s", "count", "durations"),
    [
        (5, 1, ["60 S"]), (5, 720, ["3600 S"]), (30, 720, ["21630 S"]), (60, 1439, ["86400 S"]),
        (180, 720, ["3 D"]), (1800, 720, ["30 D"]), (60, 60, ["3660 S", "1 D"]),
    ],
)  # fmt: skip
async def test_how_far_back_is_asked_for(size_s: int, count: int, durations: list[str]) -> None:
    """What IBKR takes: seconds up to a day, an hour at most of the smallest bars."""
    async with connected() as (served, desk):
        served.replies[ASK] = answer(1 if len(durations) > 1 else count, size_s=size_s)
        await desk.broker.history(AAPL, size_s, count)

        assert [fields[17] for fields in served.of_kind(ASK)] == durations


async def test_a_bar_under_way_is_none_yet() -> None:
    async with connected() as (served, desk):
        begun_s = int(desk.clock.utc().timestamp()) // 60 * 60
        served.replies[ASK] = answer(3, first_s=begun_s - 120)
        found = await desk.broker.history(AAPL, 60, 2)

        ended = {
            datetime.fromtimestamp(begun_s - 120, UTC),
            datetime.fromtimestamp(begun_s - 60, UTC),
        }
        # The one before has just ended, and may still change for two seconds.
        assert {bar.start_utc for bar in found} <= ended
        assert found[0].start_utc == min(ended)


async def test_a_row_that_comes_twice_is_one_bar_and_rows_in_disorder_are_put_in_order() -> None:
    async with connected() as (served, desk):
        rows = [
            f"{FIRST_S + at}|{n}|{n}|{n}|{n}|-1|-1|-1"
            for n, at in ((3, 120), (1, 0), (2, 60), (4, 60))
        ]
        served.replies[ASK] = lambda f: ["|".join((ANSWER, f[1], "", "", "4", *rows))]
        found = await desk.broker.history(AAPL, 60, 3)

        assert [bar.close for bar in found] == [1, 4, 3]


async def test_pence_are_pounds() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = answer(1)
        (bar,) = await desk.broker.history(replace(AAPL, price_magnifier=100), 60, 1)

        assert bar.close == Decimal("0.1")


@pytest.mark.parametrize(
    ("code", "text", "trouble"),
    [
        (162, "Historical data request pacing violation", HistoryTrouble.PACING),
        (200, "No security definition has been found", HistoryTrouble.NO_CONTRACT),
        (354, "Requested market data is not subscribed", HistoryTrouble.NO_PERMISSION),
    ],
)
async def test_a_refusal_says_why(code: int, text: str, trouble: HistoryTrouble) -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = refusal(code, text)
        with pytest.raises(HistoryRefused, match=text) as caught:
            await desk.broker.history(AAPL, 60, 5)

        assert caught.value.trouble is trouble
        # It is about no order.
        assert not [one for one in desk.got if "Order" in type(one).__name__]


async def test_an_answer_that_never_ends_is_given_up_and_taken_back() -> None:
    async with connected(history_deadline_s=0.1) as (served, desk):
        with pytest.raises(HistoryRefused, match="no answer within") as caught:
            await desk.broker.history(AAPL, 60, 5)

        assert caught.value.trouble is HistoryTrouble.UNAVAILABLE
        await desk.until(lambda: len(served.of_kind(CANCEL)) == 1)
        request_id = served.of_kind(ASK)[0][1]
        assert served.of_kind(CANCEL) == [[CANCEL, "1", request_id]]
        # What comes late, the answer or the word about the cancel, is for nobody.
        served.say(answer(1)([ASK, request_id])[0], f"4|2|{request_id}|162|query cancelled: 9|")
        await desk.broker.heartbeat()
        assert not [one for one in desk.got if "Order" in type(one).__name__]


async def test_an_answer_cut_off_is_that_questions_trouble_alone() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = lambda f: [answer(3)(f)[0].rpartition("|")[0]]
        with pytest.raises(HistoryRefused, match="fields for 3 rows"):
            await desk.broker.history(AAPL, 60, 3)

        assert desk.of_type(BrokenMessage) == []


async def test_a_moment_that_cannot_be_read_makes_no_bar() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = lambda f: [answer(1)(f)[0].replace(str(FIRST_S), "20260406")]
        with pytest.raises(HistoryRefused, match="20260406"):
            await desk.broker.history(AAPL, 60, 1)


async def test_a_lost_link_ends_the_question() -> None:
    async with connected() as (served, desk):
        question = asyncio.create_task(desk.broker.history(AAPL, 60, 5))
        await desk.until(lambda: bool(served.of_kind(ASK)))
        desk.broker.disconnect()
        with pytest.raises(LinkDown):
            await question


async def test_without_room_for_data_nothing_is_sent() -> None:
    async with connected() as (served, desk):
        desk.pacer.is_open = False
        with pytest.raises(WorldError, match="no room"):
            await desk.broker.history(AAPL, 60, 5)

        assert served.of_kind(ASK) == []


async def test_the_same_question_waits_for_its_turn_and_does_not_fail() -> None:
    async with connected() as (served, desk):
        served.replies[ASK] = answer(3)
        await desk.broker.history(AAPL, 60, 3)
        second = asyncio.create_task(desk.broker.history(AAPL, 60, 3))
        await desk.until(lambda: max(desk.clock.slept, default=0.0) > 15)
        assert len(served.of_kind(ASK)) == 1
        # An order does not wait behind it.
        desk.broker.place(approved_order(desk.broker.allocate_order_id()))
        await desk.until(lambda: len(served.of_kind("3")) == 1)
        second.cancel()


async def test_few_are_open_at_once() -> None:
    async with connected(history_deadline_s=5.0) as (served, desk):
        tasks = [
            asyncio.create_task(desk.broker.history(replace(AAPL, con_id=ConId(n)), 60, 3))
            for n in range(1, 6)
        ]
        await desk.until(lambda: len(served.of_kind(ASK)) == 3)
        await asyncio.sleep(0.4)
        assert len(served.of_kind(ASK)) == 3
        first = served.of_kind(ASK)[0][1]
        served.say(answer(3)([ASK, first])[0])
        await desk.until(lambda: len(served.of_kind(ASK)) == 4)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
