"""The risk review: every intent is held against every check, and missing data refuses.

All checks are evaluated and recorded, also after the first that fails; only numbers that cannot be
counted with end the review early. Projections count what
is working and what is in flight as if it filled, in the worst order (INC-037, INC-044).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from trader.core.amounts import ZERO, decimal_from, is_multiple
from trader.core.book import Book
from trader.core.events import Check
from trader.core.ids import (
    ORDER_REF_LENGTH_MAX,
    ClientId,
    ConId,
    OrderId,
    OrderRef,
    intent_id_in,
    order_ref,
)
from trader.core.instruments import Instrument
from trader.core.intents import Intent, OrderType, Side, reduces
from trader.core.limits import RiskLimits
from trader.core.market import Quote, fault
from trader.core.orders import OrderTerms
from trader.core.reserves import pending_commission, reserved_cash


@dataclass(frozen=True, slots=True)
class RiskInput:
    """Everything a review may look at, at one instant."""

    book: Book
    instrument: Instrument | None
    quote: Quote | None
    limits: RiskLimits
    now_utc: datetime
    now_s: float
    # Set for the operator's liquidation: it is exempt from rate and count, never from reality.
    is_operator: bool = False


# Only `review` holds this token, so an Approved can come from nowhere else.
_REVIEWED = object()


class Approved:
    """Proof that an intent passed the review, with the table of checks."""

    __slots__ = ("checks", "instrument", "intent", "reserve_per_unit")

    def __init__(
        self,
        intent: Intent,
        checks: tuple[Check, ...],
        instrument: Instrument,
        reserve_per_unit: Decimal,
        token: object,
    ) -> None:
        assert token is _REVIEWED, "an Approved is made by risk.review only"
        self.intent = intent
        self.checks = checks
        self.instrument = instrument
        self.reserve_per_unit = reserve_per_unit


@dataclass(frozen=True, slots=True)
class Refused:
    """An intent that must not become an order; ``code`` is the first failed check's."""

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


def review(intent: Intent, given: RiskInput) -> Approved | Refused:
    """Hold an intent against every check."""
    checks = tuple(_checks(intent, given))
    failed = next((check for check in checks if not check.passed), None)
    if failed is not None:
        text = f"{failed.code}: {failed.value}, allowed is {failed.limit}"
        return Refused(intent=intent, code=failed.code, text=text, checks=checks)
    assert given.instrument is not None, "an unknown instrument passed the review"
    price = _worst_price(intent, given)
    assert price is not None, "a missing price passed the review"
    per_unit = price * given.instrument.multiplier
    return Approved(intent, checks, given.instrument, per_unit, _REVIEWED)


def _checks(intent: Intent, given: RiskInput) -> Iterable[Check]:
    yield _identity_check(intent)
    yield from _instrument_checks(intent, given.instrument)
    yield from _price_checks(intent, given)
    if not _is_countable(intent, given.quote):
        return
    yield from _size_checks(intent, given)
    yield from _position_checks(intent, given)
    yield _cash_check(intent, given)
    yield from _rate_checks(intent, given)
    yield _ticket_check(intent.con_id, given.book)


def _identity_check(intent: Intent) -> Check:
    # A reference that does not lead back to the intent would make our own order a foreign one.
    ref = order_ref(intent.intent_id)
    found = intent_id_in(ref) == intent.intent_id and len(ref) <= ORDER_REF_LENGTH_MAX
    return Check("INTENT_ID_INVALID", intent.intent_id, "an id made by ids.intent_id", found)


def _is_countable(intent: Intent, quote: Quote | None) -> bool:
    """Tell whether every number is one to count with; each that is not has failed a check."""
    given = [intent.quantity, intent.limit_price, intent.stop_price]
    if quote is not None:
        given += [quote.bid, quote.ask]
    return all(number is None or decimal_from(number) is not None for number in given)


def _is_price(price: Decimal) -> bool:
    return decimal_from(price) is not None and price > ZERO


def _instrument_checks(intent: Intent, instrument: Instrument | None) -> Iterable[Check]:
    known = instrument is not None and instrument.con_id == intent.con_id
    tradeable = instrument is not None and known and instrument.is_tradeable
    name = instrument.symbol if instrument else "unknown"
    yield Check("INSTRUMENT_UNKNOWN", f"{name} ({intent.con_id})", "a configured one", tradeable)
    step = instrument.size_increment if instrument else Decimal(1)
    quantity = intent.quantity
    sane = is_multiple(quantity, step) and quantity > ZERO
    yield Check("QUANTITY_INVALID", str(quantity), f"above 0, multiple of {step}", sane)


