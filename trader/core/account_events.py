"""What is recorded of the broker's own figures of the account: its values and its day's result."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from trader.core.policy import AccountType


class Teller(StrEnum):
    """Whose word the account's values are."""

    # reqAccountUpdates, with settled cash from reqAccountSummary.
    UPDATES = "account updates"


@dataclass(frozen=True, slots=True)
class AccountTold:
    """What the broker said of the account; None where it has not said, and never 0 instead.

    ``as_of_utc`` is when the oldest value in it was heard; amounts are in ``currency``.
    """

    source: Teller
    as_of_utc: datetime
    currency: str
    account_type: AccountType | None
    net_liquidation: Decimal | None
    available_funds: Decimal | None
    buying_power: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    # Pairs of currency and amount.
    settled_cash: tuple[tuple[str, Decimal], ...]

    @property
    def amounts(self) -> tuple[Decimal | None, ...]:
        """Return the amounts in the account's currency, always in the same order."""
        return (
            self.net_liquidation,
            self.available_funds,
            self.buying_power,
            self.initial_margin,
            self.maintenance_margin,
        )


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


AccountEvent = AccountTold | ResultDisputed | ResultAgreed
