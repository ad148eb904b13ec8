"""What one session asks about instruments: details, symbols, market rules."""

from collections.abc import Callable
from decimal import Decimal

from trader.sim.gateway.world import Asker
from trader.sim.model.instruments import ContractQuery, Instrument
from trader.sim.model.orders import ZERO
from trader.sim.reference import catalogue as contracts
from trader.sim.wire import messages_reference, messages_session, requests_reference
from trader.sim.wire.reader import Fields

Handler = Callable[[list[str]], None]


class ReferenceDesk:
    """Reference data of one session."""

    def __init__(self, session: Asker) -> None:
        self._session, self._world = session, session.world

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {9: self._contract_details, 81: self._matching, 91: self._market_rule}

    def _instrument(self, request_id: int, query: ContractQuery) -> Instrument | None:
        found = self._world.exchange.market.catalogue.find(query)
        if found is None:
            self._session.refuse_unknown(request_id)
        return found

    def _contract_details(self, fields: list[str]) -> None:
        request_id, query = requests_reference.parse_contract_details(fields)
        item = self._instrument(request_id, query)
        if item is None:
            return
        hours = contracts.trading_hours(self._world.gateway.clock.time())
        sv, exchange = self._session.sv, query.exchange or item.exchange
        details = messages_reference.contract_details(sv, request_id, item, exchange, hours)
        self._session.push(10, details)
        self._session.push(52, messages_session.end(52, request_id))

    def _matching(self, fields: list[str]) -> None:
        read = Fields(fields, 1)
        request_id, pattern = read.integer(), read.text()
        found = self._world.exchange.market.catalogue.matching(pattern)
        self._session.show_symbols(request_id, found)

    def _market_rule(self, fields: list[str]) -> None:
        rule = Fields(fields, 1).integer()
        if rule != messages_reference.MARKET_RULE:
            self._session.show_error(-1, 321, f"Market rule {rule} is not known")
            return
        self._session.push(93, messages_reference.market_rule(rule, [(ZERO, Decimal("0.01"))]))
