"""What a review is given and what it answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from trader.core.account import AccountReading, MarginPreview
from trader.core.bars import NO_BARS, BarsView
from trader.core.book_view import BookView
from trader.core.events import Check
from trader.core.ids import ClientId, OrderId, OrderRef
from trader.core.instruments import Instrument
from trader.core.intents import Intent
from trader.core.market import Quote
from trader.core.orders import Order, OrderTerms
from trader.core.policy import Policy, Regime
from trader.core.valuation import Valuation


@dataclass(frozen=True, slots=True)
class SessionView:
    """Where the exchange's day stands for one instrument; seconds, None where nobody knows."""

    is_regular: bool | None
    is_extended: bool | None
    since_open_s: float | None = None
    until_close_s: float | None = None
    # Until the gateway's daily restart; 0 during it, None when none is planned.
    until_restart_s: float | None = None


@dataclass(frozen=True, slots=True)
class RiskInput:
    """Everything a review may look at, at one instant; None is "not known", never "no limit"."""

    book: BookView
    instrument: Instrument | None
    quote: Quote | None
    policy: Policy
    now_utc: datetime
    now_s: float
    # Set for the operator's liquidation: it is exempt from rate and count, never from reality.
    is_operator: bool = False
    valuation: Valuation | None = None
    account: AccountReading | None = None
    regime: Regime | None = None
    # The share of the position limits that the VIX leaves to new risk, 0 to 1.
    allocation: Decimal | None = Decimal(1)
    # The account's value at the start of its day, adjusted for deposits and withdrawals.
    baseline_equity: Decimal | None = None
    day_start_utc: datetime | None = None
    session: SessionView | None = None
    # What the broker holds by its last snapshot and the executions since; None while it agrees.
    broker_position: Decimal | None = None
    what_if: MarginPreview | None = None
    # The broker was asked; without it the answer is still to come.
    is_what_if_asked: bool = False
    # Those that the strategy decides by in this instrument.
    bars: BarsView = NO_BARS


# Only `review` holds this token, so an Approved can come from nowhere else.
REVIEWED = object()


class Approved:
    """Proof that an intent passed the review, with the table of checks."""

    __slots__ = ("checks", "instrument", "intent", "legs", "reserve_per_unit")

    def __init__(
        self,
        intent: Intent,
        checks: tuple[Check, ...],
        instrument: Instrument,
        reserve_per_unit: Decimal,
        token: object,
        legs: tuple["Approved", ...] = (),
    ) -> None:
        assert token is REVIEWED, "an Approved is made by risk.review only"
        self.intent = intent
        self.checks = checks
        self.instrument = instrument
        self.reserve_per_unit = reserve_per_unit
        # Of the entry of a bracket: those of the two that leave with it.
        self.legs = legs


@dataclass(frozen=True, slots=True)
class Refused:
    """An intent that must not become an order; ``code`` is the first failed check's."""

    intent: Intent
    code: str
    text: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class Downgraded:
    """An intent that is held back: sound, and yet it becomes no order (HOLD)."""

    intent: Intent
    code: str
    text: str
    checks: tuple[Check, ...]


@dataclass(frozen=True, slots=True)
class ApprovedOrder:
    """What the broker port accepts: an approval with its identity on the wire."""

    approval: Approved
    order_id: OrderId
    client_id: ClientId
    order_ref: OrderRef
    terms: OrderTerms

    def __post_init__(self) -> None:
        intent = self.approval.intent
        assert self.terms.intent_id == intent.intent_id, "order made from another approval"
        assert self.terms.quantity == intent.quantity, "order quantity differs from approval"
        assert self.terms.side is intent.side, "order side differs from approval"


@dataclass(frozen=True, slots=True)
class ApprovedChange:
    """What the broker port accepts for a working order: an approval of its new terms."""

    approval: Approved
    order: Order
    terms: OrderTerms
    # Of a bracket's leg: its entry works at the broker, which knows the leg as its child.
    has_parent: bool = False

    def __post_init__(self) -> None:
        intent, terms = self.approval.intent, self.terms
        assert terms.intent_id == self.order.terms.intent_id, "change of another order"
        assert terms.intent_id == intent.intent_id, "change made from another approval"
        assert terms.quantity == intent.quantity + self.order.filled, "quantity not as approved"
        prices = (intent.limit_price, intent.stop_price)
        assert (terms.limit_price, terms.stop_price) == prices, "prices not as approved"


Verdict = Approved | Refused | Downgraded
Rates = Mapping[str, Decimal]
