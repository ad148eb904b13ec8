"""How the daemon goes down: gate shut, answers awaited, the book reconciled and saved.

Every step has a deadline and says how it ended; together they stay below the time that systemd
grants. The exit code tells whether anything is left open at the broker.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum

import structlog

from trader.core.changes import ChangeState
from trader.core.events import DaemonStopped
from trader.core.halts import HaltCause
from trader.core.orders import Order, OrderState
from trader.engine.orders.brackets import goes_with_entry, is_idle
from trader.engine.orders.gateway import OrderGateway
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler
from trader.ports import JournalFailed

log = structlog.get_logger(__name__)


class ExitCode(IntEnum):
    """Why the process ended; systemd restarts neither 4 nor 5, and 6 because a start may help."""

    CLEAN = 0
    DRAINED_WITH_OPEN_ORDERS = 3
    HALTED_BY_INVARIANT = 4
    COULD_NOT_START = 5
    NO_BROKER = 6


@dataclass(frozen=True, slots=True)
class DrainSettings:
    """The bound of each step, in seconds, and whether working orders are cancelled."""

    in_flight_s: float
    cancel_s: float
    reconcile_s: float
    checkpoint_s: float
    must_cancel_orders: bool

    @property
    def total_s(self) -> float:
        """Return the most that a drain takes."""
        return self.in_flight_s + self.cancel_s + self.reconcile_s + self.checkpoint_s


_IN_FLIGHT = (OrderState.PLANNED, OrderState.JOURNALED, OrderState.SENT)
_CHANGING = (ChangeState.PLANNED, ChangeState.SENT)
_POLL_S = 0.02


def _is_in_flight(order: Order) -> bool:
    is_changing = order.change is not None and order.change.state in _CHANGING
    return is_changing or order.state in _IN_FLIGHT


class Drain:
    """The way down, step by step."""

    def __init__(
        self,
        services: Services,
        *,
        gateway: OrderGateway,
        reconciler: Reconciler,
        settings: DrainSettings,
    ) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._gateway = gateway
        self._reconciler = reconciler
        self._broker = services.broker
        self._clock = services.clock
        self._settings = settings

    def shut_gate(self, reason: str) -> None:
        """Let no order leave any more; synchronous, called by the signal handler itself."""
        self._guard.set_level(HaltCause.DRAINING, reason)

    async def run(self, reason: str, failure: ExitCode | None = None) -> ExitCode:
        """Go down in order; returns the exit code, that of the failure if it is one."""
        self.shut_gate(reason)
        settings = self._settings
        await self._step("in-flight orders answered", settings.in_flight_s, self._answered)
        self._gateway.mark_unanswered(0.0, "no answer before the daemon stopped")
        if settings.must_cancel_orders:
            self._cancel_all()
            await self._step("working orders cancelled", settings.cancel_s, self._none_working)
        if self._broker.is_connected:
            await self._step("final reconciliation", settings.reconcile_s, self._reconcile)
        if settings.must_cancel_orders:
            self._cancel_idle_legs()
        code = failure if failure is not None else self._exit_code()
        try:
            seq = self._ledger.record(DaemonStopped(reason, int(code)))
            async with asyncio.timeout(settings.checkpoint_s):
                await self._ledger.durable(seq)
                await self._ledger.checkpoint()
            log.info("drain step", step="checkpoint", ok=True)
        except (JournalFailed, TimeoutError) as error:
            log.error("drain step", step="checkpoint", ok=False, problem=str(error))
        self._broker.disconnect()
        return code

    def _exit_code(self) -> ExitCode:
        if self._gateway.working_orders():
            return ExitCode.DRAINED_WITH_OPEN_ORDERS
        return ExitCode.CLEAN

    async def _step(self, name: str, bound_s: float, work: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.timeout(bound_s):
                await work()
            log.info("drain step", step=name, ok=True)
        except TimeoutError:
            log.warning("drain step", step=name, ok=False, problem=f"not within {bound_s} s")

    async def _answered(self) -> None:
        while any(map(_is_in_flight, self._gateway.working_orders())):
            await self._clock.sleep(_POLL_S)

    def _cancel_all(self) -> None:
        for order in self._gateway.working_orders():
            if not order.terms.is_leg:  # it goes with its entry, or stays with what that brought
                self._cancel(order)

    def _cancel_idle_legs(self) -> None:
        """Cancel legs that have outlived an entry of which nothing is held; nobody waits for it."""
        for order in self._gateway.working_orders():
            if is_idle(self._ledger.book, order):
                self._cancel(order)

    def _cancel(self, order: Order) -> None:
        problem = self._gateway.cancel(order.order_id, "drain")
        if problem is not None:
            log.warning("cancel not sent", problem=problem)

    async def _none_working(self) -> None:
        while not all(map(self._protects, self._gateway.working_orders())):
            await self._clock.sleep(_POLL_S)

    def _protects(self, order: Order) -> bool:
        """Tell whether it is a leg of a bracket that holds something and brings nothing more."""
        book = self._ledger.book
        return order.terms.is_leg and not goes_with_entry(book, order) and not is_idle(book, order)

    async def _reconcile(self) -> None:
        await self._reconciler.run_once("drain")
