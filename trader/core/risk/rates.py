"""How often: counts of the book's tapes, against the policy.

Entries may not use up the room of the exits: a stop must still leave after a busy minute. Exits
have a bound as well, so that a loop of them ends. The operator's liquidation is not counted.
"""

from datetime import datetime, timedelta
from functools import lru_cache

from trader.core.book_view import BookView
from trader.core.events import Check
from trader.core.ids import ConId, OrderId
from trader.core.policy import Policy
from trader.core.risk.case import Case, check, span_of
from trader.core.tapes import Key, pattern_of

# Where nobody says when the account's day began, all of the longest day counts.
_LONGEST_DAY = timedelta(hours=25)
# A profit and a stop, and what each of them is counted as.
_LEGS = 2
_OF_NEW = ("order", "message")


def order_check(case: Case) -> Check:
    """Refuse more orders of the account than the window allows."""
    return _windowed(case, "ORDER_RATE", case.policy.rate.orders_max, ("order",))


def strategy_order_check(case: Case) -> Check:
    """Refuse more orders of the strategy than the window allows."""
    most = case.policy.rate.orders_per_strategy_max
    return _windowed(case, "ORDER_RATE_STRATEGY", most, ("order", case.intent.strategy))


def instrument_order_check(case: Case) -> Check:
    """Refuse more orders of the instrument than the window allows."""
    most = case.policy.rate.orders_per_instrument_max
    return _windowed(case, "ORDER_RATE_INSTRUMENT", most, ("order", case.intent.con_id))


def cancel_check(case: Case) -> Check:
    """Refuse new orders of an account that cancels too many; a cancel itself always leaves."""
    return _windowed(case, "CANCEL_RATE", case.policy.rate.cancels_max, ("cancel",))


def strategy_cancel_check(case: Case) -> Check:
    """Refuse new orders of a strategy that cancels too many."""
    most = case.policy.rate.cancels_per_strategy_max
    return _windowed(case, "CANCEL_RATE_STRATEGY", most, ("cancel", case.intent.strategy))


def message_check(case: Case) -> Check:
    """Refuse more messages about orders than the window allows."""
    return _windowed(case, "MESSAGE_RATE", case.policy.rate.messages_max, ("message",))


def strategy_message_check(case: Case) -> Check:
    """Refuse more messages about orders of the strategy than the window allows."""
    most = case.policy.rate.messages_per_strategy_max
    return _windowed(case, "MESSAGE_RATE_STRATEGY", most, ("message", case.intent.strategy))


def daily_check(case: Case) -> Check:
    """Refuse more orders than the account may have in the exchange's trading day.

    Those of the ledger count, and those that the broker executed without it.
    """
    start = case.given.day_start_utc or case.given.now_utc - _LONGEST_DAY
    count = case.book.planned.since(start) + case.book.strangers.since(start)
    most = case.share * case.policy.rate.daily_trades_max
    passed = count + _beside(case) < most or case.given.is_operator
    return check("DAILY_TRADES", f"{count} today", f"below {most}", passed)


def repeat_check(case: Case) -> Check:
    """Refuse the same intent over and over: a loop says it faster than a person could."""
    intent, rate = case.intent, case.policy.rate
    pattern = pattern_of(
        intent.side, intent.quantity, intent.order_type, intent.limit_price, intent.stop_price
    )
    key = ("order", intent.strategy, intent.con_id, pattern)
    count = case.book.acts.count(_since(case, rate.repeat_window_s), key)
    return _counted(case, "DUPLICATE_PATTERN", count, rate.repeats_max, rate.repeat_window_s)


def execution_check(case: Case) -> Check:
    """Refuse to go on executing the same side of the same instrument (RTS 6, article 15)."""
    intent, rate = case.intent, case.policy.rate
    key = ("entry", intent.strategy, intent.con_id, str(intent.side))
    count = case.book.acts.count(_since(case, rate.execution_window_s), key)
    return _counted(case, "REPEATED_EXECUTION", count, rate.executions_max, rate.execution_window_s)


def churn_check(case: Case) -> Check:
    """Refuse new orders of an instrument whose orders are changed over and over."""
    most = case.policy.rate.modifies_max
    return _windowed(case, "CHURN", most, ("modify", case.intent.con_id))


def churn_refusal(
    book: BookView, policy: Policy, now_utc: datetime, *, order_id: OrderId, con_id: ConId
) -> str | None:
    """Say why an order may not be changed once more, or None when it may."""
    rate = policy.rate
    since = now_utc - timedelta(seconds=rate.window_s)
    of_order = book.acts.count(since, ("modify", "order", order_id))
    if of_order >= rate.modifies_per_order_max:
        most = rate.modifies_per_order_max
        return f"CHURN: order {order_id} was changed {of_order} times, allowed is below {most}"
    of_instrument = book.acts.count(since, ("modify", con_id))
    if of_instrument >= rate.modifies_max:
        most = rate.modifies_max
        return f"CHURN: {of_instrument} changes in the instrument, allowed is below {most}"
    return None


def _windowed(case: Case, code: str, most: int, key: Key) -> Check:
    count, window_s = case.book.acts.count(case.window_utc, key), case.policy.rate.window_s
    beside = _beside(case) if key[0] in _OF_NEW else 0
    return _made(code, count, most * case.share, window_s, case.given.is_operator, beside)


def _beside(case: Case) -> int:
    """Return how many orders leave with this one: the legs of a bracket that is not there yet."""
    is_new = case.intent.bracket is not None and case.intent.intent_id not in case.book.intents
    return _LEGS if is_new else 0


def _since(case: Case, window_s: float) -> datetime:
    return case.given.now_utc - span_of(window_s)


def _counted(case: Case, code: str, count: int, most: int, window_s: float) -> Check:
    return _made(code, count, most * case.share, window_s, case.given.is_operator)


@lru_cache(maxsize=1024)
def _made(
    code: str, count: int, most: int, window_s: float, is_operator: bool, beside: int = 0
) -> Check:
    """Return the check of a count; most of one review's are those of the review before."""
    passed = count + beside < most or is_operator
    value = f"{count} and {beside} beside it" if beside else str(count)
    return check(code, value, f"below {most} in {window_s:g} s", passed)


CHECKS = (
    ("ORDER_RATE", order_check),
    ("ORDER_RATE_STRATEGY", strategy_order_check),
    ("ORDER_RATE_INSTRUMENT", instrument_order_check),
    ("CANCEL_RATE", cancel_check),
    ("CANCEL_RATE_STRATEGY", strategy_cancel_check),
    ("MESSAGE_RATE", message_check),
    ("MESSAGE_RATE_STRATEGY", strategy_message_check),
    ("DAILY_TRADES", daily_check),
    ("DUPLICATE_PATTERN", repeat_check),
    ("REPEATED_EXECUTION", execution_check),
    ("CHURN", churn_check),
)
