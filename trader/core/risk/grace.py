"""What a refusal says of orders that are over and still count: that they settle, and when."""

from trader.core.intents import Side
from trader.core.risk.case import Case
from trader.core.settling import settling_words


def told(case: Case, value: str, *, passed: bool, side: Side | None) -> str:
    """Return a refused check's value with what settles in its instrument, on a side or on both."""
    if passed or not case.book.settling:
        return value
    given = case.given
    words = settling_words(
        case.book, case.intent.con_id, side, given.now_utc, case.policy.order.settle_s
    )
    return f"{value}; {words}" if words else value
