"""What follows when a breaker kills: what adds risk is cancelled, until nothing of it works.

Closing positions as well is for a policy that says so. It works on after a restart: the halt that
the breaker latched is in the book.
"""

import asyncio

import structlog

from trader.core.amounts import ZERO
from trader.core.halts import HaltCause
from trader.engine.desk import Desk
from trader.engine.services import Services
from trader.ports import WorldError

log = structlog.get_logger(__name__)

_LOOK_S = 5.0
_BY = "breaker"


class BreakerKill:
    """One task beside the breakers' round, which must not wait for a broker."""

    def __init__(
        self, services: Services, *, desk: Desk, killed: asyncio.Event, must_flatten: bool
    ) -> None:
        self._book = services.ledger.book
        self._broker = services.broker
        self._guard = services.guard
        self._supervisor = services.supervisor
        self._desk = desk
        self._killed = killed
        self._must_flatten = must_flatten

    async def run(self) -> None:
        """Act on each kill at once, and again while it stands and something is left."""
        while True:
            self._supervisor.beat("breaker-kill")
            try:
                async with asyncio.timeout(_LOOK_S):
                    await self._killed.wait()
            except TimeoutError:
                pass
            self._killed.clear()
            await self.act()

    async def act(self) -> None:
        """Cancel or close what the kill is about, if there is a way to the broker."""
        causes = self._guard.causes()
        is_cut_off = HaltCause.LINK in causes or HaltCause.UPSTREAM in causes
        if HaltCause.BREAKER not in causes or is_cut_off or not self._broker.is_connected:
            return
        try:
            if self._must_flatten and self._is_holding():
                answer = await self._desk.liquidate(by=_BY)
            elif self._book.live_orders:
                answer = await self._desk.cancel_orders(by=_BY, keeps_exits=True)
            else:
                return
        except WorldError as error:
            # It is tried again as long as the kill stands.
            log.error("breaker's kill not carried out", problem=str(error))
            return
        log.error("breaker killed", done=answer.is_done, text=answer.text, details=answer.details)

    def _is_holding(self) -> bool:
        return any(row.quantity != ZERO for row in self._book.positions.values())
