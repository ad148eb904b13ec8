"""Planted mistakes in what the daemon does: the way of an order, lists, links, disk, the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from tests.simulation.ambient import DaemonClock
from tests.simulation.plant import Plant, put
from trader.core import events as ev
from trader.core import reconcile
from trader.core.halts import HaltCause
from trader.core.orders import Order
from trader.core.risk.review import CHECKS, evaluated
from trader.engine import gateway as sending
from trader.engine import settler
from trader.engine.amender import Amender
from trader.engine.drain import Drain
from trader.engine.gateway import OrderGateway
from trader.engine.guard import Guard
from trader.engine.inbox import Inbox
from trader.engine.ledger import Ledger
from trader.engine.link import LinkWatch
from trader.engine.reconciler import Reconciler
from trader.engine.runner import StrategyRunner
from trader.engine.settler import Settler
from trader.engine.supervisor import Supervisor
from trader.ibkr.requests import Requests
from trader.ibkr.snapshot import SnapshotTaker
from trader.ops.halt_file import HaltFileControl
from trader.ports import JournalFailed
from trader.sim.oracle.findings import Kind as Broken
from trader.store import connection
from trader.store.journal import SqliteJournal


def _check_before_the_wait_only() -> None:
    """Ask for halts before the wait for the disk, and not after it."""
    put(OrderGateway, "_last_refusal", lambda self, order, lane, times: None)


def _change_after_a_halt() -> None:
    """Ask for halts before the wait for the disk, and not after it, where an order is changed."""
    put(Amender, "_last_refusal", lambda self, approval, number, reviewed_s, deadline_s: None)


def _change_before_durable() -> None:
    """Send a change whose promise is not on disk yet."""

    async def at_once(self: object, order_id: object, number: object, deadline_s: float) -> None:
        return None

    put(Amender, "_made_durable", at_once)


def _send_after_a_failed_disk() -> None:
    """Send although the disk has not taken the promise (an error that is swallowed)."""
    made_durable = Ledger.made_durable

    async def careless(self: Ledger, deadline_s: float) -> None:
        await made_durable(self, deadline_s)

    put(Ledger, "made_durable", careless)


def _swallow_disk_errors() -> None:
    """Take a batch that the disk refused for written."""
    write = SqliteJournal._write_batch

    async def careless(self: SqliteJournal) -> None:
        try:
            await write(self)
        except JournalFailed:
            handed, self._failure = self._handed, None
            assert handed is not None
            self._mark_durable(handed)

    put(SqliteJournal, "_write_batch", careless)


def _trust_what_the_log_holds() -> None:
    """Begin without copying the log of the last process into the file."""

    async def not_at_all(db: object) -> None:
        return None

    put(connection, "_empty_log", not_at_all)


def _judge_the_last_moment_by_the_review() -> None:
    """Take the review's projections for those of the moment of sending."""
    put(sending, "standing_refusal", lambda *arguments, **more: None)
    put(sending, "refusal_by_now", lambda *arguments: None)
    put(sending, "REVIEW_AGE_S_MAX", 1e9)


def _keep_the_gate_open() -> None:
    """Go on sending while the daemon goes down."""
    put(Drain, "shut_gate", lambda self, reason: None)


def _swallow_cancellation() -> None:
    """Let a task go on whose end was asked for, as a bare except does."""
    handle = Settler.run

    async def stubborn(self: Any) -> None:
        while True:
            try:
                await handle(self)
            except asyncio.CancelledError:
                continue

    put(Settler, "run", stubborn)


def _forget_the_counter() -> None:
    """Save a strategy's state without the number of its last intent."""
    save = StrategyRunner._save

    def careless(self: Any) -> None:
        count, self.intent_count = self.intent_count, 0
        save(self)
        self.intent_count = count

    put(StrategyRunner, "_save", careless)


def _mark_after_the_snapshot() -> None:
    """Take what was sent while the broker was asked for older than its answer."""
    compare = Reconciler._compare

    def late(self: Any, snapshot: Any, run: Any, *more: Any) -> Any:
        return compare(self, snapshot, replace(run, mark=self._ledger.seq), *more)

    put(Reconciler, "_compare", late)


def _believe_the_deaf() -> None:
    """Take the lists of a gateway that is cut off from the broker for the broker's."""
    put(Guard, "deafness", lambda self, losses: None)


def _hear_no_upstream() -> None:
    """Take no notice of the words that the gateway has lost the broker."""
    on_link = Guard.on_link

    def deaf(self: Guard, word: Any) -> None:
        if word.axis != "upstream" or word.is_up:
            on_link(self, word)

    put(Guard, "on_link", deaf)


def _prove_at_first_sight() -> None:
    """Take an order that one list does not hold for gone."""
    put(reconcile, "_is_long_absent", lambda order, since, run: True)


def _prove_by_the_wall() -> None:
    """Take the time between two looks from the clock on the wall alone."""

    def by_the_wall(order: Order, since: Any, run: Any) -> bool:
        return bool((run.now_utc - since).total_seconds() >= run.absence_s)

    put(reconcile, "_is_long_absent", by_the_wall)


def _measure_by_the_wall() -> None:
    """Take the clock on the wall for one that never steps."""
    put(DaemonClock, "monotonic", lambda self: self._wall.time())


def _settle_at_once() -> None:
    """Take any list for proof, however soon after an order's end it was asked for."""
    put(settler, "why_unsettled", lambda order, proof, settle_s: "")


