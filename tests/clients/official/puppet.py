"""Drives the official client library: the packaged 10.x and the old 9.81, by one script.

The library runs unchanged, with its own threads. Its decoder is watched: a message it does not
know, an exception, a wrong number of fields and a field left over are problems, and so is
everything it logs as a warning or worse.
"""

from __future__ import annotations

import inspect
import itertools
import logging
import sys
import threading
from typing import Any

from ibapi import client as client_module
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.decoder import Decoder
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from ibapi.wrapper import EWrapper
from lines import Lines, ProblemLog, read_command

LINES = Lines()
UNSET = 1.7976931348623157e308
# 10.x passes an object with every cancel; 9.81 knows none.
HAS_ORDER_CANCEL = "orderCancel" in inspect.signature(EClient.cancelOrder).parameters


class CheckedDecoder(Decoder):
    """The library's decoder; afterwards nothing of the message may be left."""

    def interpret(self, fields: Any, *rest: Any) -> None:
        """Decode one message as the library does, and look at what remains of it."""
        if not fields and not rest:
            return
        message = rest[0] if rest else int(fields[0])
        number = self.wrapper.number
        if message == 0:
            return
        info = self.msgId2handleInfo.get(message)
        if info is None:
            LINES.problem(number, f"message {message} is unknown to the library: {fields}")
            return
        try:
            if info.processMeth is None:
                super().interpret(fields, *rest)
                return
            iterator = iter(fields)
            info.processMeth(self, iterator)
            left = list(iterator)
        except BaseException:
            LINES.crash(number, f"message {message} {fields}")
            return
        if left:
            LINES.problem(number, f"message {message}: {left} left over of {fields}")


client_module.decoder.Decoder = CheckedDecoder


def known(value: Any) -> Any:
    """Return a number, or None where the library holds its mark for 'not set'."""
    return None if value is None or float(value) >= UNSET else value


