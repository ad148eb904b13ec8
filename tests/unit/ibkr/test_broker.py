"""The port: orders leave at once or not at all, questions end, ids only rise."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from tests.unit.ibkr.fake_gateway import (
    AAPL,
    EXECUTION,
    Desk,
    approved_bracket,
    approved_order,
    connected,
    contract_details,
    gateway,
    open_order,
)
from trader.core.account import MarginPreview
from trader.core.events import Evidence, ExecutionSeen, OpenOrderSeen, OrderErrorSeen
from trader.core.halts import Lane
from trader.core.ids import UNREAL, AccountId, ClientId, Lineage, OrderId
from trader.core.instruments import InstrumentSpec
from trader.core.intents import OrderType
from trader.core.orders import Order
from trader.core.quarantine import BrokenMessage
from trader.core.risk import ApprovedChange
from trader.ibkr import translate
from trader.ibkr.requests import Kind
from trader.ports import DataProblem, LinkDown, QuoteTick, SendUncertain, Vetoed, WorldError

SPEC = InstrumentSpec("AAPL", primary_exchange="NASDAQ")


# ---- ids


async def test_ids_start_above_the_highest_of_journal_and_broker() -> None:
    async with gateway() as served:
        for proposed, journalled, expected in ((42, 0, 42), (42, 99, 100)):
            start = ["15|1|DU1", f"9|1|{proposed}"]
            served.replies["71"] = partial(lambda start, f: start, start)
            desk = Desk(served.port)
            await desk.broker.connect(OrderId(journalled))
            assert desk.broker.allocate_order_id() == expected
            desk.broker.disconnect()


async def test_a_lower_proposal_after_a_restart_reissues_nothing() -> None:
    async with gateway() as served:
        served.replies["71"] = lambda f: ["15|1|DU1", "9|1|500"]
        desk = Desk(served.port)
        await desk.broker.connect(OrderId(0))
        first = desk.broker.allocate_order_id()
        desk.broker.disconnect()
        served.replies["71"] = lambda f: ["15|1|DU1", "9|1|1"]
        facts = await desk.broker.connect(OrderId(0))
        assert facts.next_valid_id == 1
        assert desk.broker.allocate_order_id() > first
        desk.broker.disconnect()


# ---- orders


async def test_an_order_leaves_in_one_synchronous_call() -> None:
    async with connected() as (served, desk):
        desk.broker.place(approved_order(order_id=12))
        await desk.until(lambda: bool(served.of_kind("3")))
        fields = served.of_kind("3")[0]
        assert len(fields) == 114
        contract = ["265598", "AAPL", "STK", "", "0.0", "", "", "SMART", "", "USD", "", ""]
        assert fields[1:14] == ["12", *contract]
        assert fields[16:24] == ["BUY", "100", "LMT", "190.10", "", "DAY", "", "DU1"]


async def test_an_order_that_is_vetoed_leaves_nothing_on_the_wire() -> None:
    async with connected() as (served, desk):
        asked: list[bool] = []

        def veto(is_reduce_only: bool) -> str | None:
            asked.append(is_reduce_only)
            return "halted by ops" if len(asked) == 1 else None

        desk.broker.veto = veto
        with pytest.raises(Vetoed, match="halted by ops"):
            desk.broker.place(approved_order(order_id=12))
        desk.broker.place(approved_order(order_id=13))
        await desk.until(lambda: bool(served.of_kind("3")))
        assert [fields[1] for fields in served.of_kind("3")] == ["13"]
        assert asked == [False, False]


@pytest.mark.parametrize("tag", UNREAL)
async def test_nothing_of_a_replay_or_shadow_is_written_whatever_the_gates_say(
    tag: Lineage,
) -> None:
    """EVT-20: every gate is open here, and the tag alone keeps it back."""
    async with connected() as (served, desk):
        desk.broker.veto = lambda is_reduce_only: None
        stray = approved_order(order_id=12, lineage=tag)
        with pytest.raises(Vetoed, match=f"nothing of a {tag} is sent"):
            desk.broker.place(stray)
        order = Order(OrderId(12), stray.client_id, stray.order_ref, stray.terms, datetime.now(UTC))
        with pytest.raises(Vetoed, match=f"nothing of a {tag} is sent"):
            desk.broker.modify(ApprovedChange(stray.approval, order, stray.terms))
        with pytest.raises(Vetoed, match="not even to ask"):
            await desk.broker.preview(stray.approval.intent, stray.approval.instrument)
        desk.broker.place(approved_order(order_id=13))
        await desk.until(lambda: bool(served.of_kind("3")))
        assert [fields[1] for fields in served.of_kind("3")] == ["13"]


async def test_a_change_that_is_vetoed_leaves_nothing_on_the_wire() -> None:
    async with connected() as (served, desk):
        served.replies["16"] = lambda f: [open_order(orderId="12"), "53|1"]
        await desk.broker._asked(Kind.OPEN_ORDERS, desk.broker._api.reqAllOpenOrders)
        desk.broker.veto = lambda is_reduce_only: "halted by ops"
        with pytest.raises(Vetoed, match="halted by ops"):
            desk.broker.modify(a_change())
        desk.broker.veto = lambda is_reduce_only: None
        desk.broker.modify(a_change())
        await desk.until(lambda: bool(served.of_kind("3")))
        assert len(served.of_kind("3")) == 1


def a_change(order_id: int = 12) -> ApprovedChange:
    """Return a change of a working order of ours: its terms once more."""
    first = approved_order(order_id=order_id)
    order = Order(
        OrderId(order_id), first.client_id, first.order_ref, first.terms, datetime.now(UTC)
    )
    return ApprovedChange(first.approval, order, first.terms)


async def test_a_change_is_the_order_again_with_the_contract_as_it_was_echoed() -> None:
    """INC-142."""
    async with connected() as (served, desk):
        served.replies["16"] = lambda f: [
            open_order(orderId="12", localSymbol="AAPL.X"), "53|1"
        ]  # fmt: skip
        with pytest.raises(LinkDown, match="not echoed"):
            desk.broker.modify(a_change())
        await desk.broker._asked(Kind.OPEN_ORDERS, desk.broker._api.reqAllOpenOrders)
        desk.broker.modify(a_change())
        await desk.until(lambda: bool(served.of_kind("3")))
        (fields,) = served.of_kind("3")
        assert fields[1:4] == ["12", "265598", "AAPL"]
        assert "AAPL.X" in fields[:14]
        assert fields[16:24] == ["BUY", "100", "LMT", "190.10", "", "DAY", "", "DU1"]


async def test_an_order_takes_no_token_of_its_own() -> None:
    async with connected() as (_, desk):
        desk.broker.place(approved_order())
        desk.broker.cancel(OrderId(5))
        assert desk.pacer.taken == []


async def test_a_cancel_leaves_in_one_synchronous_call() -> None:
    async with connected() as (served, desk):
        desk.broker.cancel(OrderId(5))
        await desk.until(lambda: bool(served.of_kind("4")))
        assert served.of_kind("4") == [["4", "1", "5", ""]]


async def test_nothing_leaves_without_a_link() -> None:
    async with connected() as (served, desk):
        desk.broker.disconnect()
        with pytest.raises(LinkDown):
            desk.broker.place(approved_order())
        with pytest.raises(LinkDown):
            desk.broker.cancel(OrderId(5))
        with pytest.raises(LinkDown):
            await desk.broker.heartbeat()
        with pytest.raises(LinkDown):
            await desk.broker.subscribe(AAPL)
        with pytest.raises(LinkDown):
            await desk.broker.resolve(SPEC)
        await asyncio.sleep(0.02)
        assert {fields[0] for fields in served.received} == {"71"}


async def test_a_failure_while_writing_an_order_is_uncertain_and_of_a_cancel_a_lost_link() -> None:
    async with connected() as (_, desk):

        class Failing:
            def write(self, data: bytes) -> None:
                raise OSError("reset")

            def is_closing(self) -> bool:
                return False

            def get_write_buffer_size(self) -> int:
                return 0

        desk.broker._client._transport = Failing()
        with pytest.raises(SendUncertain):
            desk.broker.place(approved_order())
        with pytest.raises(LinkDown):
            desk.broker.cancel(OrderId(5))


@pytest.mark.parametrize("changes", [{"client_id": ClientId(8)}, {"account": AccountId("DU2")}])
async def test_an_order_of_another_client_or_account_is_our_bug(
    changes: dict[str, Any],
) -> None:
    async with connected() as (served, desk):
        with pytest.raises(AssertionError):
            desk.broker.place(approved_order(**changes))
        assert served.of_kind("3") == []


async def test_what_the_broker_says_of_an_order_reaches_the_sink() -> None:
    async with connected() as (served, desk):
        served.replies["3"] = lambda f: [EXECUTION, f"4|2|{f[1]}|10349|TIF was set to DAY|"]
        desk.broker.place(approved_order(order_type=OrderType.MARKET))
        await desk.until(lambda: len(desk.of_type(OrderErrorSeen)) == 1)
        assert desk.of_type(OrderErrorSeen)[0].evidence is Evidence.INFORMS
        assert len(desk.of_type(ExecutionSeen)) == 1


async def test_executions_that_follow_1100_are_passed_on() -> None:
    async with connected() as (served, desk):
        served.say("4|2|-1|1100|Connectivity between IB and the TWS has been lost.|", EXECUTION)
        await desk.until(lambda: bool(desk.of_type(ExecutionSeen)))
        assert [word.is_up for word in desk.words("upstream")] == [False]


# ---- heartbeat


async def test_a_heartbeat_is_the_decoded_time_of_the_server() -> None:
    async with connected() as (_, desk):
        got = await desk.broker.heartbeat()
        assert got.server_utc == datetime.fromtimestamp(1776094024, UTC)
        assert 0 <= got.round_trip_s < 0.3
        assert desk.pacer.taken == [Lane.DATA]


async def test_two_heartbeats_at_a_time_share_one_question() -> None:
    async with connected() as (served, desk):
        first, second = await asyncio.gather(desk.broker.heartbeat(), desk.broker.heartbeat())
        assert first.server_utc == second.server_utc
        assert len(served.of_kind("49")) == 1


async def test_a_mute_broker_has_no_heartbeat_though_bytes_keep_coming() -> None:
    async with connected() as (served, desk):
        served.silence("49")
        task = asyncio.create_task(desk.broker.heartbeat())
        while not task.done():
            served.say("4|2|-1|2107|HMDS data farm connection is inactive.:ushmds|")
            await asyncio.sleep(0.02)
        with pytest.raises(LinkDown, match="no answer"):
            await task


async def test_a_late_answer_is_the_next_callers_and_as_old_as_its_question() -> None:
    """INC-093: a gateway that takes longer than our patience still answers."""
    async with connected() as (served, desk):
        answer = served.replies.pop("49")
        with pytest.raises(LinkDown, match="no answer"):
            await desk.broker.heartbeat()
        # It comes while nobody waits.
        served.say(*answer(["49", "1"]))
        await desk.until(lambda: (desk.broker.heard_s or 0.0) > 0)
        await asyncio.sleep(0.05)
        got = await desk.broker.heartbeat()
        assert got.server_utc == datetime.fromtimestamp(1776094024, UTC)
        assert got.round_trip_s > 0.25
        served.replies["49"] = lambda f: ["49|1|1776094025", "49|1|1776094026"]
        again = await desk.broker.heartbeat()
        assert again.server_utc == datetime.fromtimestamp(1776094026, UTC)


async def test_a_question_stays_open_for_the_next_caller() -> None:
    async with connected() as (served, desk):
        answer = served.replies.pop("49")
        with pytest.raises(LinkDown, match="no answer"):
            await desk.broker.heartbeat()
        task = asyncio.create_task(desk.broker.heartbeat())
        await asyncio.sleep(0.02)
        served.say(*answer(["49", "1"]))
        got = await task
        assert got.round_trip_s > 0.25, "from the first question on, whoever asked it"


async def test_a_lost_link_ends_the_wait_for_a_heartbeat() -> None:
    async with connected() as (served, desk):
        served.silence("49")
        task = asyncio.create_task(desk.broker.heartbeat())
        await asyncio.sleep(0.02)
        desk.broker.disconnect()
        with pytest.raises(LinkDown, match="disconnected"):
            await task
        assert desk.broker.heard_s is None


async def test_what_means_nothing_is_no_sign_of_life() -> None:
    async with connected() as (served, desk):
        heard_s = desk.broker.heard_s
        assert heard_s is not None
        served.say("49|1|x")
        await desk.until(lambda: bool(desk.of_type(BrokenMessage)))
        assert desk.broker.heard_s == heard_s
        served.say("4|2|-1|2107|HMDS data farm connection is inactive.:ushmds|")
        await desk.until(lambda: desk.broker.heard_s != heard_s)


async def test_our_own_pacing_never_makes_a_good_link_look_dead() -> None:
    async with connected() as (_, desk):
        desk.pacer.is_open = False
        assert (await desk.broker.heartbeat()).round_trip_s >= 0


# ---- instruments


async def test_an_instrument_is_resolved_with_its_price_rule_and_remembered() -> None:
    async with connected() as (served, desk):
        served.replies["9"] = lambda f: [
            contract_details(f[2], exchange="NASDAQ"), contract_details(f[2]), f"52|1|{f[2]}",
        ]  # fmt: skip
        served.replies["91"] = lambda f: [f"93|{f[1]}|2|0|0.0001|1|0.01"]
        got = await desk.broker.resolve(SPEC)
        assert (got.con_id, got.exchange, got.size_increment) == (265598, "SMART", Decimal(1))
        assert got.tick_at(Decimal(100)) == Decimal("0.01")
        assert served.of_kind("91") == [["91", "26"]]
        assert await desk.broker.resolve(SPEC) is got
        assert len(served.of_kind("9")) == 1


async def test_an_instrument_is_described_anew_after_an_hour() -> None:
    async with connected() as (served, desk):
        served.replies["9"] = lambda f: [contract_details(f[2], rules=""), f"52|1|{f[2]}"]
        await desk.broker.resolve(SPEC)
        desk.clock.added_s += 3_500
        await desk.broker.resolve(SPEC)
        assert len(served.of_kind("9")) == 1
        desk.clock.added_s += 101
        await desk.broker.resolve(SPEC)
        assert len(served.of_kind("9")) == 2


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 1),
        ({"liquid": ""}, 0),
        ({"zone": "Nowhere/City"}, None),
        ({"trading": "20260406:16-9"}, None),
        ({"trading": ""}, None),
    ],
)
async def test_an_instrument_comes_with_its_hours_or_without(
    changes: dict[str, str], count: int | None
) -> None:
    told = {"trading": "20260406:0400-20260406:2000", "liquid": "20260406:0930-20260406:1600"}
    async with connected() as (served, desk):
        served.replies["9"] = lambda f: [
            contract_details(f[2], rules="", **told | changes), f"52|1|{f[2]}",
        ]  # fmt: skip
        hours = (await desk.broker.resolve(SPEC)).hours
        assert (None if hours is None else len(hours.regular)) == count
        if count:
            assert hours is not None
            assert f"{hours.regular[0].start_utc:%H:%M}" == "13:30"


async def test_an_instrument_that_is_told_twice_is_one() -> None:
    async with connected() as (served, desk):
        row = contract_details
        served.replies["9"] = lambda f: [row(f[2], rules=""), row(f[2], rules=""), f"52|1|{f[2]}"]
        assert (await desk.broker.resolve(SPEC)).con_id == 265598


async def test_an_instrument_is_looked_up_anew_in_each_session() -> None:
    async with connected() as (served, desk):
        served.replies["9"] = lambda f: [contract_details(f[2], rules=""), f"52|1|{f[2]}"]
        await desk.broker.resolve(SPEC)
        await desk.broker.connect(OrderId(0))
        await desk.broker.resolve(SPEC)
        assert len(served.of_kind("9")) == 2


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([], "0 matches"),
        ([{"primary": "NYSE"}], "0 matches among .*NYSE"),
        ([{}, {"conId": "7"}], "2 matches"),
        ([{"rules": "x,y"}], "invalid literal"),
        ([{"minTick": "0", "rules": ""}], "increments"),
    ],
)
async def test_anything_but_exactly_one_match_is_an_error_that_names_what_came(
    rows: list[dict[str, str]], message: str
) -> None:
    async with connected() as (served, desk):
        served.replies["9"] = lambda f: [
            *[contract_details(f[2], **row) for row in rows], f"52|1|{f[2]}",
        ]  # fmt: skip
        with pytest.raises(WorldError, match=message):
            await desk.broker.resolve(SPEC)


async def test_an_instrument_that_does_not_exist_is_refused_by_the_brokers_error() -> None:
    async with connected() as (served, desk):
        served.replies["9"] = lambda f: [f"4|2|{f[2]}|200|No security definition|"]
        with pytest.raises(WorldError, match="200"):
            await desk.broker.resolve(SPEC)


@pytest.mark.parametrize("silent", ["9", "91"])
async def test_a_question_about_an_instrument_that_is_never_answered_ends(silent: str) -> None:
    async with connected() as (served, desk):
        served.replies["9"] = lambda f: [contract_details(f[2]), f"52|1|{f[2]}"]
        served.replies["91"] = lambda f: [f"93|{f[1]}|1|0|0.01"]
        served.silence(silent)
        with pytest.raises(WorldError, match="AAPL"):
            await desk.broker.resolve(SPEC)


# ---- quotes


async def test_a_subscription_asks_for_live_data_once_and_its_ticks_reach_the_sink() -> None:
    async with connected() as (served, desk):
        served.replies["1"] = lambda f: [f"58|1|{f[2]}|1", f"1|6|{f[2]}|1|190.10|300|0"]
        await desk.broker.subscribe(AAPL)
        await desk.until(lambda: len(desk.of_type(QuoteTick)) == 3)
        await desk.broker.subscribe(AAPL)
        await desk.until(lambda: len(desk.of_type(QuoteTick)) == 6)
        assert served.of_kind("59") == [["59", "1", "1"]]
        first, second = served.of_kind("1")
        assert first[2] != second[2]
        # The earlier subscription is given up, so that ticks do not come twice.
        assert served.of_kind("2") == [["2", "2", first[2]]]
        assert desk.pacer.taken == [Lane.DATA] * 4


async def test_quotes_in_pence_reach_the_sink_in_pounds() -> None:
    async with connected() as (served, desk):
        served.replies["1"] = lambda f: [f"1|6|{f[2]}|1|19010|300|0"]
        await desk.broker.subscribe(replace(AAPL, price_magnifier=100))
        await desk.until(lambda: bool(desk.of_type(QuoteTick)))
        assert desk.of_type(QuoteTick)[0].value == Decimal("190.10")


async def test_a_subscription_that_fails_is_told_for_its_instrument() -> None:
    async with connected() as (served, desk):
        served.replies["1"] = lambda f: [f"4|2|{f[2]}|10197|competing session|"]
        await desk.broker.subscribe(AAPL)
        await desk.until(lambda: bool(desk.of_type(DataProblem)))
        assert desk.of_type(DataProblem) == [DataProblem(AAPL.con_id, 10197, "competing session")]
        assert desk.of_type(OrderErrorSeen) == []


async def test_after_a_reconnect_old_subscriptions_are_forgotten() -> None:
    async with connected() as (served, desk):
        await desk.broker.subscribe(AAPL)
        await desk.until(lambda: bool(served.of_kind("1")))
        old = served.of_kind("1")[0][2]
        await desk.broker.connect(OrderId(0))
        served.say(f"1|6|{old}|1|190.10|300|0")
        await desk.broker.heartbeat()
        await desk.broker.subscribe(AAPL)
        await desk.until(lambda: len(served.of_kind("1")) == 2)
        assert desk.of_type(QuoteTick) == []
        assert int(served.of_kind("1")[1][2]) > int(old)
        assert len(served.of_kind("59")) == 2


# ---- what-if


def what_if(order_id: str, after: str, equity: str) -> str:
    """Return openOrder of a what-if with the margin and the equity after it."""
    fields = open_order(orderId=order_id).split("|")
    at = fields.index("Submitted")
    fields[at - 1], fields[at] = "1", "PreSubmitted"
    fields[at + 7], fields[at + 9] = after, equity
    return "|".join(fields)


UNSET = "1.7976931348623157E308"
INTENT = approved_order().approval.intent


async def test_a_preview_is_asked_with_what_if_and_answered_by_its_first_numbers() -> None:
    # INC-080: the first answer may have none.
    async with connected() as (served, desk):
        served.replies["3"] = lambda f: [
            what_if(f[1], UNSET, UNSET), what_if(f[1], "1500.50", "90000"),
        ]  # fmt: skip
        found = await desk.broker.preview(INTENT, AAPL)
        assert found == MarginPreview(Decimal("1500.50"), Decimal(90_000))
        (asked,) = served.of_kind("3")
        # Field by field it is the order that it asks about, but for the one that makes it none.
        real = approved_order(order_id=int(asked[1]))
        assert translate.order_out(real).whatIf is False
        desk.broker.place(real)
        await desk.until(lambda: len(served.of_kind("3")) == 2)
        placed = served.of_kind("3")[1]
        pairs = zip(asked, placed, strict=True)
        assert [pair for pair in pairs if pair[0] != pair[1]] == [
            ("", real.order_ref), ("1", "0"),
        ]  # fmt: skip
        await desk.broker.heartbeat()
        assert desk.of_type(OpenOrderSeen) == []


async def test_a_refused_preview_is_an_answer_and_no_orders_error() -> None:
    async with connected() as (served, desk):
        served.replies["3"] = lambda f: [f"4|2|{f[1]}|201|Order rejected|"]
        with pytest.raises(WorldError, match="201"):
            await desk.broker.preview(INTENT, AAPL)
        served.say(f"4|2|{served.of_kind('3')[0][1]}|201|Order rejected again|")
        await desk.broker.heartbeat()
        assert desk.of_type(OrderErrorSeen) == []


async def test_a_preview_that_nobody_answers_leaves_nothing_behind() -> None:
    async with connected() as (served, desk):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await desk.broker.preview(INTENT, AAPL)
        request_id = served.of_kind("3")[0][1]
        served.say(what_if(request_id, "1", "2"), f"4|2|{request_id}|110|late|")
        await desk.broker.heartbeat()
        assert (desk.of_type(OpenOrderSeen), desk.of_type(OrderErrorSeen)) == ([], [])
        assert (await desk.broker.snapshot()).open_orders == ()
        assert int(request_id) < desk.broker.allocate_order_id()


async def test_a_preview_ends_with_the_link() -> None:
    async with connected() as (_, desk):
        asked = asyncio.ensure_future(desk.broker.preview(INTENT, AAPL))
        await asyncio.sleep(0.05)
        desk.broker.disconnect()
        with pytest.raises(LinkDown):
            await asked
        with pytest.raises(LinkDown):
            await desk.broker.preview(INTENT, AAPL)


# ---- brackets


async def test_a_bracket_leaves_in_one_synchronous_call_and_in_order() -> None:
    async with connected() as (served, desk):
        desk.broker.place_bracket(approved_bracket(12))
        await desk.until(lambda: len(served.of_kind("3")) == 3)
        frames = served.of_kind("3")
        assert [fields[1] for fields in frames] == ["12", "13", "14"]
        # ... orderRef, transmit, parentId
        assert [fields[27:29] for fields in frames] == [["0", "0"], ["0", "12"], ["1", "12"]]


async def test_a_bracket_that_is_vetoed_leaves_nothing() -> None:
    async with connected() as (served, desk):
        desk.broker.veto = lambda is_reduce_only: None if is_reduce_only else "halted"
        with pytest.raises(Vetoed):
            desk.broker.place_bracket(approved_bracket(12))
        await desk.broker.heartbeat()
        assert served.of_kind("3") == []


@pytest.mark.parametrize("fault", [1, 2, 3])
async def test_a_bracket_of_which_one_cannot_be_written_leaves_nothing(fault: int) -> None:
    async with connected() as (served, desk):
        orders = list(approved_bracket(12))
        stranger = approved_bracket(12, account=AccountId("DU2"))[fault - 1]
        orders[fault - 1] = stranger
        with pytest.raises(AssertionError, match="another account"):
            desk.broker.place_bracket(tuple(orders))
        await desk.broker.heartbeat()
        assert served.of_kind("3") == []


async def test_a_bracket_in_another_order_is_our_bug() -> None:
    async with connected() as (served, desk):
        entry, profit, stop = approved_bracket(12)
        for orders in ((entry,), (entry, profit), (stop, profit, entry), (approved_order(),) * 3):
            with pytest.raises(AssertionError, match="a bracket of"):
                desk.broker.place_bracket(orders)
        await desk.broker.heartbeat()
        assert served.of_kind("3") == []


async def test_a_bracket_without_a_link_is_not_sent() -> None:
    async with connected() as (_, desk):
        desk.broker.disconnect()
        with pytest.raises(LinkDown):
            desk.broker.place_bracket(approved_bracket(12))
