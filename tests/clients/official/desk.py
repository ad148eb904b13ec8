"""One connection of the official client library: each of its callbacks becomes an event.

The library runs unchanged, with its own threads. Its decoder is watched: a message it does not
know, an exception, a wrong number of fields and a field left over are problems.
"""

from __future__ import annotations

import itertools
import threading
from typing import Any

from ibapi import client as client_module
from ibapi.client import EClient
from ibapi.decoder import Decoder
from ibapi.wrapper import EWrapper
from lines import Lines

LINES = Lines()
UNSET = 1.7976931348623157e308


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
        self.is_leaving = False

    def say(self, event: str, **fields: object) -> None:
        LINES.emit(self.number, event, **fields)

    def open(self, port: int, client_id: int) -> None:
        """Connect and start the library's message loop."""
        self.connect("127.0.0.1", port, client_id)
        self.thread = threading.Thread(target=self.loop, name=f"loop-{self.number}")
        self.thread.start()

    def loop(self) -> None:
        """Run the library's message loop; whatever ends it by force is a problem.

        When the library is told to disconnect it forgets the server version, which its own loop
        may need at that moment; so what happens from then on does not count.
        """
        try:
            self.run()
        except BaseException:
            if not self.is_leaving:
                LINES.crash(self.number, "message loop")
        self.say("disconnected")

    def leave(self) -> None:
        """Disconnect by the library's own means."""
        self.is_leaving = True
        self.disconnect()

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
            market_rules=contractDetails.marketRuleIds,
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

    def historicalDataUpdate(self, reqId: int, bar: Any) -> None:
        self.say(
            "history_update", request=reqId, date=bar.date, open=bar.open, high=bar.high,
            low=bar.low, close=bar.close,
        )  # fmt: skip

    def historicalSchedule(self, reqId: int, start: str, end: str, zone: str, rows: Any) -> None:
        days = [row.refDate for row in rows]
        self.say("schedule", request=reqId, zone=zone, days=days)

    def headTimestamp(self, reqId: int, headTimestamp: str) -> None:
        self.say("head", request=reqId, time=headTimestamp)

    def tickByTickAllLast(self, reqId: int, tickType: int, time: int, price: float,
                          size: Any, attributes: Any, exchange: str, _: str) -> None:  # fmt: skip
        self.say("trade_tick", request=reqId, price=price, size=size, epoch=time)

    def tickByTickBidAsk(self, reqId: int, time: int, bidPrice: float, askPrice: float,
                         bidSize: Any, askSize: Any, attributes: Any) -> None:  # fmt: skip
        self.say("quote_tick", request=reqId, bid=bidPrice, ask=askPrice, epoch=time)

    def tickSnapshotEnd(self, reqId: int) -> None:
        self.say("snapshot_end", request=reqId)

    def symbolSamples(self, reqId: int, contractDescriptions: Any) -> None:
        found = [[row.contract.symbol, row.contract.conId] for row in contractDescriptions]
        self.say("symbols", request=reqId, found=found)

    def marketRule(self, marketRuleId: int, priceIncrements: Any) -> None:
        steps = [[row.lowEdge, row.increment] for row in priceIncrements]
        self.say("market_rule", rule=marketRuleId, steps=steps)

    def securityDefinitionOptionParameter(self, reqId: int, exchange: str, underlyingConId: int,
                                          tradingClass: str, multiplier: str, expirations: Any,
                                          strikes: Any) -> None:  # fmt: skip
        self.say(
            "chain", request=reqId, exchange=exchange, con_id=underlyingConId,
            expirations=sorted(expirations), strikes=sorted(strikes), multiplier=multiplier,
        )  # fmt: skip

    def securityDefinitionOptionParameterEnd(self, reqId: int) -> None:
        self.say("chain_end", request=reqId)

    def updateMktDepth(self, reqId: int, position: int, operation: int, side: int,
                       price: float, size: Any) -> None:  # fmt: skip
        self.say("depth", request=reqId, position=position, operation=operation, side=side,
                 price=price, size=size)  # fmt: skip

    def updateMktDepthL2(self, reqId: int, position: int, marketMaker: str, *rest: Any) -> None:
        operation, side, price, size = rest[:4]
        self.say("depth", request=reqId, position=position, operation=operation, side=side,
                 price=price, size=size)  # fmt: skip

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
            commission_min=known(
                orderState.minCommissionAndFees
                if hasattr(orderState, "minCommissionAndFees")
                else orderState.minCommission
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
