"""How the daemon comes up: what the journal left open becomes a question, never an order.

State on disk is history, not a to-do list (INC-065): nothing is submitted from it. A promise
without an answer may have left before the process died, so it is UNKNOWN until the broker's own
lists say what became of it (INC-029).
"""

from trader.core.changes import ChangeState
from trader.core.events import (
    AccountBaselined,
    DaemonStarted,
    Holding,
    JournalOpened,
    ModifyUnanswered,
    OrderUnanswered,
)
from trader.core.executions import Execution, stranger_key
from trader.core.halts import Mode
from trader.core.ids import AccountId, Lineage, OrderId, StrategyName, exec_family
from trader.core.orders import OrderState
from trader.core.snapshots import BrokerSnapshot
from trader.core.tapes import Traded
from trader.engine.ledger import Ledger

_ENDED = "the process ended before an answer"
_MAY_HAVE_LEFT = (OrderState.PLANNED, OrderState.JOURNALED, OrderState.SENT)


def take_over(
    ledger: Ledger,
    *,
    lineage: Lineage,
    version: str,
    mode: Mode,
    account: AccountId,
    strategies: tuple[StrategyName, ...] = (),
) -> tuple[OrderId, ...]:
    """Record that this process owns the journal now; returns the orders it must ask about."""
    if ledger.book.lineage is None:
        ledger.record(JournalOpened(lineage))
    ledger.record(DaemonStarted(version, mode, account, strategies))
    open_promises = tuple(
        order.order_id
        for order in ledger.book.live_orders.values()
        if order.state in _MAY_HAVE_LEFT
    )
    for order_id in open_promises:
        ledger.record(OrderUnanswered(order_id, _ENDED))
    for order in tuple(ledger.book.live_orders.values()):
        change = order.change
        # Promised without a ModifySent beside it, it may have left all the same.
        if change is not None and change.state in (ChangeState.PLANNED, ChangeState.SENT):
            ledger.record(ModifyUnanswered(order.order_id, change.number, _ENDED))
    return open_promises


def baseline_of(
    snapshot: BrokerSnapshot, by: str, before: tuple[Execution, ...] = ()
) -> AccountBaselined:
    """Turn the broker's holdings into the book's starting point.

    The executions of the snapshot, and those known to be from ``before`` it, are already in its
    positions: they are named, so that they are never booked on top (INC-053).
    """
    families = [exec_family(row.exec_id)[0] for row in (*before, *snapshot.executions)]
    return AccountBaselined(
        account=snapshot.account,
        holdings=tuple(
            Holding(
                con_id=row.con_id,
                symbol=row.symbol,
                quantity=row.quantity,
                average_price=row.average_cost / row.multiplier,
                multiplier=row.multiplier,
            )
            for row in snapshot.positions
            if row.account == snapshot.account and row.quantity != 0
        ),
        cash=tuple(sorted(snapshot.cash.items())),
        exec_ids=tuple(dict.fromkeys(families)),
        by=by,
        traded=tuple(
            Traded(stranger_key(row), row.time_utc or snapshot.finished_utc)
            for row in snapshot.executions
            if row.account == snapshot.account
        ),
    )
