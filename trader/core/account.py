"""What the broker says of the account: its values, its type and when it said so.

The broker tells every three minutes and whenever a position changes (INC-037), so a value alone
never releases risk: where we know the number as well, the lower of both counts.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from trader.core.amounts import ZERO
from trader.core.ids import ConId
from trader.core.policy import AccountType

# Zero is what the broker says before it knows a price. Still told after the next whole list, which
# comes every 180 s, it is what the holding is worth.
_ZERO_S = 170.0


@dataclass(frozen=True, slots=True)
class Holding:
    """One holding as the broker values it (updatePortfolio, message 7), in its own currency."""

    con_id: ConId
    symbol: str
    sec_type: str
    currency: str
    quantity: Decimal
    # Signed, multiplier included; the last one that was a number (INC-105).
    value: Decimal
    # Monotonic seconds: when this value was told, and when the list that holds it last stood.
    since_s: float
    at_s: float

    @property
    def unit_value(self) -> Decimal | None:
        """Return what one unit is worth, multiplier included; None where that cannot be said."""
        if self.quantity == ZERO:
            return None
        unit = self.value / self.quantity
        if unit == ZERO:
            # Nothing is owed on what is worth nothing; a short that would be free is no value.
            has_stood = self.at_s - self.since_s >= _ZERO_S
            return ZERO if has_stood and self.quantity > ZERO else None
        return unit if unit > ZERO else None


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
    # What of each currency's cash may not have settled, at most, as told with the rest.
    unsettled_cash: Mapping[str, Decimal] = field(default_factory=dict)
    # What it holds and what that is worth by the broker's own marks.
    holdings: Mapping[ConId, Holding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ResultReading:
    """The result of its day as the broker reckons it (message 94), in the account's currency.

    None where the broker has not said. ``daily`` counts from the broker's own reset; ``realized``
    as well, and it and ``unrealized`` are against what was paid, commissions included.
    """

    daily: Decimal | None
    unrealized: Decimal | None
    realized: Decimal | None
    # Monotonic seconds.
    at_s: float


@dataclass(frozen=True, slots=True)
class MarginPreview:
    """What the broker says an order would leave behind (whatIf), in the account's currency."""

    initial_margin_after: Decimal
    equity_with_loan_after: Decimal
