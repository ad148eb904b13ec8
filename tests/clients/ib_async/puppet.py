"""Drives ib_async through its high-level `IB` object: what it reports is what that object believes.

The library runs unchanged. Problems are: an error that it logs, an exception in its decoder, and a
message with more or fewer fields than the pattern that its decoder holds for it.
"""

from __future__ import annotations

import asyncio
import logging
import re
import sys
from typing import Any

from ib_async import IB, Contract, Order, Stock, Trade
from ib_async import client as client_module
from ib_async.decoder import Decoder
from ib_async.objects import BarData, TickByTickAllLast
from ib_async.util import UNSET_DOUBLE
from lines import Lines, ProblemLog, read_command

LINES = Lines()
CONNECT_S = 10
REFUSED_S = 1
# What it logs for an error message of the gateway, which it tells by an event too, and when it is
# refused for its client id, which one step provokes.
TOLD = re.compile(
    r"(Error|Warning) \d+, reqId |Peer closed connection. clientId|API connection failed: Timeout"
)
NAMES = {
    "action": "action", "quantity": "totalQuantity", "type": "orderType", "limit": "lmtPrice",
    "stop": "auxPrice", "trail": "auxPrice", "tif": "tif", "ref": "orderRef",
    "parent_id": "parentId", "transmit": "transmit", "oca_group": "ocaGroup",
    "oca_type": "ocaType", "what_if": "whatIf",
}  # fmt: skip


class IbAsyncLog(ProblemLog):
    """Its log; each error message of the gateway is logged too, and told as an event instead."""

    def is_expected(self, record: logging.LogRecord) -> bool:
        """Pass what is below an error, and what the event `error` told already."""
        text = record.getMessage()
        return record.levelno < logging.ERROR or TOLD.match(text) is not None


def known(value: Any) -> Any:
    """Return a number, or None where the library holds its mark for 'not set'."""
    return None if value in ("", None) or float(value) == UNSET_DOUBLE else value


class CheckedDecoder(Decoder):
    """The library's decoder; what it maps by a pattern must have that pattern's length."""

    def wrap(self, methodName: str, types: list[type], skip: int = 2) -> Any:
        """Return the library's handler behind a check of the field count."""
        handler = super().wrap(methodName, types, skip)

        def check(fields: list[str]) -> None:
            if len(fields) != skip + len(types):
                LINES.problem(-1, f"{methodName} has {len(fields)} fields: {fields}")
            handler(fields)

        return check


client_module.Decoder = CheckedDecoder


