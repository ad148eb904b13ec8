"""The operator's cancels and liquidation: what goes, what stays and how much is decided in core.

:mod:`trader.core.flatten` decides for the daemon as it does for the kill switch without one. Here
it is carried out through the one gateway, with a reconciliation before each round, so that what
is sold is what book and broker agree on (INC-032).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal

import structlog

from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.duplicates import twins_in
from trader.core.flatten import (
    Cancels,
    Resting,
    close_limit,
    close_side,
    sort_orders,
)
from trader.core.halts import HaltCause, Lane
from trader.core.ids import ClientId, ConId, OrderId, StrategyName
from trader.core.instruments import Instrument
from trader.core.intents import Intent, OrderType, Side, TimeInForce
from trader.core.orders import Order, OrderState
from trader.engine.acts.closable import Closable
from trader.engine.market.descriptions import Descriptions
from trader.engine.numbering import next_intent_id
from trader.engine.operator import Answer
from trader.engine.orders.brackets import has_idle, without_waiting
from trader.engine.orders.gateway import OrderGateway
from trader.engine.orders.resting import resting
from trader.engine.outcomes import OutcomeKind
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler
from trader.ports import LinkDown, SendUncertain, WorldError

log = structlog.get_logger(__name__)

_OPERATOR = StrategyName("operator")
_POLL_S = 0.05
_ATTEMPTS_MAX = 5
_LOOK_AGAIN_S = 1.0
_TWIN_S = 0.5
# A closing order that the broker holds this long waits for something: the market is closed.
_HELD_S = 3.0
_QUOTE_S = 5.0
# The list of executions that settles a cancelled order takes a moment.
_SETTLE_MORE_S = 1.5
# Whom nobody can cancel: an order that is over, and may have filled.
_OVER = ClientId(-1)


@dataclass(frozen=True, slots=True)
class LiquidationSettings:
    """Bounds of the operator's actions, in seconds."""

    cancel_s: float
    liquidate_s: float
    # How long a cancelled order counts as if it worked.
    settle_s: float
    # What a close in a market of one side may give away, as a fraction of that side.
    give_away: Decimal = Decimal("0.02")


