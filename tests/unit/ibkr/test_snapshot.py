"""A snapshot is whole or it is not: every part ended, and nothing in it was unreadable."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from tests.unit.ibkr.fake_gateway import (
    EXECUTION,
    completed_order,
    connected,
    open_order,
)
from trader.core.events import CommissionSeen, ExecutionSeen, OpenOrderSeen
from trader.core.ids import AccountId
from trader.core.quarantine import BrokenMessage
from trader.ports import LinkDown, SnapshotUnavailable

POSITION = "61|3|{account}|265598|AAPL|STK||0.0|||SMART|USD|AAPL|NMS|{quantity}|190.1"


def executions(*rows: str, after: tuple[str, ...] = ()) -> Callable[[list[str]], list[str]]:
    """Answer reqExecutions with rows under the asked id, then commissions, then the end."""

    def reply(fields: list[str]) -> list[str]:
        asked = [row.replace("11|-1|", f"11|{fields[2]}|", 1) for row in rows]
        return [*asked, *after, f"55|1|{fields[2]}"]

    return reply


async def test_a_snapshot_holds_all_parts_of_our_account() -> None:
    async with connected() as (served, desk):
        served.replies["16"] = lambda f: [open_order(), open_order(account="DU2"), "53|1"]
        served.replies["99"] = lambda f: [completed_order(), completed_order(account="DU2"), "102"]
        served.replies["7"] = executions(
            EXECUTION,
            EXECUTION.replace("|DU1|", "|DU2|").replace("e0d5", "ffff"),
            after=(
                "59|1|0000e0d5.67fe667b.01.01|1.0046|USD|0|0|",
                "59|1|0000ffff.67fe667b.01.01|1|USD|0|0|",
            ),
        )
        served.replies["61"] = lambda f: [
            POSITION.format(account="DU1", quantity=100),
            POSITION.format(account="DU2", quantity=7),
            "62|1",
        ]
        got = await desk.broker.snapshot()
        assert [row.order_ref for row in got.open_orders] == ["ref"]
        assert [(row.perm_id, row.filled) for row in got.completed_orders] == [
            (900001, Decimal(100))
        ]
        assert [row.exec_id for row in got.executions] == ["0000e0d5.67fe667b.01.01"]
        assert [row.amount for row in got.commissions] == [Decimal("1.0046")]
        assert [(row.con_id, row.quantity) for row in got.positions] == [(265598, Decimal(100))]
        assert got.cash == {"USD": Decimal("1000.50")}
        assert got.net_liquidation == 2000
        assert got.account == "DU1"
        # The subscriptions behind two of the parts are ended.
        await desk.until(lambda: bool(served.of_kind("64") and served.of_kind("77")))
        # What may be live reached the sink as well; the asked-for execution did not.
        assert [seen.perm_id for seen in desk.of_type(OpenOrderSeen)] == [900001]
        assert desk.of_type(ExecutionSeen) == []
        assert len(desk.of_type(CommissionSeen)) == 1


async def test_the_questions_are_asked_of_our_account_and_of_all_clients() -> None:
    async with connected() as (served, desk):
        await desk.broker.snapshot()
        assert served.of_kind("16") == [["16", "1"]]
        assert served.of_kind("99") == [["99", "0"]]
        assert served.of_kind("7")[0][3:5] == ["0", "DU1"]
        assert served.of_kind("76")[0][3:] == ["DU1", "", "0"]


@pytest.mark.parametrize(
    ("message", "part"),
    [
        ("16", "open orders"),
        ("99", "completed orders"),
        ("7", "executions"),
        ("61", "positions"),
        ("76", "account values"),
    ],
)
async def test_a_part_without_its_end_marker_means_no_snapshot_and_is_named(
    message: str, part: str
) -> None:
    async with connected() as (served, desk):
        served.silence(message)
        with pytest.raises(SnapshotUnavailable, match=part):
            await desk.broker.snapshot()
        # Account values would go on coming; positions may still owe their end marker.
        await desk.until(lambda: bool(served.of_kind("77")))
        assert served.of_kind("64") == []


async def test_a_snapshot_works_again_after_one_that_failed_and_its_late_marker() -> None:
    async with connected() as (served, desk):
        answer = served.replies.pop("61")
        with pytest.raises(SnapshotUnavailable):
            await desk.broker.snapshot()
        # The late answer arrives in the middle of the next one; its rows must not count.
        late = [POSITION.format(account="DU1", quantity=999), "62|1"]
        served.replies["61"] = lambda f: [*late, *answer(f)]
        assert (await desk.broker.snapshot()).positions == ()


async def test_a_row_that_cannot_be_read_spoils_the_snapshot_and_is_reported() -> None:
    async with connected() as (served, desk):
        broken = POSITION.format(account="DU1", quantity="many")
        served.replies["61"] = lambda f: [broken, "62|1"]
        with pytest.raises(SnapshotUnavailable, match="could not be decoded"):
            await desk.broker.snapshot()
        assert [message.message_id for message in desk.of_type(BrokenMessage)] == [61]


async def test_a_live_execution_during_a_snapshot_goes_to_the_sink_and_not_into_it() -> None:
    async with connected() as (served, desk):
        served.replies["7"] = lambda f: [EXECUTION, f"55|1|{f[2]}"]
        got = await desk.broker.snapshot()
        assert got.executions == ()
        assert len(desk.of_type(ExecutionSeen)) == 1


async def test_a_list_of_executions_is_asked_for_alone_and_its_commissions_go_to_the_sink() -> None:
    async with connected() as (served, desk):
        commission = "59|1|0000e0d5.67fe667b.01.01|1.0046|USD|0|0|"
        served.replies["7"] = executions(EXECUTION, EXECUTION, after=(commission,))
        got = await desk.broker.executions()
        assert [row.exec_id for row in got.executions] == ["0000e0d5.67fe667b.01.01"]
        assert got.account == "DU1"
        assert got.window_utc == (await desk.broker.snapshot()).window_utc
        assert desk.of_type(ExecutionSeen) == []
        assert len(desk.of_type(CommissionSeen)) == 2
        assert len(served.of_kind("7")) == 2


async def test_a_list_of_executions_without_its_end_or_with_a_broken_row_is_none() -> None:
    async with connected() as (served, desk):
        served.silence("7")
        with pytest.raises(SnapshotUnavailable, match="executions: no end"):
            await desk.broker.executions()
    async with connected() as (served, desk):
        served.replies["7"] = executions(EXECUTION.replace("|100|", "|many|", 1))
        with pytest.raises(SnapshotUnavailable, match="could not be decoded"):
            await desk.broker.executions()
    async with connected() as (served, desk):
        desk.broker.disconnect()
        with pytest.raises(SnapshotUnavailable, match="executions: not connected"):
            await desk.broker.executions()


async def test_the_last_word_on_an_order_counts_and_two_perm_ids_are_two_orders() -> None:
    async with connected() as (served, desk):
        served.replies["16"] = lambda f: [
            open_order(status="PreSubmitted"),
            open_order(permId="900002"),
            open_order(status="Submitted"),
            "53|1",
        ]
        rows = (await desk.broker.snapshot()).open_orders
        assert {(row.perm_id, row.status) for row in rows} == {
            (900001, "Submitted"),
            (900002, "Submitted"),
        }


async def test_the_last_word_on_a_position_counts() -> None:
    async with connected() as (served, desk):
        rows = [POSITION.format(account="DU1", quantity=quantity) for quantity in (100, 0)]
        served.replies["61"] = lambda f: [*rows, "62|1"]
        assert [row.quantity for row in (await desk.broker.snapshot()).positions] == [0]


async def test_two_snapshots_at_a_time_are_taken_one_after_the_other() -> None:
    async with connected(snapshot_deadline_s=2.0) as (served, desk):
        first, second = await asyncio.gather(desk.broker.snapshot(), desk.broker.snapshot())
        assert first.finished_utc <= second.started_utc
        assert len(served.of_kind("61")) == 2


async def test_the_window_is_the_brokers_day() -> None:
    async with connected(broker_zone="Asia/Tokyo") as (_, desk):
        got = await desk.broker.snapshot()
        local = got.window_utc.astimezone(ZoneInfo("Asia/Tokyo"))
        assert (local.hour, local.minute, local.second, local.microsecond) == (0, 0, 0, 0)
        assert timedelta(seconds=-6) < got.started_utc - got.window_utc < timedelta(hours=25)


async def test_lists_that_midnight_fell_into_reach_back_to_the_new_day_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The gateway may have turned its page before it answered: yesterday proves nothing."""
    midnight = datetime(2026, 3, 3, tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(UTC)
    async with connected(broker_zone="Asia/Tokyo") as (served, desk):
        # The time, and what it is once the executions have been asked for.
        clock = {"now": midnight, "answered": midnight}
        monkeypatch.setattr(desk.clock, "utc", lambda: clock["now"])

        def reply(fields: list[str]) -> list[str]:
            clock["now"] = clock["answered"]
            return [f"55|1|{fields[2]}"]

        async def windows(asked: datetime, answered: datetime) -> set[datetime]:
            clock.update(now=asked, answered=answered)
            alone = (await desk.broker.executions()).window_utc
            clock["now"] = asked
            return {alone, (await desk.broker.snapshot()).window_utc}

        served.replies["7"] = reply
        early, late = midnight - timedelta(minutes=1), midnight - timedelta(seconds=2)
        after = midnight + timedelta(milliseconds=1)
        assert await windows(early, early) == {midnight - timedelta(days=1)}
        assert await windows(late, after) == {midnight}
        assert await windows(late, late) == {midnight}


async def test_unset_account_values_are_left_out() -> None:
    async with connected() as (served, desk):
        served.replies["76"] = lambda f: [
            f"73|1|{f[2]}|DU1||CashBalance|1.7976931348623157E308|USD",
            f"73|1|{f[2]}|DU1||CashBalance|5|EUR",
            f"73|1|{f[2]}|DU1||NetLiquidation|nan|USD",
            f"74|1|{f[2]}",
        ]
        got = await desk.broker.snapshot()
        assert got.cash == {"EUR": 5}
        assert got.net_liquidation is None


async def test_account_values_without_any_balance_are_no_answer() -> None:
    # The end marker came, the rows did not: nothing would be read as "no cash at all".
    async with connected() as (served, desk):
        served.replies["76"] = lambda f: [f"74|1|{f[2]}"]
        with pytest.raises(SnapshotUnavailable, match="no cash balance"):
            await desk.broker.snapshot()


async def test_account_values_of_a_server_that_is_being_reset_are_no_answer() -> None:
    async with connected() as (served, desk):
        for word, is_told in (("false", False), ("true", True)):
            served.replies["76"] = lambda f, word=word: [  # type: ignore[misc]
                f"73|1|{f[2]}|DU1||AccountReady|{word}|",
                f"73|1|{f[2]}|DU1||CashBalance|0|USD",
                f"74|1|{f[2]}",
            ]
            if is_told:
                assert (await desk.broker.snapshot()).cash == {"USD": 0}
            else:
                with pytest.raises(SnapshotUnavailable, match="not ready"):
                    await desk.broker.snapshot()


async def test_there_is_no_snapshot_without_a_link_or_while_it_is_lost() -> None:
    async with connected(snapshot_deadline_s=30.0) as (served, desk):
        served.silence("61")
        waiting = asyncio.create_task(desk.broker.snapshot())
        await desk.until(lambda: bool(served.of_kind("61")))
        desk.broker.disconnect()
        with pytest.raises(SnapshotUnavailable) as caught:
            await waiting
        assert isinstance(caught.value.__cause__, LinkDown)
        with pytest.raises(SnapshotUnavailable, match="not connected"):
            await desk.broker.snapshot()


async def test_a_read_only_api_refuses_the_snapshot_at_once_and_says_why() -> None:
    text = (
        "Error validating request.-'bO' : cause - The API interface is currently in Read-Only mode."
    )
    async with connected(snapshot_deadline_s=30.0) as (served, desk):
        served.replies["16"] = lambda f: [f"4|2|-1|321|{text}|"]
        async with asyncio.timeout(2):
            with pytest.raises(SnapshotUnavailable, match="Read-Only"):
                await desk.broker.snapshot()
        assert [word.is_up for word in desk.words("read_only")] == [False]


async def test_several_accounts_and_none_configured_means_no_snapshot() -> None:
    async with connected() as (served, desk):
        served.replies["71"] = lambda f: ["15|1|DU1,DU2", "9|1|1"]
        await desk.broker.connect(desk.broker.allocate_order_id())
        with pytest.raises(SnapshotUnavailable, match="account"):
            await desk.broker.snapshot()
    async with connected(account=AccountId("DU1")) as (_, desk):
        assert (await desk.broker.snapshot()).account == "DU1"


async def test_each_question_takes_a_token_and_none_is_sent_without_one() -> None:
    async with connected() as (served, desk):
        await desk.broker.snapshot()
        assert len(desk.pacer.taken) == 5
        desk.pacer.is_open = False
        with pytest.raises(SnapshotUnavailable, match="no room"):
            await desk.broker.snapshot()
        assert len(served.of_kind("16")) == 1
        # A question that was not sent owes nothing: the next answer is taken for what it is.
        desk.pacer.is_open = True
        await desk.broker.snapshot()
