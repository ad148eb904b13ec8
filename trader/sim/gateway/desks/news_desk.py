"""What needs a subscription the account does not have: news, scanners, fundamentals.

Each request gets the answer a real account without the subscription gets; the lists of what is
there are empty. Nothing is ever pushed.
"""

from collections.abc import Callable

from trader.sim.gateway.desks.data_request import Requests
from trader.sim.gateway.desks.world import Asker
from trader.sim.wire import messages_market, requests_market, requests_news, requests_special

Handler = Callable[[list[str]], None]
_NO_NEWS = (10276, "News feed is not allowed")
_NO_FUNDAMENTALS = (
    430, "We are sorry, but fundamentals data for the security specified is not available.",
)  # fmt: skip
_SCANNER = "Historical Market Data Service error message:"
_PARAMETERS = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<ScanParameterResponse>\n'
    '\t<InstrumentList varName="instrumentList"/>\n\t<LocationTree varName="locationTree"/>\n'
    '\t<ScanTypeList varName="scanTypeList"/>\n</ScanParameterResponse>\n'
)


class NewsDesk:
    """Subscriptions that one session cannot have."""

    def __init__(self, session: Asker) -> None:
        self._session, self._requests = session, Requests(session)

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {
            12: _ignore, 13: _ignore, 22: self._scanner, 23: self._cancel_scanner,
            24: self._scanner_parameters, 52: self._fundamentals, 53: _ignore,
            84: self._article, 85: self._providers, 86: self._news,
        }  # fmt: skip

    def _scanner(self, fields: list[str]) -> None:
        ident = requests_news.parse_scanner(fields).request_id
        text = f"{_SCANNER}Market Scanner is not configured for one of the chosen locations."
        self._requests.refuse(ident, 162, text)

    def _cancel_scanner(self, fields: list[str]) -> None:
        ident = requests_market.parse_request_id(fields)
        text = f"No scanner subscription found for ticker id:{ident}"
        self._requests.refuse(ident, 365, text)

    def _scanner_parameters(self, _fields: list[str]) -> None:
        self._session.push(19, messages_market.scanner_parameters(_PARAMETERS))

    def _fundamentals(self, fields: list[str]) -> None:
        wanted = requests_special.parse_fundamentals(fields)
        self._requests.refuse(wanted.request_id, *_NO_FUNDAMENTALS)

    def _providers(self, _fields: list[str]) -> None:
        self._session.push(85, messages_market.news_providers(()))

    def _news(self, fields: list[str]) -> None:
        self._requests.refuse(requests_news.parse_headlines(fields).request_id, *_NO_NEWS)

    def _article(self, fields: list[str]) -> None:
        self._requests.refuse(requests_news.parse_article(fields).request_id, *_NO_NEWS)


def _ignore(_fields: list[str]) -> None:
    """Take a message that is never answered: bulletins, and cancels of what never began."""
