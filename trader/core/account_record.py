"""What the journal holds of the broker's own figures of the account: a fold over events.

The values are told every three minutes and whenever something changes, so not each is worth a
row: the first of a process is, one in a quarter of an hour, and at most once a minute what has
changed by a hundredth of the account. That is about a hundred rows on a quiet day and 1440 at
most. What is read back after a restart is old and only shown: nothing that releases risk reads it.
"""

from dataclasses import dataclass, replace
from decimal import Decimal
from typing import assert_never

from trader.core.account_events import AccountEvent, AccountTold, ResultAgreed, ResultDisputed
from trader.core.amounts import ZERO

# Seconds since the row before.
CHANGED_S = 60.0
UNCHANGED_S = 900.0
# Of the net liquidation.
_MATERIAL_SHARE = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """Everything of it, as one value."""

    # A difference between the broker's result of a day and ours that nothing has ended yet.
    dispute: ResultDisputed | None = None
    # The last values that were recorded.
    told: AccountTold | None = None


def after(record: AccountRecord, event: AccountEvent) -> AccountRecord:
    """Return what an event leaves."""
    match event:
        case AccountTold():
            return replace(record, told=event)
        case ResultDisputed():
            return replace(record, dispute=event)
        case ResultAgreed():
            return replace(record, dispute=None)
        case _:
            assert_never(event)


def is_worth_a_row(last: AccountTold | None, now: AccountTold, since_s: float) -> bool:
    """Tell whether values are recorded; ``since_s`` counts from the row before, of this process.

    It is endless before the first one.
    """
    if last is None or since_s >= UNCHANGED_S:
        return True
    return since_s >= CHANGED_S and _has_changed(last, now)


def _has_changed(last: AccountTold, now: AccountTold) -> bool:
    if (last.currency, last.account_type) != (now.currency, now.account_type):
        return True
    if [key for key, _ in last.settled_cash] != [key for key, _ in now.settled_cash]:
        return True
    worth = last.net_liquidation
    room = ZERO if worth is None else _MATERIAL_SHARE * abs(worth)
    pairs = [
        *zip(last.amounts, now.amounts, strict=True),
        *zip(dict(last.settled_cash).values(), dict(now.settled_cash).values(), strict=True),
    ]
    return any(
        # One that is told now and was not, or no longer is, is no small change.
        (before is None) is not (after_ is None)
        or (before is not None and after_ is not None and abs(after_ - before) > room)
        for before, after_ in pairs
    )
