"""The IBKR adapter against the simulator as a process of its own, over a real socket.

Goal: both sides were written from the protocol and share no code, so where they agree the
protocol agrees. Method: one simulator for each test, driven through its control port; every
wait is for a fact and bounded. The seed is 1.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import aiohttp
import pytest

from tests.integration.simulator import Controlled, simulated
from tests.unit.ibkr.fake_gateway import CLIENT, HandClock, OpenPacer, approved_order
from trader.core.account import AccountReading, ResultReading
from trader.core.events import (
    CommissionSeen,
    Evidence,
    ExecutionSeen,
    OpenOrderSeen,
    OrderErrorSeen,
    OrderStatusSeen,
)
from trader.core.ids import AccountId, OrderId
from trader.core.instruments import InstrumentSpec
from trader.core.intents import OrderType, Side
from trader.core.quarantine import BrokenMessage
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.settings import BrokerSettings
from trader.ports import (
    BrokerMessage,
    ConnectRefused,
    LinkDown,
    LinkFacts,
    LinkWord,
    QuoteTick,
    SnapshotUnavailable,
    WorldError,
)

AAPL = InstrumentSpec("AAPL", primary_exchange="NASDAQ")
VIX = InstrumentSpec("VIX", sec_type="IND", exchange="CBOE", is_tradeable=False)


class Sim(Controlled):
    """A simulator process, its control port, and a broker that points at it."""

    def __init__(self, announced: dict[str, Any], http: aiohttp.ClientSession) -> None:
        super().__init__(announced, http)
        self.account = AccountId(announced["account"])
        self.settings = BrokerSettings(
            host="127.0.0.1",
            port=self.port,
            client_id=CLIENT,
            heartbeat_deadline_s=0.5,
            snapshot_deadline_s=2.0,
            reconnect_gap_s=0.05,
        )
        self.got: list[BrokerMessage] = []
        self.broker = self.another()

    def another(self, **changes: Any) -> IbkrBroker:
        """Return one more broker with the same sink."""
        return IbkrBroker(
            replace(self.settings, **changes),
            clock=HandClock(),
            pacer=OpenPacer(),
            sink=self.got.append,
        )

    def of_type(self, kind: type) -> list[Any]:
        return [message for message in self.got if isinstance(message, kind)]

    def words(self, axis: str) -> list[tuple[bool, int]]:
        words = [word for word in self.got if isinstance(word, LinkWord)]
        return [(word.is_up, word.code) for word in words if word.axis == axis]

    async def until(self, is_true: Callable[[], bool]) -> None:
        """Wait for what the simulator will say."""
        async with asyncio.timeout(10):
            while not is_true():  # noqa: ASYNC110 - what is waited for is another process
                await asyncio.sleep(0.01)

    async def until_filled(self) -> None:
        """Wait for the order's whole fill and the commission of each of its parts."""
        await self.until(lambda: any(s.status == "Filled" for s in self.of_type(OrderStatusSeen)))
        parts = len(self.of_type(ExecutionSeen))
        await self.until(lambda: len(self.of_type(CommissionSeen)) >= parts)

    async def connected_again(self) -> LinkFacts:
        """Try until the gateway is back."""
        async with asyncio.timeout(10):
            while True:
                try:
                    return await self.broker.connect(OrderId(0))
                except ConnectRefused:
                    await asyncio.sleep(0.05)

    def place(self, order_type: OrderType, side: Side = Side.BUY, number: int = 1) -> OrderId:
        """Place 100 AAPL; a limit or stop is at 190.10."""
        order_id = self.broker.allocate_order_id()
        self.broker.place(
            approved_order(order_id, order_type, side=side, account=self.account, number=number)
        )
        return order_id


@pytest.fixture
async def sim(request: pytest.FixtureRequest) -> AsyncIterator[Sim]:
    options = getattr(request, "param", [])
    async with simulated(Sim, tick_interval_s=0.05, limit_s=20, options=options) as made:
        await made.tell("price", symbol="AAPL", price="190.00")
        await made.broker.connect(OrderId(0))
        yield made
        made.broker.disconnect()


