"""Planted mistakes in what the daemon does: the way of an order, lists, links, disk, the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from tests.simulation.ambient import DaemonClock
from tests.simulation.plant import Plant, put
from tests.simulation.vfs import SimulatedVfs
from trader.core import events as ev
from trader.core import reconcile
from trader.core.halts import HaltCause
from trader.core.orders import Order
from trader.core.risk import Approved, change
from trader.core.risk.review import CHECKS, evaluated
from trader.demo_arming import DemoArming
from trader.engine import boot
from trader.engine.acts.drain import Drain
from trader.engine.guard import Guard
from trader.engine.orders import amender
from trader.engine.orders import gateway as sending
from trader.engine.orders.amender import Amender
from trader.engine.orders.gateway import OrderGateway
from trader.engine.orders.lost_cancels import LostCancels
from trader.engine.strategy.runner import StrategyRunner
from trader.engine.supervisor import Supervisor
from trader.engine.truth import settler
from trader.engine.truth.reconciler import Reconciler
from trader.engine.truth.settler import Settler
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.requests import Requests
from trader.ibkr.snapshot import SnapshotTaker
from trader.ibkr.veto import Veto
from trader.ops.halt_file import HaltFileControl
from trader.ports import JournalFailed, WorldError
from trader.sim.oracle.findings import Kind as Broken
from trader.store import connection
from trader.store.journal import SqliteJournal


def _ask_for_halts_once(owner: type) -> None:
    """Ask for halts before the wait for the disk, and after it neither the gate nor the file.

    One of the two alone changes nothing: the veto at the socket is there for a gate that is wrong.
    """
    last = owner._last_refusal  # type: ignore[attr-defined]

    def blind(self: Any, *arguments: Any) -> str | None:
        refusal = Guard.refusal
        put(Guard, "refusal", lambda self, lane, strategy="": None)
        try:
            found: str | None = last(self, *arguments)
        finally:
            put(Guard, "refusal", refusal)
        return found

    put(owner, "_last_refusal", blind)
    put(Veto, "__call__", lambda self, is_reduce_only: None)


def _check_before_the_wait_only() -> None:
    """Ask for halts before the wait for the disk, and after it neither the gate nor the file."""
    _ask_for_halts_once(OrderGateway)


def _change_after_a_halt() -> None:
    """Ask for halts before the wait for the disk, and not after it, where an order is changed."""
    _ask_for_halts_once(Amender)


def _change_before_durable() -> None:
    """Send a change whose promise is not on disk yet."""

    async def at_once(self: object, order_id: object, number: object, deadline_s: float) -> None:
        return None

    put(Amender, "_made_durable", at_once)


def _resume_at_each_connect() -> None:
    """Resume after each connect, whatever has halted it: the link is well again."""
    put(DemoArming, "_is_halted", lambda self: False)


def _leave_promises_open() -> None:
    """Leave at a start what was promised as it is, and ask nobody what became of it."""
    put(boot, "_MAY_HAVE_LEFT", ())


def _wait_for_ever() -> None:
    """Wait for the answer to an order for as long as it takes."""
    put(OrderGateway, "mark_unanswered", lambda self, older_than_s, reason: ())


def _change_without_a_review() -> None:
    """Judge a change by its form alone: the order was reviewed when it was new."""
    put(change, "_FOR_CHANGES", change._FOR_LESS)
    put(amender, "standing_refusal", lambda *arguments, **more: None)


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


def _trust_the_sync_of_the_log() -> None:
    """Copy the log of the last process into the file without writing it anew."""
    put(SimulatedVfs, "renew", lambda self, log: None)


def _judge_the_last_moment_by_the_review() -> None:
    """Take the review of before a wait for a slot for that of after it, and look no more."""
    decide = OrderGateway._decide
    known: dict[Any, Approved] = {}

    def once(self: Any, intent: Any, *arguments: Any) -> Any:
        before = known.pop(intent.intent_id, None)
        verdict = decide(self, intent, *arguments) if before is None else before
        if isinstance(verdict, Approved) and before is None:
            known[intent.intent_id] = verdict
        return verdict

    put(OrderGateway, "_decide", once)
    put(sending, "standing_refusal", lambda *arguments, **more: None)
    put(sending, "refusal_by_now", lambda *arguments: None)


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


def _keep_old_questions() -> None:
    """Go on waiting for the answers of a connection that is gone."""
    put(Requests, "fail_all", lambda self, error: None)


def _forget_who_waits() -> None:
    """Drop a cancel that finds no slot free, or the link down."""

    def forgetful(self: Any) -> None:
        self._cancels.clear()

    put(OrderGateway, "send_cancels", forgetful)


def _forget_lost_cancels() -> None:
    """Take a cancel for arrived that went into a link as it broke (the simulation found it)."""
    put(LostCancels, "repeat", lambda self: None)


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
    """Let a task end that a broken link made fail, and nobody hear of it."""
    executions = IbkrBroker.executions

    async def brittle(self: IbkrBroker) -> Any:
        try:
            return await executions(self)
        except WorldError as error:
            raise RuntimeError("nobody expects this one") from error

    put(IbkrBroker, "executions", brittle)
    put(Supervisor, "_end_daemon", lambda self, ended: None)


def _sell_what_is_sold() -> None:
    """Judge a sale by what is held, whatever other sales are on their way."""
    checks = tuple(row for row in CHECKS if row[0] not in ("SHORT_SALE", "REDUCE_ONLY"))
    put(evaluated, "__defaults__", (checks,))
    put(sending, "standing_refusal", lambda *arguments, **more: None)


ENGINE_PLANTS: Mapping[str, Plant] = MappingProxyType(
    {
        "check-before-wait": Plant(
            _check_before_the_wait_only, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt file",)
        ),
        "change-after-halt": Plant(
            _change_after_a_halt, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt file", "slow sync")
        ),
        "change-before-durable": Plant(
            _change_before_durable, Broken.CHANGE_UNRECORDED, "", ("crash",)
        ),
        "resume-at-connect": Plant(
            _resume_at_each_connect, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt", "reset")
        ),
        "promises-left-open": Plant(_leave_promises_open, Broken.ORDER_STATE, "", ("crash",)),
        "wait-for-ever": Plant(_wait_for_ever, "status_order", "", ("swallowed order",)),
        "change-unreviewed": Plant(_change_without_a_review, "position_limit"),
        "swallow-disk-errors": Plant(_swallow_disk_errors, Broken.JOURNAL_GAP, "", ("full disk",)),
        "log-not-copied": Plant(
            _trust_what_the_log_holds, Broken.ORDER_UNRECORDED, "", ("bad sync", "crash")
        ),
        "log-not-renewed": Plant(
            _trust_the_sync_of_the_log, "journal_damaged", "", ("bad sync", "crash")
        ),
        "last-moment": Plant(_judge_the_last_moment_by_the_review, "position_limit"),
        "gate-open": Plant(
            _keep_the_gate_open, "sent_while_draining", "", ("sigterm", "slow sync")
        ),
        "swallow-cancellation": Plant(_swallow_cancellation, "signal_ignored", "", ("sigterm",)),
        "counter-forgotten": Plant(_forget_the_counter, "paged", "intent id reused", ("crash",)),
        "believe-the-deaf": Plant(_believe_the_deaf, "halted_itself", "", ("upstream",)),
        "no-upstream": Plant(_hear_no_upstream, "halted_itself", "", ("upstream",)),
        "first-sight": Plant(_prove_at_first_sight, "not_ready", "", ("slow gateway", "reset")),
        "absence-by-the-wall": Plant(_prove_by_the_wall, "not_ready", "", ("clock step", "crash")),
        "clock-by-the-wall": Plant(_measure_by_the_wall, "status_order", "", ("clock step",)),
        "settle-at-once": Plant(_settle_at_once, "position_limit", "", ("late fill",)),
        "old-snapshots": Plant(_share_old_snapshots, "not_ready", "-position-"),
        "old-questions": Plant(_keep_old_questions, "not_ready"),
        "cancels-forgotten": Plant(_forget_who_waits, "cancel_forgotten", "", ("cancel orders",)),
        "lost-cancels": Plant(_forget_lost_cancels, "cancel_forgotten"),
        "overtaking-cancel": Plant(
            _overtake_the_order, "cancel_forgotten", "", ("cancel orders", "slow sync")
        ),
        "mend-by-itself": Plant(_mend_by_itself, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt",)),
        "failure-unheard": Plant(_forget_the_failure, "not_ready", "stalled"),
        "sell-twice": Plant(_sell_what_is_sold, "position_limit"),
    }
)
