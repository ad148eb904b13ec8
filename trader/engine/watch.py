"""The small standing watches: checkpoint, halt file, unanswered orders, the loop itself."""

from collections.abc import Callable

import structlog

from trader.core.halts import HaltCause
from trader.engine.acts.desk import Desk
from trader.engine.link import LinkWatch
from trader.engine.orders.gateway import OrderGateway
from trader.engine.services import Services
from trader.ports import JournalFailed

log = structlog.get_logger(__name__)

_KILL_SWITCH_INTERVAL_S = 0.2
_STALENESS_INTERVAL_S = 0.25
_LAG_INTERVAL_S = 0.1
_SHOW_INTERVAL_S = 1.0


class Watches:
    """Root tasks that look at something every so often."""

    def __init__(
        self, services: Services, *, gateway: OrderGateway, link: LinkWatch, desk: Desk
    ) -> None:
        self._clock = services.clock
        self._supervisor = services.supervisor
        self._ledger = services.ledger
        self._guard = services.guard
        self._pager = services.pager
        self._gateway = gateway
        self._link = link
        self._desk = desk

    async def checkpoint(self, interval_s: float) -> None:
        """Save the book every ``interval_s`` seconds if it changed."""
        saved_seq = 0
        while True:
            self._supervisor.beat("checkpoint")
            await self._clock.sleep(interval_s)
            if self._ledger.failure is not None or self._ledger.seq == saved_seq:
                continue
            saved_seq = self._ledger.seq
            try:
                await self._ledger.checkpoint()
            except JournalFailed as error:
                # The guard reads the journal's failure itself; the daemon stays for its operator.
                log.error("checkpoint failed", problem=str(error))

    async def kill_switch(self) -> None:
        """Tell the log and the pager when the halt file changes its mind.

        It is also where halts go that the journal cannot hold.
        """
        was_active = True
        while True:
            self._supervisor.beat("kill-switch-watch")
            cause = self._guard.causes().get(HaltCause.HALT_FILE)
            if cause is not None and not was_active:
                self._pager.page("critical", "halted by the halt file", cause)
                log.error("halted", cause=HaltCause.HALT_FILE, reason=cause)
            was_active = cause is not None
            self._desk.keep_halts()
            await self._clock.sleep(_KILL_SWITCH_INTERVAL_S)

    async def staleness(self) -> None:
        """Look for orders that wait too long for their first answer."""
        while True:
            self._supervisor.beat("staleness-watch")
            self._link.check_answers()
            await self._clock.sleep(_STALENESS_INTERVAL_S)

    async def watchdog(
        self,
        tell: Callable[[], None],
        interval_s: float | None,
        show: Callable[[], None] | None = None,
    ) -> None:
        """Measure how late the loop is; tell systemd that it turns, and ``show`` each second."""
        told_s = shown_s = float("-inf")
        while True:
            self._supervisor.beat("watchdog")
            before_s = self._clock.monotonic()
            await self._clock.sleep(_LAG_INTERVAL_S)
            now_s = self._clock.monotonic()
            self._guard.note_lag(max(now_s - before_s - _LAG_INTERVAL_S, 0.0))
            if interval_s is not None and now_s - told_s >= interval_s:
                told_s = now_s
                tell()
            if show is not None and now_s - shown_s >= _SHOW_INTERVAL_S:
                shown_s = now_s
                show()