async def test_a_connection_proves_its_account_and_its_upstream(sim: Sim) -> None:
    assert sim.broker.account == sim.account
    await sim.until(lambda: (True, 2104) in sim.words("upstream"))
    assert sim.words("socket") == [(True, 0)]
    answer = await sim.broker.heartbeat()
    assert 0 < answer.round_trip_s < 0.5


async def test_an_idle_account_is_empty_but_whole(sim: Sim) -> None:
    got = await sim.broker.snapshot()
    assert (got.open_orders, got.completed_orders, got.executions, got.positions) == (
        (),
        (),
        (),
        (),
    )
    assert got.cash["USD"] == got.net_liquidation
    assert sim.words("read_only") == [(True, 0)]
    assert sim.of_type(BrokenMessage) == []


async def test_instruments_are_found_and_quoted(sim: Sim) -> None:
    apple, vix = await sim.broker.resolve(AAPL), await sim.broker.resolve(VIX)
    assert (apple.con_id, apple.tick_at(Decimal(190))) == (265598, Decimal("0.01"))
    with pytest.raises(WorldError):
        await sim.broker.resolve(InstrumentSpec("NOSUCH"))
    await sim.broker.subscribe(apple)
    await sim.broker.subscribe(vix)

    def fields(con_id: int) -> set[str]:
        ticks = sim.of_type(QuoteTick)
        return {tick.field for tick in ticks if tick.con_id == con_id and tick.value is not None}

    wanted = {"bid", "ask", "bid_size", "ask_size", "data_type"}
    await sim.until(lambda: wanted <= fields(apple.con_id) and "last" in fields(vix.con_id))


async def test_a_market_order_fills_and_the_next_snapshot_tells_the_same(sim: Sim) -> None:
    order_id = sim.place(OrderType.MARKET)
    await sim.until_filled()
    executions = [seen.execution for seen in sim.of_type(ExecutionSeen)]
    assert {row.order_id for row in executions} == {order_id}
    assert sum(row.quantity for row in executions) == 100
    got = await sim.broker.snapshot()
    assert {row.exec_id for row in got.executions} == {row.exec_id for row in executions}
    assert set(got.executions) == set(executions)
    assert set(got.commissions) == {seen.commission for seen in sim.of_type(CommissionSeen)}
    assert got.position_of(executions[0].con_id) == 100
    assert [row.status for row in got.completed_orders] == ["Filled"]
    assert got.completed_orders[0].filled == 100
    cash = Decimal(1_000_000) + sum((row.cash_change for row in got.executions), Decimal(0))
    assert got.cash["USD"] == cash - sum((row.amount for row in got.commissions), Decimal(0))
    assert sim.of_type(BrokenMessage) == []


async def test_a_resting_order_is_echoed_listed_and_cancelled(sim: Sim) -> None:
    await sim.tell("price", symbol="AAPL", price="200")
    order_id = sim.place(OrderType.LIMIT)
    await sim.until(lambda: any(s.status == "Submitted" for s in sim.of_type(OpenOrderSeen)))
    rows = (await sim.broker.snapshot()).open_orders
    assert [(row.order_id, row.client_id) for row in rows] == [(order_id, CLIENT)]
    assert (rows[0].limit_price, rows[0].quantity) == (Decimal("190.10"), Decimal(100))
    assert rows[0].perm_id > 0
    sim.broker.cancel(order_id)
    await sim.until(lambda: bool(sim.of_type(OrderErrorSeen)))
    assert sim.of_type(OrderErrorSeen)[0].evidence is Evidence.CONFIRMS_CANCEL
    assert sim.of_type(OrderStatusSeen)[-1].status == "Cancelled"
    sim.broker.cancel(order_id)
    await sim.until(lambda: len(sim.of_type(OrderErrorSeen)) == 2)
    assert sim.of_type(OrderErrorSeen)[1].evidence is Evidence.REFUSES_CANCEL
    assert (await sim.broker.snapshot()).open_orders == ()


