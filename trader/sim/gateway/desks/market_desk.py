"""What one session sees of the market, by topic; each subscription ends with its session.

Quotes are in `tick_desk`, depth, bars and single ticks in `stream_desk`, the past in
`history_desk`, and what the account has no subscription for in `news_desk`.
"""

from collections.abc import Callable

from trader.sim.gateway.desks.history_desk import HistoryDesk
from trader.sim.gateway.desks.news_desk import NewsDesk
from trader.sim.gateway.desks.stream_desk import StreamDesk
from trader.sim.gateway.desks.tick_desk import TickDesk
from trader.sim.gateway.desks.world import Asker

Handler = Callable[[list[str]], None]


class MarketDesk:
    """Market data of one session."""

    def __init__(self, session: Asker) -> None:
        self._session = session
        self._desks = (
            TickDesk(session), StreamDesk(session), HistoryDesk(session), NewsDesk(session),
        )  # fmt: skip

    def handlers(self) -> dict[int, Handler]:
        """Return the message ids answered here."""
        return {number: step for desk in self._desks for number, step in desk.handlers().items()}

    def data_lost(self) -> None:
        """Forget all data subscriptions (1101); the client must ask again."""
        self._session.world.feeds.leave(self._session.outlet)
