"""What a book holds and how it is read; only :class:`trader.core.book.Book` changes it."""

from datetime import datetime
from decimal import Decimal

from trader.core import events as ev
from trader.core.account_record import AccountRecord
from trader.core.amounts import ZERO
from trader.core.entries import Fill, IntentRecord, Past, RequestRecord, Tally
from trader.core.executions import Commission, Execution
from trader.core.halts import HaltCause, Mode
from trader.core.holdings import Holdings
from trader.core.ids import (
    AccountId,
    ClientId,
    ConId,
    ExecFamily,
    IntentId,
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    StrategyName,
    TicketId,
    exec_family,
    intent_id_in,
)
from trader.core.ignoring import Ignored
from trader.core.orders import Order
from trader.core.positions import Position
from trader.core.quarantine import Quarantine
from trader.core.results import Results
from trader.core.risk_actions import RiskActions
from trader.core.safety import Safety
from trader.core.strategy_events import StrategyCheckpointed
from trader.core.tapes import DAY_SPAN, Acts, Sales, Strangers, Tape
from trader.core.working import Workings


class BookView:
    """The state that recorded events amount to, to be read."""

    def __init__(self) -> None:
        self.seq = Seq(0)
        self.lineage: Lineage | None = None
        # Under which intents were named before a copy took the journal's place; also ours.
        self.former: tuple[Lineage, ...] = ()
        self.account: AccountId | None = None
        self.mode: Mode | None = None
        self.intents: dict[IntentId, IntentRecord] = {}
        self.orders: dict[OrderId, Order] = {}
        self.live_orders: dict[OrderId, Order] = {}
        # The one that the last event changed, if it was about an order.
        self.changed_order: OrderId | None = None
        # Over, but not proven to have no execution to come: they count as if they worked.
        self.settling: dict[OrderId, Order] = {}
        self.fills: dict[ExecFamily, Fill] = {}
        self.baselined_fills: dict[ExecFamily, None] = {}
        self.commissions: dict[ExecFamily, Commission] = {}
        self.uncommissioned: dict[ExecFamily, Decimal] = {}
        self.positions: dict[ConId, Position] = {}
        self.cash: dict[str, Decimal] = {}
        self.commission_paid: dict[str, Decimal] = {}
        self.foreign: dict[PermId, ev.ForeignOrderSeen] = {}
        self.halts: dict[HaltCause, str] = {HaltCause.FRESH_INSTALL: "no halt record yet"}
        self.tickets: dict[TicketId, ev.TicketOpened] = {}
        # Those of them that a person lets wait.
        self.ignored: dict[TicketId, Ignored] = {}
        self.strategies: dict[StrategyName, StrategyCheckpointed] = {}
        # In the order in which they came, so that the oldest go first.
        self.requests: dict[str, RequestRecord] = {}
        self.absent_since: dict[OrderId, tuple[RunId, datetime]] = {}
        self.order_id_high = OrderId(0)
        self.planned = Tape(DAY_SPAN)
        # What was traded in the account without our ledger.
        self.strangers = Strangers()
        # What was sold a short while ago: its proceeds have not settled.
        self.sales = Sales()
        self.acts = Acts()
        self.workings = Workings()
        self.last_reconcile: tuple[datetime, ev.ReconcileFinished] | None = None
        # The seq of the last event that touched an order or an instrument, for reconciliation.
        self.touched: dict[OrderId | tuple[str, ConId], Seq] = {}
        self.tally = Tally()
        self.safety = Safety()
        # What was done automatically against risk, and what a person found of it.
        self.actions = RiskActions()
        # What each strategy has traded, and what of it is still there.
        self.results, self.holdings, self.past = Results(), Holdings(), Past()
        self.perm_ids: dict[PermId, OrderId] = {}
        # What left without the daemon, by its key: taken in once.
        self.emergencies: dict[str, None] = {}
        # The broker's own figures of the account, as far as they are recorded.
        self.account_record = AccountRecord()
        # What could not be read, until a person has decided what becomes of it.
        self.quarantine = Quarantine()

    @property
    def lineages(self) -> tuple[Lineage, ...]:
        """Return every lineage that names intents of ours, the present one last."""
        return self.former if self.lineage is None else (*self.former, self.lineage)

    def is_retired(self, intent: IntentId) -> bool:
        """Tell whether an intent may have been decided and let go: then it never is again."""
        return intent not in self.intents and self.past.has_number(intent)

    def has_had(self, order_id: OrderId) -> bool:
        """Tell whether an order is in the book, or may have been."""
        return order_id in self.orders or order_id <= self.past.order_id

    def is_before_history(self, execution: Execution) -> bool:
        """Tell whether an execution is of before what the book remembers, and not known.

        One that names an order which the book has let go is, whatever its time: a correction may
        bear a newer one, and a time may be unreadable (INC-025, INC-048).
        """
        family, _ = exec_family(execution.exec_id)
        if family in self.fills or family in self.baselined_fills:
            return False
        intent = intent_id_in(execution.order_ref)
        if intent is not None and self.is_retired(intent):
            return True
        before_utc, at = self.past.before_utc, execution.time_utc
        return before_utc is not None and at is not None and at < before_utc

    def order_of_intent(self, intent: IntentId) -> Order | None:
        """Return the order made from an intent, if any."""
        record = self.intents.get(intent)
        if record is None or record.order_id is None:
            return None
        return self.orders.get(record.order_id)

    def find_order(
        self, *, order_ref: OrderRef, perm_id: PermId, order_id: OrderId, client_id: ClientId
    ) -> Order | None:
        """Return our order that the broker speaks of, by the strongest identity it gives.

        ``orderRef`` first, then ``permId``; the order id is a session-scoped alias and counts
        only together with our client id, and never against a reference that names another order.
        """
        intent = intent_id_in(order_ref)
        if intent is not None:
            return self.order_of_intent(intent)
        if perm_id and perm_id in self.perm_ids:
            return self.orders[self.perm_ids[perm_id]]
        candidate = self.orders.get(order_id)
        if candidate is None or candidate.client_id != client_id or order_ref:
            return None
        is_other = candidate.perm_id and perm_id and candidate.perm_id != perm_id
        return None if is_other else candidate

    def position_of(self, con_id: ConId) -> Decimal:
        """Return the signed quantity held of an instrument."""
        position = self.positions.get(con_id)
        return position.quantity if position else ZERO

    def may_fill(self) -> tuple[Order, ...]:
        """Return every order of which executions may still come: those that work, and settling."""
        return (*self.live_orders.values(), *self.settling.values())

    def order_named(self, event: ev.OrderStatusSeen | ev.OpenOrderSeen) -> Order | None:
        """Return our order that a status or an echo is about."""
        ref = event.order_ref if isinstance(event, ev.OpenOrderSeen) else OrderRef("")
        return self.find_order(
            order_ref=ref,
            perm_id=event.perm_id,
            order_id=event.order_id,
            client_id=event.client_id,
        )
