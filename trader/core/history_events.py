"""What the book lets go, because nothing can happen to it any more."""

from dataclasses import dataclass
from datetime import datetime

from trader.core.ids import ExecFamily, IntentId, OrderId


@dataclass(frozen=True, slots=True)
class HistoryRetired:
    """Orders that are long over left the book, with their executions; the journal keeps them.

    ``intents`` are those of the orders, and those that were refused. No broker tells an execution
    of before ``before_utc`` again, by its own clock.
    """

    before_utc: datetime
    intents: tuple[IntentId, ...]
    orders: tuple[OrderId, ...]
    families: tuple[ExecFamily, ...]
