"""The risk policy: every limit that an intent is held against, in groups.

Amounts have no default: nobody can guess what an account may lose. Everything else has one that
is safe. Money is in the account's currency unless its name says otherwise; a fraction is of the
price or of the account's value, as said beside it. A policy is a value; :func:`policy_hash`
seals it, and what the seal must say before it may arm live is :mod:`trader.config.signature`.
"""

import hashlib
import json
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any

from trader.core.breakers.allocation import DEFAULT_STEPS, AllocationStep
from trader.core.breakers.rules import Rules
from trader.core.intents import OrderType, TimeInForce


class Regime(StrEnum):
    """How rough the market is; what is not known to be calmer is a storm."""

    CALM = "calm"
    NORMAL = "normal"
    STORM = "storm"


class AccountType(StrEnum):
    """What the broker lends against, strictest first."""

    CASH = "cash"
    REG_T = "reg_t"
    PORTFOLIO_MARGIN = "portfolio_margin"


class TradingHours(StrEnum):
    """In which part of the day new risk may be taken."""

    REGULAR = "regular"
    EXTENDED = "extended"
    ALWAYS = "always"


class LateOrders(StrEnum):
    """What becomes of an order that had no answer, and turns out to work at the broker."""

    KEEP = "keep"
    # What adds risk is cancelled, and so is whatever had been proven absent.
    CANCEL = "cancel"


class WhatIf(StrEnum):
    """Whether the broker is asked, before risk grows, what margin an order would leave."""

    NEVER = "never"
    # An answer that does not come in time is done without.
    ASKED = "asked"
    # Without a valid answer in time there is no order (INC-080).
    REQUIRED = "required"


# Gross exposure over account value that a type of account can carry overnight; no limit of ours
# may promise more than the broker would let stand.
GROSS_CAP = {
    AccountType.CASH: Decimal(1),
    AccountType.REG_T: Decimal(2),
    AccountType.PORTFOLIO_MARGIN: Decimal(6),
}


def stricter(own: AccountType, told: AccountType | None) -> AccountType:
    """Return the stricter of the type that the policy says and that the broker says."""
    return own if told is None else min(own, told, key=_STRICTEST_FIRST.index)


_STRICTEST_FIRST = tuple(AccountType)


def gross_most(limits: "RegimeLimits", account_type: AccountType) -> Decimal:
    """Return the most gross exposure over account value that regime and type of account allow."""
    return min(limits.gross_max, GROSS_CAP[account_type])


Form = tuple[str, OrderType, TimeInForce]


def _forms(sec_types: str, order_types: str, times: str) -> frozenset[Form]:
    return frozenset(
        (sec_type, OrderType(order_type), TimeInForce(time))
        for sec_type in sec_types.split()
        for order_type in order_types.split()
        for time in times.split()
    )


# A stop has no IOC; options are thin, so an option has no market order.
DEFAULT_FORMS = (
    _forms("STK FUT CASH", "MKT LMT", "DAY GTC IOC")
    | _forms("STK FUT CASH", "STP", "DAY GTC")
    | _forms("OPT FOP", "LMT", "DAY GTC IOC")
)


@dataclass(frozen=True, slots=True)
class OrderPolicy:
    """One order by itself; ``forms`` are (asset class, order type, time in force)."""

    quantity_max: Decimal
    notional_max: Decimal
    forms: frozenset[Form] = DEFAULT_FORMS
    # How long after an order's end its executions are asked for: a broker reports them up to 5 s
    # after Cancelled (INC-024). Until then what is left of it counts as if it worked.
    settle_s: float = 5.0
    # How long after it was decided on the broker may still execute what adds risk; it lets it
    # expire by itself, whoever is there to cancel it. None: as long as its time in force says.
    entry_expiry_s: float | None = None
    late_orders: LateOrders = LateOrders.KEEP


@dataclass(frozen=True, slots=True)
class PositionPolicy:
    """One instrument: everything that works counted as filled, the same for long and short."""

    quantity_max: Decimal
    notional_max: Decimal
    is_short_allowed: bool = False
    # Refuse an order that could trade with an own one on the other side.
    is_wash_prevented: bool = True


