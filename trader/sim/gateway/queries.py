"""Answers to what a client asks and subscribes to: contracts, data, orders, positions.

Each list ends in its own end marker.
"""

from collections.abc import Callable
from decimal import Decimal

from trader.sim.broker.accounts import Position, cost
from trader.sim.clock import read_stamp, stamp
from trader.sim.gateway import executions
from trader.sim.gateway.feeds import Line
from trader.sim.gateway.world import Asker
from trader.sim.market import bars
from trader.sim.model.orders import ZERO, ContractQuery, Instrument, Order, Status
from trader.sim.reference import catalogue as contracts
from trader.sim.wire import messages, messages_orders, requests
from trader.sim.wire.frames import FieldError, plain
from trader.sim.wire.requests import Fields

LINES_MAX = 100
Handler = Callable[[list[str]], None]


class Queries:
    """The read side of one session, with its subscriptions."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world
        self._has_positions = False
        self._data_type = 1
        self._lines: set[int] = set()

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            1: self._market_data, 2: self._cancel_market_data, 5: self._own_orders,
            7: self._executions, 9: self._contract_details, 15: _ignore, 16: self._all_orders,
            20: self._history, 25: self._cancel_history, 50: self._bars, 51: self._cancel_bars,
            59: self._market_data_type, 61: self._positions, 64: self._cancel_positions,
            74: self._positions_multi, 75: _ignore, 77: _ignore, 81: self._matching,
            91: self._market_rule, 99: self._completed_orders,
        }  # fmt: skip

    def _instrument(self, request_id: int, query: ContractQuery) -> Instrument | None:
        found = self._world.exchange.market.catalogue.find(query)
        if found is None:
            self._session.refuse_unknown(request_id)
        return found

    # -- contracts and data ---------------------------------------------------------------------

    def _contract_details(self, fields: list[str]) -> None:
        request_id, query = requests.parse_contract_details(fields)
        item = self._instrument(request_id, query)
        if item is None:
            return
        hours = contracts.trading_hours(self._world.gateway.clock.time())
        sv, exchange = self._session.sv, query.exchange or item.exchange
        details = messages.contract_details(sv, request_id, item, exchange, hours)
        self._session.push(10, details)
        self._session.push(52, messages.end(52, request_id))

    def _matching(self, fields: list[str]) -> None:
        read = Fields(fields, 1)
        request_id, pattern = read.integer(), read.text()
        found = self._world.exchange.market.catalogue.matching(pattern)
        self._session.show_symbols(request_id, found)

    def _market_rule(self, fields: list[str]) -> None:
        rule = Fields(fields, 1).integer()
        if rule != messages.MARKET_RULE:
            self._session.show_error(-1, 321, f"Market rule {rule} is not known")
            return
        self._session.push(93, messages.market_rule(rule, [(ZERO, Decimal("0.01"))]))

    def _market_data(self, fields: list[str]) -> None:
        request_id, query, is_snapshot = requests.parse_market_data(fields)
        item = self._instrument(request_id, query)
        if item is None:
            return
        if len(self._lines) >= LINES_MAX:
            self._session.show_error(request_id, 101, "Max number of tickers has been reached")
            return
        session = self._session
        session.push(58, messages.market_data_type(request_id, self._data_type))
        session.push(81, messages.tick_request_parameters(request_id, item))
        line = Line(session.outlet, request_id, item)
        if is_snapshot:
            self._world.feeds.snapshot(line)
        else:
            self._lines.add(request_id)
            self._world.feeds.subscribe(line)

    def _cancel_market_data(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        self._lines.discard(request_id)
        if not self._world.feeds.cancel(self._session.outlet, request_id):
            text = f"Can't find EId with tickerId:{request_id}"
            self._session.show_error(request_id, 300, text)

    def data_lost(self) -> None:
        """Forget all data subscriptions (1101)."""
        self._lines.clear()
        self._world.feeds.leave(self._session.outlet)

    def _market_data_type(self, fields: list[str]) -> None:
        kind = Fields(fields, 2).integer()
        if kind not in (1, 2, 3, 4):
            raise FieldError(f"market data type {kind}, allowed 1 to 4")
        # The replay is live data, which is what types 2 to 4 yield where it is permitted.
        self._data_type = 1

    def _bars(self, fields: list[str]) -> None:
        request_id, query, show = requests.parse_realtime_bars(fields)
        item = self._instrument(request_id, query)
        if item is not None:
            self._world.feeds.subscribe_bars(Line(self._session.outlet, request_id, item, show))

    def _cancel_bars(self, fields: list[str]) -> None:
        self._world.feeds.cancel_bars(self._session.outlet, Fields(fields, 2).integer())

    def _history(self, fields: list[str]) -> None:
        request = requests.parse_history(fields)
        item = self._instrument(request.request_id, request.contract)
        if item is None:
            return
        clock, market = self._world.gateway.clock, self._world.exchange.market
        try:
            end_s = _history_end(request.end, clock.time())
            found = bars.history(
                market, clock, item,
                bar_size=request.bar_size, duration=request.duration, end_s=end_s,
            )  # fmt: skip
        except bars.BarsError as error:
            text = f"Historical Market Data Service error message:{error}"
            self._session.show_error(request.request_id, 162, text)
            return
        rows = [_bar_row(bar, request) for bar in found]
        start = found[0].start_s if found else end_s
        span = (stamp(start), stamp(end_s))
        frame = messages.historical_data(self._session.sv, request.request_id, span, rows)
        self._session.push(17, frame)

    def _cancel_history(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        text = (
            "Historical Market Data Service error message:"
            f"API historical data query cancelled: {request_id}"
        )
        self._session.show_error(request_id, 162, text)

    # -- orders ---------------------------------------------------------------------------------

    def _own_orders(self, _fields: list[str]) -> None:
        assert self._session.client_id is not None, "dispatched after startApi"
        self._list_orders(self._world.gateway.orders_of(self._session.client_id))

    def _all_orders(self, _fields: list[str]) -> None:
        working = self._world.exchange.working()
        self._list_orders([o for o in working if o.status is not Status.PENDING_SUBMIT])

    def _list_orders(self, orders: list[Order]) -> None:
        if self._world.gateway.is_read_only:
            refusal = self._world.gateway.read_only_refusal()
            self._session.show_error(-1, refusal.code, refusal.text)
            return
        for order in orders:
            self._session.show_order(order)
        self._session.push(53, messages.end(53))

    def _completed_orders(self, _fields: list[str]) -> None:
        for order in self._world.exchange.orders.values():
            if order.status.is_done and order.status is not Status.INACTIVE:
                frame = messages_orders.completed_order(
                    self._session.sv, order, stamp(order.completed_s)
                )
                self._session.push(101, frame)
        self._session.push(102, messages.completed_orders_end())

    def _executions(self, fields: list[str]) -> None:
        wanted = requests.parse_executions(fields)
        now_s = self._world.gateway.clock.time()
        found = executions.matching(self._world.exchange.executions, wanted, now_s=now_s)
        for item in found:
            self._session.show_execution(item, wanted.request_id)
        for item in found:
            if self._world.faults.commissions != "never":
                self._session.show_commission(item)
        self._session.push(55, messages.end(55, wanted.request_id))

    # -- positions ------------------------------------------------------------------------------

    def _positions(self, _fields: list[str]) -> None:
        self._has_positions = True
        for entry in self._world.exchange.account.held():
            self._show_position(entry)
        self._session.push(62, messages.end(62))

    def _cancel_positions(self, _fields: list[str]) -> None:
        self._has_positions = False

    def position_changed(self, entry: Position) -> None:
        """Send a live position to a client that asked for them."""
        if self._has_positions:
            self._show_position(entry)

    def _show_position(self, entry: Position) -> None:
        frame = messages.position(
            self._world.exchange.account.name, entry.instrument, plain(entry.quantity),
            cost(entry.average_cost),
        )  # fmt: skip
        self._session.push(61, frame)

    def _positions_multi(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        account = self._world.exchange.account
        for entry in account.held():
            frame = messages.position_multi(
                request_id, account.name, entry.instrument, plain(entry.quantity),
                cost(entry.average_cost),
            )  # fmt: skip
            self._session.push(71, frame)
        self._session.push(72, messages.end(72, request_id))


def _ignore(_fields: list[str]) -> None:
    """Take a message that needs no answer."""


def _history_end(text: str, now_s: float) -> float:
    """Read an end time as clients write it: empty for now, with or without a zone."""
    if not text:
        return now_s
    end_s = read_stamp(text)
    if end_s is None:
        raise bars.BarsError(f"Invalid end date {text[:40]!r}")
    return min(end_s, now_s)


def _bar_row(bar: bars.Bar, request: requests.HistoryRequest) -> list[object]:
    if bar.day is not None:
        when = f"{bar.day:%Y%m%d}"
    elif request.format_date == 2:
        when = str(int(bar.start_s))
    else:
        when = stamp(bar.start_s)
    prices: list[object] = [plain(v) for v in (bar.open, bar.high, bar.low, bar.close)]
    if request.show != "TRADES":
        return [when, *prices, -1, -1, -1]
    return [when, *prices, bar.volume, plain(bar.average), max(1, bar.volume // 100)]