async def test_a_stop_is_echoed_with_its_stop_price(sim: Sim) -> None:
    sim.place(OrderType.STOP)
    await sim.until(lambda: bool(sim.of_type(OpenOrderSeen)))
    row = (await sim.broker.snapshot()).open_orders[0]
    assert (row.order_type, row.stop_price, row.limit_price) == ("STP", Decimal("190.10"), None)


async def test_an_order_id_that_was_used_is_unclear_evidence(sim: Sim) -> None:
    order_id = sim.place(OrderType.MARKET)
    await sim.until_filled()
    sim.broker.place(approved_order(order_id, account=sim.account, number=2))
    await sim.until(lambda: bool(sim.of_type(OrderErrorSeen)))
    error = sim.of_type(OrderErrorSeen)[0]
    assert (error.code, error.evidence) == (103, Evidence.UNCLEAR)


@pytest.mark.parametrize("sim", [["--read-only"]], indirect=True)
async def test_a_read_only_api_is_told_by_the_first_order_at_the_latest(sim: Sim) -> None:
    sim.place(OrderType.MARKET)
    await sim.until(lambda: bool(sim.of_type(OrderErrorSeen)))
    assert sim.of_type(OrderErrorSeen)[0].evidence is Evidence.REJECTS_NEW
    assert sim.words("read_only") == [(False, 321)]
    with pytest.raises(SnapshotUnavailable, match="Read-Only"):
        await sim.broker.snapshot()


async def test_a_client_id_in_use_is_refused_at_once(sim: Sim) -> None:
    async with asyncio.timeout(2):
        with pytest.raises(ConnectRefused) as caught:
            await sim.another().connect(OrderId(0))
    assert caught.value.phase == "client id"
    assert sim.broker.is_connected


async def test_orders_of_another_client_are_seen_and_not_ours(sim: Sim) -> None:
    await sim.tell("price", symbol="AAPL", price="200")
    sim.place(OrderType.LIMIT)
    await sim.until(lambda: bool(sim.of_type(OpenOrderSeen)))
    other = sim.another(client_id=CLIENT + 1)
    await other.connect(OrderId(0))
    rows = (await other.snapshot()).open_orders
    assert len(rows) == 1
    assert rows[0].client_id != other.client_id
    other.disconnect()


async def test_a_mute_gateway_is_found_by_the_heartbeat(sim: Sim) -> None:
    await sim.tell("mute", on=True)
    assert sim.broker.is_connected
    with pytest.raises(LinkDown, match="no answer"):
        await sim.broker.heartbeat()
    with pytest.raises(SnapshotUnavailable):
        await sim.broker.snapshot()
    await sim.tell("mute", on=False)


async def test_after_a_restart_with_lower_ids_ours_still_rise(sim: Sim) -> None:
    last = [sim.place(OrderType.MARKET, number=number) for number in (1, 2, 3)][-1]
    await sim.until(lambda: len(sim.of_type(CommissionSeen)) >= 3)
    await sim.tell("restart", down_s=0.2, next_order_id={str(CLIENT): 1})
    await sim.until(lambda: not sim.broker.is_connected)
    assert sim.words("socket")[-1][0] is False
    facts = await sim.connected_again()
    assert facts.next_valid_id == 1
    assert sim.place(OrderType.MARKET, number=4) > last


