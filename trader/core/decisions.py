"""What strategies decided and what came of it, as rows that two runs can be compared by.

A row is made of what was recorded: an intent with its verdict, a change, a cancel, a fill, what a
fill cost, the end of a strategy that broke. Times are microseconds since 1970, numbers are text,
and a name never depends on the process that made it.
"""

from collections.abc import Callable, Iterator
from decimal import Decimal

from trader.core.events import (
    CancelSent,
    CommissionSeen,
    ExecutionSeen,
    IntentReviewed,
    ModifyPlanned,
    Recorded,
)
from trader.core.ids import PROFIT_MARK, STOP_MARK, ConId, OrderId, intent_id_in
from trader.core.intents import Intent
from trader.core.moments import microseconds_of
from trader.core.orders import OrderTerms
from trader.core.risk.codes import HOLD_CODE
from trader.core.strategy_events import StrategyFailed

Row = dict[str, str | int]
# What came of a decision, and is none itself.
CONSEQUENCES = ("commission", "stopped")

# What a contract is called, or its number; and what an order of ours says, where it is known.
SymbolOf = Callable[[ConId], str]
TermsOf = Callable[[OrderId], OrderTerms | None]


def rows_of(recorded: Recorded, terms_of: TermsOf, symbol_of: SymbolOf) -> Iterator[Row]:
    """Give the rows of an event; of most there is none."""
    event = recorded.event
    at_us = microseconds_of(recorded.at_utc)
    match event:
        case IntentReviewed():
            yield _intent_row(event, at_us, symbol_of)
        case ExecutionSeen(execution):
            intent_id = intent_id_in(execution.order_ref)
            if intent_id is not None:
                yield {
                    "kind": "fill",
                    "at_us": at_us,
                    "intent_id": str(intent_id),
                    "strategy": intent_id.split("-")[1],
                    "symbol": execution.symbol,
                    "side": str(execution.side),
                    "quantity": plain(execution.quantity),
                    "price": plain(execution.price),
                    "exec_id": str(execution.exec_id),
                    "multiplier": plain(execution.multiplier),
                    "currency": execution.currency,
                }
        case CommissionSeen(commission):
            yield {
                "kind": "commission",
                "at_us": at_us,
                "exec_id": str(commission.exec_id),
                "amount": plain(commission.amount),
                "currency": commission.currency,
            }
        case StrategyFailed(strategy=strategy, problem=problem):
            yield {"kind": "stopped", "at_us": at_us, "strategy": str(strategy), "text": problem}
        case CancelSent(order_id=order_id, reason=reason):
            told = terms_of(order_id)
            if told is not None:
                yield {
                    "kind": "cancel",
                    "at_us": at_us,
                    "intent_id": str(told.intent_id),
                    "strategy": str(told.strategy),
                    "symbol": told.symbol,
                    "reason": reason,
                }
        case ModifyPlanned(order_id=order_id, terms=terms, reason=reason):
            told = terms_of(order_id)
            if told is not None:
                yield {
                    "kind": "change",
                    "at_us": at_us,
                    "intent_id": str(told.intent_id),
                    "strategy": str(told.strategy),
                    "symbol": told.symbol,
                    "quantity": plain(terms.quantity),
                    "limit_price": plain(terms.limit_price),
                    "stop_price": plain(terms.stop_price),
                    "reason": reason,
                }
        case _:
            return


def _intent_row(event: IntentReviewed, at_us: int, symbol_of: SymbolOf) -> Row:
    intent = event.intent
    verdict = "approved" if event.is_approved else "refused"
    return {
        "kind": "intent",
        "at_us": at_us,
        "intent_id": str(intent.intent_id),
        "strategy": str(intent.strategy),
        "symbol": symbol_of(intent.con_id),
        "con_id": int(intent.con_id),
        **_terms(intent),
        "verdict": "held" if event.code == HOLD_CODE else verdict,
        "code": event.code,
        "text": event.text if event.code else "",
    }


def _terms(intent: Intent) -> Row:
    return {
        "side": str(intent.side),
        "quantity": plain(intent.quantity),
        "order_type": str(intent.order_type),
        "time_in_force": str(intent.time_in_force),
        "limit_price": plain(intent.limit_price),
        "stop_price": plain(intent.stop_price),
        "is_reduce_only": str(intent.is_reduce_only).lower(),
        "reason": intent.reason,
        **_legs(intent),
    }


def _legs(intent: Intent) -> Row:
    bracket = intent.bracket
    if bracket is None:
        return {}
    return {
        "take_profit_price": plain(bracket.take_profit),
        "stop_loss_price": plain(bracket.stop_loss),
    }


def mark_of(intent: str) -> str:
    """Return which leg of a bracket an intent is, empty for what is none."""
    return intent[-1] if intent.endswith((STOP_MARK, PROFIT_MARK)) else ""


def plain(value: Decimal | None) -> str:
    """Return a number as text, without an exponent and trailing zeros; empty for none."""
    if value is None:
        return ""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
