"""Values for the tests of the core: every factory gives something sound, and a test bends it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from tests.unit.core.policies import a_policy
from trader.core import events as ev
from trader.core.book import Book
from trader.core.brackets import Membership, leg_intents, memberships
from trader.core.comparison import Question, answered
from trader.core.drifts import Drift, Plan, RunContext
from trader.core.executions import Commission, Execution
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecId,
    IntentId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    StrategyName,
    intent_id,
    order_ref,
)
from trader.core.instruments import Instrument, PriceBand
from trader.core.intents import BracketTerms, Intent, OrderType, Side, TimeInForce, digest
from trader.core.market import Quote, fault
from trader.core.marks import Mark, Source
from trader.core.orders import OrderState, OrderTerms
from trader.core.risk import RiskInput
from trader.core.snapshots import BrokerSnapshot, CompletedOrderRow, OpenOrderRow, PositionRow
from trader.core.valuation import Valuation, valued

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
NOW_S = 1_000.0
ACCOUNT = AccountId("DU1")
OTHER_ACCOUNT = AccountId("DU2")
CLIENT = ClientId(7)
LINEAGE = Lineage("abc123")
STRATEGY = StrategyName("alpha")
CON = ConId(101)
OTHER_CON = ConId(102)
RUN = RunId("run-1")
BUY, SELL = Side.BUY, Side.SELL
FINAL_STATES = {OrderState.FILLED, OrderState.CANCELLED, OrderState.REJECTED, OrderState.WITHHELD}


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def an_id(number: int = 1) -> IntentId:
    return intent_id(LINEAGE, STRATEGY, number)


def an_intent(number: int = 1, **changes: Any) -> Intent:
    intent = Intent(
        intent_id=an_id(number),
        strategy=STRATEGY,
        con_id=CON,
        side=BUY,
        quantity=Decimal(10),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=Decimal(100),
    )
    return replace(intent, **changes)


def a_market_intent(number: int = 1, **changes: Any) -> Intent:
    return an_intent(number, order_type=OrderType.MARKET, limit_price=None, **changes)


def terms_of(intent: Intent, reserve_per_unit: Decimal | None = None) -> OrderTerms:
    return OrderTerms(
        intent_id=intent.intent_id,
        strategy=intent.strategy,
        account=ACCOUNT,
        con_id=intent.con_id,
        symbol="AAA",
        side=intent.side,
        quantity=intent.quantity,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        limit_price=intent.limit_price,
        stop_price=intent.stop_price,
        is_reduce_only=intent.is_reduce_only,
        reserve_per_unit=reserve_per_unit or intent.limit_price or Decimal(100),
    )


def an_instrument(**changes: Any) -> Instrument:
    instrument = Instrument(
        con_id=CON,
        symbol="AAA",
        sec_type="STK",
        exchange="SMART",
        currency="USD",
        multiplier=Decimal(1),
        bands=(PriceBand(Decimal(0), Decimal("0.01")),),
        size_increment=Decimal(1),
        price_magnifier=1,
    )
    return replace(instrument, **changes)


def a_quote(**changes: Any) -> Quote:
    quote = Quote(con_id=CON, bid=Decimal(100), ask=Decimal(100), data_type=1, received_s=NOW_S - 1)
    return replace(quote, **changes)


def given(book: Book, **changes: Any) -> RiskInput:
    sound = RiskInput(
        book=book,
        instrument=an_instrument(),
        quote=a_quote(),
        policy=a_policy(),
        now_utc=T0,
        now_s=NOW_S,
    )
    given_now = replace(sound, **changes)
    if "valuation" not in changes:
        given_now = replace(given_now, valuation=a_valuation(given_now))
    return given_now


def a_valuation(given_now: RiskInput, **changes: Any) -> Valuation:
    """Value the book at the mid of the quote, or at 100, in dollars."""
    book, instrument = given_now.book, given_now.instrument or an_instrument()
    quote = given_now.quote
    is_good = quote is not None and fault(quote, NOW_S, 1_000.0) is None
    price = quote.mid if quote is not None and is_good else None
    mark = Mark(
        (price or Decimal(100)) * instrument.multiplier,
        instrument.currency,
        instrument.sec_type,
        Source.QUOTE,
        NOW_S - 1,
    )
    sound = valued(
        book.positions,
        dict.fromkeys(book.positions, mark),
        book.cash,
        rates={"USD": Decimal(1), instrument.currency: Decimal(1)},
        as_of_s=NOW_S - 1,
    )
    return replace(sound, **changes)


# ---- books


def record(book: Book, event: ev.Event, seconds: float = 0.0) -> None:
    book.apply(ev.Recorded(Seq(book.seq + 1), at(seconds), event))


def note(book: Book, event: ev.Event, seconds: float = 0.0) -> bool:
    """Record a fact as the ledger does: only when it is news."""
    is_news = book.is_news(event)
    if is_news:
        record(book, event, seconds)
    return is_news


def baselined(held: int = 0, cash: int = 100_000, con_id: ConId = CON) -> ev.AccountBaselined:
    holdings = (ev.Holding(con_id, "AAA", Decimal(held), Decimal(90), Decimal(1)),) if held else ()
    return ev.AccountBaselined(ACCOUNT, holdings, (("USD", Decimal(cash)),), (), "test")


def a_book(held: int = 0, cash: int = 100_000) -> Book:
    book = Book()
    record(book, ev.JournalOpened(LINEAGE))
    record(book, baselined(held, cash))
    return book


def reviewed(intent: Intent, code: str = "") -> ev.IntentReviewed:
    return ev.IntentReviewed(intent, digest(intent), not code, code, code, ())


def planned(
    intent: Intent, order_id: int, reserve_per_unit: Decimal | None = None
) -> ev.OrderPlanned:
    return ev.OrderPlanned(
        OrderId(order_id),
        CLIENT,
        order_ref(intent.intent_id),
        terms_of(intent, reserve_per_unit),
    )


def plan_order(
    book: Book, intent: Intent | None = None, order_id: int = 1, seconds: float = 0.0
) -> OrderId:
    intent = intent or an_intent(order_id)
    record(book, reviewed(intent), seconds)
    record(book, planned(intent, order_id), seconds)
    return OrderId(order_id)


def send_order(
    book: Book, intent: Intent | None = None, order_id: int = 1, seconds: float = 0.0
) -> OrderId:
    plan_order(book, intent, order_id, seconds)
    record(book, ev.OrderSent(OrderId(order_id)), seconds)
    return OrderId(order_id)


def work_order(
    book: Book, intent: Intent | None = None, order_id: int = 1, seconds: float = 0.0
) -> OrderId:
    send_order(book, intent, order_id, seconds)
    record(book, a_status(order_id), seconds)
    return OrderId(order_id)


def a_bracket(number: int = 1, **changes: Any) -> Intent:
    """Return the entry of a bracket: a buy at 100 with the profit at 110 and the stop at 95."""
    changes.setdefault("bracket", BracketTerms(Decimal(110), Decimal(95)))
    return an_intent(number, **changes)


def plan_bracket(book: Book, entry: Intent | None = None, order_id: int = 1) -> Membership:
    """Promise the three orders of a bracket, under the id given and the two after it."""
    entry = entry or a_bracket(order_id)
    ids = OrderId(order_id), OrderId(order_id + 1), OrderId(order_id + 2)
    places = memberships(ids, str(entry.intent_id))
    intents = (entry, *leg_intents(entry))
    for intent in intents:
        record(book, reviewed(intent))
    for intent, key, place in zip(intents, ids, places, strict=True):
        promise = planned(intent, key)
        record(book, replace(promise, terms=replace(promise.terms, bracket=place)))
    return places[0]


def work_bracket(book: Book, entry: Intent | None = None, order_id: int = 1) -> Membership:
    """Promise a bracket and have the broker work it."""
    place = plan_bracket(book, entry, order_id)
    for key in place.ids:
        record(book, ev.OrderSent(key))
        record(book, a_status(key, "PreSubmitted"))
    return place


def fill(book: Book, order_id: int, quantity: int, exec_id: str = "") -> None:
    """Execute a part of an order, at its own side and in its own instrument."""
    terms = book.orders[OrderId(order_id)].terms
    row = an_execution(
        order_id,
        exec_id or f"x{book.seq}.01.01",
        quantity,
        con_id=terms.con_id,
        side=terms.side,
        order_ref=order_ref(terms.intent_id),
    )
    record(book, ev.ExecutionSeen(row))


# ---- what the broker says


def a_status(order_id: int = 1, status: str = "Submitted", **changes: Any) -> ev.OrderStatusSeen:
    seen = ev.OrderStatusSeen(
        order_id=OrderId(order_id),
        client_id=CLIENT,
        perm_id=PermId(9_000 + order_id),
        status=status,
        filled=Decimal(0),
        remaining=Decimal(10),
        why_held="",
    )
    return replace(seen, **changes)


def an_echo(order_id: int = 1, status: str = "Submitted", **changes: Any) -> ev.OpenOrderSeen:
    seen = ev.OpenOrderSeen(
        order_id=OrderId(order_id),
        client_id=CLIENT,
        perm_id=PermId(9_000 + order_id),
        order_ref=order_ref(an_id(order_id)),
        account=ACCOUNT,
        con_id=CON,
        symbol="AAA",
        side=BUY,
        quantity=Decimal(10),
        order_type="LMT",
        limit_price=Decimal(100),
        status=status,
    )
    return replace(seen, **changes)


def an_execution(
    order_id: int = 1, exec_id: str = "e.01.01", quantity: int | Decimal = 10, **changes: Any
) -> Execution:
    execution = Execution(
        exec_id=ExecId(exec_id),
        account=ACCOUNT,
        con_id=CON,
        symbol="AAA",
        side=BUY,
        quantity=Decimal(quantity),
        price=Decimal(100),
        order_id=OrderId(order_id),
        client_id=CLIENT,
        perm_id=PermId(9_000 + order_id),
        order_ref=order_ref(an_id(order_id)),
        time_utc=T0,
    )
    return replace(execution, **changes)


def a_foreign_execution(exec_id: str = "f.01.01", **changes: Any) -> Execution:
    return replace(
        an_execution(exec_id=exec_id),
        order_id=OrderId(0),
        client_id=ClientId(0),
        perm_id=PermId(555),
        order_ref=OrderRef("by hand"),
        **changes,
    )


def executed(*args: Any, **changes: Any) -> ev.ExecutionSeen:
    return ev.ExecutionSeen(an_execution(*args, **changes))


def commissioned(exec_id: str = "e.01.01", amount: int = 1) -> ev.CommissionSeen:
    return ev.CommissionSeen(Commission(ExecId(exec_id), Decimal(amount), "USD"))


def an_error(
    evidence: ev.Evidence, order_id: int = 1, code: int = 201, text: str = "refused"
) -> ev.OrderErrorSeen:
    return ev.OrderErrorSeen(OrderId(order_id), code, text, evidence)


# ---- snapshots


def a_snapshot(**changes: Any) -> BrokerSnapshot:
    snapshot = BrokerSnapshot(
        account=ACCOUNT,
        started_utc=T0,
        finished_utc=at(1),
        window_utc=at(-3_600),
        open_orders=(),
        completed_orders=(),
        executions=(),
        commissions=(),
        positions=(),
        cash={"USD": Decimal(100_000)},
        net_liquidation=None,
    )
    return replace(snapshot, **changes)


def an_open_row(order_id: int = 1, status: str = "Submitted", **changes: Any) -> OpenOrderRow:
    row = OpenOrderRow(
        order_id=OrderId(order_id),
        client_id=CLIENT,
        perm_id=PermId(9_000 + order_id),
        order_ref=order_ref(an_id(order_id)),
        account=ACCOUNT,
        con_id=CON,
        symbol="AAA",
        side=BUY,
        quantity=Decimal(10),
        order_type="LMT",
        limit_price=Decimal(100),
        status=status,
    )
    return replace(row, **changes)


def a_foreign_row(perm_id: int = 555, **changes: Any) -> OpenOrderRow:
    return replace(
        an_open_row(),
        order_id=OrderId(0),
        client_id=ClientId(0),
        perm_id=PermId(perm_id),
        order_ref=OrderRef("by hand"),
        **changes,
    )


def a_completed_row(
    order_id: int = 1, status: str = "Cancelled", **changes: Any
) -> CompletedOrderRow:
    row = CompletedOrderRow(
        perm_id=PermId(9_000 + order_id),
        order_ref=order_ref(an_id(order_id)),
        account=ACCOUNT,
        con_id=CON,
        status=status,
        filled=Decimal(0),
        note="",
    )
    return replace(row, **changes)


def a_position_row(quantity: int, **changes: Any) -> PositionRow:
    row = PositionRow(ACCOUNT, CON, "AAA", Decimal(quantity), Decimal(100))
    return replace(row, **changes)


def a_run(book: Book, seconds: float = 0.0, **changes: Any) -> RunContext:
    run = RunContext(
        run_id=RunId(f"run-{seconds:.0f}"),
        mark=book.seq,
        now_utc=at(seconds),
        quiet_s=10.0,
        absence_s=10.0,
        policy=a_policy().cash,
        cash_tolerance=Decimal(1),
        cash_adjust_max=Decimal(50),
    )
    return replace(run, **changes)


def repair(
    book: Book,
    snapshot: BrokerSnapshot,
    run: RunContext,
    seen_before: frozenset[str] = frozenset(),
    left: tuple[Drift, ...] = (),
) -> Plan:
    """Do what one run does, and return its plan: compare, then record everything it decided."""
    question = Question(run, snapshot, left, seen_before, passed=(), was_compared=True)
    answer = answered(book, question)
    seconds = (run.now_utc - T0).total_seconds()
    for event in answer.records:
        note(book, event, seconds)
    return answer.plan
