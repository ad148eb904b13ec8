"""Gathers what the reports are decided from: the last reconciliation, the book, the valuation.

Nothing here asks the broker. A snapshot is the one that a reconciliation has taken, and no report
is written of an old one: with a link that is down the report grows old, and that is the truth.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

from trader.core.checkpoint import BookState
from trader.core.comparison import RunRecord
from trader.core.entries import Fill
from trader.core.ids import OrderId
from trader.core.orders import Order
from trader.core.reports.content import Content, ReportStatus
from trader.core.reports.ledger import Writing, writer_content
from trader.core.reports.parity import ParityReport, parity_content
from trader.core.reports.reconciliation import Repeats, reconciliation_content
from trader.core.reports.runtime import runtime_content
from trader.core.reports.snapshot import snapshot_content, values_of
from trader.core.snapshots import BrokerSnapshot
from trader.engine.risk.risk_report import RiskView, risk_content
from trader.engine.services import Services
from trader.engine.told.board import Board

_WINDOW = timedelta(hours=24)
# More orders and fills than that are not compared at once; the limits allow fewer in a day.
_ORDERS_MAX = 2_000
_FILLS_MAX = 10_000
# Reconciliations between two turns of the writer.
_RUNS_MAX = 1_000


class ReportSources:
    """Keeps the last reconciliation, and builds what is written every so often."""

    def __init__(
        self, services: Services, board: Board, *, recurrent_runs: int, insufficient_runs: int
    ) -> None:
        self._clock = services.clock
        self._ledger = services.ledger
        self._guard = services.guard
        self._valuer = services.valuer
        self._board = board
        self._recurrent_runs = recurrent_runs
        self._insufficient_runs = insufficient_runs
        self._repeats = Repeats()
        # Only kept where they happen, and looked at by the task that writes: what tells of them
        # must not fail for a report's sake.
        self._runs: deque[RunRecord] = deque(maxlen=_RUNS_MAX)
        self._checkpoint: BookState | None = None
        # The newest complete snapshot and when it was; what was written of it already.
        self.snapshot: tuple[BrokerSnapshot, float] | None = None
        self._written: BrokerSnapshot | None = None
        self._empty_looks = 0
        # Up to where events were durable when that last moved; monotonic seconds.
        self._durable = (0, self._clock.monotonic())
        self.fills_status: Callable[[], ReportStatus | None] = lambda: None

    def on_run(self, record: RunRecord) -> None:
        """Keep a reconciliation that has just ended."""
        self._runs.append(record)
        if record.decision is not None:
            self.snapshot = record.decision.question.snapshot, self._clock.monotonic()

    def on_checkpoint(self, state: BookState) -> None:
        """Keep a checkpoint that has just become durable."""
        self._checkpoint = state

    def reconciliation_report(self) -> Content | None:
        """Report the newest reconciliation, if there is one; every one before it is counted."""
        record = None
        while self._runs:
            record = self._runs.popleft()
            self._repeats = self._repeats.after(record)
        if record is None:
            return None
        book = self._ledger.book
        return reconciliation_content(
            record,
            self._repeats,
            tickets=book.tickets,
            ignored=(ticket for ticket in book.ignored if ticket in book.tickets),
            runs_max=self._recurrent_runs,
        )

    def runtime_report(self) -> Content | None:
        """Export the newest checkpoint, if there is one."""
        state, self._checkpoint = self._checkpoint, None
        return None if state is None else runtime_content(state)

    def snapshot_report(self) -> Content | None:
        """Report the broker's word, if there is a newer one."""
        if self.snapshot is None or self.snapshot[0] is self._written:
            return None
        snapshot, at_s = self.snapshot
        self._written, now_s = snapshot, self._clock.monotonic()
        return snapshot_content(snapshot, values_of(self._valuer.account, now_s), now_s - at_s)

    def parity_report(self) -> Content:
        """Hold the orders of the last day against their fills."""
        content = parity_content(
            self._day(),
            self._guard.mode,
            window_s=_WINDOW.total_seconds(),
            empty_before=self._empty_looks,
            empty_max=self._insufficient_runs,
        )
        assert isinstance(content.body, ParityReport)
        self._empty_looks = content.body.insufficient_in_a_row
        return content

    def _day(self) -> tuple[tuple[Order, tuple[Fill, ...]], ...]:
        """Return the newest orders with all fills of theirs; both are kept in their order."""
        book, since_utc = self._ledger.book, self._clock.utc() - _WINDOW
        newest = islice(reversed(book.orders.values()), _ORDERS_MAX)
        orders = {row.order_id: row for row in newest if row.planned_utc >= since_utc}
        fills: dict[OrderId, list[Fill]] = {}
        for fill in islice(reversed(book.fills.values()), _FILLS_MAX):
            if fill.order_id in orders:
                fills.setdefault(fill.order_id, []).append(fill)
        return tuple((row, tuple(fills.get(key, ()))) for key, row in orders.items())

    def risk_report(self) -> Content:
        """Hold the account against its limits."""
        valuation = self._valuer.current()
        now_s = self._clock.monotonic()
        causes = {cause.value: text for cause, text in self._guard.causes().items()}
        return risk_content(
            RiskView(
                valuation=valuation,
                exposure=self._board.exposure(),
                actions=self._board.actions(),
                breakers=self._board.breakers(),
                halts=causes,
                age_s=0.0 if valuation is None else max(now_s - valuation.as_of_s, 0.0),
            )
        )

    def writer_report(self) -> Content:
        """Say how the journal's writer does."""
        ledger, book, now_s = self._ledger, self._ledger.book, self._clock.monotonic()
        durable_seq = int(ledger.head.seq)
        if durable_seq != self._durable[0] or durable_seq >= book.seq:
            self._durable = durable_seq, now_s
        writing = Writing(
            seq=book.seq,
            durable_seq=durable_seq,
            failure=ledger.failure or "",
            stuck_s=now_s - self._durable[1],
            tally=book.tally,
            order_count=len(book.orders),
            fill_count=len(book.fills),
            position_count=len(book.positions),
        )
        return writer_content(writing, self.fills_status())
