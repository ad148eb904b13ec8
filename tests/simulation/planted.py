"""Mistakes that are put into the daemon, to see that the simulation finds them.

Each is what somebody could have written, or has: those that the simulation once found in the
daemon stay here for good. They are put in within the child that plays a seed. Each names the rule
that finds it: one that another rule finds, or a child that breaks, shows nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count
from types import MappingProxyType
from typing import Any

from tests.simulation.plant import Plant, put
from tests.simulation.plants_book import BOOK_PLANTS
from tests.simulation.plants_engine import ENGINE_PLANTS
from trader import app
from trader.core import events as ev
from trader.core.book import Book
from trader.core.comparison import Answer as Decided
from trader.core.comparison import Question, answered
from trader.core.halts import HaltCause
from trader.core.ids import OrderId, Seq
from trader.core.orders import FINAL, Order
from trader.core.risk import ApprovedOrder
from trader.demo_arming import DemoArming
from trader.engine.acts.desk import Desk
from trader.engine.operator import Answer
from trader.engine.orders.gateway import OrderGateway
from trader.engine.told.outbox import Consumer
from trader.engine.truth import reconciler
from trader.ibkr import snapshot
from trader.ibkr.beats import Beats
from trader.ibkr.broker import IbkrBroker
from trader.ibkr.requests import IdSequence, Kind, Requests
from trader.ops.halt_file import HaltFile, HaltFileControl
from trader.ports import ServerTime, StreamBatch, WorldError
from trader.sim.oracle.findings import Kind as Broken
from trader.store import connection, notes


def _send_before_durable() -> None:
    """Send an order whose promise is not on disk yet."""

    async def at_once(self: object, order: object, deadline_s: float) -> None:
        return None

    put(OrderGateway, "_made_durable", at_once)


def _book_executions_again() -> None:
    """Take an execution that is known for news."""
    is_news = Book.is_news

    def any_execution(self: Book, event: ev.Event) -> bool:
        return isinstance(event, ev.ExecutionSeen) or is_news(self, event)

    put(Book, "is_news", any_execution)


def _believe_unfinished_lists() -> None:
    """Take what has come of a list within a moment for all of it."""
    answer = Requests.answer
    lists = (Kind.OPEN_ORDERS, Kind.COMPLETED_ORDERS, Kind.POSITIONS)

    async def impatient(self: Requests, pending: Any) -> list[Any]:
        if pending.key not in lists:
            return await answer(self, pending)
        try:
            async with asyncio.timeout(0.02):
                return await answer(self, pending)
        except TimeoutError:
            return list(pending.rows)

    put(Requests, "answer", impatient)


def _resend_unanswered() -> None:
    """Send an order again, under a new id, when nobody answers."""
    place, mark = IbkrBroker.place, OrderGateway.mark_unanswered
    placed: dict[OrderId, ApprovedOrder] = {}

    def noting(self: IbkrBroker, order: ApprovedOrder) -> None:
        placed[order.order_id] = order
        place(self, order)

    def resending(self: Any, *arguments: Any) -> list[OrderId]:
        late: list[OrderId] = list(mark(self, *arguments))
        for order_id in late:
            order = placed.pop(order_id, None)
            if order is not None:
                again = replace(order, order_id=self._broker.allocate_order_id())
                try:
                    place(self._broker, again)
                except WorldError:
                    continue
        return late

    put(IbkrBroker, "place", noting)
    put(OrderGateway, "mark_unanswered", resending)


def _forget_halts() -> None:
    """Keep an operator's halt in memory alone."""
    restore = app.restore

    async def forgetful(journal: Any) -> Book:
        book = await restore(journal)
        book.halts.pop(HaltCause.OPERATOR, None)
        return book

    put(HaltFileControl, "engage", lambda self, reason, by: None)
    put(app, "restore", forgetful)


def _sync_normally() -> None:
    """Let a commit be done before it is on the platter."""
    put(connection, "_SYNCHRONOUS_FULL", 1)
    put(notes, "_SYNCED", "PRAGMA synchronous = NORMAL")
    put(notes, "_FULL", 1)


def _read_the_halt_file_seldom() -> None:
    """Look at the halt file at each fiftieth question."""
    reading = HaltFile.reading
    asked: dict[int, list[Any]] = {}

    def seldom(self: HaltFile) -> Any:
        known = asked.setdefault(id(self), [0, None])
        if known[0] % 50 == 0:
            known[1] = reading(self)
        known[0] += 1
        return known[1]

    put(HaltFile, "reading", seldom)


def _take_the_brokers_ids() -> None:
    """Go on with the id that the broker proposes."""

    def follow(self: Any, seen: int) -> None:
        self._high = seen

    put(IdSequence, "raise_to", follow)


def _ask_for_no_executions() -> None:
    """Rely on executions as they come, and never ask for those that were missed."""
    put(snapshot, "_unique", lambda rows: ())


def _let_the_demo_overrule() -> None:
    """Look for no halt before the first resume (the simulation found it)."""

    def is_armed(self: Any) -> bool:
        return HaltCause.FRESH_INSTALL not in self._book.halts

    put(DemoArming, "_is_halted", is_armed)


