"""What is recorded of the broker's own figures of the account: its values and its day's result."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class ResultDisputed:
    """The broker's result of its day has moved otherwise than ours, for longer than a moment.

    ``told`` and ``own`` are what each has moved by since ``since_utc``, in the account's currency.
    """

    # The broker's day, named by when it began.
    day: str
    told: Decimal
    own: Decimal
    allowed: Decimal
    since_utc: datetime


@dataclass(frozen=True, slots=True)
class ResultAgreed:
    """That dispute is over; ``reason`` says why."""

    day: str
    reason: str


AccountEvent = ResultDisputed | ResultAgreed
