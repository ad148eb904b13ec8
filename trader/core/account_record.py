"""What the journal holds of the broker's own figures of the account: a fold over events."""

from dataclasses import dataclass, replace
from typing import assert_never

from trader.core.account_events import AccountEvent, ResultAgreed, ResultDisputed


@dataclass(frozen=True, slots=True)
class AccountRecord:
    """Everything of it, as one value."""

    # A difference between the broker's result of a day and ours that nothing has ended yet.
    dispute: ResultDisputed | None = None


def after(record: AccountRecord, event: AccountEvent) -> AccountRecord:
    """Return what an event leaves."""
    match event:
        case ResultDisputed():
            return replace(record, dispute=event)
        case ResultAgreed():
            return replace(record, dispute=None)
        case _:
            assert_never(event)
