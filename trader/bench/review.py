"""How long one review takes before a book of 50 positions and 200 working orders.

Everything that a review may look at is there and fresh, so that no check ends early: the account's
value, the broker's reading of it, the session and the day's baseline. The book is folded from
events as the daemon's is; ``history`` makes it older without making it larger.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from trader.core import events as ev
from trader.core.account import AccountReading
from trader.core.book import Book
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    Lineage,
    OrderId,
    Seq,
    StrategyName,
    intent_id,
    order_ref,
)
from trader.core.instruments import Instrument, PriceBand
from trader.core.intents import Intent, OrderType, Side, TimeInForce, digest
from trader.core.market import Quote
from trader.core.marks import Mark, Source
from trader.core.orders import OrderTerms
from trader.core.policy import (
    AccountType,
    CashPolicy,
    ExposurePolicy,
    OrderPolicy,
    Policy,
    PositionPolicy,
    RatePolicy,
    Regime,
    SessionPolicy,
    TradingHours,
)
from trader.core.risk import Approved, RiskInput, SessionView, review
from trader.core.valuation import valued

POSITIONS, ORDERS = 50, 200
_START = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
_NOW_S = 1_000.0
_ACCOUNT, _LINEAGE = AccountId("DU1"), Lineage("bench0")
_MANY = 1_000_000
BENCH_POLICY = Policy(
    order=OrderPolicy(Decimal(_MANY), Decimal(_MANY)),
    position=PositionPolicy(Decimal(_MANY), Decimal(_MANY)),
    cash=CashPolicy(Decimal(1_000), Decimal("0.01"), Decimal(1)),
    exposure=ExposurePolicy(account_type=AccountType.REG_T),
    rate=RatePolicy(
        orders_max=_MANY,
        orders_per_strategy_max=_MANY,
        orders_per_instrument_max=_MANY,
        messages_max=_MANY,
        messages_per_strategy_max=_MANY,
        daily_trades_max=_MANY,
        repeats_max=_MANY,
        executions_max=_MANY,
    ),
    session=SessionPolicy(TradingHours.REGULAR, 60.0, 60.0, 60.0),
)


def review_seconds(count: int, history: int = 0) -> Sequence[float]:
    """Time ``count`` reviews of one sound intent, each by itself, in seconds.

    ``history`` orders were planned and cancelled before the ones that work now.
    """
    intent, given = situation(history)
    assert isinstance(review(intent, given), Approved), "the benchmark's intent is not sound"
    times = []
    for _ in range(count):
        started_s = time.perf_counter()
        review(intent, given)
        times.append(time.perf_counter() - started_s)
    return times


def situation(history: int = 0) -> tuple[Intent, RiskInput]:
    """Return an intent that passes, and everything that its review may look at."""
    book = aged_book(history)
    instruments = {con_id: bench_instrument(con_id) for con_id in book.positions}
    con_id = next(iter(instruments))
    given = RiskInput(
        book=book,
        instrument=instruments[con_id],
        quote=Quote(
            con_id, Decimal("99.99"), Decimal("100.01"), data_type=1, received_s=_NOW_S - 1
        ),
        policy=BENCH_POLICY,
        now_utc=_START + timedelta(hours=1),
        now_s=_NOW_S,
        valuation=valued(
            book.positions,
            dict.fromkeys(
                book.positions, Mark(Decimal(100), "USD", "STK", Source.QUOTE, _NOW_S - 1)
            ),
            book.cash,
            rates={"USD": Decimal(1)},
            as_of_s=_NOW_S - 1,
        ),
        account=bench_reading(),
        regime=Regime.NORMAL,
        baseline_equity=Decimal(1_050_000),
        day_start_utc=_START,
        session=SessionView(True, True, 3_600.0, 3_600.0, 3_600.0),
    )
    return bench_intent(history + ORDERS + 1, con_id, Decimal("100.01")), given


def aged_book(history: int) -> Book:
    book = Book()
    holdings = tuple(
        ev.Holding(ConId(key), f"S{key}", Decimal(10), Decimal(90), Decimal(1))
        for key in range(1, POSITIONS + 1)
    )
    events: list[ev.Event] = [
        ev.JournalOpened(_LINEAGE),
        ev.AccountBaselined(_ACCOUNT, holdings, (("USD", Decimal(1_000_000)),), (), "bench"),
    ]
    for number in range(1, history + ORDERS + 1):
        # Far enough below the market to rest.
        intent = bench_intent(number, ConId(1 + number % POSITIONS), Decimal(95))
        order_id = OrderId(number)
        events += [
            ev.IntentReviewed(intent, digest(intent), True, "", "approved", ()),
            ev.OrderPlanned(order_id, ClientId(7), order_ref(intent.intent_id), _terms(intent)),
            ev.OrderSent(order_id),
        ]
        if number <= history:
            events.append(ev.OrderErrorSeen(order_id, 202, "", ev.Evidence.CONFIRMS_CANCEL))
            events.append(ev.OrderSettled(order_id, Decimal(0), "bench"))
    for seq, event in enumerate(events, start=1):
        book.apply(ev.Recorded(Seq(seq), _START + timedelta(milliseconds=seq), event))
    assert len(book.live_orders) == ORDERS, "the benchmark's orders do not work"
    return book


def bench_instrument(con_id: ConId) -> Instrument:
    return Instrument(
        con_id=con_id,
        symbol=f"S{con_id}",
        sec_type="STK",
        exchange="SMART",
        currency="USD",
        multiplier=Decimal(1),
        bands=(PriceBand(Decimal(0), Decimal("0.0001")), PriceBand(Decimal(1), Decimal("0.01"))),
        size_increment=Decimal(1),
        price_magnifier=1,
    )


def bench_intent(number: int, con_id: ConId, price: Decimal) -> Intent:
    strategy = StrategyName("bench")
    return Intent(
        intent_id=intent_id(_LINEAGE, strategy, number),
        strategy=strategy,
        con_id=con_id,
        side=Side.BUY,
        quantity=Decimal(10),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.DAY,
        limit_price=price,
    )


def _terms(intent: Intent) -> OrderTerms:
    assert intent.limit_price is not None, "the benchmark sends limit orders"
    return OrderTerms(
        intent_id=intent.intent_id,
        strategy=intent.strategy,
        account=_ACCOUNT,
        con_id=intent.con_id,
        symbol=f"S{intent.con_id}",
        side=intent.side,
        quantity=intent.quantity,
        order_type=intent.order_type,
        time_in_force=intent.time_in_force,
        limit_price=intent.limit_price,
        stop_price=None,
        is_reduce_only=False,
        reserve_per_unit=intent.limit_price,
    )


def bench_reading() -> AccountReading:
    much = Decimal(2_000_000)
    empty = AccountReading(much, much, much, Decimal(25_000), Decimal(20_000), {}, None, _NOW_S - 1)
    return replace(empty, settled_cash={"USD": much}, unsettled_cash={"USD": Decimal(0)})
