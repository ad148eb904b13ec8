"""The streams that outsiders may follow, and which of them each kind of event belongs to.

``order_intents`` is what we wished, decided and did about orders; ``exec_reports`` what was said to
it, by the broker or by a person: everything that moves an order, a position or cash.
``market_events`` is what the market made of the account: its value, its strategies' results, how
rough it is. Prices are not in it, because no price is recorded: they are held in memory, and an
order's review tells which one it was decided on.

What is in no stream is the daemon's own affair: halts, breakers, tickets, checkpoints.
"""

from enum import StrEnum
from typing import get_args

from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core.account_events import AccountTold, ResultAgreed, ResultDisputed
from trader.core.emergency_events import EmergencyCancelKnown, EmergencyOrderKnown
from trader.core.history_events import HistoryRetired
from trader.core.journal_events import JournalArchived, JournalRestored
from trader.core.quarantine_events import QuarantineEvent
from trader.core.reduction_events import ReductionEnded, ReductionOrdered, ReductionPlanned
from trader.core.request_events import OrderRequestReceived, RequestDecided, RequestReceived
from trader.core.strategy_events import StrategyCheckpointed, StrategyFailed
from trader.core.ticket_events import CashBooked, TicketCounted, TicketIgnored, TradeBooked


class Stream(StrEnum):
    """One ordered sequence of events; its name is that of its view and of its file."""

    MARKET_EVENTS = "market_events"
    ORDER_INTENTS = "order_intents"
    EXEC_REPORTS = "exec_reports"


STREAM_OF: dict[type, Stream | None] = {
    ev.IntentReviewed: Stream.ORDER_INTENTS,
    ev.OrderPlanned: Stream.ORDER_INTENTS,
    ev.OrderSent: Stream.ORDER_INTENTS,
    ev.OrderWithheld: Stream.ORDER_INTENTS,
    ev.CancelSent: Stream.ORDER_INTENTS,
    ev.ModifyPlanned: Stream.ORDER_INTENTS,
    ev.ModifyRefused: Stream.ORDER_INTENTS,
    ev.ModifySent: Stream.ORDER_INTENTS,
    ev.ModifyWithheld: Stream.ORDER_INTENTS,
    RequestReceived: Stream.ORDER_INTENTS,
    OrderRequestReceived: Stream.ORDER_INTENTS,
    RequestDecided: Stream.ORDER_INTENTS,
    # What a kill switch or the sentinel sent: nobody wished it of the daemon.
    EmergencyOrderKnown: Stream.ORDER_INTENTS,
    EmergencyCancelKnown: Stream.ORDER_INTENTS,
    ev.OrderStatusSeen: Stream.EXEC_REPORTS,
    ev.OpenOrderSeen: Stream.EXEC_REPORTS,
    ev.OrderErrorSeen: Stream.EXEC_REPORTS,
    ev.ExecutionSeen: Stream.EXEC_REPORTS,
    ev.CommissionSeen: Stream.EXEC_REPORTS,
    # No answer is an answer, too: the order's state follows from it.
    ev.OrderUnanswered: Stream.EXEC_REPORTS,
    ev.ModifyUnanswered: Stream.EXEC_REPORTS,
    ev.ModifyRefuted: Stream.EXEC_REPORTS,
    ev.OrderAbsentSeen: Stream.EXEC_REPORTS,
    ev.OrderProvenAbsent: Stream.EXEC_REPORTS,
    ev.OrderSettled: Stream.EXEC_REPORTS,
    ev.ForeignOrderSeen: Stream.EXEC_REPORTS,
    ev.ForeignOrderGone: Stream.EXEC_REPORTS,
    # These set a position or cash: who adds executions up alone would be wrong by them.
    ev.AccountBaselined: Stream.EXEC_REPORTS,
    ev.CashAdjusted: Stream.EXEC_REPORTS,
    ev.PositionAdjusted: Stream.EXEC_REPORTS,
    TradeBooked: Stream.EXEC_REPORTS,
    CashBooked: Stream.EXEC_REPORTS,
    AccountTold: Stream.MARKET_EVENTS,
    be.EquityMarked: Stream.MARKET_EVENTS,
    be.StrategyMarked: Stream.MARKET_EVENTS,
    be.OutlookChanged: Stream.MARKET_EVENTS,
    ev.JournalOpened: None,
    JournalRestored: None,
    JournalArchived: None,
    HistoryRetired: None,
    **dict.fromkeys(get_args(QuarantineEvent), None),
    ev.DaemonStarted: None,
    ev.DaemonStopped: None,
    ev.HaltRaised: None,
    ev.HaltCleared: None,
    ev.TicketOpened: None,
    ev.TicketClosed: None,
    TicketIgnored: None,
    TicketCounted: None,
    ev.ReconcileFinished: None,
    StrategyCheckpointed: None,
    StrategyFailed: None,
    be.BreakerTripped: None,
    be.BreakerProbing: None,
    be.BreakerReset: None,
    be.FlowSeen: None,
    be.OverrideGranted: None,
    be.PostureChanged: None,
    be.StrategyHalted: None,
    be.StrategyReleased: None,
    be.ActionReviewed: None,
    ReductionPlanned: None,
    ReductionEnded: None,
    ReductionOrdered: None,
    ResultDisputed: None,
    ResultAgreed: None,
}


def kinds_of(stream: Stream) -> tuple[str, ...]:
    """Return the kinds of a stream, as the journal names them."""
    return tuple(kind.__name__ for kind, found in STREAM_OF.items() if found is stream)


def stream_names() -> dict[str, Stream]:
    """Return the stream of each kind that is in one, by the kind's name in the journal."""
    return {kind.__name__: stream for kind, stream in STREAM_OF.items() if stream is not None}
