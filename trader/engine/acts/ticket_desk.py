"""The operator's verbs about a ticket, carried out: adopt, book, ignore-until, flatten.

Each asks the broker anew first, and records in one synchronous stretch, the ticket's end last: a
process that ends in between leaves a ticket that is open, never a book that moved without a word.
"""

import asyncio
import math

import structlog

from trader.core import events as ev
from trader.core.drifts import DriftKind
from trader.core.ids import ConId, TicketId
from trader.core.ignoring import until_in
from trader.core.snapshots import BrokerSnapshot
from trader.core.ticket_events import CashBooked, TicketIgnored, TradeBooked
from trader.core.ticketing import (
    Stated,
    TicketVerb,
    Word,
    cash_booked,
    misfit,
    trade_booked,
    verbs_for,
)
from trader.engine.acts.liquidation import Liquidation
from trader.engine.operator import Answer
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler
from trader.engine.truth.tickets import adoption
from trader.ports import JournalFailed, SnapshotUnavailable, WorldError

log = structlog.get_logger(__name__)

_DISK_S = 10.0


class TicketDesk:
    """Implements :class:`trader.engine.operator.TicketVerbs`; ``turn`` is the desk's."""

    def __init__(
        self,
        services: Services,
        *,
        reconciler: Reconciler,
        liquidation: Liquidation,
        turn: asyncio.Lock,
    ) -> None:
        self._ledger = services.ledger
        self._guard = services.guard
        self._hub = services.hub
        self._valuer = services.valuer
        self._clock = services.clock
        self._broker = services.broker
        self._reconciler = reconciler
        self._liquidation = liquidation
        self._turn = turn

    async def adopt(self, *, ticket: str, reason: str, by: str) -> Answer:
        """Close a ticket by accepting what the broker says now about its difference."""
        async with self._turn:
            opened = self._fitting(ticket, TicketVerb.ADOPT)
            if isinstance(opened, Answer):
                return opened
            try:
                await self._adopted(opened, Word(reason, by))
            except (WorldError, JournalFailed) as error:
                return _stays_open(ticket, str(error))
            run = await self._reconciler.run_once("ticket adopted")
            return Answer(is_done=True, text=f"ticket {ticket} closed; {_words(run)}")

    async def book(self, *, ticket: str, stated: Stated, reason: str, by: str) -> Answer:
        """Close a ticket by booking what has happened, if that explains the whole difference."""
        async with self._turn:
            opened = self._fitting(ticket, TicketVerb.BOOK)
            if isinstance(opened, Answer):
                return opened
            word = Word(reason, by)
            try:
                # Before the snapshot: nothing may move between that and the decision.
                currency = await self._currency_of(opened.con_id)
                snapshot = await self._word_of_broker(opened)
                made = self._booked(opened, snapshot, stated, currency, word)
                if isinstance(made, str):
                    return _stays_open(ticket, made)
                self._ledger.record(made)
                self._note_stated(opened)
                closed = ev.TicketClosed(opened.ticket_id, reason, by)
                await self._ledger.durable(self._ledger.record(closed))
            except (WorldError, JournalFailed) as error:
                return _stays_open(ticket, str(error))
            run = await self._reconciler.run_once("ticket booked")
            text = f"ticket {ticket} booked and closed; {_words(run)}"
            told = snapshot.cash.get(made.currency, "nothing")
            has = self._ledger.book.cash.get(made.currency)
            details = (f"cash in {made.currency}: {has} in the book, {told} by the broker",)
            return Answer(is_done=True, text=text, details=details)

    async def ignore(self, *, ticket: str, until: str, reason: str, by: str) -> Answer:
        """Let a ticket restrict to exits in place of halting, until a time (ISO 8601)."""
        async with self._turn:
            opened = self._fitting(ticket, TicketVerb.IGNORE)
            if isinstance(opened, Answer):
                return opened
            until_utc = until_in(until, self._clock.utc())
            if isinstance(until_utc, str):
                return Answer(is_done=False, text=f"ticket {ticket} goes on halting: {until_utc}")
            told = f"ticket {ticket} does not halt until {until_utc:%Y-%m-%d %H:%M:%S} UTC"
            known = self._ledger.book.ignored.get(opened.ticket_id)
            is_held = self._guard.ignored.holds(opened.ticket_id)
            if known is not None and is_held and known.until_utc == until_utc:
                return Answer(is_done=True, text=f"{told} already", details=(f"by {known.by}",))
            seq = self._ledger.record(TicketIgnored(opened.ticket_id, until_utc, reason, by))
            log.warning("ticket ignored", ticket=ticket, until=until_utc, by=by, reason=reason)
            try:
                async with asyncio.timeout(_DISK_S):
                    await self._ledger.durable(seq)
            except (JournalFailed, TimeoutError) as error:
                problem = str(error) or f"no answer within {_DISK_S:g} s"
                return Answer(is_done=False, text=f"{told}, and not on disk yet: {problem}")
            return Answer(is_done=True, text=f"{told}; until then exits alone leave")

    async def flatten(self, *, ticket: str, reason: str, by: str) -> Answer:
        """Adopt a position's ticket, then close what the broker holds of its instrument.

        Halted before anything is recorded: a crash in between leaves the broker's position in the
        book, nothing sent, and nobody who would add to it.
        """
        async with self._turn:
            opened = self._fitting(ticket, TicketVerb.FLATTEN)
            if isinstance(opened, Answer):
                return opened
            con_id = opened.con_id
            if con_id is None or con_id not in self._hub.instruments:
                problem = f"{con_id} is not managed: adopt it, and close it in TWS"
                return _stays_open(ticket, problem)
            try:
                await self._adopted(opened, Word(reason, by), halts=True)
            except (WorldError, JournalFailed) as error:
                return _stays_open(ticket, str(error))
            done = await self._liquidation.flatten(con_id, by)
            symbol = self._hub.instruments[con_id].symbol
            text = f"ticket {ticket} adopted and closed; {symbol}: {done.text}"
            return Answer(done.is_done, text, done.details, done.code)

    # ---- the steps they share

    def _fitting(self, ticket: str, verb: TicketVerb) -> ev.TicketOpened | Answer:
        """Return the open ticket of this name, or why the verb cannot be done on it."""
        tickets = self._ledger.book.tickets
        opened = tickets.get(TicketId(ticket))
        if opened is None:
            known = tuple(tickets) or ("none",)
            return Answer(is_done=False, text=f"no open ticket {ticket!r}", details=known)
        problem = misfit(opened, verb)
        if not problem:
            return opened
        fitting = verbs_for(opened.kind, opened.con_id).items()
        details = tuple(f"{name}: {text}" for name, text in fitting)
        return Answer(is_done=False, text=f"ticket {ticket} stays open: {problem}", details=details)

    async def _word_of_broker(self, opened: ev.TicketOpened) -> BrokerSnapshot:
        """Return what the broker says now, with its executions taken in; raises WorldError.

        Of cash it says what was minutes ago: taken over, what has traded since would be undone.
        """
        snapshot = await self._reconciler.brokers_word()
        # The accepted position contains them: recorded later they would count twice.
        self._reconciler.take_executions(snapshot)
        wait_s = self._reconciler.cash_wait_s()
        if opened.kind == DriftKind.CASH and wait_s > 0:
            text = "the broker tells its cash up to minutes late, and something has traded since"
            raise SnapshotUnavailable(f"{text}: ask again in {math.ceil(wait_s)} s")
        return snapshot

    async def _adopted(self, opened: ev.TicketOpened, word: Word, *, halts: bool = False) -> None:
        snapshot = await self._word_of_broker(opened)
        if halts:
            self._liquidation.halt(f"ticket {opened.ticket_id} is flattened", word.by)
        seq = self._ledger.seq
        book = self._ledger.book
        mark = None if opened.con_id is None else self._valuer.mark_of(opened.con_id)
        for event in adoption(book, opened, snapshot, reason=word.reason, by=word.by, mark=mark):
            seq = self._ledger.record(event)
        self._note_stated(opened)
        await self._ledger.durable(seq)

    def _note_stated(self, opened: ev.TicketOpened) -> None:
        if opened.kind == DriftKind.POSITION and opened.con_id is not None:
            self._reconciler.note_stated(opened.con_id)

    def _booked(
        self,
        opened: ev.TicketOpened,
        snapshot: BrokerSnapshot,
        stated: Stated,
        currency: str,
        word: Word,
    ) -> TradeBooked | CashBooked | str:
        book = self._ledger.book
        if opened.kind == DriftKind.POSITION:
            return trade_booked(book, opened, snapshot, stated, currency, word)
        return cash_booked(book, opened, snapshot, stated, self._reconciler.cash_slack(), word)

    async def _currency_of(self, con_id: ConId | None) -> str:
        """Return the currency of an instrument; empty where only the snapshot may tell it."""
        if con_id is None:
            return ""
        known = self._hub.instruments.get(con_id)
        if known is not None:
            return known.currency
        try:
            return (await self._broker.resolve_id(con_id)).currency
        except WorldError:
            return ""


def _words(run: ev.ReconcileFinished) -> str:
    # No look is no agreement: a run that failed has found no drifts either.
    return f"reconciliation: {run.problem or f'{run.drift_count} drifts'}"


def _stays_open(ticket: str, problem: str) -> Answer:
    return Answer(is_done=False, text=f"ticket {ticket} stays open: {problem}")
