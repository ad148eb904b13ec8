"""A checkpoint: the whole book as one value, at a sequence number.

Restoring a checkpoint and replaying the events after it gives the same book as replaying
everything.
"""

from dataclasses import astuple, dataclass, replace
from datetime import datetime
from decimal import Decimal

from trader.core import events as ev
from trader.core.account_record import AccountRecord
from trader.core.book import Book
from trader.core.entries import Fill, IntentRecord, Past, RequestRecord, Tally
from trader.core.executions import Commission
from trader.core.halts import HaltCause, Mode
from trader.core.holdings import Holdings, Owned
from trader.core.ids import AccountId, ExecFamily, IntentId, Lineage, OrderId, PermId, RunId, Seq
from trader.core.ignoring import Ignored
from trader.core.orders import Order
from trader.core.positions import Position
from trader.core.quarantine import Letter, Quarantine
from trader.core.results import Earned, Held, Results
from trader.core.risk_actions import RiskAction, RiskActions
from trader.core.safety import Safety
from trader.core.strategy_events import StrategyCheckpointed
from trader.core.tapes import DAY_SPAN, Act, Acts, Sale, Sales, Strangers, Tape, Traded


@dataclass(frozen=True, slots=True)
class BookState:
    """Every field of a book, in values that can be written down."""

    seq: Seq
    lineage: Lineage | None
    former: tuple[Lineage, ...]
    account: AccountId | None
    mode: Mode | None
    intents: tuple[tuple[IntentId, IntentRecord], ...]
    orders: tuple[Order, ...]
    fills: tuple[tuple[ExecFamily, Fill], ...]
    baselined_fills: tuple[ExecFamily, ...]
    commissions: tuple[tuple[ExecFamily, Commission], ...]
    uncommissioned: tuple[tuple[ExecFamily, Decimal], ...]
    positions: tuple[Position, ...]
    cash: tuple[tuple[str, Decimal], ...]
    commission_paid: tuple[tuple[str, Decimal], ...]
    foreign: tuple[ev.ForeignOrderSeen, ...]
    halts: tuple[tuple[HaltCause, str], ...]
    tickets: tuple[ev.TicketOpened, ...]
    ignored: tuple[Ignored, ...]
    strategies: tuple[StrategyCheckpointed, ...]
    requests: tuple[tuple[str, RequestRecord], ...]
    absent_since: tuple[tuple[OrderId, RunId, datetime], ...]
    order_id_high: OrderId
    planned_times: tuple[datetime, ...]
    strangers: tuple[Traded, ...]
    sales: tuple[Sale, ...]
    acts: tuple[Act, ...]
    last_reconcile: tuple[datetime, ev.ReconcileFinished] | None
    # One order can end up with two permIds, and both must go on naming it (INC-085).
    perm_ids: tuple[tuple[PermId, OrderId], ...]
    tally: tuple[int, ...]
    safety: Safety
    actions: tuple[RiskAction, ...]
    emergencies: tuple[str, ...]
    strategies_held: tuple[Held, ...]
    strategies_earned: tuple[Earned, ...]
    strategies_own: tuple[Owned, ...]
    past: Past
    account_record: AccountRecord
    # Its letters apart from the rest: each is written by itself, since all may be a megabyte.
    quarantine: Quarantine
    letters: tuple[Letter, ...]


def state_of(book: Book) -> BookState:
    """Return the book as a value."""
    return BookState(
        seq=book.seq,
        lineage=book.lineage,
        former=book.former,
        account=book.account,
        mode=book.mode,
        intents=tuple(book.intents.items()),
        orders=tuple(book.orders.values()),
        fills=tuple(book.fills.items()),
        baselined_fills=tuple(book.baselined_fills),
        commissions=tuple(book.commissions.items()),
        uncommissioned=tuple(book.uncommissioned.items()),
        positions=tuple(book.positions.values()),
        cash=tuple(book.cash.items()),
        commission_paid=tuple(book.commission_paid.items()),
        foreign=tuple(book.foreign.values()),
        halts=tuple(book.halts.items()),
        tickets=tuple(book.tickets.values()),
        ignored=tuple(book.ignored.values()),
        strategies=tuple(book.strategies.values()),
        requests=tuple(book.requests.items()),
        absent_since=tuple((key, run, at) for key, (run, at) in book.absent_since.items()),
        order_id_high=book.order_id_high,
        planned_times=book.planned.times(),
        strangers=book.strangers.rows(),
        sales=book.sales.rows(),
        acts=book.acts.all(),
        last_reconcile=book.last_reconcile,
        perm_ids=tuple(book.perm_ids.items()),
        tally=astuple(book.tally),
        safety=book.safety,
        actions=book.actions.rows(),
        emergencies=tuple(book.emergencies),
        strategies_held=book.results.held(),
        strategies_earned=book.results.earned(),
        strategies_own=book.holdings.rows(),
        past=book.past,
        account_record=book.account_record,
        quarantine=replace(book.quarantine, letters=()),
        letters=book.quarantine.letters,
    )


def restored(state: BookState) -> Book:
    """Return the book that a checkpoint holds."""
    book = Book()
    book.seq = state.seq
    book.lineage = state.lineage
    book.former = state.former
    book.account = state.account
    book.mode = state.mode
    book.intents = dict(state.intents)
    book.fills = dict(state.fills)
    book.baselined_fills = dict.fromkeys(state.baselined_fills)
    book.commissions = dict(state.commissions)
    book.uncommissioned = dict(state.uncommissioned)
    book.positions = {row.con_id: row for row in state.positions}
    book.cash = dict(state.cash)
    book.commission_paid = dict(state.commission_paid)
    book.foreign = {row.perm_id: row for row in state.foreign}
    book.halts = dict(state.halts)
    book.tickets = {row.ticket_id: row for row in state.tickets}
    book.ignored = {row.ticket_id: row for row in state.ignored}
    book.strategies = {row.strategy: row for row in state.strategies}
    book.requests = dict(state.requests)
    book.order_id_high = state.order_id_high
    book.planned = Tape(DAY_SPAN, state.planned_times)
    book.strangers = Strangers(state.strangers)
    book.sales = Sales(state.sales)
    book.acts = Acts(state.acts)
    book.last_reconcile = state.last_reconcile
    book.tally = Tally(*state.tally)
    book.safety = state.safety
    book.actions = RiskActions(state.actions)
    book.emergencies = dict.fromkeys(state.emergencies)
    book.results = Results(state.strategies_held, state.strategies_earned)
    book.holdings, book.past = Holdings(state.strategies_own), state.past
    book.account_record = state.account_record
    book.quarantine = replace(state.quarantine, letters=state.letters)
    for order in state.orders:
        book.put_order(order)
    # The aggregates are not saved: they follow from what is, and a fold must find them the same.
    for family, quantity in book.uncommissioned.items():
        book.workings.pend(book.fills[family].execution.currency, 1, quantity)
    for row in state.foreign:
        book.workings.meet(row.con_id, row.side, row.quantity)
    book.perm_ids = dict(state.perm_ids)
    book.absent_since = {key: (run, at) for key, run, at in state.absent_since}
    return book
