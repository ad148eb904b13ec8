"""Reconciliation as pure functions: what differs, and what could not be looked at.

What to record about it is decided in :mod:`trader.core.drifts`; a plan never contains an order.

Invariants, held by property tests: a plan applied and diffed again is empty; shuffling or
duplicating the rows of a snapshot changes nothing; what was touched after ``mark`` waits.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from functools import partial

from trader.core import events as ev
from trader.core.amounts import ZERO
from trader.core.book import Book
from trader.core.changes import ChangeState
from trader.core.drifts import Drift, DriftKind, RunContext, ticket_ending
from trader.core.duplicates import OVER, duplicated_orders, our_order, twins_of, unique_rows
from trader.core.executions import Execution, delta
from trader.core.ids import AccountId, IntentId, Lineage, intent_id_in
from trader.core.orders import UNANSWERED, Order, OrderState
from trader.core.policy import CashPolicy
from trader.core.reserves import pending_commission
from trader.core.settling import Missed, missed_executions
from trader.core.snapshots import BrokerSnapshot, CompletedOrderRow, OpenOrderRow

# What is observed of what could not be looked at.
_NOT_LOOKED_AT = "not looked at, something moved meanwhile"


def diff(book: Book, snapshot: BrokerSnapshot, run: RunContext) -> tuple[Drift, ...]:
    """Return every disagreement, executions first, each with the repair that one look allows."""
    missed = missed_executions(book, snapshot.account, snapshot.executions)
    found = (
        *_execution_drifts(missed),
        *_order_drifts(book, snapshot, run, missed),
        *_foreign_drifts(book, snapshot),
        *_position_drifts(book, snapshot, run, missed),
        *_cash_drifts(book, snapshot, run, missed),
    )
    return tuple(drift for drift in found if not _is_ticketed(drift, book))


def not_compared(
    left: Iterable[Drift], book: Book, snapshot: BrokerSnapshot, run: RunContext
) -> tuple[Drift, ...]:
    """Return what earlier runs left pending and this one could not look at.

    No look is no agreement: what the book moved while the broker was asked, or what the broker
    did not tell of, stays as it was seen last.
    """
    left = tuple(left)
    if not left:
        return ()  # as after most runs: the lists of a whole day need not be held again
    missed = missed_executions(book, snapshot.account, snapshot.executions)
    is_cash_told = _is_cash_at_rest(book, snapshot, run, missed)

    def is_unseen(drift: Drift) -> bool:
        if drift.kind is DriftKind.CASH:
            return not (is_cash_told and drift.key in snapshot.cash)
        return drift.subject is not None and book.touched.get(drift.subject, 0) > run.mark

    return tuple(drift for drift in left if is_unseen(drift) and not _is_with_person(drift, book))


def passed_over(book: Book, snapshot: BrokerSnapshot, run: RunContext) -> tuple[Drift, ...]:
    """Return which positions and cash differ after a run's repairs, compared or not.

    Of what moved during the run a difference proves nothing, so ``observed`` is no number: no look
    of a later run is a second one of it.
    """
    rows = {row.con_id: row.symbol for row in snapshot.positions if row.account == snapshot.account}
    rows |= {con_id: row.symbol for con_id, row in book.positions.items()}
    found = [
        Drift(
            DriftKind.POSITION,
            f"{symbol}-{con_id}",
            str(book.position_of(con_id)),
            _NOT_LOOKED_AT,
            con_id,
        )
        for con_id, symbol in sorted(rows.items())
        if book.position_of(con_id) != snapshot.position_of(con_id)
    ]
    slack = cash_slack(book, run.cash_tolerance, run.policy)
    found += [
        Drift(DriftKind.CASH, currency, str(book.cash.get(currency, ZERO)), _NOT_LOOKED_AT)
        for currency, told in sorted(snapshot.cash.items())
        if abs(told - book.cash.get(currency, ZERO)) > slack
    ]
    return tuple(drift for drift in found if not _is_with_person(drift, book))


def _is_with_person(drift: Drift, book: Book) -> bool:
    if drift.kind is DriftKind.CASH:
        return _has_cash_ticket(book)
    ending = ticket_ending(drift)
    return any(key.endswith(ending) for key in book.tickets)


def _is_ticketed(drift: Drift, book: Book) -> bool:
    # Another ticket in every run would bury the first.
    return not drift.repair and _is_with_person(drift, book)


def commissions_to_record(book: Book, snapshot: BrokerSnapshot) -> tuple[ev.CommissionSeen, ...]:
    """Return the commissions the book does not hold; late ones are normal, not a drift."""
    seen = (ev.CommissionSeen(row) for row in snapshot.commissions)
    return tuple(event for event in dict.fromkeys(seen) if book.is_news(event))


# ---- executions


def _execution_drifts(missed: Missed) -> Iterator[Drift]:
    for seen in missed.values():
        row = seen.execution
        yield Drift(
            kind=DriftKind.EXECUTION_MISSED,
            key=row.exec_id,
            expected="not in the book",
            observed=f"{row.side} {row.quantity} {row.symbol} at {row.price}",
            con_id=row.con_id,
            repair=(seen,),
        )


# ---- orders


def _order_drifts(
    book: Book, snapshot: BrokerSnapshot, run: RunContext, missed: Missed
) -> Iterator[Drift]:
    yield from _duplicate_drifts(book, snapshot)
    open_ids = set()
    for row in unique_rows(snapshot.open_orders):
        order = our_order(book, row)
        if order is None:
            continue
        open_ids.add(order.order_id)
        if book.touched.get(order.order_id, 0) <= run.mark or _was_over(order, snapshot):
            yield from _open_order_drift(book, order, row, run)
    for order in tuple(book.live_orders.values()):
        is_quiet = book.touched.get(order.order_id, 0) <= run.mark
        if order.order_id not in open_ids and is_quiet:
            yield from _absent_order_drift(book, order, snapshot, run, _filled_by(order, missed))
    for order in tuple(book.settling.values()):
        if book.touched.get(order.order_id, 0) <= run.mark:
            yield from _owed_drift(order, _filled_by(order, missed))


def _was_over(order: Order, snapshot: BrokerSnapshot) -> bool:
    """Tell whether an order was over, by its last change, before the broker was asked.

    What moved it since (that it was settled, a word that changes nothing) ended it no later.
    """
    ended_utc = order.changed_utc
    return order.is_final and ended_utc is not None and ended_utc < snapshot.started_utc


def _owed_drift(order: Order, missed: Decimal) -> Iterator[Drift]:
    """Name an order that is over, and of which more filled than its executions say (INC-024)."""
    told = order.filled + missed
    if order.told_beyond > missed:
        yield Drift(
            kind=DriftKind.EXECUTION_OWED,
            key=str(order.order_id),
            expected=f"{order.state}, executions of {told}",
            observed=f"the broker said that {order.broker_filled} filled",
            con_id=order.terms.con_id,
            order_id=order.order_id,
        )


def _duplicate_drifts(book: Book, snapshot: BrokerSnapshot) -> Iterator[Drift]:
    for order_id, perm_ids in duplicated_orders(book, snapshot).items():
        yield Drift(
            kind=DriftKind.DUPLICATED,
            key=str(order_id),
            expected="one order under this id",
            observed=f"alive as {', '.join(map(str, perm_ids))}",
            con_id=book.orders[order_id].terms.con_id,
            needs_person=True,
        )


def _open_order_drift(
    book: Book, order: Order, row: OpenOrderRow, run: RunContext
) -> Iterator[Drift]:
    if order.is_final:
        # Our own orders come back in any state; one that says it is over is no ghost.
        if row.status in ("Cancelled", "ApiCancelled", order.state.capitalize()):
            return
        yield Drift(
            kind=DriftKind.ORDER_GHOST,
            key=str(order.order_id),
            expected=order.state,
            observed=f"open at the broker, {row.status}",
            con_id=order.terms.con_id,
            order_id=order.order_id,
        )
        return
    echo = ev.OpenOrderSeen(
        order_id=order.order_id,
        client_id=order.client_id,
        perm_id=row.perm_id,
        order_ref=row.order_ref,
        account=row.account,
        con_id=row.con_id,
        symbol=row.symbol,
        side=row.side,
        quantity=row.quantity,
        order_type=row.order_type,
        limit_price=row.limit_price,
        status=row.status,
        run_id=run.run_id,
        stop_price=row.stop_price,
        time_in_force=row.time_in_force,
    )
    if book.is_news(echo):
        yield Drift(
            kind=DriftKind.STATUS_BEHIND,
            key=str(order.order_id),
            expected=f"{order.state}, broker said {order.broker_status or 'nothing'}",
            observed=f"open, {row.status}",
            con_id=order.terms.con_id,
            repair=(echo,),
        )
    elif _is_refuted(order, row):
        assert order.change is not None, "a change that is not there was refuted"
        number, wanted = order.change.number, order.change.terms
        yield Drift(
            kind=DriftKind.CHANGE_UNSETTLED,
            key=f"{order.order_id}-{number}",
            expected=f"{wanted.quantity} at {wanted.limit_price or wanted.stop_price}, perhaps",
            observed=f"{row.quantity} at {row.limit_price or row.stop_price}, {row.status}",
            con_id=order.terms.con_id,
            repair=(ev.ModifyRefuted(order.order_id, number, run.run_id),),
            order_id=order.order_id,
        )


def _is_refuted(order: Order, row: OpenOrderRow) -> bool:
    """Tell whether a row shows the old terms where an uncertain change would be shown by now.

    An order that is held (PreSubmitted) may be changed at the next open (INC-098): both count
    until then.
    """
    is_uncertain = order.change is not None and order.change.state is ChangeState.UNCERTAIN
    size = order.size_shown(row.quantity)
    shows_old = order.terms.changeable.is_shown(size, row.limit_price, row.stop_price)
    return is_uncertain and shows_old and row.status == "Submitted"


def _filled_by(order: Order, missed: Missed) -> Decimal:
    """Return what the missed executions add to an order's filled quantity."""
    return sum(
        (
            seen.execution.quantity
            for seen in missed.values()
            if intent_id_in(seen.execution.order_ref) == order.terms.intent_id
            or (order.perm_id and seen.execution.perm_id == order.perm_id)
        ),
        start=ZERO,
    )


