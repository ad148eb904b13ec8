"""What one session asks about instruments, exchanges and the account's groups.

Answers are those of an individual account without advisor clients and without paid research.
"""

from collections.abc import Callable

from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.orders import validation
from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.reference import hours, options, rules, venues
from trader.sim.wire import messages_reference, messages_session, requests_reference

Handler = Callable[[list[str]], None]

_INVALID = "Error validating request.-'bH' : cause - "
NO_COMBO_DETAILS = (321, f"{_INVALID}BAG isn't supported for contract data request.")
NO_ADVISOR = (321, f"{_INVALID}FA data operations ignored for non FA customers.")
# Wall Street Horizon events need a subscription; what was never requested cannot be cancelled.
_EVENTS = {
    100: (10276, "News feed is not allowed."),
    101: (10280, "Failed cancel WSH metadata"),
    102: (10282, "WSH metadata not requested"),
    103: (10284, "Fail cancel WSH event data"),
}
# Code of the account family: this account belongs to none.
_FAMILIES = (("*", ""),)


class ReferenceDesk:
    """Reference data of one session."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world
        self._catalogue = session.world.exchange.market.catalogue

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            9: self._contract_details,
            18: self._request_fa,
            19: self._replace_fa,
            78: self._option_chain,
            79: self._soft_dollar_tiers,
            80: self._family_codes,
            81: self._matching,
            82: self._depth_exchanges,
            83: self._smart_components,
            91: self._market_rule,
            **dict.fromkeys(_EVENTS, self._events),
        }

    # -- instruments --------------------------------------------------------------------------

    def _contract_details(self, fields: list[str]) -> None:
        request_id, query = requests_reference.parse_contract_details(fields)
        if query.sec_type in self._world.faults.unanswered_details:
            return
        flaw = validation.check_kind(query)
        if flaw is not None:
            self._session.show_error(request_id, flaw.code, flaw.text)
            return
        if query.sec_type == "BAG":
            self._session.show_error(request_id, *NO_COMBO_DETAILS)
            return
        found = self._catalogue.find_all(query)
        if not found:
            self._session.show_error(request_id, *self._catalogue.why_not(query))
            return
        now, sv = self._world.gateway.clock.time(), self._session.sv
        # A whole chain shares one calendar.
        places = dict.fromkeys((item.calendar, item.time_zone) for item in found)
        texts = {place: hours.hours(place[0], now, zone=place[1]) for place in places}
        for item in found:
            text = texts[item.calendar, item.time_zone]
            shown = (text.trading, text.liquid)
            for exchange in _shown_at(query, item):
                frame = messages_reference.contract_details(sv, request_id, item, exchange, shown)
                self._session.push(10, frame)
        self._session.push(52, messages_session.end(52, request_id))

    def _matching(self, fields: list[str]) -> None:
        request_id, pattern = requests_reference.parse_request_text(fields)
        rows = [(i, self._catalogue.derivatives(i)) for i in self._catalogue.matching(pattern)]
        frame = messages_reference.symbol_samples(self._session.sv, request_id, rows)
        self._session.push(79, frame)

    def _option_chain(self, fields: list[str]) -> None:
        asked = requests_reference.parse_option_chain(fields)
        item = self._catalogue.by_id(asked.con_id)
        if item is None or asked.symbol not in ("", item.symbol):
            text = f"{_INVALID}Invalid contract id"
            self._session.show_error(asked.request_id, 321, text)
            return
        chain = self._catalogue.chain(item.con_id)
        # There are no options on futures, which is what a future's exchange asks for.
        if chain is not None and not asked.future_exchange:
            days = options.fridays(self._catalogue.today())
            sets = ([f"{options.expiry(day):%Y%m%d}" for day in days], chain.strikes())
            for exchange in venues.US_OPTIONS:
                frame = messages_reference.option_chain(
                    asked.request_id, exchange, item, options.MULTIPLIER, sets
                )
                self._session.push(75, frame)
        self._session.push(76, messages_reference.option_chain_end(asked.request_id))

    def _market_rule(self, fields: list[str]) -> None:
        rule = requests_reference.parse_number(fields)
        bands = rules.increments(rule)
        if bands is None:
            self._session.show_error(-1, 321, f"{_INVALID}Market rule {rule} is not known")
            return
        self._session.push(93, messages_reference.market_rule(rule, bands))

    # -- exchanges ----------------------------------------------------------------------------

    def _depth_exchanges(self, _fields: list[str]) -> None:
        rows = [
            (row.exchange, row.sec_type, row.listing_exchange, row.service, row.agg_group)
            for row in venues.depth_venues()
        ]
        self._session.push(80, messages_reference.depth_exchanges(rows))

    def _smart_components(self, fields: list[str]) -> None:
        request_id, code = requests_reference.parse_request_text(fields)
        found = venues.components(code)
        if found is None:
            text = f"{_INVALID}BBO exchange {code!r} is not known"
            self._session.show_error(request_id, 321, text)
            return
        rows = [(one.bit, one.exchange, one.letter) for one in found]
        self._session.push(82, messages_reference.smart_components(request_id, rows))

    # -- the account --------------------------------------------------------------------------

    def _soft_dollar_tiers(self, fields: list[str]) -> None:
        request_id = requests_reference.parse_number(fields)
        self._session.push(77, messages_reference.soft_dollar_tiers(request_id))

    def _family_codes(self, _fields: list[str]) -> None:
        self._session.push(78, messages_reference.family_codes(_FAMILIES))

    def _request_fa(self, _fields: list[str]) -> None:
        self._session.show_error(-1, *NO_ADVISOR)

    def _replace_fa(self, fields: list[str]) -> None:
        self._session.show_error(requests_reference.parse_replace_fa(fields), *NO_ADVISOR)

    def _events(self, fields: list[str]) -> None:
        request_id = requests_reference.parse_number(fields)
        self._session.show_error(request_id, *_EVENTS[int(fields[0])])


def _shown_at(query: ContractQuery, item: Instrument) -> tuple[str, ...]:
    """Return the exchanges to show a match at: the one asked for, or each venue of a stock."""
    if query.exchange:
        return (query.exchange,)
    if item.sec_type == "STK" and not query.con_id:
        return item.exchanges
    return (item.exchange,)
