"""Planted mistakes in what the book believes: states, executions, commissions, restarts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType
from typing import Any

from tests.simulation.plant import Plant, put
from trader import app
from trader.core import book, changes, executions, orders
from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.changes import ChangeEvent, ChangeState
from trader.core.checkpoint import restored
from trader.core.events import Evidence
from trader.core.executions import FillDelta
from trader.core.ids import OrderId
from trader.core.orders import Order, OrderEvent, OrderState
from trader.core.working import Workings
from trader.sim.oracle.findings import Kind as Broken
from trader.store.journal import SqliteJournal

S, E = OrderState, OrderEvent


def _go(state: OrderState, event: OrderEvent, to: OrderState) -> None:
    orders.TABLE[state, event] = to


def _reopen_by_late_words() -> None:
    """Take a late status for the state that an order is in now."""
    _go(S.CANCELLED, E.ACKNOWLEDGED, S.WORKING)
    _go(S.REJECTED, E.ACKNOWLEDGED, S.WORKING)
    _go(S.FILLED, E.ACKNOWLEDGED, S.WORKING)


def _take_silence_for_no() -> None:
    """Take an order that nobody answers for one that was rejected."""
    _go(S.SENT, E.UNANSWERED, S.REJECTED)
    _go(S.JOURNALED, E.UNANSWERED, S.REJECTED)


def _believe_nothing_left() -> None:
    """Take a promise without a record of its sending for one that never left, at a start."""
    _go(S.JOURNALED, E.UNANSWERED, S.WITHHELD)


def _take_a_cancel_for_done() -> None:
    """Take an order for cancelled once its cancel has left."""
    _go(S.SENT, E.CANCEL_SENT, S.CANCELLED)
    _go(S.WORKING, E.CANCEL_SENT, S.CANCELLED)


def _hear_only_asked_ends() -> None:
    """Take no notice of an order that the broker ends by itself."""
    for state in (S.SENT, S.WORKING, S.UNKNOWN):
        _go(state, E.CANCEL_CONFIRMED, state)


def _forget_cancels_that_lost() -> None:
    """Take executions of an order that was told as cancelled for no fill of it."""
    fill = Book._fill_order

    def deaf(self: Book, order: Order, *arguments: Any) -> None:
        if order.state is not S.CANCELLED:
            fill(self, order, *arguments)

    put(Book, "_fill_order", deaf)


def _book_every_commission() -> None:
    """Add a commission to what was booked before for the same execution."""
    is_news, pay = Book.is_news, Book._pay

    def any_commission(self: Book, event: ev.Event) -> bool:
        return isinstance(event, ev.CommissionSeen) or is_news(self, event)

    def only_more(self: Book, currency: str, amount: Any, owner: Any) -> None:
        if amount > 0:
            pay(self, currency, amount, owner)

    put(Book, "is_news", any_commission)
    put(Book, "_is_new_commission", lambda self, commission: True)
    put(Book, "_pay", only_more)


def _add_corrections() -> None:
    """Take a corrected execution for another one."""
    put(book, "exec_family", lambda exec_id: (exec_id, 1))


def _correct_the_price_alone() -> None:
    """Book a correction as if only the price of the new one had to be paid."""
    delta = executions.delta

    def halved(previous: Any, current: Any) -> FillDelta:
        whole = delta(previous, current)
        return whole if previous is None else replace(whole, cash=current.cash_change)

    put(book, "delta", halved)


def _count_cents_as_units() -> None:
    """Round the money of a trade to whole units of the currency."""
    delta = executions.delta

    def rounded(previous: Any, current: Any) -> FillDelta:
        exact = delta(previous, current)
        return replace(exact, cash=exact.cash.quantize(ZERO + 1))

    put(book, "delta", rounded)


def _reserve_when_acknowledged() -> None:
    """Count an order among what works only once the broker has acknowledged it."""
    change = Workings.change
    early = (S.PLANNED, S.JOURNALED, S.SENT)

    def late(self: Workings, before: Order | None, after: Order, held: Any) -> None:
        counted = None if before is not None and before.state in early else before
        if after.state not in early:
            change(self, counted, after, held)

    put(Workings, "change", late)


def _forget_high_ids() -> None:
    """Take the number of the last order from the broker at each start, not from the journal."""
    restore = app.restore

    async def forgetful(journal: SqliteJournal) -> Book:
        found = await restore(journal)
        found.order_id_high = OrderId(0)
        return found

    put(app, "restore", forgetful)


def _forget_live_orders() -> None:
    """Begin each start with no order that works."""
    restore = app.restore

    async def forgetful(journal: SqliteJournal) -> Book:
        found = await restore(journal)
        for order_id, order in tuple(found.live_orders.items()):
            found.orders[order_id] = replace(order, state=S.CANCELLED)
            del found.live_orders[order_id]
        return found

    put(app, "restore", forgetful)


def _load_the_checkpoint_alone() -> None:
    """Take the newest checkpoint for all there is, and the events after it for known."""

    async def short(journal: SqliteJournal) -> Book:
        loaded = await journal.load()
        found = restored(loaded.state) if loaded.state is not None else Book()
        async for recorded in loaded.events:
            if loaded.state is None:
                found.apply(recorded)
            else:
                found.seq = recorded.seq
                if isinstance(recorded.event, ev.OrderPlanned):
                    found.order_id_high = recorded.event.order_id
        return found

    put(app, "restore", short)


def _apply_changes_when_sent() -> None:
    """Take a change for done once it has left."""
    changes.CHANGES[ChangeState.PLANNED, ChangeEvent.SENT] = ChangeState.APPLIED


def _drop_changes_without_answer() -> None:
    """Take a change that nobody answers for one that was refused."""
    changes.CHANGES[ChangeState.SENT, ChangeEvent.UNANSWERED] = ChangeState.DROPPED
    changes.CHANGES[ChangeState.PLANNED, ChangeEvent.UNANSWERED] = ChangeState.DROPPED


def _reserve_the_old_terms() -> None:
    """Count an order by its confirmed terms while a change of it is on its way."""
    put(Order, "open_change", property(lambda self: None))


def _end_by_any_error() -> None:
    """Take whatever error names an order for its rejection."""
    on_error = Book._on_order_error

    def strict(self: Book, event: ev.OrderErrorSeen, at: datetime) -> None:
        on_error(self, replace(event, evidence=Evidence.REJECTS_NEW), at)
        self._move(event.order_id, at, E.REJECT_CONFIRMED)

    put(Book, "_on_order_error", strict)
    handlers: Any = book._HANDLERS
    handlers[ev.OrderErrorSeen] = strict


def _fill_by_status() -> None:
    """Take the broker's word Filled for the fill, whatever executions have come."""
    orders._STATUS_EVENTS["Filled"] = E.FILL_COMPLETED


