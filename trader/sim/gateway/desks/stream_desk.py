"""Other streams of one session: depth 10/11, five-second bars 50/51, tick by tick 97/98."""

from collections.abc import Callable

from trader.sim.gateway.desks.data_request import Requests
from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.feeds import permissions, tick_history
from trader.sim.gateway.feeds.bar_stream import BarLine
from trader.sim.gateway.feeds.depth_stream import DepthLine
from trader.sim.gateway.feeds.print_stream import Kind, PrintLine
from trader.sim.model.instruments import Instrument
from trader.sim.model.orders import SMART
from trader.sim.reference import venues
from trader.sim.wire import requests_market

Handler = Callable[[list[str]], None]
ROWS_MAX = 60
_BAR_SHOWS = ("TRADES", "MIDPOINT", "BID", "ASK")
_TOO_DEEP = (
    309,
    "Max number (3) of market depth requests has been reached. "
    "Note: TWS currently limits users to a maximum of 3 distinct market depth requests.",
)
_NO_DEPTH = (
    10092, "Deep market data is not supported for this combination of security type/exchange",
)  # fmt: skip
_TOO_MANY_BY_TICK = (10190, "Max number of tick-by-tick requests has been reached.")
_INVALID = "Error validating request.-'bW' : cause - "
_VENUES_NOTICE = (
    2152, "Exchanges - Depth: NASDAQ; ARCA; BATS; IEX; EDGX; DRCTEDGE; MEMX; BYX; Top: NYSE; ",
)  # fmt: skip


