"""Until when the broker may execute an order that adds risk.

Bytes that were written may be executed much later: by a gateway that hung, over a link that was cut
(INC-004). What the broker itself lets expire bounds that, whoever is there to cancel it (INC-082).
"""

from datetime import datetime, timedelta
from decimal import Decimal

from trader.core.intents import Intent, TimeInForce, closes

_SECOND = timedelta(seconds=1)


def good_till(
    intent: Intent, held: Decimal, expiry_s: float | None, now_utc: datetime
) -> datetime | None:
    """Return when an order of an intent expires at the broker, in whole seconds, or None.

    Only what adds risk does: an exit that ended by itself would leave a position without its stop.
    An order that is to fill at once or not at all is over before.
    """
    is_exit = closes(held, intent.signed_quantity, is_reduce_only=intent.is_reduce_only)
    if expiry_s is None or is_exit or intent.time_in_force is TimeInForce.IOC:
        return None
    ends_utc = now_utc + timedelta(seconds=expiry_s)
    # The wire has no parts of a second: never earlier than asked for.
    whole = ends_utc.replace(microsecond=0)
    return whole if whole == ends_utc else whole + _SECOND