class Desk(EWrapper, EClient):
    """One connection: each callback becomes an event."""

    def __init__(self, number: int) -> None:
        EClient.__init__(self, self)
        self.number = number
        self.order_ids = itertools.count(1)
        self.thread: threading.Thread | None = None

    def say(self, event: str, **fields: object) -> None:
        LINES.emit(self.number, event, **fields)

    def open(self, port: int, client_id: int) -> None:
        """Connect and start the library's message loop."""
        self.connect("127.0.0.1", port, client_id)
        self.thread = threading.Thread(target=self.loop, name=f"loop-{self.number}")
        self.thread.start()

    def loop(self) -> None:
        """Run the library's message loop; whatever ends it by force is a problem."""
        try:
            self.run()
        except BaseException:
            LINES.crash(self.number, "message loop")
        self.say("disconnected")

    # -- session -----------------------------------------------------------------------------

    def connectAck(self) -> None:
        self.say("server", version=self.serverVersion())

    def nextValidId(self, orderId: int) -> None:
        self.order_ids = itertools.count(orderId)
        self.say("next_id", order_id=orderId)

    def managedAccounts(self, accountsList: str) -> None:
        self.say("accounts", accounts=accountsList.split(","))

    def error(self, reqId: int, *rest: Any) -> None:
        # 9.81: code, text. 10.x: time, code, text, JSON of an advanced refusal.
        code, text = rest[:2] if len(rest) == 2 else rest[1:3]
        self.say("error", request=reqId, code=code, text=text)

    def currentTime(self, time: int) -> None:
        self.say("time", epoch=time)

    # -- contracts and market data -----------------------------------------------------------

    def contractDetails(self, reqId: int, contractDetails: Any) -> None:
        contract = contractDetails.contract
        self.say(
            "contract", request=reqId, con_id=contract.conId, symbol=contract.symbol,
            sec_type=contract.secType, currency=contract.currency, exchange=contract.exchange,
            primary_exchange=contract.primaryExchange, local_symbol=contract.localSymbol,
            trading_class=contract.tradingClass, min_tick=contractDetails.minTick,
            long_name=contractDetails.longName, valid_exchanges=contractDetails.validExchanges,
            order_types=contractDetails.orderTypes, zone=contractDetails.timeZoneId,
            trading_hours=contractDetails.tradingHours,
        )  # fmt: skip

    def contractDetailsEnd(self, reqId: int) -> None:
        self.say("contract_end", request=reqId)

    def tickPrice(self, reqId: int, tickType: int, price: float, attrib: Any) -> None:
        self.say("tick_price", request=reqId, kind=tickType, price=price)

    def tickSize(self, reqId: int, tickType: int, size: Any) -> None:
        self.say("tick_size", request=reqId, kind=tickType, size=size)

    def tickString(self, reqId: int, tickType: int, value: str) -> None:
        self.say("tick_string", request=reqId, kind=tickType, value=value)

    def marketDataType(self, reqId: int, marketDataType: int) -> None:
        self.say("market_data_type", request=reqId, kind=marketDataType)

    def tickReqParams(self, tickerId: int, minTick: float, bboExchange: str, snapshot: int) -> None:
        self.say("tick_parameters", request=tickerId, min_tick=minTick)

    def realtimeBar(self, reqId: int, time: int, *rest: Any) -> None:
        names = ("open", "high", "low", "close", "volume", "average", "count")
        self.say("realtime_bar", request=reqId, epoch=time, **dict(zip(names, rest, strict=True)))

    def historicalData(self, reqId: int, bar: Any) -> None:
        self.say(
            "history_bar", request=reqId, date=bar.date, open=bar.open, high=bar.high,
            low=bar.low, close=bar.close, volume=bar.volume,
        )  # fmt: skip

    def historicalDataEnd(self, reqId: int, start: str, end: str) -> None:
        self.say("history_end", request=reqId, start=start, end=end)

    # -- orders ------------------------------------------------------------------------------

    def openOrder(self, orderId: int, contract: Any, order: Any, orderState: Any) -> None:
        self.say(
            "open_order", order_id=orderId, perm_id=order.permId, client_id=order.clientId,
            con_id=contract.conId, symbol=contract.symbol, action=order.action,
            quantity=order.totalQuantity, type=order.orderType, limit=known(order.lmtPrice),
            stop=known(order.auxPrice), trail_stop=known(order.trailStopPrice), tif=order.tif,
            ref=order.orderRef, parent_id=order.parentId, oca_group=order.ocaGroup,
            account=order.account, status=orderState.status, what_if=bool(order.whatIf),
            margin_change=orderState.initMarginChange, margin_after=orderState.initMarginAfter,
            commission=known(
                orderState.commissionAndFees
                if hasattr(orderState, "commissionAndFees")
                else orderState.commission
            ),
        )  # fmt: skip

    def orderStatus(self, orderId: int, status: str, filled: Any, remaining: Any,
                    avgFillPrice: float, permId: int, parentId: int, lastFillPrice: float,
                    clientId: int, whyHeld: str, mktCapPrice: float) -> None:  # fmt: skip
        self.say(
            "order_status", order_id=orderId, status=status, filled=filled, remaining=remaining,
            average_price=avgFillPrice, perm_id=permId, parent_id=parentId,
            last_price=lastFillPrice, client_id=clientId, why_held=whyHeld,
        )  # fmt: skip

    def openOrderEnd(self) -> None:
        self.say("open_orders_end")

    def completedOrder(self, contract: Any, order: Any, orderState: Any) -> None:
        self.say(
            "completed_order", perm_id=order.permId, symbol=contract.symbol, ref=order.orderRef,
            action=order.action, type=order.orderType, filled=order.filledQuantity,
            status=orderState.status, completed_status=orderState.completedStatus,
            completed_time=orderState.completedTime,
        )  # fmt: skip

    def completedOrdersEnd(self) -> None:
        self.say("completed_orders_end")

    def execDetails(self, reqId: int, contract: Any, execution: Any) -> None:
        self.say(
            "execution", request=reqId, exec_id=execution.execId, order_id=execution.orderId,
            perm_id=execution.permId, client_id=execution.clientId, symbol=contract.symbol,
            con_id=contract.conId, side=execution.side, quantity=execution.shares,
            price=execution.price, cumulative=execution.cumQty, average=execution.avgPrice,
            ref=execution.orderRef, account=execution.acctNumber, time=execution.time,
        )  # fmt: skip

    def execDetailsEnd(self, reqId: int) -> None:
        self.say("executions_end", request=reqId)

    def commissionReport(self, report: Any) -> None:
        """Take the report as 9.81 names it."""
        self._commission(report, report.commission)

    def commissionAndFeesReport(self, report: Any) -> None:
        """Take the report as 10.x names it."""
        self._commission(report, report.commissionAndFees)

    def _commission(self, report: Any, amount: float) -> None:
        self.say(
            "commission", exec_id=report.execId, commission=amount, currency=report.currency,
            realized=known(report.realizedPNL),
        )  # fmt: skip

    # -- account -----------------------------------------------------------------------------

    def position(self, account: str, contract: Any, position: Any, avgCost: float) -> None:
        self.say(
            "position", account=account, con_id=contract.conId, symbol=contract.symbol,
            quantity=position, average_cost=avgCost,
        )  # fmt: skip

    def positionEnd(self) -> None:
        self.say("positions_end")

    def updateAccountValue(self, key: str, val: str, currency: str, accountName: str) -> None:
        self.say("account_value", key=key, value=val, currency=currency, account=accountName)

    def updatePortfolio(self, contract: Any, position: Any, marketPrice: float,
                        marketValue: float, averageCost: float, unrealizedPNL: float,
                        realizedPNL: float, accountName: str) -> None:  # fmt: skip
        self.say(
            "portfolio", con_id=contract.conId, symbol=contract.symbol, quantity=position,
            price=marketPrice, value=marketValue, average_cost=averageCost,
            unrealized=unrealizedPNL, realized=realizedPNL, account=accountName,
        )  # fmt: skip

    def updateAccountTime(self, timeStamp: str) -> None:
        self.say("account_time", time=timeStamp)

    def accountDownloadEnd(self, accountName: str) -> None:
        self.say("account_end", account=accountName)

    def accountSummary(self, reqId: int, account: str, tag: str, value: str, cur: str) -> None:
        self.say("summary", request=reqId, account=account, tag=tag, value=value, currency=cur)

    def accountSummaryEnd(self, reqId: int) -> None:
        self.say("summary_end", request=reqId)

    def pnl(self, reqId: int, dailyPnL: float, unrealizedPnL: float, realizedPnL: float) -> None:
        self.say("pnl", request=reqId, daily=known(dailyPnL), unrealized=known(unrealizedPnL),
                 realized=known(realizedPnL))  # fmt: skip

    def pnlSingle(self, reqId: int, pos: Any, dailyPnL: float, unrealizedPnL: float,
                  realizedPnL: float, value: float) -> None:  # fmt: skip
        self.say("pnl_single", request=reqId, quantity=pos, daily=known(dailyPnL),
                 unrealized=known(unrealizedPnL), realized=known(realizedPnL),
                 value=known(value))  # fmt: skip