def _trust_whoever_woke() -> None:
    """Expect an answer where one was, whatever came in the same turn (the simulation found it)."""

    async def trusting(self: Any) -> ServerTime:
        if self._is_taken:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter
        assert self._answer is not None, "woken without an answer"
        self._is_taken = True
        server_utc, took_s, heard_s = self._answer
        return ServerTime(server_utc, took_s + self._clock.monotonic() - heard_s)

    put(Beats, "next", trusting)


def _renew_by_the_wall() -> None:
    """Send what has worked for long by the clock on the wall once more, under its own id."""
    place, mark = IbkrBroker.place, OrderGateway.mark_unanswered
    placed: dict[OrderId, tuple[ApprovedOrder, datetime]] = {}
    long = timedelta(minutes=30)

    def noting(self: Any, order: ApprovedOrder) -> None:
        place(self, order)
        placed[order.order_id] = order, self._clock.utc()

    def renewing(self: Any, *arguments: Any) -> tuple[OrderId, ...]:
        now = self._clock.utc()
        for order_id in [key for key, (_, at) in placed.items() if now - at > long]:
            order, _ = placed.pop(order_id)
            live = self._book.live_orders.get(order_id)
            if live is not None and live.change is None and self.is_armed():
                with suppress(WorldError):
                    place(self._broker, order)
        return mark(self, *arguments)

    put(IbkrBroker, "place", noting)
    put(OrderGateway, "mark_unanswered", renewing)


def _forget_what_may_still_fill() -> None:
    """Take an order that is over for one that fills no more."""
    put(Order, "is_settled", property(lambda self: self.state in FINAL))


def _clear_before_looking() -> None:
    """Clear what halts before anybody has said whether it may be cleared."""
    resume = Desk.resume

    async def rash(self: Any, *, reason: str, by: str) -> Answer:
        known = self._known_halts()
        await self._cleared(known, reason, by)
        seen, _ = known.get(HaltCause.HALT_FILE, ("", 0))
        with suppress(WorldError):
            self._halt_control.release(reason, by, seen)
        return await resume(self, reason=reason, by=by)

    put(Desk, "resume", rash)


def _decide_by_more_than_was_asked() -> None:
    """Have every second reconciliation leave nothing pending, for no reason that is recorded."""
    turns = count()

    def moody(book: Book, question: Question) -> Decided:
        answer = answered(book, question)
        if next(turns) % 2:
            return answer
        return replace(answer, plan=replace(answer.plan, pending=()))

    put(reconciler, "answered", moody)


def _move_the_cursor_first() -> None:
    """Note that events were handed on before they are."""
    hand_over = Consumer._hand_over

    async def noting(self: Any, batch: StreamBatch) -> None:
        if batch.events:
            await self._source.note(self.name, Seq(self._noted + 1), batch.after)
            self._noted = batch.after.seq
        await hand_over(self, batch)

    put(Consumer, "_hand_over", noting)


PLANTS: Mapping[str, Plant] = MappingProxyType(
    {
        "send-before-durable": Plant(_send_before_durable, Broken.ORDER_UNRECORDED, "", ("crash",)),
        "executions-again": Plant(_book_executions_again, Broken.EXECUTION_TWICE),
        "unfinished-lists": Plant(_believe_unfinished_lists, "not_ready", "-position-"),
        "resend": Plant(_resend_unanswered, Broken.ORDER_SENT_TWICE, "", ("swallowed order",)),
        "forget-halts": Plant(_forget_halts, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt",)),
        "sync-normally": Plant(_sync_normally, "halted_itself", "gone from its end", ("crash",)),
        "halt-file-seldom": Plant(
            _read_the_halt_file_seldom, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt file",)
        ),
        # Ids of requests follow as well, and then lists hold what they should not: that is not it.
        "brokers-ids": Plant(
            _take_the_brokers_ids, "strategy_stopped", "used before", ("order ids",)
        ),
        "no-executions": Plant(_ask_for_no_executions, "not_ready", "'ticket'"),
        "demo-overrules": Plant(
            _let_the_demo_overrule,
            Broken.ORDER_SENT_WHILE_HALTED,
            "",
            ("halt file",),
            is_early=True,
        ),
        "answer-gone": Plant(_trust_whoever_woke, "halted_itself", "woken without an answer"),
        "renew-by-the-wall": Plant(
            _renew_by_the_wall, Broken.ORDER_SENT_TWICE, "", ("clock step",)
        ),
        "forget-settling": Plant(_forget_what_may_still_fill, "position_limit", "", ("late fill",)),
        "clear-first": Plant(_clear_before_looking, Broken.ORDER_SENT_WHILE_HALTED, "", ("halt",)),
        "cursor-first": Plant(_move_the_cursor_first, "outbox_gap", "", ("crash",)),
        "decide-by-more": Plant(_decide_by_more_than_was_asked, "run_not_replayed", "pending: "),
        **BOOK_PLANTS,
        **ENGINE_PLANTS,
    }
)