def _price_checks(intent: Intent, given: RiskInput) -> Iterable[Check]:
    limit, stop = intent.limit_price, intent.stop_price
    shape_ok = (limit is not None) == (intent.order_type is OrderType.LIMIT) and (
        stop is not None
    ) == (intent.order_type is OrderType.STOP)
    prices = [price for price in (limit, stop) if price is not None]
    positive = all(_is_price(price) for price in prices)
    text = f"{intent.order_type} limit {limit} stop {stop}"
    yield Check(
        "PRICE_INVALID", text, "prices as the order type needs, above 0", shape_ok and positive
    )
    on_grid = positive and given.instrument is not None
    if on_grid and given.instrument is not None:
        on_grid = all(is_multiple(p, given.instrument.tick_at(p)) for p in prices)
    yield Check("PRICE_OFF_TICK", text, "a multiple of the tick", on_grid)
    problem = fault(given.quote, given.now_s, given.limits.quote_age_s_max)
    if given.quote is not None and given.quote.con_id != intent.con_id:
        problem = f"quote of another instrument ({given.quote.con_id})"
    age_limit = f"live, two-sided, at most {given.limits.quote_age_s_max} s old"
    yield Check("QUOTE_UNUSABLE", problem or "usable", age_limit, problem is None)
    yield _collar_check(intent, given, problem is None and positive)


def _collar_check(intent: Intent, given: RiskInput, is_quote_good: bool) -> Check:
    fraction = given.limits.collar_fraction_max
    price = intent.limit_price or intent.stop_price
    mid = given.quote.mid if given.quote and is_quote_good else None
    if mid is None:
        return Check("PRICE_COLLAR", "no reference price", f"within {fraction}", passed=False)
    if price is None:
        # A market order pays the spread: the collar holds the spread itself.
        assert given.quote is not None
        assert given.quote.ask is not None
        price = given.quote.ask
    distance = abs(price - mid) / mid
    return Check("PRICE_COLLAR", f"{distance:.5f}", f"at most {fraction}", distance <= fraction)


def _worst_price(intent: Intent, given: RiskInput) -> Decimal | None:
    """Return the highest price a buy can be expected to pay; for a sell, the reference."""
    quote = given.quote
    if quote is None or quote.ask is None or quote.mid is None:
        return None
    collar = 1 + given.limits.collar_fraction_max
    if intent.order_type is OrderType.LIMIT:
        return intent.limit_price
    if intent.order_type is OrderType.STOP and intent.stop_price is not None:
        return max(intent.stop_price, quote.ask) * collar
    return quote.ask * collar


def _size_checks(intent: Intent, given: RiskInput) -> Iterable[Check]:
    limits, quantity = given.limits, intent.quantity
    allowed = limits.order_quantity_max
    is_exit = _is_pure_exit(intent, given)
    yield Check(
        "QUANTITY_MAX",
        str(quantity),
        f"at most {allowed}",
        quantity <= allowed or (given.is_operator and is_exit),
    )
    price = _worst_price(intent, given)
    if price is None or given.instrument is None:
        yield Check(
            "NOTIONAL_MAX", "no price", f"at most {limits.order_notional_max}", passed=False
        )
        return
    notional = price * quantity * given.instrument.multiplier
    yield Check(
        "NOTIONAL_MAX",
        f"{notional:.2f}",
        f"at most {limits.order_notional_max}",
        notional <= limits.order_notional_max or (given.is_operator and is_exit),
    )


def _is_pure_exit(intent: Intent, given: RiskInput) -> bool:
    return reduces(given.book.position_of(intent.con_id), intent.signed_quantity)


def _fits_room(intent: Intent, given: RiskInput) -> bool:
    """Tell whether an intent only closes what the working exits leave of the position."""
    buys, sells = _working(given, intent.con_id)
    working_exits = buys if intent.side is Side.BUY else sells
    room = abs(given.book.position_of(intent.con_id)) - working_exits
    return _is_pure_exit(intent, given) and intent.quantity <= room


def _working(given: RiskInput, con_id: ConId) -> tuple[Decimal, Decimal]:
    """Return what working orders of one instrument may still buy and sell."""
    buys = sells = ZERO
    for order in given.book.live_orders.values():
        if order.terms.con_id == con_id:
            if order.terms.side is Side.BUY:
                buys += order.remaining
            else:
                sells += order.remaining
    return buys, sells


