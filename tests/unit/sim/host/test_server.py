"""A real ib_async client over TCP: it connects, sees prices, trades, reconnects."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ib_async import IB, Index, LimitOrder, MarketOrder, Stock, StopOrder

from tests.unit.sim.support import ACCOUNT, write_prices
from trader.sim.host.server import SimServer
from trader.sim.settings import Settings, SettingsError
from trader.sim.wire.frames import encode

AAPL = Stock("AAPL", "SMART", "USD", conId=265598)
WAIT_S = 5.0


async def until(condition: Callable[[], Any]) -> None:
    """Wait for a condition, bounded."""
    async with asyncio.timeout(WAIT_S):
        # The condition belongs to code that knows no event to set for a test.
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.002)


def make(directory: Path, **changes: Any) -> Settings:
    values: dict[str, Any] = {
        "account": ACCOUNT, "seed": 1, "data": directory, "tick_interval_s": 0.01,
        "speed": 600.0, "fill_s": (0.001, 0.01),
    }  # fmt: skip
    return Settings(**(values | changes))


@contextlib.asynccontextmanager
async def serving(directory: Path, **changes: Any) -> AsyncIterator[SimServer]:
    write_prices(directory)
    server = SimServer(make(directory, **changes))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
        # One turn for the transports to say goodbye.
        await asyncio.sleep(0)


@contextlib.asynccontextmanager
async def connected(server: SimServer, client_id: int = 7) -> AsyncIterator[IB]:
    ib = IB()
    await ib.connectAsync("127.0.0.1", server.port, clientId=client_id, raiseSyncErrors=True)
    try:
        yield ib
    finally:
        ib.disconnect()
        await until(lambda: client_id not in server.gateway.clients)


@pytest.mark.parametrize("version", [157, 163, 173, 178])
async def test_the_real_client_connects_and_trades_at_every_version(
    tmp_path: Path, version: int
) -> None:
    async with serving(tmp_path, server_version=version) as server, connected(server) as ib:
        assert ib.client.serverVersion() == version
        assert ib.managedAccounts() == [ACCOUNT]
        assert {value.tag for value in ib.accountValues()} >= {"NetLiquidation", "CashBalance"}
        trade = ib.placeOrder(AAPL, MarketOrder("BUY", 100, tif="DAY", orderRef="ref-1"))
        await until(lambda: trade.orderStatus.status == "Filled")
        await until(lambda: all(fill.commissionReport.execId for fill in trade.fills))
        assert sum(fill.execution.shares for fill in trade.fills) == 100
        assert sum(fill.commissionReport.commission for fill in trade.fills) == 1.0
        assert {fill.execution.orderRef for fill in trade.fills} == {"ref-1"}
        await until(lambda: ib.positions())
        assert ib.positions()[0].position == 100


async def test_contract_details_and_history_reach_the_client(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as ib:
        (details,) = await ib.reqContractDetailsAsync(AAPL)
        assert details.contract is not None
        assert (details.contract.conId, details.minTick) == (265598, 0.01)
        assert details.longName == "APPLE INC"
        assert await ib.reqContractDetailsAsync(Stock("NONE", "SMART", "USD")) == []
        bars = await ib.reqHistoricalDataAsync(AAPL, "", "5 D", "1 day", "TRADES", useRTH=True)
        assert len(bars) == 5
        assert all(bar.low <= bar.close <= bar.high for bar in bars)
        rule = await ib.reqMarketRuleAsync(26)
        assert [band.increment for band in rule or []] == [0.01]


async def test_ticks_arrive_and_bars_of_an_index_too(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as ib:
        ticker = ib.reqMktData(AAPL)
        index = ib.reqMktData(Index("VIX", "CBOE", "USD", conId=13455763))
        await until(lambda: ticker.bid > 0 and ticker.ask > ticker.bid and index.last > 0)
        seen = ticker.last
        await until(lambda: ticker.last != seen)
        assert ticker.low <= ticker.last <= ticker.high
        ib.cancelMktData(AAPL)


async def test_a_resting_order_is_changed_and_cancelled(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as ib:
        order = LimitOrder("BUY", 10, 50.0, tif="GTC")
        trade = ib.placeOrder(AAPL, order)
        await until(lambda: trade.orderStatus.status == "Submitted")
        order.lmtPrice = 51.0
        ib.placeOrder(AAPL, order)
        await until(lambda: server.exchange.working()[0].limit_price == Decimal(51))
        codes: list[int] = []
        ib.errorEvent += lambda _id, code, *_rest: codes.append(code)
        ib.cancelOrder(order)
        await until(lambda: trade.orderStatus.status == "Cancelled" and 202 in codes)


async def test_a_stop_waits_and_a_what_if_costs_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server) as ib:
        trade = ib.placeOrder(AAPL, StopOrder("SELL", 10, 20.0, tif="GTC"))
        await until(lambda: trade.orderStatus.whyHeld == "trigger")
        state = await ib.whatIfOrderAsync(AAPL, MarketOrder("BUY", 10))
        assert float(state.initMarginChange) > 0
        assert len(server.exchange.orders) == 1


async def test_orders_and_executions_are_there_after_a_reconnect(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        async with connected(server) as ib:
            filled = ib.placeOrder(AAPL, MarketOrder("BUY", 10, tif="DAY", orderRef="a"))
            resting = ib.placeOrder(AAPL, LimitOrder("BUY", 10, 50.0, tif="GTC", orderRef="b"))
            await until(lambda: filled.orderStatus.status == "Filled")
            await until(lambda: resting.orderStatus.status == "Submitted")
            used = resting.order.orderId
        async with connected(server) as ib:
            assert [trade.order.orderRef for trade in ib.openTrades()] == ["b"]
            assert sum(fill.execution.shares for fill in ib.fills()) == 10
            assert ib.client.getReqId() > used
            assert {t.order.orderRef for t in ib.trades()} == {"a", "b"}


async def test_a_second_client_with_the_same_id_is_turned_away(tmp_path: Path) -> None:
    async with serving(tmp_path) as server, connected(server):
        other, codes = IB(), []
        other.errorEvent += lambda _id, code, *_rest: codes.append(code)
        with pytest.raises((TimeoutError, ConnectionError)):
            await other.connectAsync("127.0.0.1", server.port, clientId=7, timeout=0.3)
        assert codes == [326]
        assert list(server.gateway.clients) == [7]


async def test_the_broker_remembers_over_a_restart_of_the_process(tmp_path: Path) -> None:
    state = tmp_path / "state.db"
    async with serving(tmp_path, state=state) as server, connected(server) as ib:
        trade = ib.placeOrder(AAPL, LimitOrder("BUY", 10, 50.0, tif="GTC", orderRef="kept"))
        await until(lambda: trade.orderStatus.status == "Submitted")
        perm_id = trade.orderStatus.permId
    async with serving(tmp_path, state=state) as server, connected(server) as ib:
        (trade,) = ib.openTrades()
        assert (trade.order.orderRef, trade.orderStatus.permId) == ("kept", perm_id)


async def test_positions_can_be_there_from_the_start(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, positions=(("AAPL", Decimal(100)),)) as server,
        connected(server) as ib,
    ):
        assert [p.position for p in ib.positions()] == [100]
    with pytest.raises(SettingsError, match="position"):
        async with serving(tmp_path, positions=(("VIX", Decimal(1)),)):
            pass


async def raw(server: SimServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    return await asyncio.open_connection("127.0.0.1", server.port)


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.binary(min_size=1, max_size=300), st.booleans())
async def test_garbage_ends_its_connection_and_no_other(
    tmp_path: Path, garbage: bytes, has_hello: bool
) -> None:
    async with serving(tmp_path) as server, connected(server, 1) as ib:
        reader, writer = await raw(server)
        hello = b"API\0\0\0\0\x09v157..178" + encode(71, 2, 9, "") if has_hello else b""
        writer.write(hello + garbage)
        writer.write_eof()
        async with asyncio.timeout(WAIT_S):
            with contextlib.suppress(ConnectionError):
                await reader.read()
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()
        await until(lambda: len(server.links) == 1)
        assert (await ib.reqCurrentTimeAsync()).year > 2000


async def test_an_oversized_frame_ends_the_connection_with_a_reason(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="trader.sim")
    async with serving(tmp_path) as server:
        reader, writer = await raw(server)
        writer.write(b"API\0\0\0\0\x09v157..178\x7f\xff\xff\xff")
        async with asyncio.timeout(WAIT_S):
            await reader.read()
        writer.close()
        await writer.wait_closed()
        await until(lambda: not server.links)
    assert "malformed data: frame of 2147483647 bytes" in caplog.text


async def test_a_client_that_does_not_read_costs_bounded_memory(tmp_path: Path) -> None:
    async with serving(tmp_path) as server:
        # A bare socket that nobody reads from; the server must stop handing to it.
        with socket.create_connection(("127.0.0.1", server.port)) as client:
            client.sendall(b"API\0\0\0\0\x09v157..178" + encode(71, 2, 9, ""))
            await until(lambda: server.gateway.clients)
            (link,) = server.links
            for _ in range(1000):
                link.session.outlet.push(-1, b"x" * 100_000)
                link.flush()
                await asyncio.sleep(0)
            await until(lambda: not server.links)
            assert link.session.outlet.overflow
