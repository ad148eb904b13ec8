"""What can be traded or quoted: an instrument, a combination's leg, and a query for one.

An `Instrument` is the full record behind a contract id; a `ContractQuery` is what a client wrote
into the contract fields of a request. Which instruments exist is the catalogue's business.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

ONE = Decimal(1)
# Contracts that settle in cash or shares per unit of something else have a multiplier.
DERIVATIVES = ("FUT", "OPT", "FOP")


@dataclass(frozen=True, slots=True)
class Leg:
    """One leg of a combination as the wire writes it; action is BUY or SELL."""

    con_id: int
    ratio: int
    action: str
    exchange: str = ""
    open_close: int = 0
    short_sale_slot: int = 0
    designated_location: str = ""
    exempt_code: int = -1


@dataclass(frozen=True, slots=True)
class Instrument:
    """One tradable (or quoted) thing of the catalogue."""

    con_id: int
    symbol: str
    sec_type: str
    primary_exchange: str
    currency: str
    trading_class: str
    long_name: str
    tick: Decimal = Decimal("0.01")
    industry: str = ""
    category: str = ""
    subcategory: str = ""
    isin: str = ""
    # Empty means the symbol itself.
    local_name: str = ""
    expiry: date | None = None
    strike: Decimal | None = None
    right: str = ""
    multiplier: Decimal = ONE
    contract_month: str = ""
    # Where orders are routed; empty means SMART for a stock, the primary exchange otherwise.
    route: str = ""
    exchanges: tuple[str, ...] = ()
    # One per exchange; empty means `market_rule_id` at each.
    market_rule_ids: tuple[int, ...] = ()
    market_rule_id: int = 26
    price_magnifier: int = 1
    stock_type: str = "COMMON"
    under_con_id: int = 0
    under_symbol: str = ""
    under_sec_type: str = ""
    calendar: str = "US-STOCKS"
    # The zone as contract details name it, and the wall time there of the last trade ("08:30").
    time_zone: str = "US/Eastern"
    last_trade_time: str = ""
    # Comma separated as on the wire; empty means those of a stock.
    order_types: str = ""
    size_min: Decimal = ONE
    size_step: Decimal = ONE
    size_suggested: Decimal = Decimal(100)
    legs: tuple[Leg, ...] = ()

    @property
    def is_tradable(self) -> bool:
        """Return whether orders are accepted; an index is only quoted."""
        return self.sec_type != "IND"

    @property
    def exchange(self) -> str:
        """Return the exchange its orders are routed to."""
        return self.route or ("SMART" if self.sec_type == "STK" else self.primary_exchange)

    @property
    def local_symbol(self) -> str:
        """Return the exchange's own name of it."""
        return self.local_name or self.symbol


@dataclass(frozen=True, slots=True)
class ContractQuery:
    """The contract fields of a request; empty, zero or None where the client gave none."""

    con_id: int = 0
    symbol: str = ""
    sec_type: str = ""
    exchange: str = ""
    primary_exchange: str = ""
    currency: str = ""
    local_symbol: str = ""
    trading_class: str = ""
    # `YYYYMM` or `YYYYMMDD`, as written.
    expiry: str = ""
    strike: Decimal | None = None
    right: str = ""
    multiplier: str = ""
    include_expired: bool = False
    sec_id_type: str = ""
    sec_id: str = ""
    issuer_id: str = ""
    legs: tuple[Leg, ...] = ()
