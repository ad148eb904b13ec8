"""The subscriptions while the link is up: what brings nothing is asked for again, and told.

Quotes must come while a session is on in which they are needed; whether a farm says that it is well
proves nothing (INC-011). Outside of it nobody waits for them and nobody is called. What was refused
because no line is free or none is paid for is asked for again only now and then (INC-149).
"""

import random

import structlog

from trader.core.ids import ConId
from trader.engine.renewal import Renewals
from trader.engine.services import Services
from trader.ports import LinkDown, WorldError

log = structlog.get_logger(__name__)


class DataWatch:
    """Keeps the subscriptions of a link alive."""

    def __init__(self, services: Services, chance: random.Random) -> None:
        self._hub = services.hub
        self._sessions = services.sessions
        self._broker = services.broker
        self._clock = services.clock
        self._pager = services.pager
        self._renewals = Renewals(chance)
        # Instruments whose lack of quotes somebody has been told of.
        self._told_of: set[ConId] = set()

    async def renew(self) -> None:
        """Ask again for quotes that were refused, taken away or fell silent; raises LinkDown."""
        hub = self._hub
        hub.note_dead()
        self._page()
        now_s = self._clock.monotonic()
        # For what is closed nobody waits: it is asked for as seldom as anything that is silent.
        taken = [one for one in hub.taken() if hub.open_for_s(one) is not None]
        for con_id in self._renewals.due(hub.ailing(), now_s, taken, hub.denied()):
            instrument = hub.instruments.get(con_id)
            if instrument is None:
                continue
            log.warning("quotes asked for again", symbol=instrument.symbol)
            hub.subscribed(con_id)
            try:
                await self._broker.subscribe(instrument)
            except LinkDown:
                raise
            except WorldError as error:
                # Orders have the room now; it comes due again.
                log.warning("not asked for again", symbol=instrument.symbol, problem=str(error))

    def _page(self) -> None:
        """Call somebody once for each instrument that has no quotes while its session is on."""
        problems = self._hub.problems
        self._told_of &= problems.keys()
        if self._sessions.is_restarting():
            return
        for con_id, problem in problems.items():
            if con_id not in self._told_of and self._hub.open_for_s(con_id) is not None:
                self._told_of.add(con_id)
                self._pager.page("warning", f"no quotes of {self._symbol(con_id)}", problem)

    def _symbol(self, con_id: ConId) -> str:
        instrument = self._hub.instruments.get(con_id)
        return instrument.symbol if instrument is not None else str(con_id)