def stock(symbol: str) -> Contract:
    """Return a US stock as a user of the library writes it."""
    contract = Contract()
    contract.symbol, contract.secType = symbol, "STK"
    contract.exchange, contract.currency = "SMART", "USD"
    return contract


def order_from(terms: dict[str, Any]) -> Order:
    """Return the library's order for the terms of a command."""
    order = Order()
    names = {
        "action": "action", "quantity": "totalQuantity", "type": "orderType",
        "limit": "lmtPrice", "stop": "auxPrice", "trail": "auxPrice", "tif": "tif",
        "ref": "orderRef", "parent_id": "parentId", "transmit": "transmit",
        "oca_group": "ocaGroup", "oca_type": "ocaType", "what_if": "whatIf",
    }  # fmt: skip
    for name, value in terms.items():
        setattr(order, names[name], value)
    # 9.81 sets two attributes by default that no gateway takes any more.
    order.eTradeOnly = order.firmQuoteOnly = False
    return order


def cancel_extra() -> tuple[Any, ...]:
    """Return what this library wants after the id of the order to cancel."""
    if not HAS_ORDER_CANCEL:
        return ()
    from ibapi.order_cancel import OrderCancel  # noqa: PLC0415 - 9.81 has no such module

    return (OrderCancel(),)


class Puppet:
    """Carries out commands on connections by their client id."""

    def __init__(self) -> None:
        self.desks: dict[int, Desk] = {}

    def run(self) -> None:
        """Take commands until the input ends, then close everything."""
        for line in sys.stdin:
            what, given = read_command(line)
            number = given.pop("client")
            try:
                getattr(self, f"do_{what}")(number, **given)
            except BaseException:
                LINES.crash(number, f"command {what}")
        for desk in self.desks.values():
            desk.disconnect()

    def do_connect(self, number: int, port: int, client_id: int) -> None:
        self.desks[number] = Desk(number)
        self.desks[number].open(port, client_id)

    def do_disconnect(self, number: int) -> None:
        self.desks[number].disconnect()

    def do_new_order_id(self, number: int) -> None:
        desk = self.desks[number]
        desk.say("order_id", order_id=next(desk.order_ids))

    def do_next_id(self, number: int) -> None:
        self.desks[number].reqIds(-1)

    def do_accounts(self, number: int) -> None:
        self.desks[number].reqManagedAccts()

    def do_time(self, number: int) -> None:
        self.desks[number].reqCurrentTime()

    def do_contract(self, number: int, request: int, symbol: str) -> None:
        self.desks[number].reqContractDetails(request, stock(symbol))

    def do_ticks(self, number: int, request: int, symbol: str) -> None:
        self.desks[number].reqMktData(request, stock(symbol), "", False, False, [])

    def do_cancel_ticks(self, number: int, request: int) -> None:
        self.desks[number].cancelMktData(request)

    def do_bars(self, number: int, request: int, symbol: str) -> None:
        self.desks[number].reqRealTimeBars(request, stock(symbol), 5, "TRADES", False, [])

    def do_cancel_bars(self, number: int, request: int) -> None:
        self.desks[number].cancelRealTimeBars(request)

    def do_history(
        self, number: int, request: int, symbol: str, duration: str, bar_size: str
    ) -> None:
        self.desks[number].reqHistoricalData(
            request, stock(symbol), "", duration, bar_size, "TRADES", 1, 1, False, []
        )

    def do_place(self, number: int, order_id: int, symbol: str, order: dict[str, Any]) -> None:
        self.desks[number].placeOrder(order_id, stock(symbol), order_from(order))

    def do_cancel(self, number: int, order_id: int) -> None:
        self.desks[number].cancelOrder(order_id, *cancel_extra())

    def do_global_cancel(self, number: int) -> None:
        self.desks[number].reqGlobalCancel(*cancel_extra())

    def do_open_orders(self, number: int) -> None:
        self.desks[number].reqOpenOrders()

    def do_all_open_orders(self, number: int) -> None:
        self.desks[number].reqAllOpenOrders()

    def do_completed_orders(self, number: int) -> None:
        self.desks[number].reqCompletedOrders(False)

    def do_executions(self, number: int, request: int) -> None:
        self.desks[number].reqExecutions(request, ExecutionFilter())

    def do_positions(self, number: int) -> None:
        self.desks[number].reqPositions()

    def do_cancel_positions(self, number: int) -> None:
        self.desks[number].cancelPositions()

    def do_account(self, number: int, account: str, is_on: bool) -> None:
        self.desks[number].reqAccountUpdates(is_on, account)

    def do_summary(self, number: int, request: int, tags: str) -> None:
        self.desks[number].reqAccountSummary(request, "All", tags)

    def do_cancel_summary(self, number: int, request: int) -> None:
        self.desks[number].cancelAccountSummary(request)

    def do_pnl(self, number: int, request: int, account: str) -> None:
        self.desks[number].reqPnL(request, account, "")

    def do_cancel_pnl(self, number: int, request: int) -> None:
        self.desks[number].cancelPnL(request)

    def do_pnl_single(self, number: int, request: int, account: str, con_id: int) -> None:
        self.desks[number].reqPnLSingle(request, account, "", con_id)

    def do_cancel_pnl_single(self, number: int, request: int) -> None:
        self.desks[number].cancelPnLSingle(request)


if __name__ == "__main__":
    logging.getLogger().addHandler(ProblemLog(LINES))
    Puppet().run()
