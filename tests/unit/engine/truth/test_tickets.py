"""A ticket closes with the broker's word recorded, and nothing is ever sent."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from tests.unit.engine.world import CON, World, a_snapshot, a_status
from trader.core import events as ev
from trader.core.book import Book
from trader.core.drifts import DriftKind
from trader.core.ids import AccountId, ConId, RunId, Seq, TicketId
from trader.core.marks import Mark, Source
from trader.core.snapshots import BrokerSnapshot, PositionRow
from trader.engine.truth.tickets import adoption

ACCOUNT = AccountId("DU1")
AAPL = ConId(265598)
NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)


def _book(*events: ev.Event) -> Book:
    book = Book()
    for number, event in enumerate(events, start=1):
        book.apply(ev.Recorded(Seq(number), NOW, event))
    return book


def _snapshot(quantity: str, cash: str) -> BrokerSnapshot:
    row = PositionRow(ACCOUNT, AAPL, "AAPL", Decimal(quantity), Decimal(100))
    return BrokerSnapshot(
        account=ACCOUNT,
        started_utc=NOW,
        finished_utc=NOW,
        window_utc=NOW,
        open_orders=(),
        completed_orders=(),
        executions=(),
        commissions=(),
        positions=(row,),
        cash={"USD": Decimal(cash)},
        net_liquidation=None,
    )


def _ticket(kind: str, con_id: ConId | None) -> ev.TicketOpened:
    return ev.TicketOpened(TicketId(f"run-{kind}-AAPL"), kind, con_id, "text", RunId("run"))


BASELINE = ev.AccountBaselined(ACCOUNT, (), (("USD", Decimal(1000)),), (), "ann")


def _apply(book: Book, events: tuple[ev.Event, ...]) -> None:
    for event in events:
        book.apply(ev.Recorded(Seq(book.seq + 1), NOW, event))


def test_a_position_ticket_takes_the_brokers_quantity_and_closes() -> None:
    ticket = _ticket(DriftKind.POSITION, AAPL)
    book = _book(BASELINE, ticket)
    _apply(book, adoption(book, ticket, _snapshot("7", "1000"), reason="manual", by="ann"))
    assert book.position_of(AAPL) == Decimal(7)
    assert not book.tickets
    assert book.cash == {"USD": Decimal(1000)}


def test_a_position_that_was_not_held_comes_with_its_cost_and_multiplier() -> None:
    ticket = _ticket(DriftKind.POSITION, AAPL)
    book = _book(BASELINE, ticket)
    told = replace(_snapshot("2", "1000").positions[0], multiplier=Decimal(50))
    snapshot = replace(_snapshot("2", "1000"), positions=(told,))
    _apply(book, adoption(book, ticket, snapshot, reason="transfer", by="ann"))
    # The broker's cost holds the multiplier (INC-088).
    assert book.positions[AAPL].average_price == 2
    assert book.positions[AAPL].multiplier == 50


def test_a_cash_ticket_takes_the_brokers_cash_and_leaves_positions() -> None:
    ticket = _ticket(DriftKind.CASH, None)
    book = _book(BASELINE, ticket)
    _apply(book, adoption(book, ticket, _snapshot("0", "1500"), reason="deposit", by="ann"))
    assert book.cash == {"USD": Decimal(1500)}
    assert book.position_of(AAPL) == 0
    assert not book.tickets


def test_a_currency_that_the_broker_does_not_tell_of_is_left_alone() -> None:
    ticket = _ticket(DriftKind.CASH, None)
    book = _book(BASELINE, ticket)
    snapshot = replace(_snapshot("0", "1500"), cash={"EUR": Decimal(5)})
    _apply(book, adoption(book, ticket, snapshot, reason="deposit", by="ann"))
    assert book.cash == {"USD": Decimal(1000), "EUR": Decimal(5)}


@pytest.mark.parametrize("kind", list(DriftKind))
def test_no_adoption_ever_contains_an_order_or_a_cancel(kind: DriftKind) -> None:
    ticket = _ticket(kind, AAPL)
    events = adoption(_book(BASELINE, ticket), ticket, _snapshot("3", "5"), reason="x", by="ann")
    forbidden = (ev.OrderPlanned, ev.OrderSent, ev.CancelSent, ev.IntentReviewed)
    assert not [event for event in events if isinstance(event, forbidden)]
    assert isinstance(events[-1], ev.TicketClosed)


async def test_a_person_may_settle_an_order_whose_executions_never_came() -> None:
    """INC-024: the ticket of what is owed frees what is left of the order."""
    world = World()
    order = await world.working()
    world.say(a_status(order, "Cancelled", filled=Decimal(4)))
    name = TicketId(f"run-{DriftKind.EXECUTION_OWED}-{order.order_id}")
    ticket = ev.TicketOpened(name, DriftKind.EXECUTION_OWED, CON, "text", RunId("run"))
    world.ledger.record(ticket)
    for event in adoption(world.book, ticket, a_snapshot(), reason="busted", by="ann"):
        world.ledger.record(event)
    (settled,) = world.journal.events(ev.OrderSettled)
    assert (settled.filled, settled.proof) == (0, "ann: busted")
    assert world.book.settling == {}
    assert world.book.workings.of(CON).buys == 0
    assert not world.book.tickets


# ---- what it was worth


MARK = Mark(Decimal("101.5"), "EUR", "STK", Source.QUOTE, 0.0)


def _adopted(
    told: PositionRow | None, mark: Mark | None, held: tuple[int, int] = (100, 200)
) -> tuple[Decimal | None, str]:
    quantity, price = held
    ticket = _ticket(DriftKind.POSITION, AAPL)
    holding = ev.Holding(AAPL, "AAPL", Decimal(quantity), Decimal(price), Decimal(1))
    book = _book(replace(BASELINE, holdings=(holding,)), ticket)
    rows = () if told is None else (told,)
    snapshot = replace(_snapshot("7", "1000"), positions=rows)
    event, _ = adoption(book, ticket, snapshot, reason="seen", by="ann", mark=mark)
    assert isinstance(event, ev.PositionAdjusted)
    return event.unit_value, event.currency


def _told(quantity: str, cost: str) -> PositionRow:
    return PositionRow(ACCOUNT, AAPL, "AAPL", Decimal(quantity), Decimal(cost), currency="CHF")


def test_what_came_or_went_is_valued_at_the_mark_or_else_at_its_cost() -> None:
    assert _adopted(_told("150", "180"), MARK) == (Decimal("101.5"), "EUR")
    assert _adopted(_told("50", "200"), MARK) == (Decimal("101.5"), "EUR")
    assert _adopted(_told("150", "180"), None) == (Decimal(180), "CHF")
    assert _adopted(None, MARK) == (Decimal("101.5"), "EUR")
    # Nobody knows what is gone was worth: a loss until somebody says so.
    assert _adopted(None, None) == (None, "")


@pytest.mark.parametrize(
    ("quantity", "cost", "is_split"),
    [
        ("200", "100.01", True),  # two for one
        ("10", "2000.2", True),  # one for ten
        ("105", "190.5", True),  # a dividend in shares
        ("150", "133.4", True),  # three for two
        ("150", "200.1", False),  # 50 more at the price of before
        ("101", "200.01", False),  # one more
        ("50", "200", False),  # half of it sold
        ("-100", "200", False),
        ("200", "175", False),  # 100 more at 150
    ],
)
def test_a_split_is_told_from_a_trade_by_the_cost(quantity: str, cost: str, is_split: bool) -> None:
    assert (_adopted(_told(quantity, cost), MARK) == (None, "")) is is_split
