"""History of one session: bars 20/25, earliest data 87/90, histograms 88/89, past ticks 96.

Every answer comes at once and whole; what is kept up to date goes on in the bar stream.
"""

from collections.abc import Callable

from trader.sim.gateway.desks.data_request import Requests
from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.feeds import bar_rows, farms, permissions, tick_history
from trader.sim.gateway.feeds.bar_stream import BAR_S, UpdateLine
from trader.sim.gateway.ways import pacing
from trader.sim.gateway.ways.pacing import HistoryAsk
from trader.sim.market import bars, schedule, spans
from trader.sim.market.spans import BarsError, invalid
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_history, requests_history, requests_market
from trader.sim.wire.requests_history import HistoryRequest, TicksRequest

Handler = Callable[[list[str]], None]
_SERVICE = "Historical Market Data Service error message:"
_NO_ZONE = (
    2174,
    "Warning: You submitted request with date-time attributes without explicit time zone. Please "
    "switch to use yyyymmdd-hh:mm:ss in UTC or use instrument time zone, like US/Eastern. Implied "
    "time zone functionality will be removed in the next API release",
)
_UPDATED_SHOWS = ("TRADES", "MIDPOINT", "BID", "ASK", "AGGTRADES")
_FORMATS = (1, 2)


class HistoryDesk:
    """Bars, ticks and dates of the past, for one session."""

    def __init__(self, session: Asker) -> None:
        self._session, self._requests = session, Requests(session)
        self._market, self._feeds = session.world.exchange.market, session.world.feeds
        self._clock = session.world.gateway.clock

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            20: self._history, 25: self._cancel_history, 87: self._head, 88: self._histogram,
            89: _ignore, 90: _ignore, 96: self._ticks,
        }  # fmt: skip

    def _serve(self, request_id: int, answer: Callable[[], None]) -> None:
        """Give an answer, or the refusal it ends in."""
        try:
            answer()
        except BarsError as error:
            self._requests.refuse(request_id, error.code, str(error))

    def _warn(self, request_id: int, moment: str) -> None:
        """Say that a time of no zone is read as the gateway's own (2174); it is answered."""
        if spans.lacks_zone(moment):
            self._requests.refuse(request_id, *_NO_ZONE)

    def _check_access(self, item: Instrument) -> None:
        """Refuse what the account or the data service does not give now. Raises BarsError."""
        trouble = self._feeds.trouble
        if trouble.is_competing:
            raise BarsError(
                f"{_SERVICE}Trading TWS session is connected from a different IP address"
            )
        if farms.HISTORY_FARM in trouble.broken_farms:
            text = "HMDS server disconnect occurred.  Attempting reconnection..."
            raise BarsError(f"Historical Market Data Service query message:{text}", 165)
        if trouble.permission(item.con_id) not in permissions.SEEN:
            raise BarsError(permissions.no_history(item))

    # -- bars ------------------------------------------------------------------------------------

    def _history(self, fields: list[str]) -> None:
        request = requests_history.parse_history(fields)
        item = self._requests.instrument(request.request_id, request.contract)
        if item is not None:
            self._warn(request.request_id, request.end)
            self._serve(request.request_id, lambda: self._answer(request, item))

    def _answer(self, request: HistoryRequest, item: Instrument) -> None:
        wanted = self._wanted(request, item)
        self._check_pacing(request, item, wanted)
        self._check_access(item)
        if wanted.show == "SCHEDULE":
            self._schedule(request.request_id, item, wanted)
            return
        found = bars.history(self._market, item, wanted)
        if not found:
            source = f"{item.symbol}@{request.contract.exchange or item.exchange}"
            text = f"HMDS query returned no data: {source} {wanted.show.capitalize()}"
            raise BarsError(_SERVICE + text)
        rows = [bar_rows.row(item, bar, request.format_date) for bar in found]
        span = tuple(bar_rows.moment(item, s) for s in (found[0].start_s, wanted.end_s))
        ident = request.request_id
        frame = messages_history.historical_data(self._session.sv, ident, (span[0], span[1]), rows)
        self._session.push(17, frame)
        if self._session.sv >= messages_history.END_VERSION:
            end = messages_history.historical_data_end(ident, (span[0], span[1]))
            self._session.push(108, end)
        if request.keep_up_to_date:
            line = UpdateLine(
                self._session.outlet, ident, item, size_s=wanted.size_s, show=wanted.show,
                format_date=request.format_date, is_regular=wanted.is_regular,
            )  # fmt: skip
            self._feeds.bars.keep_up(line)

    def _wanted(self, request: HistoryRequest, item: Instrument) -> bars.Wanted:
        """Read what is asked for. Raises BarsError."""
        show = request.show.upper()
        if request.end and show == "ADJUSTED_LAST":
            raise invalid("End Date not supported with adjusted last")
        if request.end and request.keep_up_to_date:
            raise invalid("End Date not supported with keep up to date")
        if request.format_date not in _FORMATS:
            raise invalid(f"Format date {request.format_date} is not allowed; allowed: 1, 2")
        end_s = spans.read_end(request.end, self._clock.time())
        texts = (request.bar_size, request.duration, show)
        wanted = bars.read_wanted(item, texts, end_s, is_regular=request.is_regular)
        if request.keep_up_to_date:
            self._check_update(request, wanted)
        return wanted

    def _check_update(self, request: HistoryRequest, wanted: bars.Wanted) -> None:
        if wanted.size_s < BAR_S:
            raise invalid("Bars kept up to date are of 5 seconds or more")
        if wanted.show not in _UPDATED_SHOWS:
            raise invalid(f"What to show {wanted.show} cannot be kept up to date")
        stream, key = self._feeds.bars, self._requests.key(request.request_id)
        if stream.is_kept_up(key):
            raise BarsError("Duplicate ticker ID for API historical data query.", 386)
        if stream.kept_up >= pacing.OPEN_MAX:
            text = f"Only {pacing.OPEN_MAX} simultaneous API historical data requests allowed."
            raise BarsError(f"Error processing request.-'bV' : cause - {text}", 322)

    def _check_pacing(self, request: HistoryRequest, item: Instrument, wanted: bars.Wanted) -> None:
        if wanted.size_s > pacing.PACED_BAR_S_MAX:
            return
        rest = (request.end, wanted.size_s, request.duration, request.is_regular)
        ask = HistoryAsk(item.con_id, wanted.show, request.contract.exchange, rest)
        if self._feeds.history_meter.violates(ask, self._clock.monotonic()):
            raise BarsError(pacing.PACING_TEXT)

    def _schedule(self, request_id: int, item: Instrument, wanted: bars.Wanted) -> None:
        found = schedule.sessions(item, wanted)
        if not found:
            raise BarsError(f"{_SERVICE}HMDS query returned no data: {item.symbol} Schedule")
        frame = messages_history.historical_schedule(
            request_id, (found[0][0], found[-1][1]), item.time_zone, found
        )
        self._session.push(106, frame)

    def _cancel_history(self, fields: list[str]) -> None:
        ident = requests_market.parse_request_id(fields)
        if self._feeds.bars.drop_update(self._requests.key(ident)):
            text = f"{_SERVICE}API historical data query cancelled: {ident}"
            self._requests.refuse(ident, 162, text)
        else:
            text = f"No historical data query found for ticker id:{ident}"
            self._requests.refuse(ident, 366, text)

    # -- earliest data, histogram -----------------------------------------------------------------

    def _head(self, fields: list[str]) -> None:
        request = requests_history.parse_head(fields)
        item = self._requests.instrument(request.request_id, request.contract)
        if item is None:
            return

        def answer() -> None:
            show = request.show.upper()
            if show not in bars.SHOWS:
                raise invalid("What to show field is missing or incorrect.")
            bars.check_show(item, show)
            self._check_access(item)
            first_s = schedule.first_moment(self._market, item, regular=request.is_regular)
            is_text = request.format_date == 1
            text = schedule.utc_stamp(first_s) if is_text else str(int(first_s))
            frame = messages_history.head_timestamp(request.request_id, text)
            self._session.push(88, frame)

        self._serve(request.request_id, answer)

    def _histogram(self, fields: list[str]) -> None:
        request = requests_history.parse_histogram(fields)
        item = self._requests.instrument(request.request_id, request.contract)
        if item is None:
            return

        def answer() -> None:
            self._check_access(item)
            rows = schedule.histogram(
                self._market, item, schedule.read_period(request.period), self._clock.time()
            )
            self._session.push(89, messages_history.histogram(request.request_id, rows))

        self._serve(request.request_id, answer)

    # -- past ticks -------------------------------------------------------------------------------

    def _ticks(self, fields: list[str]) -> None:
        request = requests_history.parse_ticks(fields)
        item = self._requests.instrument(request.request_id, request.contract)
        if item is not None:
            self._warn(request.request_id, request.start or request.end)
            self._serve(request.request_id, lambda: self._past_ticks(request, item))

    def _past_ticks(self, request: TicksRequest, item: Instrument) -> None:
        kind, most = tick_history.KINDS.get(request.show.upper()), tick_history.TICKS_MAX
        if kind is None:
            raise invalid("What to show field is missing or incorrect.")
        if not 1 <= request.count <= most:
            raise invalid(f"Number of ticks {request.count} is not allowed; allowed: 1 to {most}")
        if bool(request.start) == bool(request.end):
            raise invalid("Specify either a start or an end time, not both and not neither")
        if self._feeds.trouble.permission(item.con_id) not in permissions.SEEN:
            where = f"{item.primary_exchange} {item.sec_type}"
            text = f"Failed to request historical ticks:No market data permissions for {where}"
            raise BarsError(text, 10187)
        self._check_access(item)
        start_s = spans.read_moment(request.start) if request.start else None
        end_s = spans.read_end(request.end, self._clock.time()) if request.end else None
        wanted = tick_history.Wanted(
            kind, request.count, start_s, end_s, is_regular=request.is_regular
        )
        found = tick_history.rows(self._market, item, wanted)
        if request.ignore_size:
            found = tick_history.without_sizes(found, kind)
        self._session.push(*tick_history.frame(request.request_id, kind, found))


def _ignore(_fields: list[str]) -> None:
    """Take a cancel of something that was answered at once."""