def _absent_order_drift(
    book: Book, order: Order, snapshot: BrokerSnapshot, run: RunContext, missed: Decimal
) -> Iterator[Drift]:
    if order.filled + missed >= order.quantity_max:
        return  # the missed executions, recorded first, complete it
    completed = _completed(order, snapshot.completed_orders)
    told = order.filled + missed
    is_shrunk = completed is not None and completed.status == "Filled"
    has_all = told >= order.terms.quantity or (is_shrunk and order.may_be_changed_to(told))
    if has_all and completed is not None and completed.filled == told:
        # It filled at the size it had when a change came too late, or at the one it was given.
        yield _completed_drift(order, completed, run, "Filled")
        return
    is_answered = order.state is OrderState.SENT and (completed is not None or missed > ZERO)
    is_young = order.state in (OrderState.PLANNED, OrderState.JOURNALED, OrderState.SENT)
    if is_young and not is_answered:
        return  # not declared unanswered yet: its own deadline decides
    if completed is not None and completed.status != "Filled":
        yield _completed_drift(order, completed, run, "Cancelled")
        return
    absent = partial(
        Drift,
        DriftKind.ORDER_ABSENT,
        str(order.order_id),
        f"{order.state}, filled {order.filled} of {order.terms.quantity}",
        con_id=order.terms.con_id,
        order_id=order.order_id,
    )
    if completed is not None or order.told_beyond > missed:
        # Filled, but the executions that say so are not there (yet): seen twice, a person decides.
        said = f"completed as {completed.status}" if completed else f"filled {order.broker_filled}"
        observed = f"{said}, executions missing"
        yield absent(observed)
        return
    first = book.absent_since.get(order.order_id)
    observed = "in no list of the broker's"
    if order.planned_utc < snapshot.window_utc:
        # The lists do not reach back to the day it was sent: they prove nothing.
        yield absent(observed, needs_person=True)
    elif first is None:
        first_sight = ev.OrderAbsentSeen(order.order_id, run.run_id)
        yield absent(observed, repair=(first_sight,))
    elif _is_long_absent(order, first[1], run):
        proven = ev.OrderProvenAbsent(order.order_id, run.run_id, first_run_id=first[0])
        yield absent(observed, repair=(proven,))
    else:
        yield absent("still absent, too soon", is_waiting=True)


