"""Runs a live NautilusTrader node, with its own Interactive Brokers adapter, against a port.

`node.py PORT ACCOUNT REPORT`: connect, load the instrument, reconcile with what the account holds
and which orders rest, take quotes, buy at market and see the fill, rest a limit order, change it,
cancel it, and leave another one at rest. What the platform then believes is written to REPORT as
JSON; its log goes to stdout.
"""

from __future__ import annotations

import json
import sys
import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

from nautilus_trader.adapters.interactive_brokers.common import IB
from nautilus_trader.adapters.interactive_brokers.config import (
    InteractiveBrokersDataClientConfig,
    InteractiveBrokersExecClientConfig,
    InteractiveBrokersInstrumentProviderConfig,
)
from nautilus_trader.adapters.interactive_brokers.factories import (
    InteractiveBrokersLiveDataClientFactory,
    InteractiveBrokersLiveExecClientFactory,
)
from nautilus_trader.config import (
    LiveDataEngineConfig,
    LiveExecEngineConfig,
    LoggingConfig,
    RoutingConfig,
    StrategyConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.currencies import USD
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId
from nautilus_trader.trading.strategy import Strategy

INSTRUMENT = InstrumentId.from_str("AAPL.NASDAQ")
# After this the node is stopped whatever it has reached.
NODE_S = 60
CLIENT_ID = 11


class Buyer(Strategy):
    """Plays the scenario, one step for each thing that it hears; then stops the node."""

    def __init__(self, node: TradingNode) -> None:
        super().__init__(StrategyConfig(strategy_id="BUYER-001", order_id_tag="001"))
        self.node = node
        self.heard: list[str] = []
        self.seen: dict[str, Any] = {"quotes": 0, "fills": [], "is_done": False}
        self.market: Any = None
        self.limit: Any = None
        self.rest: Any = None
        self.is_changed = self.is_cancelled = False

    def on_start(self) -> None:
        """Note what the node knows after reconciliation, and ask for quotes."""
        instrument = self.cache.instrument(INSTRUMENT)
        if instrument is None:
            self.finish("no instrument")
            return
        self.seen["instrument"] = {
            "con_id": instrument.info["contract"]["conId"],
            "increment": str(instrument.price_increment),
            "currency": str(instrument.quote_currency),
        }
        self.seen["reconciled"] = self.held()
        self.seen["open"] = [
            {"order_id": int(str(order.venue_order_id)), "price": str(order.price),
             "quantity": str(order.quantity), "status": order.status_string()}
            for order in self.cache.orders_open(instrument_id=INSTRUMENT)
        ]  # fmt: skip
        self.subscribe_quote_ticks(INSTRUMENT)

    def held(self) -> str:
        """Return the net position that the node believes in."""
        return str(self.portfolio.net_position(INSTRUMENT))

    def on_quote_tick(self, tick: Any) -> None:
        """Buy at market with the first whole quote."""
        self.seen["quotes"] += 1
        self.seen["quote"] = [str(tick.bid_price), str(tick.ask_price)]
        if self.market is None:
            self.market = self.order_factory.market(
                INSTRUMENT, OrderSide.BUY, self.quantity(5), TimeInForce.DAY
            )
            self.submit_order(self.market)

    def quantity(self, value: int) -> Any:
        """Return a quantity in the precision of the instrument."""
        return self.cache.instrument(INSTRUMENT).make_qty(Decimal(value))

    def price(self, value: float) -> Any:
        """Return a price in the precision of the instrument."""
        return self.cache.instrument(INSTRUMENT).make_price(value)

    def on_order_filled(self, event: Any) -> None:
        """Note the fill; when all is bought, rest a limit order far below."""
        self.seen["fills"].append(
            {
                "exec_id": str(event.trade_id), "quantity": str(event.last_qty),
                "price": str(event.last_px), "commission": str(event.commission),
                "side": event.order_side.name,
            }
        )  # fmt: skip
        if self.limit is None and self.market.is_closed:
            self.limit = self.order_factory.limit(
                INSTRUMENT, OrderSide.BUY, self.quantity(3), self.price(150.0), TimeInForce.DAY
            )
            self.submit_order(self.limit)

    def on_order_accepted(self, event: Any) -> None:
        """Change the limit order as soon as it rests; the adapter may say twice that it does."""
        if self.rest is not None and event.client_order_id == self.rest.client_order_id:
            self.seen["is_done"] = True
            self.finish("")
            return
        is_limit = self.limit is not None and event.client_order_id == self.limit.client_order_id
        if is_limit and not self.is_changed:
            self.is_changed = True
            self.modify_order(self.limit, price=self.price(151.0))

    def on_order_updated(self, event: Any) -> None:
        """Cancel the limit order once the change is known."""
        if event.price == self.price(151.0) and not self.is_cancelled:
            self.is_cancelled = True
            self.cancel_order(self.limit)

    def on_order_canceled(self, event: Any) -> None:
        """Leave an order at rest for whoever connects next."""
        self.rest = self.order_factory.limit(
            INSTRUMENT, OrderSide.BUY, self.quantity(1), self.price(140.0), TimeInForce.DAY
        )
        self.submit_order(self.rest)

    def on_order_rejected(self, event: Any) -> None:
        """End: no order of the scenario may be rejected."""
        self.finish(f"rejected: {event}")

    def on_event(self, event: Any) -> None:
        """Note the name of everything heard."""
        self.heard.append(type(event).__name__)

    def finish(self, problem: str) -> None:
        """Note the beliefs at the end and stop the node."""
        if "problem" in self.seen:
            return
        self.seen["problem"] = problem
        account = self.portfolio.account(IB_VENUE) if problem == "" else None
        self.seen["held"] = self.held()
        self.seen["events"] = self.heard
        for name, order in (("market", self.market), ("limit", self.limit), ("rest", self.rest)):
            if order is not None:
                self.seen[name] = {
                    "status": order.status_string(), "filled": str(order.filled_qty),
                    "order_id": int(str(order.venue_order_id)),
                }  # fmt: skip
        if account is not None:
            self.seen["account"] = str(account.id)
            self.seen["cash"] = str(account.balance_total(USD).as_decimal())
        self.clock.set_time_alert_ns(
            "stop", self.clock.timestamp_ns() + 300_000_000, self.stop_node
        )

    def stop_node(self, _event: Any) -> None:
        """Stop the node from its own loop."""
        self.node.stop()


IB_VENUE = INSTRUMENT.venue


def build(port: int, account: str) -> TradingNode:
    """Return a node whose data and execution come from the gateway at a port."""
    provider = InteractiveBrokersInstrumentProviderConfig(load_ids=frozenset({str(INSTRUMENT)}))
    node = TradingNode(
        TradingNodeConfig(
            trader_id="WITNESS-001",
            logging=LoggingConfig(log_level="INFO", log_colors=False),
            data_engine=LiveDataEngineConfig(),
            exec_engine=LiveExecEngineConfig(reconciliation=True),
            data_clients={
                IB: InteractiveBrokersDataClientConfig(
                    ibg_host="127.0.0.1", ibg_port=port, ibg_client_id=CLIENT_ID,
                    instrument_provider=provider, use_regular_trading_hours=False,
                    connection_timeout=20, request_timeout=20,
                )
            },
            exec_clients={
                IB: InteractiveBrokersExecClientConfig(
                    ibg_host="127.0.0.1", ibg_port=port, ibg_client_id=CLIENT_ID,
                    account_id=account, instrument_provider=provider,
                    routing=RoutingConfig(default=True), connection_timeout=20,
                )
            },
            timeout_connection=30.0,
            timeout_reconciliation=20.0,
            timeout_portfolio=20.0,
            timeout_disconnection=5.0,
            timeout_post_stop=1.0,
        )
    )  # fmt: skip
    node.add_data_client_factory(IB, InteractiveBrokersLiveDataClientFactory)
    node.add_exec_client_factory(IB, InteractiveBrokersLiveExecClientFactory)
    return node


def main(port: int, account: str, report: Path) -> None:
    """Run the node to the end of the scenario and write the report."""
    node = build(port, account)
    buyer = Buyer(node)
    node.trader.add_strategy(buyer)
    node.build()
    guard = threading.Timer(NODE_S, node.get_event_loop().call_soon_threadsafe, (node.stop,))
    guard.daemon = True
    guard.start()
    try:
        node.run()
    finally:
        guard.cancel()
        report.write_text(json.dumps(buyer.seen))
        node.dispose()


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))