class Liquidation:
    """Cancels and closes through the daemon's own gateway; the desk holds the turn."""

    def __init__(
        self,
        services: Services,
        *,
        gateway: OrderGateway,
        reconciler: Reconciler,
        settings: LiquidationSettings,
    ) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._hub = services.hub
        self._sessions = services.sessions
        self._broker = services.broker
        self._clock = services.clock
        self._gateway = gateway
        self._reconciler = reconciler
        self._settings = settings
        self._was_refused = False
        self._descriptions = Descriptions(services)
        self._closable = Closable(services, gateway=gateway, reconciler=reconciler)
        # The one instrument that this turn is about, or None when it is about all of them.
        self._only: ConId | None = None
        # What no configuration names, in the hub for as long as it is being closed.
        self._taken_in: dict[ConId, Instrument] = {}

    @property
    def _book(self) -> Book:
        return self._ledger.book

    def _working(self) -> list[Order]:
        """Return our working orders, as far as this turn is about them."""
        rows = self._gateway.working_orders()
        return [row for row in rows if self._is_in_turn(row.terms.con_id)]

    def _is_in_turn(self, con_id: ConId) -> bool:
        return self._only in (None, con_id)

    # ---- cancelling

    async def cancel_orders(self, by: str, *, keeps_exits: bool = False) -> Answer:
        """Cancel our working orders and wait until the broker confirms each.

        With ``keeps_exits`` the orders that can only shrink a position stay, stops first.
        """
        sorted_out = self._sorted(keeps_exits=keeps_exits)
        wanted = {row.order_id for row in sorted_out.cancel}
        orders = [row for row in self._working() if row.order_id in wanted]
        orders = without_waiting(self._book, orders) if keeps_exits else orders
        wanted = {row.order_id for row in orders}
        problems = [
            problem
            for order in orders
            if (problem := self._gateway.cancel(order.order_id, f"cancelled by {by}")) is not None
        ]

        def is_over() -> bool:
            return not wanted & self._book.live_orders.keys() and not has_idle(self._book)

        if len(problems) < len(orders):
            await self._wait_until(is_over, self._settings.cancel_s)
        if not is_over() or self._may_have_twins(wanted):
            # What was not confirmed may still be gone, and what was may live a second time: the
            # broker's lists tell.
            await self._reconciler.run_once("cancel orders")
        twins = await self._end_twins(by)
        # Ours of another client id than now's, and what came since: neither is gone, nor kept.
        now = self._sorted(keeps_exits=keeps_exits)
        more = (*now.cancel, *(now.foreign_risk if keeps_exits else now.foreign))
        more_ids = {row.order_id for row in more if self._is_in_turn(row.con_id)}
        wanted |= more_ids & self._book.live_orders.keys()
        left = [_words(row) for row in self._gateway.working_orders() if row.order_id in wanted]
        kept = [f"kept, protective: {row.words}" for row in self._kept(wanted)]
        text = f"{len(wanted) - len(left)} of {len(wanted)} working orders cancelled"
        left += twins
        left += [
            f"order {order_id}: a ghost, over in the book and open at the broker"
            for order_id in self._reconciler.ghosts()
        ]
        code = self._incapacity() if left else "protected" if kept else "done"
        if not left and self._incapacity() == "no_link":
            # What the book knows of is gone; what the broker has it cannot be asked now.
            return Answer(False, f"{text}, and no link to see what works", (*kept,), "no_link")
        return Answer(not left, text, (*problems, *left, *kept), code or "remains")

    async def cancel_everything(self, by: str) -> Answer:
        """Take everybody's orders off with a global cancel, and have the broker show it."""
        details = self._cancel_everything()
        answer = await self.cancel_orders(by)
        end_s = self._clock.monotonic() + self._settings.cancel_s
        while True:
            run = await self._reconciler.run_once("cancel everything")
            if run.problem or not self._closable.foreign() or self._clock.monotonic() >= end_s:
                break
            await self._clock.sleep(_TWIN_S)
        strangers = [row.words for row in self._closable.foreign()]
        if run.problem:
            details.append(f"reconciliation: {run.problem}")
        is_done = answer.is_done and not strangers and not run.problem
        code = "done" if is_done else self._incapacity() or "remains"
        text = answer.text
        if strangers:
            text += f", {len(strangers)} orders of others still work"
        return Answer(is_done, text, (*details, *answer.details, *strangers), code)

    def _may_have_twins(self, order_ids: set[OrderId]) -> bool:
        """Tell whether the broker has named one of these orders by more than one permId."""
        named = [one for one in self._book.perm_ids.values() if one in order_ids]
        return len(named) > len(set(named))

    async def _end_twins(self, by: str) -> list[str]:
        """Cancel what lives beside an order of ours until none is left; returns what is (INC-085).

        The cancel of one of them says nothing of the other: only a list without it does.
        """
        end_s = self._clock.monotonic() + self._settings.cancel_s
        while (twins := twins_in(self._book)) and self._clock.monotonic() < end_s:
            for order_id in dict.fromkeys(twins.values()):
                self._gateway.cancel_duplicate(order_id, f"cancelled by {by}, as it lives twice")
            await self._clock.sleep(_TWIN_S)
            run = await self._reconciler.run_once("cancel duplicates")
            if run.problem:
                break
        return [
            f"order {order_id}: lives as permId {perm_id} beside it"
            for perm_id, order_id in twins_in(self._book).items()
        ]

    def has_entries(self) -> bool:
        """Tell whether an order of ours works that adds risk, or would cross zero."""
        return bool(self._sorted(keeps_exits=True).cancel)

    def _sorted(self, *, keeps_exits: bool) -> Cancels:
        """Sort what works by our book, and by the last list of everybody's orders."""
        ours = [resting(order) for order in self._gateway.working_orders()]
        positions = {key: row.quantity for key, row in self._book.positions.items()}
        own = frozenset({self._broker.client_id})
        # They may have taken something off, and stay whatever we decide.
        over = [replace(resting(row), client_id=_OVER) for row in self._book.settling.values()]
        rows = [*ours, *over, *self._closable.foreign()]
        return sort_orders(rows, positions, own, keeps_exits=keeps_exits)

    def _kept(self, cancelled: set[OrderId]) -> list[Resting]:
        orders = self._gateway.working_orders()
        return [resting(row) for row in orders if row.order_id not in cancelled]

    # ---- liquidating

    async def liquidate(self, by: str, *, is_everything: bool = False) -> Answer:
        """Close every managed position: cancel, reconcile, then reduce, never crossing zero.

        With ``is_everything`` a global cancel takes everybody's orders off first, protective
        stops and those entered by hand included, and unmanaged positions are closed as well.
        """
        self.halt("liquidation", by)
        self._was_refused = False
        try:
            return await self._liquidated(by, is_everything=is_everything)
        finally:
            # Nobody has configured them: they were there to be closed, and for nothing else.
            for con_id, instrument in self._taken_in.items():
                if self._hub.instruments.get(con_id) is instrument:
                    self._hub.remove(con_id)
            self._taken_in.clear()

    def halt(self, reason: str, by: str) -> None:
        """Halt before closing, unless a person has halted already: nothing shall open it again."""
        if not self._guard.has(HaltCause.OPERATOR) and not self._guard.has(HaltCause.HALT_FILE):
            self._guard.latch(HaltCause.OPERATOR, reason, by)

    async def flatten(self, con_id: ConId, by: str) -> Answer:
        """Close the position in one managed instrument as a liquidation does, and no other."""
        self._was_refused, self._only = False, con_id
        try:
            return await self._liquidated(by, is_everything=False)
        finally:
            self._only = None

    async def _liquidated(self, by: str, *, is_everything: bool) -> Answer:
        deadline_s = self._clock.monotonic() + self._settings.liquidate_s
        details: list[str] = []
        problem = ""
        if self._only is None:
            # The one instrument of a turn is described already.
            self._descriptions.begin()
        if is_everything:
            details.extend(self._cancel_everything())
        await self.cancel_orders(by)
        for _ in range(_ATTEMPTS_MAX):
            problem = (await self._reconciler.run_once("liquidate")).problem
            if problem:
                details.append(f"reconciliation: {problem}")
                break
            if is_everything:
                details.extend(await self._take_in_unmanaged())
            held = self._held()
            is_over = not held and not self._doubts(is_everything=is_everything)
            is_over = is_over and not self._descriptions.is_awaited()
            if is_over or self._clock.monotonic() >= deadline_s:
                break
            for con_id in held:
                details.append(await self._close(con_id, by))
            unsure = self._reconciler.disputed.keys() | self._reconciler.unlooked
            if any(self._is_meant(con_id, is_everything=is_everything) for con_id in unsure):
                await self._clock.sleep(_LOOK_AGAIN_S)
            if await self._all_held_back(deadline_s) and not self._descriptions.is_awaited():
                break
            await self._settle(deadline_s)
            await self._descriptions.arrived(deadline_s)
        return self._verdict(details, problem, is_everything=is_everything)

    def _verdict(self, details: list[str], problem: str, *, is_everything: bool) -> Answer:
        meant = {
            con_id: row
            for con_id, row in self._book.positions.items()
            if row.quantity != ZERO and self._is_meant(con_id, is_everything=is_everything)
        }
        left = [f"{row.symbol} {row.quantity}" for row in meant.values()]
        # What could not be resolved has no closing order.
        is_known = not problem and meant.keys() <= self._hub.instruments.keys()
        doubts = [problem] if problem else self._doubts(is_everything=is_everything)
        strangers = [
            f"{row.words}: not ours to cancel by its id"
            for row in self._closable.foreign()
            if is_everything
            or (row.con_id in self._hub.instruments and self._is_in_turn(row.con_id))
        ]
        if not left and not strangers and not doubts:
            return Answer(True, "flat", tuple(details), "done")
        text = "flat, but orders of others work"
        if left:
            text = f"not flat: {', '.join(left)}"
        elif doubts:
            text = f"flat by the book, and nobody knows: {'; '.join(doubts)}"
        waits = bool(left) and not strangers and is_known and self._is_all_covered()
        code = self._incapacity() or ("waiting" if waits else "remains")
        if code == "remains" and self._was_refused:
            code = "refused"
        if code == "waiting":
            details = [*details, *self._waiting()]
            is_closed = all(map(self._sessions.is_closed, self._held()))
            text += f"; the closing orders wait at the broker{' for the open' * is_closed}"
        return Answer(False, text, (*details, *strangers), code)

    def _doubts(self, *, is_everything: bool) -> list[str]:
        """Say of what the book calls flat why it may not be, or not stay so."""
        book, told = self._book, self._reconciler
        words: dict[ConId, str] = dict(told.disputed)
        words |= dict.fromkeys(told.unlooked, "it moved while it was compared")
        for ticket in book.tickets.values():
            if ticket.con_id is not None:
                words[ticket.con_id] = f"ticket {ticket.ticket_id} is open"
        for order in book.may_fill():
            if order.remaining > ZERO or (order.terms.is_leg and not order.is_final):
                words[order.terms.con_id] = f"order {order.order_id} may fill, {order.state}"
        for order_id in twins_in(book).values():
            words[book.orders[order_id].terms.con_id] = f"order {order_id} lives a second time"
        return [
            f"{self._symbol(con_id)}: {text}"
            for con_id, text in words.items()
            if book.position_of(con_id) == ZERO
            and self._is_meant(con_id, is_everything=is_everything)
        ]

    def _is_meant(self, con_id: ConId, *, is_everything: bool) -> bool:
        """Tell whether an instrument is to be closed, or may have to be once it is described."""
        if not self._is_in_turn(con_id):
            return False
        if is_everything or con_id in self._hub.instruments:
            return True
        held = self._book.positions.get(con_id)
        return held is not None and held.symbol in self._hub.undescribed

    def _waiting(self) -> list[str]:
        """Say of each order that works what it waits for."""
        return [
            f"{row.terms.side} {row.remaining} {row.terms.symbol}: waits at the broker "
            f"({row.broker_status}) "
            + ("for the open" if self._sessions.is_closed(row.terms.con_id) else "for a price")
            for row in self._working()
        ]

    def _incapacity(self) -> str:
        """Say why this daemon cannot do it now, where it is the daemon or its link: else empty."""
        causes = self._guard.causes()
        if HaltCause.JOURNAL in causes:
            return "journal"
        if {HaltCause.LINK, HaltCause.UPSTREAM, HaltCause.HEARTBEAT} & causes.keys():
            return "no_link"
        return ""

    def _cancel_everything(self) -> list[str]:
        try:
            self._broker.cancel_everything()
        except (LinkDown, SendUncertain) as error:
            return [f"global cancel: {error}"]
        log.warning("global cancel", scope="every order of the login, of all clients and people")
        return ["global cancel sent: protective stops and orders entered by hand go as well"]

    async def _take_in_unmanaged(self) -> list[str]:
        """Resolve positions outside the configuration, so that they can be closed too."""
        problems = []
        for con_id, row in tuple(self._book.positions.items()):
            if row.quantity == ZERO or con_id in self._hub.instruments:
                continue
            try:
                instrument = await self._broker.resolve_id(con_id)
                if con_id in self._hub.instruments:
                    continue  # The link was quicker: it is a configured one, with its price grid.
                self._taken_in[con_id] = instrument
                self._hub.add(instrument)
                await self._broker.subscribe(instrument)
            except WorldError as error:
                problems.append(f"{row.symbol} {row.quantity}: {error}")
                continue
            await self._wait_until(lambda key=con_id: key in self._hub.quotes, _QUOTE_S)  # type: ignore[misc]
        return problems

    def _held(self) -> tuple[ConId, ...]:
        """Return the managed instruments that are not flat."""
        return tuple(
            con_id
            for con_id, row in self._book.positions.items()
            if row.quantity != ZERO and con_id in self._hub.instruments and self._is_in_turn(con_id)
        )

    def _symbol(self, con_id: ConId) -> str:
        instrument = self._hub.instruments.get(con_id)
        return instrument.symbol if instrument else str(con_id)

    async def _close(self, con_id: ConId, by: str) -> str:
        """Send one closing order of exactly what is held and not being closed already."""
        quantity = self._closable.quantity(con_id)
        if isinstance(quantity, str):
            return f"{self._symbol(con_id)}: {quantity}"
        side = close_side(self._book.position_of(con_id))
        intent = self._operator_intent(con_id, side, quantity, by)
        outcome = await self._gateway.submit(intent, Lane.OPERATOR)
        sent = outcome.kind is OutcomeKind.SENT
        self._was_refused = self._was_refused or outcome.kind is OutcomeKind.REFUSED
        what = f"{intent.side} {quantity} {self._symbol(con_id)}"
        return f"{what}: {'sent' if sent else outcome.text}"

    def _operator_intent(self, con_id: ConId, side: Side, quantity: Decimal, by: str) -> Intent:
        """Make the close: at the market, or in a market of one side at a limit from that side."""
        limit = None
        if not self._sessions.is_closed(con_id):
            quote, instrument = self._hub.quotes.get(con_id), self._hub.instruments[con_id]
            now_s, give_away = self._clock.monotonic(), self._settings.give_away
            limit = close_limit(quote, side, instrument, now_s, give_away)
        return Intent(
            intent_id=next_intent_id(self._ledger, _OPERATOR),
            strategy=_OPERATOR,
            con_id=con_id,
            side=side,
            quantity=quantity,
            order_type=OrderType.MARKET if limit is None else OrderType.LIMIT,
            time_in_force=TimeInForce.DAY,
            limit_price=limit,
            is_reduce_only=True,
            reason=f"liquidation by {by}",
        )

    # ---- waiting

    def _is_settling(self) -> bool:
        """Tell whether a cancelled order may have filled without our knowing it yet (INC-024)."""
        return any(
            row.remaining > ZERO
            and row.terms.con_id in self._hub.instruments
            and self._is_in_turn(row.terms.con_id)
            for row in self._book.settling.values()
        )

    async def _settle(self, deadline_s: float) -> None:
        """Wait for what was cancelled to settle: sold before, it could be sold twice.

        Whatever else is held has been closed by now; the next reconciliation settles the rest.
        """
        bound_s = self._settings.settle_s + _SETTLE_MORE_S
        left_s = max(deadline_s - self._clock.monotonic(), 0.0)
        await self._wait_until(lambda: not self._is_settling(), min(bound_s, left_s))

    async def _all_held_back(self, deadline_s: float) -> bool:
        """Wait for the closing orders; True when the broker holds all that is left of them."""
        held_since_s: float | None = None
        while self._working() and self._clock.monotonic() < deadline_s:
            now_s = self._clock.monotonic()
            if not all(_is_held_back(row) for row in self._working()):
                held_since_s = None
            elif held_since_s is None:
                held_since_s = now_s
            elif now_s - held_since_s >= _HELD_S:
                return True
            await self._clock.sleep(_POLL_S)
        return False

    def _is_all_covered(self) -> bool:
        """Tell whether closing orders for everything that is left work at the broker."""
        return all(
            self._gateway.working_exits(con_id) >= abs(self._book.position_of(con_id))
            for con_id in self._held()
        ) and all(row.state is OrderState.WORKING for row in self._working())

    async def _wait_until(self, is_met: Callable[[], bool], bound_s: float) -> None:
        deadline_s = self._clock.monotonic() + bound_s
        while not is_met() and self._clock.monotonic() < deadline_s:
            await self._clock.sleep(_POLL_S)


def _words(row: Order) -> str:
    terms = row.terms
    return f"order {row.order_id} {terms.side} {row.remaining} {terms.symbol}: {row.state}"


def _is_held_back(order: Order) -> bool:
    return order.state is OrderState.WORKING and order.broker_status == "PreSubmitted"
