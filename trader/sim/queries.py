"""Answers to what a client asks and subscribes to: contracts, data, orders, account.

Each list ends in its own end marker. Account values go out again when something changed, at
most five times a second, and every 180 s.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from trader.sim import bars, contracts, executions, messages, messages_orders, requests
from trader.sim.accounts import Position, money
from trader.sim.feeds import Line
from trader.sim.orders import ZERO, ContractQuery, Instrument, Order, Status
from trader.sim.requests import Fields
from trader.sim.wire import FieldError, plain

if TYPE_CHECKING:
    from trader.sim.session import Session

ACCOUNT_PERIOD_S = 180.0
ACCOUNT_DELAY_S = 0.2
LINES_MAX = 100
Handler = Callable[[list[str]], None]


class Queries:
    """The read side of one session, with its subscriptions."""

    def __init__(self, session: "Session") -> None:
        self._session, self._world = session, session.world
        self._has_positions = False
        self._has_account = False
        self._account_round = 0
        self._stale: set[int] = set()
        self._summaries: dict[int, set[str]] = {}
        self._pnl: dict[int, int] = {}
        self._data_type = 1
        self._lines: set[int] = set()

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            1: self._market_data, 2: self._cancel_market_data, 5: self._own_orders,
            6: self._account_updates, 7: self._executions, 9: self._contract_details,
            15: _ignore, 16: self._all_orders, 20: self._history, 25: self._cancel_history,
            50: self._bars, 51: self._cancel_bars, 59: self._market_data_type,
            61: self._positions, 62: self._summary, 63: self._cancel_summary,
            64: self._cancel_positions, 74: self._positions_multi, 75: _ignore,
            76: self._account_multi, 77: _ignore, 81: self._matching, 91: self._market_rule,
            92: self._pnl_start, 93: self._pnl_cancel, 94: self._pnl_single,
            95: self._pnl_cancel, 99: self._completed_orders,
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
        span = (_stamp(start), _stamp(end_s))
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
                    self._session.sv, order, _stamp(order.completed_s)
                )
                self._session.push(101, frame)
        self._session.push(102, messages.completed_orders_end())

    def _executions(self, fields: list[str]) -> None:
        wanted = requests.parse_executions(fields)
        found = executions.matching(self._world.exchange.executions, wanted)
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
            plain(entry.average_cost.quantize(_COST)),
        )  # fmt: skip
        self._session.push(61, frame)

    def _positions_multi(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        account = self._world.exchange.account
        for entry in account.held():
            frame = messages.position_multi(
                request_id, account.name, entry.instrument, plain(entry.quantity),
                plain(entry.average_cost.quantize(_COST)),
            )  # fmt: skip
            self._session.push(71, frame)
        self._session.push(72, messages.end(72, request_id))

    # -- account --------------------------------------------------------------------------------

    def _rows(self) -> list[tuple[str, str, str]]:
        exchange = self._world.exchange
        return exchange.account.rows(exchange.prices(), exchange.reserved)

    def _account_updates(self, fields: list[str]) -> None:
        read = Fields(fields, 2)
        self._has_account = read.flag()
        self._account_round += 1
        if self._has_account:
            self._send_account(self._world.exchange.account.held())
            name = self._world.exchange.account.name
            self._session.push(54, messages.account_download_end(name))
            self._repeat_account(self._account_round)

    def _repeat_account(self, number: int) -> None:
        def again() -> None:
            if self._has_account and number == self._account_round and self._is_open():
                self._send_account(self._world.exchange.account.held())
                self._repeat_account(number)

        self._world.gateway.clock.call_later(ACCOUNT_PERIOD_S, again)

    def _is_open(self) -> bool:
        session = self._session
        assert session.client_id is not None, "subscribed after startApi"
        return self._world.gateway.clients.get(session.client_id) is session

    def account_changed(self, con_id: int) -> None:
        """Send account values soon, together with what else changes until then."""
        if not (self._has_account or self._pnl):
            return
        if not self._stale:
            self._world.gateway.clock.call_later(ACCOUNT_DELAY_S, self._send_stale)
        self._stale.add(con_id)

    def _send_stale(self) -> None:
        stale, self._stale = self._stale, set()
        if not self._is_open():
            return
        positions = self._world.exchange.account.positions
        if self._has_account:
            self._send_account([positions[con_id] for con_id in sorted(stale)])
        for request_id, con_id in self._pnl.items():
            self._send_pnl(request_id, con_id)

    def _send_account(self, entries: list[Position]) -> None:
        account = self._world.exchange.account
        for key, value, currency in self._rows():
            self._session.push(6, messages.account_value(key, value, currency, account.name))
        for entry in entries:
            price = self._world.exchange.quote(entry.instrument).last
            value = entry.quantity * price
            gain = (price - entry.average_cost) * entry.quantity
            values = [
                plain(entry.quantity), plain(price), money(value),
                plain(entry.average_cost.quantize(_COST)), money(gain), money(entry.realized),
            ]  # fmt: skip
            self._session.push(7, messages.portfolio(entry.instrument, values, account.name))
        now = datetime.fromtimestamp(self._world.gateway.clock.time(), UTC)
        self._session.push(8, messages.account_time(now.strftime("%H:%M")))

    def _account_multi(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        name = self._world.exchange.account.name
        for row in self._rows():
            self._session.push(73, messages.account_update_multi(request_id, name, row))
        self._session.push(74, messages.end(74, request_id))

    def _summary(self, fields: list[str]) -> None:
        read = Fields(fields, 2)
        request_id = read.integer()
        read.text()  # group
        self._summaries[request_id] = {tag.strip() for tag in read.text().split(",")}
        self._send_summary(request_id)
        self._session.push(64, messages.end(64, request_id))

    def _send_summary(self, request_id: int) -> None:
        tags = self._summaries.get(request_id)
        if tags is None:
            return
        name = self._world.exchange.account.name
        for row in self._rows():
            if row[0] in tags and row[2] != "BASE":
                self._session.push(63, messages.account_summary(request_id, name, row))

        def again() -> None:
            if self._summaries.get(request_id) is tags and self._is_open():
                self._send_summary(request_id)

        self._world.gateway.clock.call_later(ACCOUNT_PERIOD_S, again)

    def _cancel_summary(self, fields: list[str]) -> None:
        self._summaries.pop(Fields(fields, 2).integer(), None)

    def _pnl_start(self, fields: list[str]) -> None:
        request_id = Fields(fields, 1).integer()
        self._pnl[request_id] = 0
        self._send_pnl(request_id, 0)

    def _pnl_single(self, fields: list[str]) -> None:
        read = Fields(fields, 1)
        request_id = read.integer()
        read.skip(2)
        con_id = self._pnl[request_id] = read.integer()
        self._send_pnl(request_id, con_id)

    def _pnl_cancel(self, fields: list[str]) -> None:
        self._pnl.pop(Fields(fields, 1).integer(), None)

    def _send_pnl(self, request_id: int, con_id: int) -> None:
        exchange = self._world.exchange
        account, prices = exchange.account, exchange.prices()
        if not con_id:
            open_result, closed = account.unrealized(prices), account.realized()
            values = [money(open_result + closed), money(open_result), money(closed)]
            self._session.push(94, messages.pnl(request_id, values))
            return
        entry = account.positions.get(con_id)
        if entry is None:
            return
        price = prices[con_id]
        gain = (price - entry.average_cost) * entry.quantity
        values = [
            plain(entry.quantity), money(gain + entry.realized), money(gain),
            money(entry.realized), money(entry.quantity * price),
        ]  # fmt: skip
        self._session.push(95, messages.pnl_single(request_id, values))


_COST = Decimal("0.0000001")


def _ignore(_fields: list[str]) -> None:
    """Take a message that needs no answer."""


def _stamp(epoch_s: float) -> str:
    return datetime.fromtimestamp(epoch_s, UTC).strftime("%Y%m%d %H:%M:%S UTC")


def _history_end(text: str, now_s: float) -> float:
    """Read an end time as clients write it: empty for now, with or without a zone."""
    if not text:
        return now_s
    stem = text.replace("-", " ").split()
    try:
        moment = datetime.strptime(" ".join(stem[:2]), "%Y%m%d %H:%M:%S")
    except ValueError:
        raise bars.BarsError(f"Invalid end date {text[:40]!r}") from None
    return min(moment.replace(tzinfo=UTC).timestamp(), now_s)


def _bar_row(bar: bars.Bar, request: requests.HistoryRequest) -> list[object]:
    if bar.day is not None:
        stamp = f"{bar.day:%Y%m%d}"
    elif request.format_date == 2:
        stamp = str(int(bar.start_s))
    else:
        stamp = _stamp(bar.start_s)
    prices: list[object] = [plain(v) for v in (bar.open, bar.high, bar.low, bar.close)]
    if request.show != "TRADES":
        return [stamp, *prices, -1, -1, -1]
    return [stamp, *prices, bar.volume, plain(bar.average), max(1, bar.volume // 100)]