class StreamDesk:
    """Depth, bars and single ticks of one session."""

    def __init__(self, session: Asker) -> None:
        self._session, self._requests = session, Requests(session)
        self._market, self._feeds = session.world.exchange.market, session.world.feeds

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            10: self._depth, 11: self._cancel_depth, 50: self._bars, 51: self._cancel_bars,
            97: self._ticks, 98: self._cancel_ticks,
        }  # fmt: skip

    def _may_see(self, request_id: int, item: Instrument) -> bool:
        """Return whether the account sees an instrument live; refuse otherwise (10089, 10197)."""
        if self._requests.competes(request_id):
            return False
        is_seen = self._feeds.trouble.permission(item.con_id) in permissions.SEEN
        if not is_seen:
            self._requests.refuse(request_id, *permissions.UNSEEN)
        return is_seen

    # -- depth ----------------------------------------------------------------------------------

    def _depth(self, fields: list[str]) -> None:
        request = requests_market.parse_depth(fields)
        ident, say, stream = request.request_id, self._requests, self._feeds.depth
        item = say.instrument(ident, request.contract)
        if item is None or not say.is_free(ident, is_taken=stream.has(say.key(ident))):
            return
        if not 1 <= request.rows <= ROWS_MAX:
            cause = f"number of rows {request.rows} is not allowed; allowed: 1 to {ROWS_MAX}"
            say.refuse(ident, 321, _INVALID + cause)
            return
        venue = venues.depth_venue(request.contract.exchange, item.sec_type)
        if not _has_depth(request, item, venue):
            say.refuse(ident, *_NO_DEPTH)
            return
        # Several requests for the same instrument count once.
        others = {con_id for con_id in stream.watched() if con_id != item.con_id}
        if len(others) >= self._feeds.trouble.depth_max:
            say.refuse(ident, *_TOO_DEEP)
            return
        if not self._may_see(ident, item):
            return
        if request.is_smart and item.sec_type == "STK":
            say.refuse(ident, *_VENUES_NOTICE)
        line = DepthLine(
            self._session.outlet, ident, item, rows=request.rows, is_smart=request.is_smart,
            maker="" if venue is None else venues.maker(venue),
        )  # fmt: skip
        stream.add(line)

    def _cancel_depth(self, fields: list[str]) -> None:
        ident = requests_market.parse_request_id(fields)
        if not self._feeds.depth.drop(self._requests.key(ident)):
            text = f"Can't find the subscribed market depth with tickerId:{ident}"
            self._requests.refuse(ident, 310, text)

    # -- five-second bars -----------------------------------------------------------------------

    def _bars(self, fields: list[str]) -> None:
        request = requests_market.parse_realtime_bars(fields)
        ident, say, stream = request.request_id, self._requests, self._feeds.bars
        item = say.instrument(ident, request.contract)
        if item is None or not say.is_free(ident, is_taken=stream.has(say.key(ident))):
            return
        show = request.show.upper()
        if show not in _BAR_SHOWS:
            cause = f"What to show {request.show[:20]!r}, allowed: {', '.join(_BAR_SHOWS)}"
            say.refuse(ident, 321, _INVALID + cause)
            return
        has_none = (item.sec_type == "CASH" and show == "TRADES") or (
            item.sec_type == "IND" and show != "TRADES"
        )
        if has_none:
            text = f"Invalid Real-time Query:No {show} data for {item.symbol}/{item.sec_type}"
            say.refuse(ident, 420, text)
            return
        if self._may_see(ident, item):
            outlet = self._session.outlet
            stream.add(BarLine(outlet, ident, item, show=show, is_regular=request.is_regular))

    def _cancel_bars(self, fields: list[str]) -> None:
        ident = requests_market.parse_request_id(fields)
        if not self._feeds.bars.drop(self._requests.key(ident)):
            self._requests.unknown(ident)

    # -- tick by tick -----------------------------------------------------------------------------

    def _ticks(self, fields: list[str]) -> None:
        request = requests_market.parse_tick_by_tick(fields)
        ident, say, stream = request.request_id, self._requests, self._feeds.prints
        item = say.instrument(ident, request.contract)
        if item is None or not say.is_free(ident, is_taken=stream.has(say.key(ident))):
            return
        if request.kind not in tuple(Kind):
            allowed = ", ".join(Kind)
            cause = f"tick-by-tick type {request.kind[:20]!r} is not allowed; allowed: {allowed}"
            say.refuse(ident, 321, _INVALID + cause)
            return
        kind = Kind(request.kind)
        if not _has_ticks(item, kind):
            text = (
                f"Failed to request tick-by-tick data.{kind} tick-by-tick requests are not "
                f"supported for {item.symbol}."
            )
            say.refuse(ident, 10189, text)
            return
        if stream.count >= self._feeds.trouble.tick_by_tick_max:
            say.refuse(ident, *_TOO_MANY_BY_TICK)
            return
        if not 0 <= request.count <= tick_history.TICKS_MAX:
            cause = f"number of ticks {request.count}, allowed: 0 to {tick_history.TICKS_MAX}"
            say.refuse(ident, 321, _INVALID + cause)
            return
        if not self._may_see(ident, item):
            return
        line = PrintLine(self._session.outlet, ident, item, kind=kind)
        if request.count:
            message_id, frame = tick_history.before_stream(self._market, line, request.count)
            self._session.push(message_id, frame)
        stream.add(line)

    def _cancel_ticks(self, fields: list[str]) -> None:
        ident = requests_market.parse_request_id(fields, 1)
        if not self._feeds.prints.drop(self._requests.key(ident)):
            self._requests.unknown(ident)


def _has_depth(
    request: requests_market.DepthRequest, item: Instrument, venue: venues.DepthVenue | None
) -> bool:
    """Return whether there is such a book: SMART has one only as the sum of the others."""
    if not item.is_tradable or item.sec_type == "BAG":
        return False
    if request.is_smart:
        return True
    is_shown = venue is not None or item.sec_type != "STK"
    return is_shown and request.contract.exchange != SMART


def _has_ticks(item: Instrument, kind: Kind) -> bool:
    """Return whether an instrument has events of a kind: pairs do not trade, indices only do."""
    is_trade = kind in (Kind.LAST, Kind.ALL_LAST)
    if item.sec_type == "CASH":
        return not is_trade
    return is_trade if item.sec_type == "IND" else item.sec_type != "BAG"