@dataclass(frozen=True, slots=True)
class RegimeLimits:
    """Exposure over account value: all sides added, long less short, one instrument."""

    gross_max: Decimal
    net_max: Decimal
    box_max: Decimal = Decimal("0.25")


@dataclass(frozen=True, slots=True)
class AssetClass:
    """What one unit of value costs in margin, and how far the account may be levered in it."""

    sec_type: str
    initial_margin_fraction: Decimal
    leverage_max: Decimal
    # A long position of this class can be paid in full and then owes nothing.
    is_payable: bool


DEFAULT_CLASSES = (
    AssetClass("STK", Decimal("0.5"), Decimal(2), is_payable=True),
    AssetClass("OPT", Decimal(1), Decimal(1), is_payable=True),
    AssetClass("FOP", Decimal(1), Decimal(1), is_payable=True),
    AssetClass("FUT", Decimal("0.15"), Decimal(4), is_payable=False),
    AssetClass("CASH", Decimal("0.05"), Decimal(4), is_payable=False),
)


@dataclass(frozen=True, slots=True)
class ExposurePolicy:
    """The account as a whole, as fractions of its value; an unknown regime is a storm."""

    account_type: AccountType = AccountType.CASH
    is_enforced: bool = True
    calm: RegimeLimits = RegimeLimits(Decimal("2.5"), Decimal("1.0"))
    normal: RegimeLimits = RegimeLimits(Decimal("2.0"), Decimal("0.8"))
    storm: RegimeLimits = RegimeLimits(Decimal("1.0"), Decimal("0.4"))
    # Beyond this an order that adds to a position is held back instead of refused.
    concentration_hold: Decimal = Decimal("0.20")
    # Loss since the start of the account's day, deposits taken out, beyond which nothing is added.
    day_loss_max: Decimal = Decimal("0.05")
    is_baseline_required: bool = True
    # Without the broker's own account values only what is paid in full may be bought, or nothing.
    is_reading_required: bool = True
    margin_usage_max: Decimal = Decimal("0.8")
    margin_usage_warning: Decimal = Decimal("0.6")
    classes: tuple[AssetClass, ...] = DEFAULT_CLASSES
    valuation_age_s_max: float = 10.0
    # How old a price may be that values what is held: another thing than the freshness of a quote
    # that is traded on. An older one gives way to the broker's own mark, and that one, of a list
    # that comes every 180 s, to "not known", which releases no new risk.
    mark_age_s_max: float = 120.0
    broker_mark_age_s_max: float = 400.0
    # The broker tells account values every 180 s (INC-037).
    account_age_s_max: float = 400.0
    # How long what is held may exceed a limit before the plan of reductions is carried out without
    # a person. None: it is shown, and nothing of it is sent.
    reduce_after_s: float | None = None
    what_if: WhatIf = WhatIf.NEVER
    what_if_deadline_s: float = 2.0

    def limits_of(self, regime: Regime | None) -> RegimeLimits:
        """Return the limits of a regime; not knowing it is the storm."""
        if regime is Regime.CALM:
            return self.calm
        return self.normal if regime is Regime.NORMAL else self.storm

    def class_of(self, sec_type: str) -> AssetClass | None:
        """Return what holds for an asset class, or None when the policy does not name it."""
        for row in self.classes:
            if row.sec_type == sec_type:
                return row
        return None


@dataclass(frozen=True, slots=True)
class CashPolicy:
    """Cash that stays, and the most a commission may be, all in the currency of the order."""

    reserve_min: Decimal
    commission_per_unit_max: Decimal
    commission_per_order_min: Decimal

    def worst_commission(self, quantity: Decimal) -> Decimal:
        """Return the most that an order of this size may cost in commission."""
        return max(self.commission_per_order_min, self.commission_per_unit_max * quantity)

    def worst_commissions(self, count: int, quantity: Decimal) -> Decimal:
        """Return a bound on what ``count`` orders of ``quantity`` together may cost in commission.

        However the quantity is split between them: the larger of two is at most their sum.
        """
        return self.commission_per_order_min * count + self.commission_per_unit_max * quantity