@pytest.mark.parametrize(("is_lost", "code"), [(True, 1101), (False, 1102)])
async def test_a_lost_upstream_is_told_and_told_again_when_it_is_back(
    sim: Sim, is_lost: bool, code: int
) -> None:
    # The notices of the start are over with this one; later they would tell 2110.
    await sim.until(lambda: (True, 2158) in sim.words("farm"))
    await sim.tell("upstream", up=False, repeat=3)
    await sim.until(lambda: len(sim.words("upstream")) == 4)
    assert sim.broker.is_connected
    await sim.tell("upstream", up=True, data_lost=is_lost)
    await sim.until(lambda: sim.words("upstream")[-1] == (True, code))
    assert sim.words("upstream")[1:] == [(False, 1100)] * 3 + [(True, code)]
    assert (await sim.broker.heartbeat()).round_trip_s > 0


@pytest.mark.parametrize(
    ("held", "part"),
    [
        (53, "open orders"),
        (102, "completed orders"),
        (55, "executions"),
        (62, "positions"),
        (74, "account values"),
    ],
)
async def test_a_snapshot_whose_end_is_withheld_is_none_and_its_late_end_harms_nothing(
    sim: Sim, held: int, part: str
) -> None:
    sim.place(OrderType.MARKET)
    await sim.until_filled()
    await sim.tell("hold", message_ids=[held], on=True)
    with pytest.raises(SnapshotUnavailable, match=part):
        await sim.broker.snapshot()
    await sim.tell("hold", message_ids=[held], on=False)
    got = await sim.broker.snapshot()
    assert got.position_of(sim.of_type(ExecutionSeen)[0].execution.con_id) == 100


async def test_frames_that_come_three_times_make_the_same_snapshot(sim: Sim) -> None:
    sim.place(OrderType.MARKET)
    await sim.until_filled()
    once = await sim.broker.snapshot()
    await sim.tell("duplicate", times=3)
    again = await sim.broker.snapshot()
    assert set(again.executions) == set(once.executions)
    assert again.positions == once.positions


@pytest.mark.parametrize("how", ["rst", "fin"])
async def test_a_dropped_connection_comes_back_with_everything(sim: Sim, how: str) -> None:
    sim.place(OrderType.MARKET)
    await sim.until_filled()
    await sim.tell("drop", how=how)
    await sim.until(lambda: not sim.broker.is_connected)
    await sim.broker.connect(OrderId(0))
    assert sum(row.quantity for row in (await sim.broker.snapshot()).executions) == 100


async def test_a_correction_is_an_execution_of_its_own_id(sim: Sim) -> None:
    sim.place(OrderType.MARKET)
    await sim.until_filled()
    first = sim.of_type(ExecutionSeen)[0].execution
    await sim.tell("exec-correction", exec_id=first.exec_id, price="189.50", quantity="100")
    await sim.until(lambda: sim.of_type(ExecutionSeen)[-1].execution.price == Decimal("189.50"))
    assert sim.of_type(ExecutionSeen)[-1].execution.exec_id != first.exec_id


async def test_account_values_come_at_once_and_follow_a_fill(sim: Sim) -> None:
    await sim.broker.subscribe_account()
    await sim.until(lambda: bool(sim.of_type(AccountReading)))
    first = sim.of_type(AccountReading)[0]
    assert first.net_liquidation == first.available_funds == Decimal(1_000_000)
    assert (first.currency, first.initial_margin, first.samples) == ("USD", 0, 1)
    assert first.rates == {"USD": 1}
    sim.place(OrderType.MARKET)
    await sim.until_filled()
    await sim.until(lambda: sim.of_type(AccountReading)[-1].initial_margin > 0)
    last = sim.of_type(AccountReading)[-1]
    assert last.available_funds < first.available_funds
    assert last.settled_cash["USD"] <= Decimal(1_000_000)
    assert last.as_of_s > first.as_of_s
    assert sim.of_type(BrokenMessage) == []


async def test_a_snapshot_leaves_the_account_values_running(sim: Sim) -> None:
    await sim.broker.subscribe_account()
    await sim.until(lambda: bool(sim.of_type(AccountReading)))
    await sim.tell("summary-cancel", stops_all=True)
    assert (await sim.broker.snapshot()).net_liquidation == Decimal(1_000_000)
    told = len(sim.of_type(AccountReading))
    sim.place(OrderType.MARKET)
    await sim.until_filled()
    await sim.until(lambda: len(sim.of_type(AccountReading)) > told)
    assert (await sim.broker.snapshot()).cash["USD"] < Decimal(1_000_000)