class Desk:
    """One `IB` object whose events become lines."""

    def __init__(self, number: int) -> None:
        self.number, self.ib = number, IB()
        self.own_ids: dict[int, int] = {}
        # The library wants contracts as the gateway described them.
        self.contracts: dict[str, Contract] = {}
        self.subscriptions: dict[int, Any] = {}
        self.kinds: dict[int, str] = {}
        self.listen()

    def say(self, event: str, **fields: object) -> None:
        LINES.emit(self.number, event, **fields)

    def listen(self) -> None:
        ib = self.ib
        ib.errorEvent += self.on_error
        ib.openOrderEvent += lambda trade: self.say("open_order", **order_row(trade))
        ib.orderStatusEvent += lambda trade: self.say("order_status", **status_row(trade))
        ib.execDetailsEvent += lambda trade, fill: self.say("execution", **fill_row(fill, -1))
        ib.commissionReportEvent += lambda trade, fill, report: self.on_commission(report)
        ib.positionEvent += lambda entry: self.say("position", **position_row(entry))
        ib.accountValueEvent += self.on_account_value
        ib.updatePortfolioEvent += self.on_portfolio
        ib.pnlEvent += lambda entry: self.on_pnl("pnl", entry)
        ib.pnlSingleEvent += lambda entry: self.on_pnl("pnl_single", entry)
        ib.barUpdateEvent += self.on_bars
        ib.pendingTickersEvent += self.on_tickers
        ib.disconnectedEvent += lambda: self.say("disconnected")

    def on_error(self, request: int, code: int, text: str, contract: object) -> None:
        self.say("error", request=self.own_ids.get(request, request), code=code, text=text)

    def on_commission(self, report: Any) -> None:
        self.say(
            "commission", exec_id=report.execId, commission=report.commission,
            currency=report.currency, realized=known(report.realizedPNL),
        )  # fmt: skip

    def on_account_value(self, row: Any) -> None:
        self.say("account_value", account=row.account, key=row.tag, value=row.value,
                 currency=row.currency)  # fmt: skip

    def on_portfolio(self, item: Any) -> None:
        self.say(
            "portfolio", con_id=item.contract.conId, symbol=item.contract.symbol,
            quantity=item.position, price=item.marketPrice, value=item.marketValue,
            average_cost=item.averageCost, unrealized=item.unrealizedPNL,
            realized=item.realizedPNL, account=item.account,
        )  # fmt: skip

    def on_pnl(self, event: str, entry: Any) -> None:
        fields = {"daily": entry.dailyPnL, "unrealized": entry.unrealizedPnL,
                  "realized": entry.realizedPnL}  # fmt: skip
        if event == "pnl_single":
            fields |= {"quantity": entry.position, "value": entry.value}
        wanted = next(key for key, held in self.subscriptions.items() if held is entry)
        self.say(event, request=wanted, **{k: known(v) for k, v in fields.items()})

    def on_bars(self, bars: Any, has_new_bar: bool) -> None:
        wanted = next(key for key, held in self.subscriptions.items() if held is bars)
        bar = bars[-1]
        if isinstance(bar, BarData):
            self.say("history_update", request=wanted, date=str(bar.date), open=bar.open,
                     high=bar.high, low=bar.low, close=bar.close)  # fmt: skip
            return
        self.say(
            "realtime_bar", request=wanted, epoch=int(bar.time.timestamp()), open=bar.open_,
            high=bar.high, low=bar.low, close=bar.close, volume=bar.volume,
        )  # fmt: skip

    def on_tickers(self, tickers: Any) -> None:
        for ticker in tickers:
            wanted = [key for key, held in self.subscriptions.items() if held is ticker]
            for request in wanted:
                self.on_ticker(request, ticker)

    def on_ticker(self, request: int, ticker: Any) -> None:
        """Tell what came for one request; a ticker gathers all requests for its contract."""
        for tick in ticker.ticks:
            self.say("tick_price", request=request, kind=tick.tickType, price=tick.price)
        for tick in ticker.tickByTicks:
            if isinstance(tick, TickByTickAllLast):
                self.say("trade_tick", request=request, price=tick.price, size=tick.size)
            else:
                self.say("quote_tick", request=request, bid=tick.bidPrice, ask=tick.askPrice)
        for tick in ticker.domTicks:
            self.say("depth", request=request, position=tick.position, operation=tick.operation,
                     side=tick.side, price=tick.price, size=tick.size)  # fmt: skip

    def stock(self, symbol: str) -> Contract:
        """Return a US stock, as the gateway described it if it did."""
        return self.contracts.get(symbol) or Stock(symbol, "SMART", "USD")

    def claim(self, request: int) -> None:
        """Note that the library's next request id stands for a request of the scenario."""
        self.own_ids[self.ib.client._reqIdSeq] = request


def order_row(trade: Trade) -> dict[str, Any]:
    order, contract = trade.order, trade.contract
    return {
        "order_id": order.orderId, "perm_id": order.permId, "client_id": order.clientId,
        "con_id": contract.conId, "symbol": contract.symbol, "action": order.action,
        "quantity": order.totalQuantity, "type": order.orderType, "limit": known(order.lmtPrice),
        "stop": known(order.auxPrice), "trail_stop": known(order.trailStopPrice),
        "tif": order.tif, "ref": order.orderRef, "parent_id": order.parentId,
        "oca_group": order.ocaGroup, "account": order.account, "what_if": order.whatIf,
        "status": trade.orderStatus.status,
    }  # fmt: skip


def status_row(trade: Trade) -> dict[str, Any]:
    status = trade.orderStatus
    return {
        "order_id": trade.order.orderId, "status": status.status, "filled": status.filled,
        "remaining": status.remaining, "average_price": status.avgFillPrice,
        "perm_id": status.permId, "parent_id": status.parentId,
        "last_price": status.lastFillPrice, "client_id": status.clientId,
        "why_held": status.whyHeld,
    }  # fmt: skip


def fill_row(fill: Any, request: int) -> dict[str, Any]:
    item = fill.execution
    return {
        "request": request, "exec_id": item.execId, "order_id": item.orderId,
        "perm_id": item.permId, "client_id": item.clientId, "symbol": fill.contract.symbol,
        "con_id": fill.contract.conId, "side": item.side, "quantity": item.shares,
        "price": item.price, "cumulative": item.cumQty, "average": item.avgPrice,
        "ref": item.orderRef, "account": item.acctNumber, "time": item.time,
    }  # fmt: skip