@dataclass(frozen=True, slots=True)
class PricePolicy:
    """Prices against a fresh quote; every fraction is of the middle of bid and ask."""

    # No order further than this from the middle, spread included.
    collar_fraction_max: Decimal = Decimal("0.03")
    # What an order may give away beyond the best price of the other side.
    slippage_fraction_max: Decimal = Decimal("0.02")
    # A spread wider than this is no market to enter.
    spread_fraction_max: Decimal = Decimal("0.04")
    quote_age_s_max: float = 5.0
    # A spread from here on makes an instrument illiquid, as does being named: only limit orders
    # enter then, within ``illiquid_share`` of the collar and the slippage.
    illiquid_spread_fraction: Decimal = Decimal("0.01")
    illiquid_share: Decimal = Decimal("0.5")
    illiquid_symbols: frozenset[str] = frozenset()
    # A middle further than this from the last one that was believed in its session, or from the
    # session before where there was none yet, is in doubt: until so many ticks over so many
    # seconds have stayed with each other. Options move by multiples: none of it holds for them.
    jump_fraction_max: Decimal = Decimal("0.10")
    gap_fraction_max: Decimal = Decimal("0.25")
    believed_ticks: int = 5
    believed_s: float = 5.0
    # Bid and ask so far apart are there because something must be shown, and no market.
    stub_spread_fraction: Decimal = Decimal("0.5")
    # Of the bars of the session that a strategy decides by, so much must be there whole.
    bar_share_min: Decimal = Decimal("0.9")


@dataclass(frozen=True, slots=True)
class RatePolicy:
    """How often; every count is of one window. Exits that only reduce may use twice as much."""

    window_s: float = 60.0
    orders_max: int = 20
    orders_per_strategy_max: int = 20
    orders_per_instrument_max: int = 20
    cancels_max: int = 200
    cancels_per_strategy_max: int = 200
    messages_max: int = 400
    messages_per_strategy_max: int = 400
    # Of the account, in the account's day, from the ledger (EXEC_MAX_DAILY_TRADES lowers it).
    daily_trades_max: int = 200
    # The same intent over and over: strategy, instrument, side, quantity, type and price.
    repeats_max: int = 5
    repeat_window_s: float = 2.0
    # Executed entries of one strategy on one side of one instrument.
    executions_max: int = 60
    execution_window_s: float = 600.0
    # Cancel and replace: changes of all orders of one instrument.
    modifies_max: int = 60
    modifies_per_order_max: int = 20


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """When new risk may be taken; seconds after the open, before the close, before a restart."""

    hours: TradingHours = TradingHours.REGULAR
    open_guard_s: float = 0.0
    close_guard_s: float = 0.0
    restart_guard_s: float = 0.0


@dataclass(frozen=True, slots=True)
class BreakerPolicy:
    """When a breaker trips and what follows; ``steps`` say what a high VIX leaves of new risk."""

    rules: Rules = field(default_factory=Rules)
    steps: tuple[AllocationStep, ...] = DEFAULT_STEPS


@dataclass(frozen=True, slots=True)
class RegimePolicy:
    """From which VIX and which realised volatility (a fraction a year) a market is rougher."""

    vix_normal: Decimal = Decimal(16)
    vix_storm: Decimal = Decimal(25)
    realised_normal: Decimal = Decimal("0.15")
    realised_storm: Decimal = Decimal("0.30")
    # From which average correlation of what is quoted; both or neither. Without them it is no
    # measure, with them not to know it is a storm.
    correlation_normal: Decimal | None = None
    correlation_storm: Decimal | None = None
    # To count as calmer, all measures must be below the border by this share for this long.
    margin_share: Decimal = Decimal("0.1")
    dwell_s: float = 1800.0


