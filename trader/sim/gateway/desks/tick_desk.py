"""Market data lines of one session: requests 1, 2 and 59, and option calculations 54 to 57."""

from collections.abc import Callable

from trader.sim.gateway.desks.data_request import Requests
from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.feeds import generic_ticks, option_ticks, permissions
from trader.sim.gateway.feeds.lines import Line, Mode, render
from trader.sim.gateway.feeds.permissions import Grant
from trader.sim.market.options import Terms
from trader.sim.model.instruments import Instrument
from trader.sim.wire import messages_market, messages_session, requests_market
from trader.sim.wire.reader import Fields

Handler = Callable[[list[str]], None]
_TOO_MANY = (101, "Max number of tickers has been reached")
_INVALID = "Error validating request.-'bN' : cause - "


class TickDesk:
    """Quotes of one session."""

    def __init__(self, session: Asker) -> None:
        self._session, self._requests = session, Requests(session)
        self._market, self._feeds = session.world.exchange.market, session.world.feeds
        self._wish = Mode.LIVE

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            1: self._subscribe, 2: self._cancel, 54: self._volatility, 55: self._price,
            56: _ignore, 57: _ignore, 59: self._data_type,
        }  # fmt: skip

    def _subscribe(self, fields: list[str]) -> None:
        request = requests_market.parse_market_data(fields)
        ident, say = request.request_id, self._requests
        item = say.instrument(ident, request.contract)
        if item is None or not say.is_free(ident, is_taken=self._feeds.ticks.has(say.key(ident))):
            return
        numbers, cause = generic_ticks.read_list(request.generics, item.sec_type)
        if request.is_snapshot and request.generics:
            cause = "Snapshot market data subscription is not applicable to generic ticks"
        if cause:
            say.refuse(ident, 321, _INVALID + cause)
            return
        if self._feeds.ticks.count >= self._feeds.trouble.lines_max:
            say.refuse(ident, *_TOO_MANY)
            return
        if say.competes(ident):
            return
        is_once = request.is_snapshot or request.is_regulatory
        line = Line(self._session.outlet, ident, item, wish=self._wish)
        grant = self._grant(item)
        if grant.mode is not None:
            self._session.push(58, messages_market.market_data_type(ident, grant.mode))
        if grant.code:
            line.notice = grant.code
            say.refuse(ident, grant.code, grant.text)
        if grant.mode is not None:
            self._open(line, grant.mode, numbers, is_once=is_once)

    def _grant(self, item: Instrument) -> Grant:
        """Return the kind of data the account may have of an instrument."""
        is_open = self._session.world.exchange.quote(item).is_open
        permission = self._feeds.trouble.permission(item.con_id)
        return permissions.decide(self._wish, permission, item, is_open=is_open)

    def _open(self, line: Line, mode: Mode, numbers: tuple[int, ...], *, is_once: bool) -> None:
        session, quote = self._session, self._session.world.exchange.quote(line.instrument)
        ident = line.request_id
        session.push(81, messages_market.tick_request_parameters(ident, line.instrument))
        if not self._feeds.is_served(line.instrument):
            # The farm is not connected: the line exists and stays silent until it is back.
            if not is_once:
                self._feeds.ticks.add_silently(line, mode, numbers, quote)
            return
        if is_once:
            self._feeds.ticks.snapshot(line, mode, quote)
            session.push(57, messages_session.end(57, ident))
            return
        self._feeds.ticks.add(line, mode, numbers, quote)

    def _cancel(self, fields: list[str]) -> None:
        request_id = requests_market.parse_request_id(fields)
        if not self._feeds.ticks.drop(self._requests.key(request_id)):
            self._requests.unknown(request_id)

    def _data_type(self, fields: list[str]) -> None:
        kind = Fields(fields, 2).integer()
        if kind not in tuple(Mode):
            cause = f"market data type {kind} is not allowed; allowed: 1 to 4"
            self._requests.refuse(-1, 321, _INVALID + cause)
            return
        self._wish = Mode(kind)

    # -- option calculations ------------------------------------------------------------------

    def _volatility(self, fields: list[str]) -> None:
        request = requests_market.parse_option_calculation(fields)
        self._calculate(request, option_ticks.implied_volatility)

    def _price(self, fields: list[str]) -> None:
        request = requests_market.parse_option_calculation(fields)
        self._calculate(request, option_ticks.option_price)

    def _calculate(
        self,
        request: requests_market.OptionCalculation,
        make: Callable[[Terms, float, float], tuple[bytes, bytes] | None],
    ) -> None:
        ident = request.request_id
        item = self._requests.instrument(ident, request.contract)
        if item is None:
            return
        if not option_ticks.is_option(item):
            cause = f"{item.local_symbol} is not an option"
            self._requests.refuse(ident, 321, _INVALID + cause)
            return
        terms, spot, _ = self._market.option_terms(item, self._market.slot())
        under = float(request.under_price) if request.under_price is not None else spot
        part = make(terms, float(request.value or 0), under)
        if part is None:
            cause = f"no value fits {request.value} at an underlying of {under}"
            self._requests.refuse(ident, 321, _INVALID + cause)
            return
        self._session.push(21, render([part], ident))


def _ignore(_fields: list[str]) -> None:
    """Take a cancel of a calculation: it was answered at once."""