def _position_checks(intent: Intent, given: RiskInput) -> Iterable[Check]:
    limits = given.limits
    held = given.book.position_of(intent.con_id)
    buys, sells = _working(given, intent.con_id)
    is_buy = intent.side is Side.BUY
    highest = held + buys + (intent.quantity if is_buy else ZERO)
    lowest = held - sells - (ZERO if is_buy else intent.quantity)
    # Only the side that the intent pushes is judged: an exit from an oversized position that a
    # tightened limit left behind must stay possible.
    projected = highest if is_buy else lowest
    is_exit = abs(projected) <= abs(held) and projected * held >= ZERO
    value = f"held {held}, from {lowest} to {highest}"
    most = limits.position_quantity_max
    ok = is_exit or abs(projected) <= most
    yield Check("POSITION_MAX", value, f"at most {most} either way", ok)
    mid = given.quote.mid if given.quote else None
    multiplier = given.instrument.multiplier if given.instrument else Decimal(1)
    notional = abs(projected) * mid * multiplier if mid is not None else None
    yield Check(
        "POSITION_NOTIONAL_MAX",
        "no price" if notional is None else f"{notional:.2f}",
        f"at most {limits.position_notional_max}",
        is_exit or (notional is not None and notional <= limits.position_notional_max),
    )
    short_ok = limits.is_short_allowed or is_buy or lowest >= ZERO
    yield Check("SHORT_SALE", f"lowest {lowest}", "0 or more unless short is allowed", short_ok)
    yield _reduce_only_check(intent, held, sells if not is_buy else buys)


def _reduce_only_check(intent: Intent, held: Decimal, working_exits: Decimal) -> Check:
    # Two exits that both fill would flip the position: what already works counts (INC-032).
    room = abs(held) - working_exits
    passed = not intent.is_reduce_only or (
        reduces(held, intent.signed_quantity) and intent.quantity <= room
    )
    value = f"held {held}, working exits {working_exits}, wanted {intent.signed_quantity}"
    return Check("REDUCE_ONLY", value, "only shrinks the position", passed)


def _cash_check(intent: Intent, given: RiskInput) -> Check:
    limits, book = given.limits, given.book
    price = _worst_price(intent, given)
    instrument = given.instrument
    allowed = f"cash left at least {limits.cash_reserve_min}"
    if price is None or instrument is None or instrument.currency not in book.cash:
        return Check("CASH_RESERVE", "cash or price unknown", allowed, passed=False)
    cash = book.cash[instrument.currency]
    reserved = reserved_cash(book.live_orders.values(), limits)
    cost = limits.worst_commission(intent.quantity)
    if intent.side is Side.BUY:
        cost += price * intent.quantity * instrument.multiplier
    left = cash - reserved - pending_commission(book, limits) - cost
    # An exit must not be refused for want of cash: a sale of what is held brings cash in. What
    # the working exits will have closed by then is not held any more.
    passed = left >= limits.cash_reserve_min or _fits_room(intent, given)
    return Check("CASH_RESERVE", f"{left:.2f} left of {cash:.2f}", allowed, passed)


def _rate_checks(intent: Intent, given: RiskInput) -> Iterable[Check]:
    limits, book = given.limits, given.book
    # Entries may not use up the room of the exits: a stop must still leave after a busy minute.
    # Exits have a bound as well, so that a loop of them ends.
    share = 2 if intent.is_reduce_only else 1
    recent = book.planned.since(given.now_utc - timedelta(seconds=limits.order_window_s))
    most_recent = share * limits.orders_per_window_max
    yield Check(
        "ORDER_RATE",
        f"{recent} in {limits.order_window_s} s",
        f"below {most_recent}",
        recent < most_recent or given.is_operator,
    )
    today = book.planned.since(given.now_utc - timedelta(hours=24))
    most_today = share * limits.orders_per_day_max
    yield Check(
        "DAILY_ORDERS",
        f"{today} in 24 h",
        f"below {most_today}",
        today < most_today or given.is_operator,
    )


def _ticket_check(con_id: ConId, book: Book) -> Check:
    open_tickets = [row.ticket_id for row in book.tickets.values() if row.con_id == con_id]
    return Check(
        "QUARANTINED",
        ", ".join(open_tickets) or "no ticket",
        "no open ticket on the instrument",
        not open_tickets,
    )