def _is_long_absent(order: Order, since: datetime, run: RunContext) -> bool:
    # A clock that steps is no time that passed, and none that has yet to pass (INC-154).
    if order.order_id in run.missed_long:
        return True
    is_lately = order.order_id in run.missed_lately
    return not is_lately and (run.now_utc - since).total_seconds() >= run.absence_s


def _completed(order: Order, rows: Iterable[CompletedOrderRow]) -> CompletedOrderRow | None:
    for row in rows:
        # The broker may have lengthened or blanked the reference (INC-096, INC-125).
        is_named = intent_id_in(row.order_ref) == order.terms.intent_id
        if is_named or (order.perm_id and row.perm_id == order.perm_id):
            return row
    return None


def _completed_drift(order: Order, row: CompletedOrderRow, run: RunContext, status: str) -> Drift:
    repair = ev.OrderStatusSeen(
        order_id=order.order_id,
        client_id=order.client_id,
        # One order can have two (fact 2): ours is the one that is sure to find it again.
        perm_id=order.perm_id or row.perm_id,
        status=status,
        filled=row.filled,
        remaining=ZERO,
        why_held="",
        run_id=run.run_id,
    )
    return Drift(
        kind=DriftKind.STATUS_BEHIND,
        key=str(order.order_id),
        expected=order.state,
        observed=f"completed as {row.status}: {row.note}",
        con_id=order.terms.con_id,
        repair=(repair,),
    )


