"""What follows when a breaker trips: what adds risk is cancelled, until nothing of it works.

After a kill, and after a loss that must not be scaled into by orders that rest in the market.
What protects stays. Closing positions as well is for a kill whose policy says so. It works on
after a restart: the halt that a breaker latched, and where each breaker stands, are in the book.
"""

import asyncio
from collections.abc import Callable

import structlog

from trader.core.amounts import ZERO
from trader.core.breakers.rules import BreakerName
from trader.core.halts import HaltCause
from trader.core.ids import ConId, OrderId
from trader.engine.acts.desk import Desk
from trader.engine.operator import Answer
from trader.engine.services import Services
from trader.ports import WorldError

log = structlog.get_logger(__name__)

_LOOK_S = 5.0
_BY = "breaker"


class BreakerKill:
    """One task beside the breakers' round, which must not wait for a broker."""

    def __init__(
        self,
        services: Services,
        *,
        desk: Desk,
        killed: asyncio.Event,
        forbidding_entries: Callable[[], tuple[BreakerName, ...]],
        must_flatten: bool,
    ) -> None:
        self._book = services.ledger.book
        self._broker = services.broker
        self._guard = services.guard
        self._supervisor = services.supervisor
        self._desk = desk
        self._killed = killed
        self._forbidding_entries = forbidding_entries
        self._must_flatten = must_flatten
        # Closing orders that the broker has not filled yet, each with its instrument.
        self._held_back: dict[OrderId, ConId] = {}

    async def run(self) -> None:
        """Act on each trip at once, and again while it stands and something is left."""
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
        """Cancel or close what the trip is about, if there is a way to the broker."""
        causes = self._guard.causes()
        is_cut_off = HaltCause.LINK in causes or HaltCause.UPSTREAM in causes
        if is_cut_off or not self._broker.is_connected:
            return
        try:
            answer = await self._acted(is_kill=HaltCause.BREAKER in causes)
        except WorldError as error:
            # It is tried again as long as the trip stands.
            log.error("breaker's order not carried out", problem=str(error))
            return
        if answer is not None:
            text, details = answer.text, answer.details
            log.error("breaker acted", done=answer.is_done, text=text, details=details)

    async def _acted(self, *, is_kill: bool) -> Answer | None:
        """Do what is to be done now; None when that is nothing."""
        if is_kill and self._must_flatten and self._is_holding():
            if self._is_waiting():
                # Taken back and sent again they would lose their place, all night.
                return None
            answer = await self._desk.liquidate(by=_BY)
            live = self._book.live_orders
            is_held_back = answer.code == "waiting"
            self._held_back = {key: row.terms.con_id for key, row in live.items() if is_held_back}
            return answer
        if is_kill:
            if not self._book.live_orders:
                return None
            return await self._desk.cancel_orders(by=_BY, keeps_exits=True)
        names = self._forbidding_entries()
        if not names or not self._desk.has_entries():
            return None
        by = f"{_BY} {', '.join(names)}"
        return await self._desk.cancel_orders(by=by, keeps_exits=True)

    def _is_waiting(self) -> bool:
        """Tell whether the closing orders that the broker holds stand, or have closed."""
        live = self._book.live_orders
        return bool(live) and live.keys() <= self._held_back.keys() and all(
            key in live or self._book.position_of(con_id) == ZERO
            for key, con_id in self._held_back.items()
        )  # fmt: skip

    def _is_holding(self) -> bool:
        return any(row.quantity != ZERO for row in self._book.positions.values())
