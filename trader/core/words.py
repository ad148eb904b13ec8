"""Events in words, one line each: what the feed shows and what the story of an order tells."""

from trader.core import breaker_events as be
from trader.core import emergency_events as em
from trader.core import events as ev
from trader.core import quarantine_events as qe
from trader.core.account_events import ResultAgreed, ResultDisputed
from trader.core.history_events import HistoryRetired
from trader.core.journal_events import JournalArchived, JournalRestored
from trader.core.quarantine import message_words
from trader.core.reduction_events import ReductionEnded, ReductionOrdered, ReductionPlanned
from trader.core.strategy_events import StrategyCheckpointed, StrategyFailed
from trader.core.ticket_events import CashBooked, TicketCounted, TicketIgnored, TradeBooked


def words(event: ev.Event) -> str:
    """Say what an event tells, in a line; empty where its kind says it all."""
    match event:
        case ev.IntentReviewed(intent=intent, is_approved=approved, text=text, checks=checks):
            # The first check names the instrument; a halted gate refuses before any.
            named = next((check.value for check in checks if "INSTRUMENT" in check.code), "")
            wish = f"{intent.side} {intent.quantity} {named or intent.con_id} {intent.order_type}"
            return f"{intent.intent_id} {wish}: {'approved' if approved else text}"
        case ev.OrderPlanned(order_id=order_id, terms=terms):
            price = terms.limit_price or terms.stop_price or ""
            what = f"{terms.side} {terms.quantity} {terms.symbol} {terms.order_type} {price}"
            ends = terms.good_till_utc
            return f"{order_id} {what}{'' if ends is None else f' until {ends:%H:%M:%S} UTC'}"
        case ev.ExecutionSeen(execution=row, run_id=run_id):
            recovered = " (recovered)" if run_id else ""
            return f"{row.side} {row.quantity} {row.symbol} at {row.price}{recovered}"
        case ev.HaltRaised(cause=cause, reason=reason) | ev.HaltCleared(cause=cause, reason=reason):
            return f"{cause}: {reason}"
        case ev.ReconcileFinished(trigger=trigger, problem=problem, drift_count=drifts):
            return f"{trigger}: {problem or f'{drifts} drifts'}"
        case ev.TicketOpened(text=text):
            return text
        case ev.OrderErrorSeen(order_id=order_id, code=code, text=text):
            return f"{order_id}: {code} {text}"
        case ev.OrderSent(order_id=order_id) | ev.OrderAbsentSeen(order_id=order_id):
            return str(order_id)
        case (
            ev.OrderWithheld(order_id=order_id, reason=reason)
            | ev.OrderUnanswered(order_id=order_id, reason=reason)
            | ev.OrderSettled(order_id=order_id, proof=reason)
        ):
            return f"{order_id}: {reason}"
        case ev.CancelSent(order_id=order_id, reason=reason):
            return f"{order_id}: {reason}"
        case _:
            return (
                _of_changes(event)
                or _of_the_broker(event)
                or _of_breakers(event)
                or _of_others(event)
            )


def _of_the_broker(event: ev.Event) -> str:
    match event:
        case ev.OrderStatusSeen(order_id=order_id, status=status, filled=filled):
            return f"{order_id}: {status}, {filled} filled"
        case ev.OpenOrderSeen():
            what = f"{event.side} {event.quantity} {event.symbol} {event.order_type}"
            return f"{event.order_id}: {what}, {event.status}"
        case ev.CommissionSeen(commission=paid):
            return f"{paid.amount} {paid.currency} for {paid.exec_id}"
        case StrategyCheckpointed(strategy=strategy):
            return strategy
        case _:
            return ""


def _of_changes(event: ev.Event) -> str:
    match event:
        case ev.ModifyPlanned(order_id=order_id, number=number, terms=wanted, reason=reason):
            price = wanted.limit_price or wanted.stop_price or ""
            return f"{order_id}: change {number} to {wanted.quantity} {price}: {reason}"
        case ev.ModifyRefused(order_id=order_id, text=text):
            return f"{order_id}: {text}"
        case (
            ev.ModifyWithheld(order_id=order_id, number=number, reason=reason)
            | ev.ModifyUnanswered(order_id=order_id, number=number, reason=reason)
        ):
            return f"{order_id}: change {number}: {reason}"
        case ev.ModifySent(order_id=order_id, number=number):
            return f"{order_id}: change {number}"
        case ev.ModifyRefuted(order_id=order_id, number=number, run_id=run_id):
            return f"{order_id}: change {number}: run {run_id}"
        case _:
            return ""


