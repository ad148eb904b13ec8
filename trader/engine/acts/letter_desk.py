"""The operator's verbs about a letter of the quarantine, carried out: retry and dismiss.

What a letter says is taken in exactly as if it had come now, and its end is recorded behind it in
the same synchronous stretch. A process that is killed in between leaves the letter open; asked
again, the book knows the execution by its own id and only the end is recorded.
"""

import asyncio
from decimal import Decimal

import structlog

from trader.core import events as ev
from trader.core.drifts import DriftKind
from trader.core.executions import Execution
from trader.core.ids import Seq
from trader.core.late import contradiction, may_be_paid, objection, paid_already
from trader.core.quarantine import RETRYABLE, Letter, verbs_for
from trader.core.quarantine_events import MessageDismissed, MessageRetried
from trader.core.snapshots import BrokerSnapshot
from trader.core.ticketing import Word
from trader.engine.operator import Answer
from trader.engine.services import Services
from trader.engine.truth.reconciler import Reconciler
from trader.ports import JournalFailed, Reread, WorldError

log = structlog.get_logger(__name__)

_DISK_S = 10.0


class LetterDesk:
    """Implements :class:`trader.engine.operator.LetterVerbs`; ``turn`` is the desk's."""

    def __init__(self, services: Services, *, reconciler: Reconciler, turn: asyncio.Lock) -> None:
        self._ledger = services.ledger
        self._broker = services.broker
        self._reconciler = reconciler
        self._turn = turn

    async def retry(self, *, letter: str, reason: str, by: str) -> Answer:
        """Read a letter again; what it says is booked if that is right once and late."""
        async with self._turn:
            found = self._open(letter, "retry")
            if isinstance(found, Answer):
                return found
            word = Word(reason, by)
            read = self._broker.reread(found.fields, found.server_version)
            told = _nothing_to_book(found, read)
            if told is not None:
                return await self._left(found, told, word)
            try:
                return await self._booked(found, read.facts[0], word)
            except WorldError as error:
                return await self._left(found, Answer(is_done=False, text=str(error)), word)

    async def dismiss(self, *, letter: str, reason: str, by: str) -> Answer:
        """End a letter; nothing of it is taken in."""
        async with self._turn:
            found = self._open(letter, "dismiss")
            if isinstance(found, Answer):
                return found
            seq = self._ledger.record(MessageDismissed(found.key, reason, by))
            log.warning("letter dismissed", letter=letter, by=by, reason=reason)
            return await self._kept(seq, Answer(is_done=True, text=f"letter {letter} dismissed"))

    # ---- the steps

    def _open(self, key: str, verb: str) -> Letter | Answer:
        """Return the open letter of this key, or why the verb cannot be done on it."""
        quarantine = self._ledger.book.quarantine
        found = quarantine.letter(key)
        if found is None:
            how = dict(quarantine.settled).get(key)
            if how is not None:
                # Asked once more, by somebody whom the answer did not reach.
                return Answer(is_done=True, text=f"letter {key} is over already: {how}")
            known = tuple(row.key for row in quarantine.letters) or ("none",)
            return Answer(is_done=False, text=f"no open letter {key!r}", details=known)
        fitting = verbs_for(found.message_id, is_truncated=found.is_truncated)
        if verb in fitting:
            return found
        why = "it was too long and is not whole" if found.is_truncated else "it is no message"
        text = f"letter {key} stays open: {verb} does not fit, {why}"
        details = tuple(f"{name}: {told}" for name, told in fitting.items())
        return Answer(is_done=False, text=text, details=details)

    async def _booked(
        self, found: Letter, fact: ev.ExecutionSeen | ev.CommissionSeen, word: Word
    ) -> Answer:
        """Take in what a letter says, and end it; raises WorldError."""
        snapshot: BrokerSnapshot | None = None
        if isinstance(fact, ev.ExecutionSeen) and self._is_open_question(fact):
            problem = ""
            if self._ledger.book.is_news(fact):
                problem = objection(self._ledger.book, found, fact.execution)
            if not problem:
                snapshot = await self._reconciler.brokers_word()
                # A list that reaches back to it after all books it like any other.
                self._reconciler.take_executions(snapshot)
                problem = self._contradiction(found, fact.execution, snapshot)
            if problem:
                return await self._left(found, Answer(is_done=False, text=problem), word)
        elif isinstance(fact, ev.CommissionSeen):
            problem = await self._paid_already(found, fact)
            if problem:
                return await self._left(found, Answer(is_done=False, text=problem), word)
        is_news = self._ledger.book.is_news(fact)
        if is_news:
            self._reconciler.take_in(fact)
            assert not self._ledger.book.is_news(fact), f"letter {found.key} was not taken in"
        outcome = f"{'booked' if is_news else 'in the book already'}: {_what(fact)}"
        seq = self._ledger.record(
            MessageRetried(found.key, is_settled=True, outcome=outcome, reason=word.reason,
                           by=word.by)
        )  # fmt: skip
        log.warning("letter retried", letter=found.key, outcome=outcome, by=word.by)
        details: tuple[str, ...] = ()
        if snapshot is not None and isinstance(fact, ev.ExecutionSeen):
            seq, details = self._explained(found, fact.execution, snapshot, word)
        text = f"letter {found.key} {outcome}"
        answer = await self._kept(seq, Answer(is_done=True, text=text, details=details))
        if not answer.is_done:
            return answer
        run = await self._reconciler.run_once("letter retried")
        said = f"reconciliation: {run.problem or f'{run.drift_count} drifts'}"
        return Answer(is_done=True, text=text, details=(*details, said, *self._next()))

    async def _paid_already(self, found: Letter, fact: ev.CommissionSeen) -> str:
        """Say why a commission must not be paid once more; raises WorldError."""
        book, paid = self._ledger.book, fact.commission
        if not book.is_news(fact) or not may_be_paid(book, found, paid):
            return ""
        snapshot = await self._reconciler.brokers_word()
        self._reconciler.take_executions(snapshot)
        if not book.is_news(fact):
            return ""
        return paid_already(book, found, paid, snapshot.cash.get(paid.currency))

    def _is_open_question(self, fact: ev.ExecutionSeen) -> bool:
        """Tell whether it is to be booked, or was and its ticket does not know it (a kill)."""
        book, con_id = self._ledger.book, fact.execution.con_id
        return book.is_news(fact) or any(row.con_id == con_id for row in book.tickets.values())

    def _contradiction(self, found: Letter, execution: Execution, snapshot: BrokerSnapshot) -> str:
        book = self._ledger.book
        if not book.is_news(ev.ExecutionSeen(execution)):
            return ""
        slack: Decimal = self._reconciler.cash_slack()
        return contradiction(
            book, found, execution, snapshot, together=self._executions(), slack=slack
        )

    def _executions(self) -> tuple[Execution, ...]:
        """Return every execution that open letters hold and this version can read."""
        letters = self._ledger.book.quarantine.letters
        read = (
            self._broker.reread(row.fields, row.server_version)
            for row in letters
            if row.message_id == RETRYABLE[0] and not row.is_truncated
        )
        facts = (fact for one in read for fact in one.facts)
        return tuple(fact.execution for fact in facts if isinstance(fact, ev.ExecutionSeen))

    def _explained(
        self, found: Letter, execution: Execution, snapshot: BrokerSnapshot, word: Word
    ) -> tuple[Seq, tuple[str, ...]]:
        """Close the ticket about a position that book and broker agree about now."""
        book, con_id = self._ledger.book, execution.con_id
        held, told = book.position_of(con_id), snapshot.position_of(con_id)
        details = [f"position of {execution.symbol}: {held} in the book, {told} by the broker"]
        for ticket in tuple(book.tickets.values()):
            if ticket.kind != DriftKind.POSITION or ticket.con_id != con_id or held != told:
                continue
            reason = f"letter {found.key} explains it: {word.reason}"
            self._ledger.record(ev.TicketClosed(ticket.ticket_id, reason, word.by))
            details.append(f"ticket {ticket.ticket_id} is explained by it and closed")
        details += [f"ticket {row.ticket_id} is open: {row.text}" for row in book.tickets.values()]
        return self._ledger.seq, tuple(details)

    def _next(self) -> tuple[str, ...]:
        waits = len(self._ledger.book.quarantine.letters)
        halts = self._ledger.book.halts
        if waits:
            return (f"{waits} letters are still open: trader quarantine list",)
        return ("trader resume ends the halt",) if halts else ()

    async def _left(self, found: Letter, answer: Answer, word: Word) -> Answer:
        """Record a try that leaves the letter open, and say so."""
        seq = self._ledger.record(
            MessageRetried(found.key, is_settled=False, outcome=answer.text, reason=word.reason,
                           by=word.by)
        )  # fmt: skip
        text = f"letter {found.key} stays open: {answer.text}"
        return await self._kept(seq, Answer(answer.is_done, text, answer.details))

    async def _kept(self, seq: Seq, answer: Answer) -> Answer:
        """Answer once what was recorded is on disk, or that it is not."""
        try:
            async with asyncio.timeout(_DISK_S):
                await self._ledger.durable(seq)
        except (JournalFailed, TimeoutError) as error:
            problem = str(error) or f"no answer within {_DISK_S:g} s"
            return Answer(False, f"{answer.text}, and not on disk yet: {problem}", answer.details)
        return answer


def _nothing_to_book(found: Letter, read: Reread) -> Answer | None:
    """Say why there is nothing to book, or None when there is."""
    if read.problem:
        return Answer(is_done=False, text=f"this version cannot read it either: {read.problem}")
    if found.message_id not in RETRYABLE:
        text = (
            f"this version can read message {found.message_id}; nothing of it is booked late, "
            "since the reconciliation has its content: compare, then dismiss it"
        )
        return Answer(is_done=True, text=text)
    if not read.facts:
        text = "this version can read it, and it has nothing for the book of this account"
        return Answer(is_done=True, text=f"{text}: dismiss it")
    return None


def _what(fact: ev.ExecutionSeen | ev.CommissionSeen) -> str:
    match fact:
        case ev.ExecutionSeen(execution=row):
            return f"{row.side} {row.quantity} {row.symbol} at {row.price} ({row.exec_id})"
        case ev.CommissionSeen(commission=paid):
            return f"commission {paid.amount} {paid.currency} of {paid.exec_id}"