def position_row(entry: Any) -> dict[str, Any]:
    return {
        "account": entry.account, "con_id": entry.contract.conId,
        "symbol": entry.contract.symbol, "quantity": entry.position,
        "average_cost": entry.avgCost,
    }  # fmt: skip


class Puppet:
    """Carries out commands on `IB` objects by their client id."""

    def __init__(self) -> None:
        self.desks: dict[int, Desk] = {}

    async def run(self) -> None:
        """Take commands until the input ends; each runs beside the others."""
        tasks: set[asyncio.Task[None]] = set()
        while line := await asyncio.to_thread(sys.stdin.readline):
            what, given = read_command(line)
            task = asyncio.create_task(self.obey(what, given.pop("client"), given))
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        for desk in self.desks.values():
            desk.ib.disconnect()

    async def obey(self, what: str, number: int, given: dict[str, Any]) -> None:
        try:
            if what == "connect":
                await self.connect(number, **given)
            else:
                await getattr(self, f"do_{what}")(self.desks[number], **given)
        except Exception:
            LINES.crash(number, f"command {what}")

    async def connect(self, number: int, port: int, client_id: int) -> None:
        desk = self.desks[number] = Desk(number)
        # It does not give up when it is told that its id is in use, but only after this time.
        wait_s = CONNECT_S if client_id == number else REFUSED_S
        try:
            await desk.ib.connectAsync("127.0.0.1", port, clientId=client_id, timeout=wait_s,
                                       raiseSyncErrors=True)  # fmt: skip
        except (ConnectionError, TimeoutError) as error:
            desk.say("refused", text=repr(error))
            desk.say("disconnected")
            return
        client = desk.ib.client
        desk.say("server", version=client.serverVersion())
        desk.say("accounts", accounts=client.getAccounts())
        # Its next request or order takes this id.
        desk.say("next_id", order_id=client._reqIdSeq)
        for trade in desk.ib.openTrades():
            desk.say("open_order", **order_row(trade))

    async def do_disconnect(self, desk: Desk) -> None:
        desk.ib.disconnect()

    async def do_new_order_id(self, desk: Desk) -> None:
        desk.say("order_id", order_id=desk.ib.client.getReqId())

    async def do_time(self, desk: Desk) -> None:
        moment = await desk.ib.reqCurrentTimeAsync()
        desk.say("time", epoch=int(moment.timestamp()))

    async def do_contract(self, desk: Desk, request: int, symbol: str) -> None:
        desk.claim(request)
        for found in await desk.ib.reqContractDetailsAsync(desk.stock(symbol)):
            contract = desk.contracts[symbol] = found.contract
            desk.say(
                "contract", request=request, con_id=contract.conId, symbol=contract.symbol,
                sec_type=contract.secType, currency=contract.currency,
                exchange=contract.exchange, primary_exchange=contract.primaryExchange,
                local_symbol=contract.localSymbol, trading_class=contract.tradingClass,
                min_tick=found.minTick, long_name=found.longName, zone=found.timeZoneId,
                valid_exchanges=found.validExchanges, order_types=found.orderTypes,
                trading_hours=found.tradingHours, market_rules=found.marketRuleIds,
            )  # fmt: skip
        desk.say("contract_end", request=request)

    async def do_ticks(self, desk: Desk, request: int, symbol: str) -> None:
        desk.claim(request)
        desk.subscriptions[request] = desk.ib.reqMktData(desk.stock(symbol))

    async def do_cancel_ticks(self, desk: Desk, request: int) -> None:
        desk.ib.cancelMktData(desk.subscriptions.pop(request).contract)

    async def do_bars(self, desk: Desk, request: int, symbol: str) -> None:
        desk.claim(request)
        bars = desk.ib.reqRealTimeBars(desk.stock(symbol), 5, "TRADES", False)
        desk.subscriptions[request] = bars

    async def do_cancel_bars(self, desk: Desk, request: int) -> None:
        desk.ib.cancelRealTimeBars(desk.subscriptions.pop(request))

    async def do_history(
        self, desk: Desk, request: int, symbol: str, duration: str, bar_size: str
    ) -> None:
        desk.claim(request)
        for bar in await desk.ib.reqHistoricalDataAsync(
            desk.stock(symbol), "", duration, bar_size, "TRADES", True
        ):
            desk.say(
                "history_bar", request=request, date=str(bar.date), open=bar.open, high=bar.high,
                low=bar.low, close=bar.close, volume=bar.volume,
            )  # fmt: skip
        desk.say("history_end", request=request)

    async def do_history_more(
        self, desk: Desk, request: int, symbol: str, duration: str, bar_size: str, show: str,
        keep: bool,
    ) -> None:  # fmt: skip
        desk.claim(request)
        if show == "SCHEDULE":
            days = int(duration.split(maxsplit=1)[0])
            found = await desk.ib.reqHistoricalScheduleAsync(desk.stock(symbol), days)
            desk.say("schedule", request=request, zone=found.timeZone,
                     days=[row.refDate for row in found.sessions])  # fmt: skip
            return
        bars = await desk.ib.reqHistoricalDataAsync(
            desk.stock(symbol), "", duration, bar_size, show, True, keepUpToDate=keep
        )
        desk.subscriptions[request] = bars
        for bar in bars:
            desk.say("history_bar", request=request, date=str(bar.date), open=bar.open,
                     high=bar.high, low=bar.low, close=bar.close)  # fmt: skip
        desk.say("history_end", request=request)

    async def do_cancel_history(self, desk: Desk, request: int) -> None:
        desk.ib.cancelHistoricalData(desk.subscriptions.pop(request))

    async def do_head(self, desk: Desk, request: int, symbol: str) -> None:
        desk.claim(request)
        moment = await desk.ib.reqHeadTimeStampAsync(desk.stock(symbol), "TRADES", True, 1)
        desk.say("head", request=request, time=str(moment))

    async def do_tick_by_tick(self, desk: Desk, request: int, symbol: str, kind: str) -> None:
        desk.claim(request)
        desk.subscriptions[request] = desk.ib.reqTickByTickData(desk.stock(symbol), kind)
        desk.kinds[request] = kind

    async def do_cancel_tick_by_tick(self, desk: Desk, request: int) -> None:
        ticker = desk.subscriptions.pop(request)
        desk.ib.cancelTickByTickData(ticker.contract, desk.kinds[request])

    async def do_snapshot(self, desk: Desk, request: int, symbol: str) -> None:
        desk.claim(request)
        ticker = desk.subscriptions[request] = desk.ib.reqMktData(desk.stock(symbol), "", True)
        own_id = next(key for key, value in desk.own_ids.items() if value == request)
        # The library has no event for the end of a snapshot, but a request that ends.
        await desk.ib.wrapper.startReq(own_id, container=ticker)
        desk.say("snapshot_end", request=request)

    async def do_symbols(self, desk: Desk, request: int, pattern: str) -> None:
        desk.claim(request)
        rows = await desk.ib.reqMatchingSymbolsAsync(pattern) or []
        found = [[row.contract.symbol, row.contract.conId] for row in rows if row.contract]
        desk.say("symbols", request=request, found=found)

    async def do_market_rule(self, desk: Desk, rule: int) -> None:
        rows = await desk.ib.reqMarketRuleAsync(rule) or []
        steps = [[row.lowEdge, row.increment] for row in rows]
        desk.say("market_rule", rule=rule, steps=steps)

    async def do_chain(self, desk: Desk, request: int, symbol: str, con_id: int) -> None:
        desk.claim(request)
        for row in await desk.ib.reqSecDefOptParamsAsync(symbol, "", "STK", con_id):
            desk.say(
                "chain", request=request, exchange=row.exchange, con_id=int(row.underlyingConId),
                expirations=sorted(row.expirations), strikes=sorted(row.strikes),
                multiplier=row.multiplier,
            )  # fmt: skip
        desk.say("chain_end", request=request)

    async def do_depth(self, desk: Desk, request: int, symbol: str, rows: int) -> None:
        desk.claim(request)
        desk.subscriptions[request] = desk.ib.reqMktDepth(
            desk.stock(symbol), rows, isSmartDepth=True
        )

    async def do_cancel_depth(self, desk: Desk, request: int) -> None:
        desk.ib.cancelMktDepth(desk.subscriptions.pop(request).contract, isSmartDepth=True)

    async def do_place(self, desk: Desk, order_id: int, symbol: str, order: dict[str, Any]) -> None:
        terms = {NAMES[name]: value for name, value in order.items()}
        if terms.get("whatIf"):
            state = await desk.ib.whatIfOrderAsync(
                desk.stock(symbol), Order(orderId=order_id, **terms)
            )
            desk.say(
                "open_order", order_id=order_id, what_if=True, status=state.status,
                margin_change=state.initMarginChange, margin_after=state.initMarginAfter,
                commission=known(state.commission), commission_min=known(state.minCommission),
            )  # fmt: skip
            return
        known_trade = self.find(desk, order_id)
        if known_trade is not None and not known_trade.isDone():
            changed = known_trade.order
            for name, value in terms.items():
                setattr(changed, name, value)
            desk.ib.placeOrder(known_trade.contract, changed)
            return
        desk.ib.placeOrder(desk.stock(symbol), Order(orderId=order_id, **terms))

    def find(self, desk: Desk, order_id: int) -> Trade | None:
        own = (t for t in desk.ib.trades() if t.order.clientId == desk.number)
        return next((t for t in own if t.order.orderId == order_id), None)

    async def do_cancel(self, desk: Desk, order_id: int) -> None:
        trade = self.find(desk, order_id)
        if trade is None:
            # `IB` refuses by itself to cancel what it does not know.
            desk.ib.client.cancelOrder(order_id)
        else:
            desk.ib.cancelOrder(trade.order)

    async def do_global_cancel(self, desk: Desk) -> None:
        desk.ib.reqGlobalCancel()

    async def do_open_orders(self, desk: Desk) -> None:
        await self.list_orders(desk, await desk.ib.reqOpenOrdersAsync())

    async def do_all_open_orders(self, desk: Desk) -> None:
        await self.list_orders(desk, await desk.ib.reqAllOpenOrdersAsync())

    async def list_orders(self, desk: Desk, trades: list[Trade]) -> None:
        for trade in trades:
            desk.say("open_order", **order_row(trade))
        desk.say("open_orders_end")

    async def do_completed_orders(self, desk: Desk) -> None:
        for trade in await desk.ib.reqCompletedOrdersAsync(False):
            order = trade.order
            desk.say(
                "completed_order", perm_id=order.permId, symbol=trade.contract.symbol,
                ref=order.orderRef, action=order.action, type=order.orderType,
                filled=order.filledQuantity, status=trade.orderStatus.status,
                completed_status=None, completed_time=None,
            )  # fmt: skip
        desk.say("completed_orders_end")

    async def do_executions(self, desk: Desk, request: int) -> None:
        for fill in await desk.ib.reqExecutionsAsync():
            desk.say("execution", **fill_row(fill, request))
        desk.say("executions_end", request=request)

    async def do_positions(self, desk: Desk) -> None:
        await desk.ib.reqPositionsAsync()
        # Its own view, not the answer alone; the event carried each row of the answer too.
        for entry in desk.ib.positions():
            desk.say("position", **position_row(entry))
        desk.say("positions_end")

    async def do_cancel_positions(self, desk: Desk) -> None:
        desk.ib.client.cancelPositions()

    async def do_account(self, desk: Desk, account: str, is_on: bool) -> None:
        if not is_on:
            desk.ib.client.reqAccountUpdates(False, account)
            return
        await desk.ib.reqAccountUpdatesAsync(account)
        for row in desk.ib.accountValues(account):
            desk.on_account_value(row)
        for item in desk.ib.portfolio(account):
            desk.on_portfolio(item)
        desk.say("account_end", account=account)

    async def do_summary(self, desk: Desk, request: int, tags: str) -> None:
        for row in await desk.ib.accountSummaryAsync():
            desk.say(
                "summary", request=request, account=row.account, tag=row.tag, value=row.value,
                currency=row.currency,
            )  # fmt: skip
        desk.say("summary_end", request=request)

    async def do_cancel_summary(self, desk: Desk, request: int) -> None:
        """Do nothing: the library keeps its summary for the life of the connection."""

    async def do_pnl(self, desk: Desk, request: int, account: str) -> None:
        desk.claim(request)
        desk.subscriptions[request] = desk.ib.reqPnL(account)

    async def do_cancel_pnl(self, desk: Desk, request: int) -> None:
        entry = desk.subscriptions.pop(request)
        desk.ib.cancelPnL(entry.account)

    async def do_pnl_single(self, desk: Desk, request: int, account: str, con_id: int) -> None:
        desk.claim(request)
        desk.subscriptions[request] = desk.ib.reqPnLSingle(account, "", con_id)

    async def do_cancel_pnl_single(self, desk: Desk, request: int) -> None:
        entry = desk.subscriptions.pop(request)
        desk.ib.cancelPnLSingle(entry.account, "", entry.conId)


if __name__ == "__main__":
    logging.getLogger().addHandler(IbAsyncLog(LINES))
    asyncio.run(Puppet().run())
