"""A checkpoint and the events after it give the book that all events give, at any place.

Method: moves drawn by hypothesis become legal events by looking at the book so far, as the daemon
does; the stream is then cut at every place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core import factories as make
from trader.core import account_events as ae
from trader.core import breaker_events as be
from trader.core import emergency_events as em
from trader.core import events as ev
from trader.core import quarantine_events as qe
from trader.core import reduction_events as rd
from trader.core import request_events as rq
from trader.core import ticket_events as te
from trader.core.book import Book
from trader.core.breakers.rules import BreakerName
from trader.core.changes import ChangeTerms
from trader.core.checkpoint import restored, state_of
from trader.core.halts import HaltCause, Mode, Posture
from trader.core.history_events import HistoryRetired
from trader.core.ids import (
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    StrategyName,
    TicketId,
)
from trader.core.journal_events import JournalArchived, JournalRestored
from trader.core.policy import AccountType, Regime
from trader.core.retiring import retirable
from trader.core.strategy_events import BarsKnown, StrategyCheckpointed, StrategyFailed

STATUSES = ("Submitted", "PreSubmitted", "PendingSubmit", "Filled", "Cancelled", "Inactive")
CAUSES = (HaltCause.OPERATOR, HaltCause.INVARIANT, HaltCause.FRESH_INSTALL)


@dataclass(frozen=True, slots=True)
class Move:
    """A wish for an event: of this kind, about this order, with this variation."""

    kind: type[Any]
    order: int
    variant: int
    seconds: int


def _status(move: Move) -> ev.OrderStatusSeen:
    status = STATUSES[move.variant % len(STATUSES)]
    return make.a_status(move.order, status, perm_id=_perm_id(move), filled=Decimal(move.variant))


def _perm_id(move: Move) -> PermId:
    # 0 before the first echo. An order's second permId has a test of its own below.
    return PermId(9_000 + move.order if move.variant % 3 else 0)


def _execution(move: Move) -> ev.ExecutionSeen:
    execution = make.an_execution(
        move.order,
        exec_id=f"e{move.order}.{move.variant % 3:02}.{move.variant % 2 + 1:02}",
        quantity=move.variant % 12,
        side=make.SELL if move.variant == 7 else make.BUY,
        con_id=make.OTHER_CON if move.variant == 8 else make.CON,
    )
    return ev.ExecutionSeen(
        replace(execution, order_ref=OrderRef("")) if move.variant == 9 else execution
    )


def _foreign(move: Move) -> ev.ForeignOrderSeen:
    return ev.ForeignOrderSeen(
        perm_id=PermId(500 + move.order),
        client_id=make.CLIENT,
        con_id=make.CON,
        symbol="AAA",
        side=make.SELL,
        quantity=Decimal(move.variant),
        order_type="MKT",
        status="Submitted",
    )


def _reconciled(move: Move) -> ev.ReconcileFinished:
    problem = "no end marker" if move.variant == 0 else ""
    run = RunId(f"run-{move.variant}")
    return ev.ReconcileFinished(run, "timer", problem, move.variant, move.order, 0, 0.25)


def _ticket(move: Move) -> ev.TicketOpened:
    con_id = make.CON if move.variant % 2 else None
    run = RunId("run-1")
    return ev.TicketOpened(TicketId(f"t{move.order}"), "position", con_id, "text", run)


def _breaker(move: Move) -> BreakerName:
    return list(BreakerName)[move.order]


def _day(move: Move) -> str:
    return f"2026-03-{2 + move.variant % 3:02}"


def _modify(move: Move) -> ev.ModifyPlanned:
    price = Decimal(95 + move.variant)
    terms = ChangeTerms(Decimal(move.variant + 2), price, None, price)
    number = move.variant % 3 + 1
    return ev.ModifyPlanned(OrderId(move.order), number, terms, "moved", request=_key(move))


def _key(move: Move) -> str:
    return f"k{move.order}.{move.variant}"


def _echo(move: Move) -> ev.OpenOrderSeen:
    echo = make.an_echo(move.order, STATUSES[move.variant % len(STATUSES)], perm_id=_perm_id(move))
    if move.seconds % 2:
        return echo
    wanted = _modify(move).terms
    return replace(echo, quantity=wanted.quantity, limit_price=wanted.limit_price)


EVENTS: dict[type[Any], Callable[[Move], ev.Event]] = {
    ev.JournalOpened: lambda m: ev.JournalOpened(make.LINEAGE),
    JournalArchived: lambda m: JournalArchived(
        "a.db.gz", Seq(1), Seq(2), "0" * 64, "1" * 64, "2" * 64, make.LINEAGE, (), "who"
    ),
    JournalRestored: lambda m: JournalRestored(
        Lineage(f"again{m.order}"),
        (make.LINEAGE,),
        OrderId(m.variant),
        "9:ab",
        "f",
        "",
        "lost",
        "b",
    ),
    HistoryRetired: lambda m: HistoryRetired(make.at(m.seconds), (), (), ()),
    ev.DaemonStarted: lambda m: ev.DaemonStarted("1", list(Mode)[m.variant % 5], make.ACCOUNT),
    ev.DaemonStopped: lambda m: ev.DaemonStopped("asked", 0),
    ev.AccountBaselined: lambda m: replace(make.baselined(m.variant), exec_ids=(f"b{m.order}",)),
    ev.IntentReviewed: lambda m: make.reviewed(
        make.an_intent(m.order), "LIMIT" if m.variant == 0 else ""
    ),
    ev.OrderPlanned: lambda m: make.planned(make.an_intent(m.order), m.order),
    ev.OrderSent: lambda m: ev.OrderSent(OrderId(m.order)),
    ev.OrderWithheld: lambda m: ev.OrderWithheld(OrderId(m.order), "halted"),
    ev.CancelSent: lambda m: ev.CancelSent(OrderId(m.order), "asked"),
    ev.OrderStatusSeen: _status,
    ev.ModifyPlanned: _modify,
    ev.ModifyRefused: lambda m: ev.ModifyRefused(
        OrderId(m.order), "CHURN", "x", "x", (), "h", _key(m)
    ),
    ev.ModifySent: lambda m: ev.ModifySent(OrderId(m.order), m.variant % 3 + 1),
    ev.ModifyWithheld: lambda m: ev.ModifyWithheld(OrderId(m.order), m.variant % 3 + 1, "halted"),
    ev.ModifyUnanswered: lambda m: ev.ModifyUnanswered(OrderId(m.order), m.variant % 3 + 1, "x"),
    ev.ModifyRefuted: lambda m: ev.ModifyRefuted(
        OrderId(m.order), m.variant % 3 + 1, RunId("run-1")
    ),
    ev.OpenOrderSeen: _echo,
    ev.OrderErrorSeen: lambda m: make.an_error(list(ev.Evidence)[m.variant % 5], m.order),
    ev.ExecutionSeen: _execution,
    ev.CommissionSeen: lambda m: make.commissioned(f"e{m.order}.{m.variant % 3:02}.01", m.variant),
    ev.OrderUnanswered: lambda m: ev.OrderUnanswered(OrderId(m.order), "no answer"),
    ev.OrderAbsentSeen: lambda m: ev.OrderAbsentSeen(OrderId(m.order), RunId("run-1")),
    ev.OrderProvenAbsent: lambda m: ev.OrderProvenAbsent(
        OrderId(m.order), RunId("run-2"), RunId("run-1")
    ),
    ev.OrderSettled: lambda m: ev.OrderSettled(OrderId(m.order), Decimal(m.variant), "test"),
    ev.ForeignOrderSeen: _foreign,
    ev.ForeignOrderGone: lambda m: ev.ForeignOrderGone(PermId(500 + m.order)),
    ev.HaltRaised: lambda m: ev.HaltRaised(CAUSES[m.variant % 3], f"why {m.order}", "me"),
    ev.HaltCleared: lambda m: ev.HaltCleared(CAUSES[m.variant % 3], "fine", "me"),
    ev.TicketOpened: _ticket,
    ev.TicketClosed: lambda m: ev.TicketClosed(TicketId(f"t{m.order}"), "booked", "me"),
    te.TicketIgnored: lambda m: te.TicketIgnored(
        TicketId(f"t{m.order}"), make.T0 + timedelta(days=m.variant), "asked", "me"
    ),
    te.TicketCounted: lambda m: te.TicketCounted(TicketId(f"t{m.order}"), "over"),
    te.TradeBooked: lambda m: te.TradeBooked(
        TicketId(f"t{m.order}"),
        make.CON,
        "AAA",
        Decimal(m.variant - 2),
        Decimal(m.order),
        Decimal(1),
        Decimal(1),
        "USD",
        "by hand",
        "me",
    ),
    te.CashBooked: lambda m: te.CashBooked(
        TicketId(f"t{m.order}"), "USD", Decimal(m.variant), "dividend", "me"
    ),
    ev.CashAdjusted: lambda m: ev.CashAdjusted("USD", Decimal(1), Decimal(m.variant), "dividend"),
    ev.PositionAdjusted: lambda m: ev.PositionAdjusted(
        make.CON, "AAA", Decimal(1), Decimal(m.variant), "booked", "me"
    ),
    ev.ReconcileFinished: _reconciled,
    qe.MessageQuarantined: lambda m: qe.MessageQuarantined(
        f"k{m.order}", m.variant, 178, ("11", str(m.order)), m.variant > 2, "short"
    ),
    qe.MessageRepeated: lambda m: qe.MessageRepeated(f"k{m.order}", 2**m.variant),
    qe.MessageNotKept: lambda m: qe.MessageNotKept(m.variant, 2**m.order),
    qe.MessageRetried: lambda m: qe.MessageRetried(
        f"k{m.order}", m.variant > 2, "booked", "mended", "me"
    ),
    qe.MessageDismissed: lambda m: qe.MessageDismissed(f"k{m.order}", "seen", "me"),
    StrategyCheckpointed: lambda m: StrategyCheckpointed(
        StrategyName(f"s{m.order}"),
        m.variant,
        "{}",
        bars_known=(BarsKnown(make.at(m.variant * 60), 60, (make.CON,)),) if m.variant > 2 else (),
    ),
    rq.RequestReceived: lambda m: rq.RequestReceived(_key(m), "d", make.an_id(m.order), "me"),
    rq.OrderRequestReceived: lambda m: rq.OrderRequestReceived(
        _key(m), "d", OrderId(m.order), "me"
    ),
    rq.RequestDecided: lambda m: rq.RequestDecided(_key(m), True, "", "sent"),
    be.BreakerTripped: lambda m: be.BreakerTripped(
        _breaker(m), str(m.variant), "x", "hash", "halt", _day(m)
    ),
    be.BreakerProbing: lambda m: be.BreakerProbing(_breaker(m), "good"),
    be.BreakerReset: lambda m: be.BreakerReset(_breaker(m), "me", "seen"),
    be.EquityMarked: lambda m: be.EquityMarked(_day(m), Decimal(1_000 + m.variant)),
    be.FlowSeen: lambda m: be.FlowSeen(
        "USD", Decimal(1), Decimal(m.variant) if m.variant else None
    ),
    be.OverrideGranted: lambda m: be.OverrideGranted(
        _breaker(m), "why", "me", make.at(m.variant * 60)
    ),
    em.EmergencyOrderKnown: lambda m: em.EmergencyOrderKnown(
        order_ref=OrderRef(f"kill-abc123-{m.variant}"),
        client_id=make.CLIENT,
        order_id=OrderId(m.variant),
        account=make.ACCOUNT,
        con_id=make.CON,
        symbol="AAA",
        side=make.SELL,
        quantity=Decimal(m.order),
        sent_utc=make.T0,
        by="desk",
    ),
    em.EmergencyCancelKnown: lambda m: em.EmergencyCancelKnown(
        OrderRef(""), make.CLIENT, OrderId(m.order), PermId(m.variant), "AAA", False, make.T0, "x"
    ),
    StrategyFailed: lambda m: StrategyFailed(make.STRATEGY, "KeyError"),
    be.OutlookChanged: lambda m: be.OutlookChanged(
        list(Regime)[m.variant % 3], Decimal(m.order) / 10
    ),
    rd.ReductionPlanned: lambda m: rd.ReductionPlanned(
        list(Regime)[m.variant % 3],
        Decimal(m.order),
        (rd.Excess("box", make.CON, "AAA", Decimal(m.variant), Decimal(1)),),
        (rd.Reduction(make.CON, "AAA", make.SELL, Decimal(m.order), Decimal(9), Decimal(900)),),
        (rd.Excess("net", None, "", Decimal(-m.variant), Decimal(1)),) if m.variant > 3 else (),
    ),
    rd.ReductionEnded: lambda m: rd.ReductionEnded("all inside"),
    rd.ReductionOrdered: lambda m: rd.ReductionOrdered(
        (rd.Reduction(make.CON, "AAA", make.SELL, Decimal(m.order), Decimal(9), Decimal(900)),),
        "too much",
        "policy" if m.variant % 2 else "me",
    ),
    ae.AccountTold: lambda m: ae.AccountTold(
        source=ae.Teller.UPDATES,
        as_of_utc=make.T0,
        currency="USD",
        account_type=list(AccountType)[m.variant % 3] if m.order > 1 else None,
        net_liquidation=Decimal(m.variant) if m.variant else None,
        available_funds=None,
        buying_power=Decimal(m.order),
        initial_margin=Decimal(0),
        maintenance_margin=None,
        settled_cash=(("USD", Decimal(m.variant)),) if m.variant % 2 else (),
    ),
    ae.ResultDisputed: lambda m: ae.ResultDisputed(
        _day(m), Decimal(m.variant), Decimal(m.order), Decimal(25), make.T0
    ),
    ae.ResultAgreed: lambda m: ae.ResultAgreed(_day(m), "together again"),
    be.StrategyMarked: lambda m: be.StrategyMarked(
        make.STRATEGY, _day(m), Decimal(m.variant - 3), Decimal(1_000)
    ),
    be.StrategyHalted: lambda m: be.StrategyHalted(
        make.STRATEGY, BreakerName.PSR, "0.1", "at or below 0.2", "h", _day(m)
    ),
    be.ActionReviewed: lambda m: be.ActionReviewed(Seq(m.order), m.variant > 3, "ops", "seen"),
    be.StrategyReleased: lambda m: be.StrategyReleased(make.STRATEGY, "ops", "seen"),
    be.PostureChanged: lambda m: be.PostureChanged(
        list(Posture)[m.variant % 3], tuple(CAUSES[: m.variant % 3])
    ),
}
# What happens to an order is drawn more often: a stream of unrelated events would prove little.
_OF_ORDERS = (
    ev.OrderSent,
    ev.OrderStatusSeen,
    ev.OpenOrderSeen,
    ev.OrderErrorSeen,
    ev.ExecutionSeen,
    ev.CommissionSeen,
    ev.CancelSent,
    ev.ModifyPlanned,
    ev.ModifySent,
    ev.ModifyUnanswered,
)
MOVES = st.builds(
    Move,
    kind=st.one_of(st.sampled_from(list(EVENTS)), st.sampled_from(_OF_ORDERS)),
    order=st.integers(1, 4),
    variant=st.integers(0, 11),
    seconds=st.integers(0, 40_000),
)


def is_legal(book: Book, event: ev.Event) -> bool:
    """Tell whether the daemon could record this now."""
    match event:
        case JournalRestored(order_id_floor=floor):
            return floor > book.order_id_high
        case ev.IntentReviewed(intent=intent):
            return intent.intent_id not in book.intents
        case ev.OrderPlanned(order_id=order_id, terms=terms):
            record = book.intents.get(terms.intent_id)
            is_open = record is not None and record.is_approved and record.order_id is None
            return is_open and order_id > book.order_id_high
        case ev.ModifyPlanned(order_id=order_id, number=number):
            order = book.live_orders.get(order_id)
            if order is None or order.open_change is not None:
                return False
            return number == 1 + (order.change.number if order.change else 0)
        case qe.MessageQuarantined(key=key):
            return book.quarantine.letter(key) is None
        case ev.OrderAbsentSeen(order_id=order_id):
            return order_id in book.live_orders
        case be.BreakerProbing(name=name):
            return book.safety.standing_of(name) is not None
        case rq.RequestReceived(key=key) | rq.OrderRequestReceived(key=key):
            return key not in book.requests
        case _:
            return book.is_news(event)


def stream(moves: Sequence[Move]) -> list[ev.Recorded]:
    """Turn moves into the legal events among them, with three orders under way at the start."""
    opening: list[ev.Event] = [ev.JournalOpened(make.LINEAGE), make.baselined(cash=10_000)]
    for number in (1, 2, 3):
        intent = make.an_intent(number)
        opening += [make.reviewed(intent), make.planned(intent, number)]
    book = Book()
    recorded: list[ev.Recorded] = []
    seconds = 0
    wishes = [(event, 0) for event in opening]
    wishes += [(EVENTS[move.kind](move), move.seconds) for move in moves]
    for wished, later in wishes:
        event: ev.Event | None = wished
        if isinstance(wished, HistoryRetired):
            event = retirable(book, make.at(seconds), make.at(seconds))
        if event is None:
            continue
        if is_legal(book, event):
            seconds += later
            make.record(book, event, seconds)
            recorded.append(ev.Recorded(book.seq, make.at(seconds), event))
    return recorded


def book_of(events: Sequence[ev.Recorded], start: Book | None = None) -> Book:
    book = start or Book()
    for recorded in events:
        book.apply(recorded)
    return book


def everything(book: Book) -> dict[str, Any]:
    """Return all that a book holds, but for what is of the moment.

    ``touched`` says what changed since a reconciliation began; none is under way at a restart.
    ``changed_order`` is for whoever is shown the last event, and a restart shows none.
    """
    left_out = ("touched", "changed_order")
    return {name: value for name, value in vars(book).items() if name not in left_out}


def test_every_kind_of_event_has_a_move() -> None:
    assert set(EVENTS) == set(get_args(ev.Event))


@given(moves=st.lists(MOVES, max_size=40))
def test_a_checkpoint_anywhere_and_the_rest_give_the_same_book(moves: list[Move]) -> None:
    events = stream(moves)
    whole = book_of(events)
    for place in range(len(events) + 1):
        state = state_of(book_of(events[:place]))
        resumed = book_of(events[place:], restored(state))
        assert everything(resumed) == everything(whole), f"cut after {place}"
        assert state_of(resumed) == state_of(whole), f"cut after {place}"


@given(moves=st.lists(MOVES, max_size=40))
def test_saving_what_was_restored_saves_the_same(moves: list[Move]) -> None:
    state = state_of(book_of(stream(moves)))
    assert state_of(restored(state)) == state


def test_an_order_that_had_two_perm_ids_is_found_by_both_after_a_restart() -> None:
    book = make.a_book()
    make.work_order(book)
    make.record(book, make.an_echo(perm_id=PermId(9_100)))
    after = restored(state_of(book))
    for perm_id in (PermId(9_001), PermId(9_100)):
        for each in (book, after):
            order = each.find_order(
                order_ref=OrderRef(""),
                perm_id=perm_id,
                order_id=OrderId(0),
                client_id=make.CLIENT,
            )
            assert order is not None, f"permId {perm_id}"


def test_a_checkpoint_does_not_change_with_the_book() -> None:
    book = make.a_book()
    state = state_of(book)
    copy = replace(state)
    make.work_order(book)
    make.record(book, make.executed())
    assert state == copy
    assert state_of(book) != state


def test_an_empty_book_is_restored_as_it_is() -> None:
    assert everything(restored(state_of(Book()))) == everything(Book())


@pytest.mark.parametrize("kind", _OF_ORDERS)
def test_the_streams_do_contain_what_happens_to_orders(kind: type[Any]) -> None:
    moves = [Move(kind, order, variant, 1) for order in (1, 2, 3) for variant in range(12)]
    assert any(type(recorded.event) is kind for recorded in stream(moves))