# ---- foreign orders


def _foreign_drifts(book: Book, snapshot: BrokerSnapshot) -> Iterator[Drift]:
    seen, twins = set(), twins_of(book, snapshot)
    for row in unique_rows(snapshot.open_orders):
        is_ours = our_order(book, row) is not None and row.perm_id not in twins
        if is_ours or row.account != snapshot.account:
            continue
        seen.add(row.perm_id)
        event = ev.ForeignOrderSeen(
            perm_id=row.perm_id,
            client_id=row.client_id,
            con_id=row.con_id,
            symbol=row.symbol,
            side=row.side,
            quantity=row.quantity,
            order_type=row.order_type,
            status=row.status,
        )
        if book.is_news(event):
            text = f"{row.side} {row.quantity} {row.symbol} {row.order_type} {row.status}"
            key = str(row.perm_id)
            yield Drift(DriftKind.FOREIGN_ORDER, key, "unknown", text, row.con_id, (event,))
    for perm_id in tuple(book.foreign):
        if perm_id not in seen:
            gone = (ev.ForeignOrderGone(perm_id),)
            yield Drift(DriftKind.FOREIGN_GONE, str(perm_id), "open", "gone", None, gone)


# ---- positions and cash


def _position_drifts(
    book: Book, snapshot: BrokerSnapshot, run: RunContext, missed: Missed
) -> Iterator[Drift]:
    expected = {con_id: row.quantity for con_id, row in book.positions.items()}
    for family, seen in missed.items():
        known = book.fills.get(family)
        change = delta(known.execution if known else None, seen.execution)
        con_id = seen.execution.con_id
        moved = sum((quantity for quantity, _ in change.trades), start=ZERO)
        expected[con_id] = expected.get(con_id, ZERO) + moved
    # The name must be the same before and after the missed executions are recorded.
    symbols = {row.con_id: row.symbol for row in snapshot.positions}
    symbols |= {row.con_id: row.symbol for row in snapshot.executions}
    observed = {
        row.con_id: row.quantity for row in snapshot.positions if row.account == snapshot.account
    }
    quarantined = {row.con_id for row in book.tickets.values() if row.kind == DriftKind.POSITION}
    for con_id in sorted({*expected, *observed}):
        want, have = expected.get(con_id, ZERO), observed.get(con_id, ZERO)
        is_quiet = book.touched.get(("position", con_id), 0) <= run.mark
        if want == have or not is_quiet or con_id in quarantined:
            continue
        held = book.positions.get(con_id)
        symbol = held.symbol if held else symbols.get(con_id, str(con_id))
        # Two contracts may share a symbol, on the day of a corporate action for one (INC-138).
        key = f"{symbol}-{con_id}"
        yield Drift(DriftKind.POSITION, key, str(want), str(have), con_id)


