"""Drives the official client library: the packaged 10.x and the old 9.81, by one script.

Whatever the library logs as a warning or worse is a problem, besides what its decoder cannot
digest.
"""

from __future__ import annotations

import inspect
import logging
import sys
from typing import Any

from desk import LINES, Desk
from ibapi.client import EClient
from ibapi.contract import Contract
from ibapi.execution import ExecutionFilter
from ibapi.order import Order
from lines import ProblemLog, read_command

# 10.x passes an object with every cancel; 9.81 knows none.
HAS_ORDER_CANCEL = "orderCancel" in inspect.signature(EClient.cancelOrder).parameters


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
            desk.leave()

    def do_connect(self, number: int, port: int, client_id: int) -> None:
        self.desks[number] = Desk(number)
        self.desks[number].open(port, client_id)

    def do_disconnect(self, number: int) -> None:
        self.desks[number].leave()

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

    def do_history_more(
        self, number: int, request: int, symbol: str, duration: str, bar_size: str, show: str,
        keep: bool,
    ) -> None:  # fmt: skip
        self.desks[number].reqHistoricalData(
            request, stock(symbol), "", duration, bar_size, show, 1, 1, keep, []
        )

    def do_cancel_history(self, number: int, request: int) -> None:
        self.desks[number].cancelHistoricalData(request)

    def do_head(self, number: int, request: int, symbol: str) -> None:
        self.desks[number].reqHeadTimeStamp(request, stock(symbol), "TRADES", 1, 1)

    def do_tick_by_tick(self, number: int, request: int, symbol: str, kind: str) -> None:
        self.desks[number].reqTickByTickData(request, stock(symbol), kind, 0, False)

    def do_cancel_tick_by_tick(self, number: int, request: int) -> None:
        self.desks[number].cancelTickByTickData(request)

    def do_snapshot(self, number: int, request: int, symbol: str) -> None:
        self.desks[number].reqMktData(request, stock(symbol), "", True, False, [])

    def do_symbols(self, number: int, request: int, pattern: str) -> None:
        self.desks[number].reqMatchingSymbols(request, pattern)

    def do_market_rule(self, number: int, rule: int) -> None:
        self.desks[number].reqMarketRule(rule)

    def do_chain(self, number: int, request: int, symbol: str, con_id: int) -> None:
        self.desks[number].reqSecDefOptParams(request, symbol, "", "STK", con_id)

    def do_depth(self, number: int, request: int, symbol: str, rows: int) -> None:
        self.desks[number].reqMktDepth(request, stock(symbol), rows, True, [])

    def do_cancel_depth(self, number: int, request: int) -> None:
        self.desks[number].cancelMktDepth(request, True)

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


class OfficialLog(ProblemLog):
    """The library's log."""

    def __init__(self, puppet: Puppet) -> None:
        super().__init__(LINES)
        self.puppet = puppet

    def is_expected(self, record: logging.LogRecord) -> bool:
        """Pass the reader's complaint that its socket went away while it was told to leave."""
        is_leaving = any(desk.is_leaving for desk in self.puppet.desks.values())
        return is_leaving and record.name == "ibapi.reader"


if __name__ == "__main__":
    main_puppet = Puppet()
    logging.getLogger().addHandler(OfficialLog(main_puppet))
    main_puppet.run()
