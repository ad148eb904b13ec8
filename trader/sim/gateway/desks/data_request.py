"""What all requests for market data have in common: finding the instrument, saying no."""

from trader.sim.gateway.desks.world import Asker
from trader.sim.gateway.feeds import permissions
from trader.sim.gateway.orders import validation
from trader.sim.model.instruments import ContractQuery, Instrument

DUPLICATE = (322, "Error processing request.-'bN' : cause - Duplicate ticker id")
NOT_FOUND = 300


class Requests:
    """The questions one session asks about instruments, and its refusals."""

    def __init__(self, session: Asker) -> None:
        self.session, self.world = session, session.world
        self.market, self.feeds = session.world.exchange.market, session.world.feeds

    def instrument(self, request_id: int, query: ContractQuery) -> Instrument | None:
        """Return the one instrument a request means; refuse the request when there is none."""
        flaw = validation.check_described(query)
        if flaw is not None:
            self.refuse(request_id, flaw.code, flaw.text)
            return None
        found = self.market.catalogue.find(query)
        if found is None:
            self.refuse(request_id, *self.market.catalogue.why_not(query))
        return found

    def refuse(self, request_id: int, code: int, text: str) -> None:
        """Send an error for a request."""
        self.session.show_error(request_id, code, text)

    def unknown(self, request_id: int) -> None:
        """Say that there is no such subscription (300)."""
        self.refuse(request_id, NOT_FOUND, f"Can't find EId with tickerId:{request_id}")

    def key(self, request_id: int) -> tuple[int, int]:
        """Return the key of a line of this session."""
        return id(self.session.outlet), request_id

    def is_free(self, request_id: int, *, is_taken: bool) -> bool:
        """Return whether a request id may be used for a new line; refuse it otherwise (322)."""
        if is_taken:
            self.refuse(request_id, *DUPLICATE)
        return not is_taken

    def competes(self, request_id: int) -> bool:
        """Return whether another session takes the data; say so (10197)."""
        if self.feeds.trouble.is_competing:
            self.refuse(request_id, *permissions.COMPETING)
        return self.feeds.trouble.is_competing