@dataclass(frozen=True, slots=True)
class StrategyLimits:
    """The most of the account that one strategy may use; None is what holds for all of them.

    ``share_max`` is a fraction of the account's value, ``notional_max`` an amount.
    """

    name: str
    share_max: Decimal | None = None
    notional_max: Decimal | None = None


@dataclass(frozen=True, slots=True)
class CoordinationPolicy:
    """How several strategies share one account."""

    # In one instrument all of them are on one side: none sells what another one holds.
    is_one_sided: bool = True
    # The most that each strategy may use of the account, all it holds added to all that its orders
    # may add: a fraction of the account's value, and an amount. None: the account's limits alone.
    share_max: Decimal | None = None
    notional_max: Decimal | None = None
    # What differs for some of them.
    strategies: tuple[StrategyLimits, ...] = ()

    def limits_of(self, strategy: str) -> StrategyLimits:
        """Return what holds for a strategy; what is not said of it is what holds for all."""
        own = next((row for row in self.strategies if row.name == strategy), None)
        share, notional = self.share_max, self.notional_max
        if own is not None:
            share = share if own.share_max is None else own.share_max
            notional = notional if own.notional_max is None else own.notional_max
        return StrategyLimits(strategy, share, notional)


@dataclass(frozen=True, slots=True)
class BlindPolicy:
    """What the watcher of blind spots goes by; its limits are rules of breakers."""

    # So many changes from minute to minute an instrument needs for a row of the covariance, which
    # looks back twice as far. The latest half of them is what is compared with all before.
    minutes_min: int = 60
    # From this correlation on, what loses together counts as one bet.
    correlation_max: Decimal = Decimal("0.7")
    # The share of its usual size that new risk may have while a blind spot scales it; 1 only tells.
    allocation: Decimal = Decimal("0.5")


@dataclass(frozen=True, slots=True)
class KillPolicy:
    """What the kill switch and the dead-man may do, and a breaker that kills."""

    # A breaker that kills cancels what adds risk; with this it closes every position as well.
    must_flatten: bool = False


@dataclass(frozen=True, slots=True)
class ActionPolicy:
    """How soon a person reviews what was done automatically, and how often it may be in vain."""

    # Of what stops trading (a halt, a kill, a strategy's halt), and of everything else; seconds.
    critical_review_s: float = 300.0
    review_s: float = 86_400.0
    # More false positives in a month than this, and the limits want another look.
    false_month_max: int = 3


@dataclass(frozen=True, slots=True)
class Policy:
    """All limits of one account."""

    order: OrderPolicy
    position: PositionPolicy
    cash: CashPolicy
    exposure: ExposurePolicy = ExposurePolicy()
    price: PricePolicy = PricePolicy()
    rate: RatePolicy = RatePolicy()
    session: SessionPolicy = SessionPolicy()
    breaker: BreakerPolicy = field(default_factory=BreakerPolicy)
    regime: RegimePolicy = RegimePolicy()
    blind: BlindPolicy = BlindPolicy()
    kill: KillPolicy = field(default_factory=KillPolicy)
    action: ActionPolicy = ActionPolicy()
    coordination: CoordinationPolicy = CoordinationPolicy()


def canonical(policy: Policy) -> str:
    """Return the policy as JSON text in which equal policies are equal texts."""
    return json.dumps(_plain(policy), sort_keys=True, separators=(",", ":"), allow_nan=False)


@lru_cache(maxsize=4)
def policy_hash(policy: Policy) -> str:
    """Return the seal of a policy: SHA-256 of its canonical text, in hex."""
    return hashlib.sha256(canonical(policy).encode()).hexdigest()


def _plain(value: Any) -> Any:
    if is_dataclass(value):
        return {row.name: _plain(getattr(value, row.name)) for row in fields(value)}
    if isinstance(value, frozenset):
        return sorted(_plain(part) for part in value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, Decimal):
        return f"{value.normalize():f}"
    if isinstance(value, float):
        return repr(value)
    return value