def _share_old_snapshots() -> None:
    """Give whoever asks within a few seconds the word that the broker gave the last one."""
    take = SnapshotTaker.take

    async def cached(self: Any) -> Any:
        known = getattr(self, "_known", None)
        now = self._clock.monotonic()
        if known is not None and now - known[0] < 4.0:
            return known[1]
        found = await take(self)
        self._known = now, found
        return found

    put(SnapshotTaker, "take", cached)


def _hear_no_executions() -> None:
    """Rely on lists of executions, and take none that comes by itself."""
    put(Inbox, "_on_execution", lambda self, seen: None)


def _keep_old_questions() -> None:
    """Go on waiting for the answers of a connection that is gone."""
    put(Requests, "fail_all", lambda self, error: None)


def _forget_who_waits() -> None:
    """Drop a cancel that finds the link down."""

    def forgetful(self: Any) -> None:
        for order_id in tuple(self._cancels):
            reason = self._cancels.pop(order_id)
            if self._broker.is_connected:
                self._write_cancel(order_id, reason)

    put(OrderGateway, "send_cancels", forgetful)


def _overtake_the_order() -> None:
    """Say that an order is cancelled that has not left yet, and let it leave."""
    cancel = OrderGateway.cancel

    def careless(self: Any, order_id: Any, reason: str) -> Any:
        problem = cancel(self, order_id, reason)
        self._called_off.clear()
        return problem

    put(OrderGateway, "cancel", careless)


def _mend_by_itself() -> None:
    """Clear an operator's halt once book and broker agree again."""
    judge = Reconciler._judge

    def helpful(self: Any, decided: Any) -> None:
        judge(self, decided)
        if HaltCause.OPERATOR in self._book.halts and not decided.open:
            self._ledger.record(ev.HaltCleared(HaltCause.OPERATOR, "reconciled", "reconciler"))

    put(Reconciler, "_judge", helpful)
    put(HaltFileControl, "engage", lambda self, reason, by: None)


def _forget_the_failure() -> None:
    """Let a task that failed end, and nobody hear of it."""
    put(Supervisor, "_end_daemon", lambda self, ended: None)


def _drop_facts_of_a_failed_link() -> None:
    """Throw away what has arrived when the link falls, since it will be told again."""
    on_down = LinkWatch._on_down

    def rash(self: Any) -> None:
        on_down(self)
        self._reconciler._inbox._queue.clear()

    put(LinkWatch, "_on_down", rash)


def _sell_what_is_sold() -> None:
    """Judge a sale by what is held, whatever other sales are on their way."""
    checks = tuple(row for row in CHECKS if row[0] not in ("SHORT_SALE", "REDUCE_ONLY"))
    put(evaluated, "__defaults__", (checks,))
    put(sending, "standing_refusal", lambda *arguments, **more: None)


ENGINE_PLANTS: Mapping[str, Plant] = MappingProxyType(
    {
        "check-before-wait": Plant(_check_before_the_wait_only, Broken.ORDER_SENT_WHILE_HALTED),
        "change-after-halt": Plant(_change_after_a_halt, "halted_itself"),
        "change-before-durable": Plant(_change_before_durable, Broken.CHANGE_UNRECORDED),
        "send-after-failed-disk": Plant(
            _send_after_a_failed_disk, Broken.ORDER_UNRECORDED, "", ("full disk",)
        ),
        "swallow-disk-errors": Plant(
            _swallow_disk_errors, Broken.ORDER_UNRECORDED, "", ("full disk",)
        ),
        "log-not-copied": Plant(
            _trust_what_the_log_holds, Broken.ORDER_UNRECORDED, "", ("bad sync", "crash")
        ),
        "last-moment": Plant(_judge_the_last_moment_by_the_review, "position_limit"),
        "gate-open": Plant(_keep_the_gate_open, "sent_while_draining", "", ("sigterm",)),
        "swallow-cancellation": Plant(_swallow_cancellation, "signal_ignored", "", ("sigterm",)),
        "counter-forgotten": Plant(_forget_the_counter, "paged", "intent id reused"),
        "mark-after": Plant(_mark_after_the_snapshot, "not_ready"),
        "believe-the-deaf": Plant(_believe_the_deaf, "halted_itself", "", ("upstream",)),
        "no-upstream": Plant(_hear_no_upstream, "halted_itself", "", ("upstream",)),
        "first-sight": Plant(_prove_at_first_sight, "halted_itself"),
        "absence-by-the-wall": Plant(
            _prove_by_the_wall, "halted_itself", "", ("clock step", "slow gateway")
        ),
        "clock-by-the-wall": Plant(
            _measure_by_the_wall, "not_ready", "not_reconciled", ("clock step",)
        ),
        "settle-at-once": Plant(_settle_at_once, "position_limit", "", ("late fill",)),
        "old-snapshots": Plant(_share_old_snapshots, "not_ready", "-position-"),
        "no-live-executions": Plant(_hear_no_executions, "position_limit"),
        "old-questions": Plant(_keep_old_questions, "not_ready"),
        "cancels-forgotten": Plant(_forget_who_waits, "cancel_forgotten"),
        "overtaking-cancel": Plant(_overtake_the_order, "cancel_forgotten"),
        "mend-by-itself": Plant(_mend_by_itself, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt",)),
        "failure-unheard": Plant(_forget_the_failure, "not_ready"),
        "facts-dropped": Plant(_drop_facts_of_a_failed_link, "position_limit"),
        "sell-twice": Plant(_sell_what_is_sold, "position_limit"),
    }
)