def cash_slack(book: Book, tolerance: Decimal, policy: CashPolicy) -> Decimal:
    """Return how far apart the cash of book and broker may be without a drift."""
    return tolerance + pending_commission(book, policy)


def _has_cash_ticket(book: Book) -> bool:
    return any(row.kind == DriftKind.CASH for row in book.tickets.values())


def _is_cash_at_rest(book: Book, snapshot: BrokerSnapshot, run: RunContext, missed: Missed) -> bool:
    """Tell whether nothing is on its way whose cash a difference could be."""
    has_moved = any(seq > run.mark for key, seq in book.touched.items() if isinstance(key, tuple))
    return not (missed or has_moved or commissions_to_record(book, snapshot))


def _cash_drifts(
    book: Book, snapshot: BrokerSnapshot, run: RunContext, missed: Missed
) -> Iterator[Drift]:
    if _has_cash_ticket(book) or not _is_cash_at_rest(book, snapshot, run, missed):
        return  # the difference would be theirs, and an adjustment would count it twice
    slack = cash_slack(book, run.cash_tolerance, run.policy)
    # A currency that the broker does not tell of is not known to be zero (INC-105).
    for currency in sorted(snapshot.cash):
        want, have = book.cash.get(currency, ZERO), snapshot.cash[currency]
        difference = abs(want - have)
        if difference <= slack:
            continue
        repair: tuple[ev.Event, ...] = ()
        if difference <= run.cash_adjust_max:
            repair = (ev.CashAdjusted(currency, want, have, f"seen twice, run {run.run_id}"),)
        yield Drift(DriftKind.CASH, currency, str(want), str(have), None, repair)


def unanswered_orders(book: Book) -> tuple[Order, ...]:
    """Return the orders of which nobody knows whether the broker has them."""
    return tuple(row for row in book.live_orders.values() if row.state in UNANSWERED)


def unknown_to_the_book(book: Book, snapshot: BrokerSnapshot) -> tuple[str, ...]:
    """Name the broker's records of intents that this journal issued and does not know.

    No order leaves without its promise on disk, so the journal is older than the broker: a
    restored backup. It would give the same ids to other orders. What was lost by a recorded
    restore is known to be: its executions are booked, and it must only not be open any more.
    """
    rows: tuple[OpenOrderRow | CompletedOrderRow | Execution, ...] = (
        *snapshot.open_orders,
        *snapshot.completed_orders,
        *snapshot.executions,
    )
    problems = []
    lost = _lost_intents(book, snapshot.account, rows, (book.lineage,))
    if lost:
        text = f"the journal is older than the broker: {lost[-1]} is not in it"
        problems.append(f"{text} ({len(lost)} such)")
    working = [row for row in snapshot.open_orders if row.status not in OVER]
    open_ones = _lost_intents(book, snapshot.account, working, book.former)
    if open_ones:
        text = f"{open_ones[-1]} is open at the broker, and its record was lost by the restore"
        problems.append(f"{text} ({len(open_ones)} such): cancel it in TWS, then resume")
    return tuple(problems)


def _lost_intents(
    book: Book,
    account: AccountId,
    rows: Iterable[OpenOrderRow | CompletedOrderRow | Execution],
    lineages: tuple[Lineage | None, ...],
) -> list[IntentId]:
    """Return the intents of these lineages that rows name and the book does not know."""
    heads = tuple(f"{lineage}-" for lineage in lineages)
    intents = {intent_id_in(row.order_ref) for row in rows if row.account == account}
    return sorted(
        intent
        for intent in intents
        if intent is not None and intent.startswith(heads) and book.order_of_intent(intent) is None
    )