def _of_emergencies(event: ev.Event) -> str:
    match event:
        case em.EmergencyOrderKnown():
            what = f"{event.side} {event.quantity} {event.symbol}"
            return f"{event.order_ref} {what}, by {event.by} at {event.sent_utc:%H:%M:%S} UTC"
        case em.EmergencyCancelKnown():
            whose = f"client {event.client_id} order {event.order_id} {event.symbol}"
            how = "with everything" if event.is_everything else "by its id"
            return f"{whose} {how}, by {event.by} at {event.sent_utc:%H:%M:%S} UTC"
        case StrategyFailed(strategy=strategy, problem=problem):
            return f"{strategy}: {problem}"
        case JournalArchived():
            return f"events {event.first} to {event.last} are in {event.file}, by {event.by}"
        case HistoryRetired():
            return f"{len(event.orders)} orders of before {event.before_utc:%Y-%m-%d}"
        case JournalRestored():
            return f"from {event.source}, {event.copied_at[:24]}, by {event.by}: {event.reason}"
        case _:
            return ""


def _of_breakers(event: ev.Event) -> str:
    match event:
        case be.BreakerTripped(name=name, inputs=inputs, action=action):
            return f"{name}: {inputs}, {action}"
        case be.BreakerProbing(name=name, inputs=inputs):
            return f"{name}: {inputs}"
        case (
            be.BreakerReset(name=name, by=by, reason=reason)
            | be.StrategyReleased(strategy=name, by=by, reason=reason)
        ):
            return f"{name} by {by}: {reason}"
        case be.OverrideGranted(breaker=name, by=by, reason=reason, until_utc=until):
            return f"{name} by {by} until {until:%H:%M:%S} UTC: {reason}"
        case be.PostureChanged(posture=posture, causes=causes):
            return f"{posture}{': ' if causes else ''}{', '.join(causes)}"
        case be.EquityMarked(day=day, value=value):
            return f"{value} on {day}"
        case be.OutlookChanged(regime=regime, allocation=allocation):
            return f"{regime}, new risk may have {allocation} of its usual size"
        case be.FlowSeen(currency=currency, amount=amount):
            return f"{amount} {currency}"
        case _:
            return _of_strategies(event)


def _of_strategies(event: ev.Event) -> str:
    match event:
        case be.StrategyMarked(strategy=strategy, day=day, result=result):
            return f"{strategy}: {result} on {day}"
        case be.StrategyHalted(strategy=strategy, name=name, inputs=inputs):
            return f"{strategy}: {name} {inputs}"
        case be.ActionReviewed(action=action, is_right=is_right, by=by, reason=reason):
            return f"{action} {'right' if is_right else 'false positive'}, by {by}: {reason}"
        case _:
            return ""


def _of_others(event: ev.Event) -> str:
    match event:
        case ReductionPlanned(regime=regime, excesses=excesses, orders=orders):
            over = "; ".join(row.words for row in excesses)
            plan = ", ".join(row.words for row in orders) or "no order can"
            return f"{over} ({regime}). To end it: {plan}"
        case ReductionOrdered(orders=orders, reason=reason, by=by):
            return f"{', '.join(row.words for row in orders)}, by {by}: {reason}"
        case ReductionEnded(reason=reason) | ResultAgreed(reason=reason):
            return reason
        case ResultDisputed(told=told, own=own, allowed=allowed, since_utc=since):
            moved = f"moved by {told:.2f} at the broker and by {own:.2f} here"
            return f"{moved} since {since:%H:%M:%S} UTC, allowed {allowed:.2f}"
        case _:
            return _of_tickets(event) or _of_emergencies(event)


def _of_tickets(event: ev.Event) -> str:
    match event:
        case TradeBooked(symbol=symbol, quantity=quantity, price=price, by=by, reason=reason):
            return f"{quantity:+} {symbol} at {price} by {by}: {reason}"
        case CashBooked(amount=amount, currency=currency, by=by, reason=reason):
            return f"{amount:+} {currency} by {by}: {reason}"
        case TicketIgnored(ticket_id=ticket, until_utc=until, by=by, reason=reason):
            return f"{ticket} by {by} until {until:%Y-%m-%d %H:%M:%S} UTC: {reason}"
        case TicketCounted(ticket_id=ticket, reason=reason):
            return f"{ticket}: {reason}"
        case _:
            return _of_letters(event)


def _of_letters(event: ev.Event) -> str:
    match event:
        case qe.MessageQuarantined(key=key, message_id=message_id, error=error):
            return f"{key} ({message_words(message_id)}): {error}"
        case qe.MessageRepeated(key=key, count=count):
            return f"{key} has come {count} times"
        case qe.MessageNotKept(message_id=message_id, count=count):
            return f"{count} of {message_words(message_id)}: there are too many"
        case qe.MessageRetried(key=key, outcome=outcome, by=by, reason=reason):
            return f"{key}: {outcome}, by {by}: {reason}"
        case qe.MessageDismissed(key=key, by=by, reason=reason):
            return f"{key} by {by}: {reason}"
        case _:
            return ""