BOOK_PLANTS: Mapping[str, Plant] = MappingProxyType(
    {
        "reopen-by-late-words": Plant(_reopen_by_late_words, "status_order"),
        "silence-is-no": Plant(_take_silence_for_no, Broken.ORDER_STATE, "", ("swallowed order",)),
        "nothing-left": Plant(_believe_nothing_left, Broken.ORDER_STATE, "", ("crash",)),
        "cancel-is-done": Plant(
            _take_a_cancel_for_done, Broken.ORDER_STATE, "", ("reset", "cancel orders")
        ),
        "only-asked-ends": Plant(_hear_only_asked_ends, "status_order", "", ("broker's end",)),
        "no-fill-after-cancel": Plant(_forget_cancels_that_lost, "not_ready", "execution_owed"),
        "commissions-again": Plant(_book_every_commission, "not_ready", "cash"),
        "corrections-add": Plant(_add_corrections, "halted_itself", "makes", ("correction",)),
        "correction-without-reversal": Plant(
            _correct_the_price_alone, "not_ready", "cash", ("correction",)
        ),
        "whole-units": Plant(_count_cents_as_units, "cash_adjusted"),
        "reserve-late": Plant(_reserve_when_acknowledged, "position_limit"),
        "forget-high-ids": Plant(
            _forget_high_ids, "run_not_replayed", "used before", ("order ids", "crash")
        ),
        "forget-live-orders": Plant(_forget_live_orders, "not_ready", "order_ghost", ("crash",)),
        "checkpoint-alone": Plant(
            _load_the_checkpoint_alone, Broken.EXECUTION_TWICE, "", ("crash",)
        ),
        "change-when-sent": Plant(_apply_changes_when_sent, Broken.ORDER_TERMS),
        "change-silence-is-no": Plant(_drop_changes_without_answer, "halted_itself", "", ("mute",)),
        "old-terms": Plant(_reserve_the_old_terms, "position_limit", "", ("slow gateway",)),
        "any-error-ends": Plant(_end_by_any_error, "not_ready", "", ("warning",)),
        "fill-by-status": Plant(_fill_by_status, "position_limit", "", ("late words",)),
    }
)
