"""What the broker says of the account: its values, its type and when it said so.

The broker tells every three minutes and whenever a position changes (INC-037), so a value alone
never releases risk: where we know the number as well, the lower of both counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trader.core.policy import AccountType


@dataclass(frozen=True, slots=True)
class AccountReading:
    """The account's values in its own currency; None where the broker has not said."""

    net_liquidation: Decimal | None
    available_funds: Decimal | None
    buying_power: Decimal | None
    initial_margin: Decimal | None
    maintenance_margin: Decimal | None
    # By currency of the cash: what a cash account may spend without waiting for a settlement.
    settled_cash: Mapping[str, Decimal]
    account_type: AccountType | None
    # Monotonic seconds of the oldest value in it.
    as_of_s: float
    # The currency of the amounts; empty where the broker has not said.
    currency: str = ""
    # What one unit of a currency is worth in the account's own, by the broker.
    rates: Mapping[str, Decimal] = field(default_factory=dict)
    # How many lists of this connection it rests on; the first may be a little off (INC-144).
    samples: int = 1


@dataclass(frozen=True, slots=True)
class MarginPreview:
    """What the broker says an order would leave behind (whatIf), in the account's currency."""

    initial_margin_after: Decimal
    equity_with_loan_after: Decimal