async def test_the_brokers_result_of_its_day_follows_a_fill(sim: Sim) -> None:
    """CAP-31: a purchase costs its commission, and what it brought is not realised."""
    await sim.broker.subscribe_account()
    await sim.until(lambda: bool(sim.of_type(ResultReading)))
    first = sim.of_type(ResultReading)[0]
    assert (first.daily, first.unrealized, first.realized) == (0, 0, 0)
    sim.place(OrderType.MARKET)
    await sim.until_filled()
    await sim.until(lambda: sim.of_type(ResultReading)[-1].daily not in (0, None))
    last = sim.of_type(ResultReading)[-1]
    assert last.daily == last.unrealized
    assert last.realized == 0
    # Asked for again after a dropped connection.
    await sim.tell("drop", how="rst")
    await sim.until(lambda: not sim.broker.is_connected)
    await sim.connected_again()
    told = len(sim.of_type(ResultReading))
    await sim.broker.subscribe_account()
    await sim.until(lambda: len(sim.of_type(ResultReading)) > told)


@pytest.mark.parametrize("shows", ["unset", "nan", "empty"])
async def test_a_marker_in_place_of_a_value_is_no_money(sim: Sim, shows: str) -> None:
    # INC-105
    await sim.tell("account-value", key="AvailableFunds", shows=shows)
    await sim.broker.subscribe_account()
    await sim.until(lambda: bool(sim.of_type(AccountReading)))
    reading = sim.of_type(AccountReading)[0]
    assert (reading.available_funds, reading.net_liquidation) == (None, Decimal(1_000_000))


async def test_a_list_of_account_values_without_its_end_says_nothing(sim: Sim) -> None:
    # INC-005
    await sim.tell("missing-end", end="account-download", on=True)
    await sim.broker.subscribe_account()
    await sim.broker.snapshot()
    await sim.broker.heartbeat()
    assert sim.of_type(AccountReading) == []
    await sim.tell("missing-end", end="account-download", on=False)
    await sim.broker.subscribe_account()
    await sim.until(lambda: bool(sim.of_type(AccountReading)))


async def test_account_values_are_asked_for_again_after_a_dropped_connection(sim: Sim) -> None:
    await sim.broker.subscribe_account()
    await sim.until(lambda: bool(sim.of_type(AccountReading)))
    await sim.tell("drop", how="rst")
    await sim.until(lambda: not sim.broker.is_connected)
    told = len(sim.of_type(AccountReading))
    await sim.broker.connect(OrderId(0))
    await sim.broker.subscribe_account()
    await sim.until(lambda: len(sim.of_type(AccountReading)) > told)
    assert sim.of_type(AccountReading)[-1].samples == 1


async def test_a_preview_tells_the_margin_and_places_nothing(sim: Sim) -> None:
    # INC-080
    intent = approved_order(account=sim.account).approval.intent
    apple = await sim.broker.resolve(AAPL)
    found = await sim.broker.preview(intent, apple)
    assert 0 < found.initial_margin_after <= Decimal(20_000)
    assert found.equity_with_loan_after == pytest.approx(Decimal(1_000_000), abs=10)
    odd = replace(intent, order_type=OrderType.LIMIT, limit_price=Decimal("190.12345"))
    with pytest.raises(WorldError, match="110"):
        await sim.broker.preview(odd, apple)
    got = await sim.broker.snapshot()
    assert (got.open_orders, got.executions, got.completed_orders) == ((), (), ())
    assert (sim.of_type(OpenOrderSeen), sim.of_type(OrderErrorSeen)) == ([], [])
    assert sim.of_type(BrokenMessage) == []
