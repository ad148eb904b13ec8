"""What one session sees of the market: data lines, five-second bars, history.

Each list ends in its own end marker; each subscription ends with its session.
"""

from collections.abc import Callable

from trader.sim.clock import stamp
from trader.sim.gateway.feeds import Line
from trader.sim.gateway.world import Asker
from trader.sim.market import bars, spans
from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.wire import messages_history, messages_market, requests_history, requests_market
from trader.sim.wire.frames import FieldError, plain
from trader.sim.wire.reader import Fields

LINES_MAX = 100
Handler = Callable[[list[str]], None]


class MarketDesk:
    """Market data of one session."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world
        self._data_type = 1
        self._lines: set[int] = set()

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            1: self._market_data, 2: self._cancel_market_data, 20: self._history,
            25: self._cancel_history, 50: self._bars, 51: self._cancel_bars,
            59: self._market_data_type,
        }  # fmt: skip

    def _instrument(self, request_id: int, query: ContractQuery) -> Instrument | None:
        catalogue = self._world.exchange.market.catalogue
        found = catalogue.find(query)
        if found is None:
            self._session.show_error(request_id, *catalogue.why_not(query))
        return found

    def _market_data(self, fields: list[str]) -> None:
        request_id, query, is_snapshot = requests_market.parse_market_data(fields)
        item = self._instrument(request_id, query)
        if item is None:
            return
        if len(self._lines) >= LINES_MAX:
            self._session.show_error(request_id, 101, "Max number of tickers has been reached")
            return
        session = self._session
        session.push(58, messages_market.market_data_type(request_id, self._data_type))
        session.push(81, messages_market.tick_request_parameters(request_id, item))
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
        request_id, query, show = requests_market.parse_realtime_bars(fields)
        item = self._instrument(request_id, query)
        if item is not None:
            self._world.feeds.subscribe_bars(Line(self._session.outlet, request_id, item, show))

    def _cancel_bars(self, fields: list[str]) -> None:
        self._world.feeds.cancel_bars(self._session.outlet, Fields(fields, 2).integer())

    def _history(self, fields: list[str]) -> None:
        request = requests_history.parse_history(fields)
        item = self._instrument(request.request_id, request.contract)
        if item is None:
            return
        clock, market = self._world.gateway.clock, self._world.exchange.market
        try:
            end_s = spans.read_end(request.end, clock.time())
            texts = (request.bar_size, request.duration, request.show)
            wanted = bars.read_wanted(item, texts, end_s, is_regular=False)
        except spans.BarsError as error:
            self._session.show_error(request.request_id, error.code, str(error))
            return
        found = bars.history(market, clock, item, wanted)
        rows = [_bar_row(bar, request) for bar in found]
        start = found[0].start_s if found else end_s
        span = (stamp(start), stamp(end_s))
        frame = messages_history.historical_data(self._session.sv, request.request_id, span, rows)
        self._session.push(17, frame)

    def _cancel_history(self, fields: list[str]) -> None:
        request_id = Fields(fields, 2).integer()
        text = (
            "Historical Market Data Service error message:"
            f"API historical data query cancelled: {request_id}"
        )
        self._session.show_error(request_id, 162, text)


def _bar_row(bar: bars.Bar, request: requests_history.HistoryRequest) -> list[object]:
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
