"""Carry on what a kill switch could not finish: at boot, when the link comes back, and until done.

A standing order is a person's order, given while nobody could carry it out. It is the one thing
on disk that is a to-do list; it can only cancel and reduce, it keeps the daemon halted, and it
goes when it is done or when a person withdraws it.
"""

from dataclasses import dataclass
from typing import Protocol

import structlog

from trader.core.halts import HaltCause
from trader.engine.operator import Answer, OperatorDesk
from trader.engine.orders.gateway import OrderGateway
from trader.engine.services import Services
from trader.ports import WorldError

log = structlog.get_logger(__name__)

_LOOK_S = 0.5
_AGAIN_S_MIN = 5.0
_AGAIN_S_MAX = 60.0
# While one of these holds the desk could do nothing but say so.
_BLIND = frozenset(
    {
        HaltCause.LINK,
        HaltCause.UPSTREAM,
        HaltCause.HEARTBEAT,
        HaltCause.STARTING,
        HaltCause.ACCOUNT,
        HaltCause.READ_ONLY_API,
        HaltCause.JOURNAL,
        HaltCause.DRAINING,
        HaltCause.BASELINE_MISSING,
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """What was left to do, and by whom."""

    must_liquidate: bool
    is_everything: bool
    by: str
    words: str


class StandingFile(Protocol):
    """Where a standing order lies."""

    def standing(self) -> Standing | None:
        """Return it, or None; raises WorldError when it cannot be understood."""

    def withdraw(self) -> None:
        """Take it away; raises WorldError."""


class StandingOrders:
    """The root task that looks for a standing order and has the desk carry it out."""

    def __init__(
        self, services: Services, *, gateway: OrderGateway, desk: OperatorDesk, file: StandingFile
    ) -> None:
        self._guard = services.guard
        self._clock = services.clock
        self._pager = services.pager
        self._supervisor = services.supervisor
        self._gateway = gateway
        self._desk = desk
        self._file = file
        self._due_s = 0.0
        self._again_s = _AGAIN_S_MIN

    async def run(self) -> None:
        """Look for ever."""
        while True:
            self._supervisor.beat("standing-order")
            await self.look()
            await self._clock.sleep(_LOOK_S)

    async def look(self) -> None:
        """Look once, and carry out what lies there if the broker can be reached."""
        try:
            standing = self._file.standing()
        except WorldError as error:
            # Somebody wanted something: not to know what is no reason to trade on.
            self._guard.set_level(HaltCause.STANDING_ORDER, str(error))
            return
        if standing is None:
            self._guard.clear_level(HaltCause.STANDING_ORDER)
            self._due_s, self._again_s = 0.0, _AGAIN_S_MIN
            return
        self._guard.set_level(HaltCause.STANDING_ORDER, standing.words)
        if self._clock.monotonic() < self._due_s or _BLIND & self._guard.causes().keys():
            return
        await self._carry_out(standing)

    async def _carry_out(self, standing: Standing) -> None:
        log.warning("standing order", order=standing.words)
        by = f"{standing.by} (standing order)"
        if standing.must_liquidate:
            answer = await self._desk.liquidate(by=by, is_everything=standing.is_everything)
        else:
            everything = standing.is_everything
            answer = await self._desk.cancel_orders(
                by=by, keeps_exits=not everything, is_everything=everything
            )
        if answer.code == "waiting":
            # Taken back and sent again it would lose its place: it is left until it has filled.
            await self._closing_orders_end()
        elif answer.is_done:
            self._done(answer, standing)
        else:
            self._pager.page("critical", "standing order not done", answer.text)
            log.error("standing order", outcome=answer.text, details=answer.details)
            self._due_s = self._clock.monotonic() + self._again_s
            self._again_s = min(self._again_s * 2, _AGAIN_S_MAX)

    async def _closing_orders_end(self) -> None:
        self._pager.page("warning", "standing order", "closing orders wait at the broker")
        while self._gateway.working_orders() and not _BLIND & self._guard.causes().keys():
            self._supervisor.beat("standing-order")
            await self._clock.sleep(_LOOK_S)

    def _done(self, answer: Answer, standing: Standing) -> None:
        self._pager.page("critical", "standing order carried out", answer.text)
        try:
            if self._file.standing() not in (None, standing):
                # Left meanwhile: that one has still to be carried out.
                return
            self._file.withdraw()
        except WorldError as error:
            # It would be carried out again, which finds nothing left to do.
            log.error("standing order not removed", problem=str(error))
            self._due_s = self._clock.monotonic() + _AGAIN_S_MAX
            return
        self._guard.clear_level(HaltCause.STANDING_ORDER)
