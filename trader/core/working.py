"""Working orders taken together: what they may still buy, sell and cost, kept as they change.

The book tells of every change of an order and of a position; nothing here is ever counted anew,
so a review costs the same with one working order as with a thousand. An order counts from its
promise until it is settled, whatever the broker last said of it (INC-024, INC-037, INC-044).
"""

from bisect import bisect_left, insort
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, Decimal
from types import MappingProxyType

from trader.core.amounts import ZERO
from trader.core.frozen import replace
from trader.core.ids import ConId, StrategyName
from trader.core.in_flight import InFlight
from trader.core.intents import OrderType, Side
from trader.core.orders import Order, OrderState
from trader.core.policy import CashPolicy

# A market order trades with any price of the other side.
_ANY_BUY, _ANY_SELL = Decimal("Infinity"), ZERO
_FINEST = Decimal("0.000001")


@dataclass(frozen=True, slots=True)
class Working:
    """One instrument's working orders; values are quantities at their worst price."""

    currency: str
    buys: Decimal = ZERO
    sells: Decimal = ZERO
    buy_count: int = 0
    sell_count: int = 0
    buys_value: Decimal = ZERO
    sells_value: Decimal = ZERO
    # What can trade at once, by price and sorted. A stop is not among them: it rests unseen.
    bids: tuple[Decimal, ...] = ()
    asks: tuple[Decimal, ...] = ()
    # The most that the absolute position can grow in value, whichever fills first.
    adds_value: Decimal = ZERO

    @property
    def best_bid(self) -> Decimal | None:
        """Return the highest price at which an own order buys; endless for a market order."""
        return self.bids[-1] if self.bids else None

    @property
    def best_ask(self) -> Decimal | None:
        """Return the lowest price at which an own order sells; 0 for a market order."""
        return self.asks[0] if self.asks else None


@dataclass(frozen=True, slots=True)
class Foreign:
    """What other people's orders of one instrument may buy and sell; nobody tells their price."""

    buys: Decimal = ZERO
    sells: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class Totals:
    """One currency's working orders, and the executions whose commission is not reported yet."""

    buys_value: Decimal = ZERO
    sells_value: Decimal = ZERO
    adds_value: Decimal = ZERO
    order_count: int = 0
    order_quantity: Decimal = ZERO
    pending_count: int = 0
    pending_quantity: Decimal = ZERO

    def commissions(self, policy: CashPolicy) -> Decimal:
        """Return what commissions may still cost: of what works, and of what is not reported."""
        return policy.worst_commissions(
            self.order_count + self.pending_count, self.order_quantity + self.pending_quantity
        )

    def set_aside(self, policy: CashPolicy) -> Decimal:
        """Return what of the cash may be gone once everything that buys has filled."""
        return self.buys_value + self.commissions(policy)


NO_TOTALS = Totals()
NO_FOREIGN = Foreign()
NOTHING = Working(currency="")
NO_FLIGHTS: Mapping[ConId, InFlight] = MappingProxyType({})


@dataclass(slots=True)
class Workings:
    """The aggregates of a book; the book alone changes them, everybody else reads."""

    by_instrument: dict[ConId, Working] = field(default_factory=dict)
    by_currency: dict[str, Totals] = field(default_factory=dict)
    foreign: dict[ConId, Foreign] = field(default_factory=dict)
    by_strategy: dict[StrategyName, dict[ConId, InFlight]] = field(default_factory=dict)

    def of(self, con_id: ConId) -> Working:
        """Return what works of an instrument."""
        return self.by_instrument.get(con_id, NOTHING)

    def foreign_of(self, con_id: ConId) -> Foreign:
        """Return what works of an instrument and is not ours."""
        return self.foreign.get(con_id, NO_FOREIGN)

    def total(self, currency: str) -> Totals:
        """Return what works in a currency."""
        return self.by_currency.get(currency, NO_TOTALS)

    def of_strategy(self, strategy: StrategyName) -> Mapping[ConId, InFlight]:
        """Return what works of a strategy, by instrument."""
        return self.by_strategy.get(strategy, NO_FLIGHTS)

    def change(self, before: Order | None, after: Order, held: Decimal) -> None:
        """Take in that an order is now ``after``; ``held`` is the position of its instrument."""
        left_before = ZERO if before is None else before.remaining
        left_after = after.remaining
        was_counted = before is not None and (left_before > ZERO or _rests_beside(before))
        is_counted = left_after > ZERO or _rests_beside(after)
        is_same = left_before == left_after and was_counted is is_counted
        if is_same and (before is None or _is_same_risk(before, after)):
            return  # what it can do has not changed
        terms = after.terms
        was = now = self.by_instrument.get(terms.con_id) or Working(terms.currency)
        if before is not None and was_counted:
            now = _with(now, before, -left_before, held, count=-1)
        if is_counted:
            now = _with(now, after, left_after, held, count=1)
        self._put(terms.con_id, was, now)
        self._put_flight(before, after)

    def without(self, order: Order, held: Decimal) -> "Workings":
        """Return what works beside an order, as a copy; ``held`` is its instrument's position."""
        strategy = order.terms.strategy
        rest = Workings(dict(self.by_instrument), dict(self.by_currency), self.foreign)
        rest.by_strategy = {**self.by_strategy, strategy: dict(self.of_strategy(strategy))}
        rest.change(order, replace(order, state=OrderState.WITHHELD), held)
        return rest

    def hold(self, con_id: ConId, held: Decimal) -> None:
        """Take in that a position changed: what the working orders add to it is another amount."""
        known = self.by_instrument.get(con_id)
        if known is not None:
            adds = adds_value(
                growth(held, known.buys, known.buys_value),
                growth(-held, known.sells, known.sells_value),
            )
            self._put(con_id, known, replace(known, adds_value=adds))

    def pend(self, currency: str, count: int, quantity: Decimal) -> None:
        """Add executions without a commission, or take them away with a negative count."""
        known = self.total(currency)
        self._set_total(
            currency,
            replace(
                known,
                pending_count=known.pending_count + count,
                pending_quantity=known.pending_quantity + quantity,
            ),
        )

    def meet(self, con_id: ConId, side: Side, quantity: Decimal) -> None:
        """Add a foreign order's quantity, or take it away with a negative one."""
        known = self.foreign_of(con_id)
        if side is Side.BUY:
            known = replace(known, buys=known.buys + quantity)
        else:
            known = replace(known, sells=known.sells + quantity)
        if known == NO_FOREIGN:
            self.foreign.pop(con_id, None)
        else:
            self.foreign[con_id] = known

    def _put(self, con_id: ConId, was: Working, now: Working) -> None:
        total = self.total(now.currency)
        self._set_total(
            now.currency,
            replace(
                total,
                buys_value=total.buys_value + now.buys_value - was.buys_value,
                sells_value=total.sells_value + now.sells_value - was.sells_value,
                adds_value=total.adds_value + now.adds_value - was.adds_value,
                order_count=total.order_count + _count(now) - _count(was),
                order_quantity=total.order_quantity + _quantity(now) - _quantity(was),
            ),
        )
        if _count(now):
            self.by_instrument[con_id] = now
        else:
            self.by_instrument.pop(con_id, None)

    def _put_flight(self, before: Order | None, after: Order) -> None:
        """Keep what the order's strategy has under way; what is over leaves nothing behind."""
        terms = after.terms
        rows = self.by_strategy.setdefault(terms.strategy, {})
        now = rows.get(terms.con_id) or InFlight(terms.currency)
        if before is not None:
            now = now.with_order(before, -1)
        now = now.with_order(after, 1)
        if not now.is_nothing:
            rows[terms.con_id] = now
            return
        rows.pop(terms.con_id, None)
        if not rows:
            del self.by_strategy[terms.strategy]

    def _set_total(self, currency: str, total: Totals) -> None:
        # The counts first: to compare all of it takes longer than the rest of this.
        has_none = total.order_count == total.pending_count == 0
        if has_none and total == NO_TOTALS:
            self.by_currency.pop(currency, None)
        else:
            self.by_currency[currency] = total


def resting_price(side: Side, order_type: OrderType, limit_price: Decimal | None) -> Decimal | None:
    """Return the price at which an order can trade with another at once; None for a stop."""
    if order_type is OrderType.LIMIT:
        return limit_price
    if order_type is OrderType.MARKET:
        return _ANY_BUY if side is Side.BUY else _ANY_SELL
    return None


def _resting(order: Order) -> Decimal | None:
    """Return the price at which it can trade with another of ours: none once it is over."""
    if order.is_final:
        return None
    return resting_price(order.terms.side, order.terms.order_type, order.boldest_limit)


def value_in_base(amounts: Mapping[str, Decimal], rates: Mapping[str, Decimal]) -> Decimal | None:
    """Return amounts of several currencies in the base one; None where a rate is missing."""
    total = ZERO
    for currency, amount in amounts.items():
        rate = rates.get(currency)
        if rate is None:
            return None
        total += amount * rate
    return total


def _count(working: Working) -> int:
    return working.buy_count + working.sell_count


def _quantity(working: Working) -> Decimal:
    return working.buys + working.sells


def _is_same_risk(before: Order, after: Order) -> bool:
    if before.is_final is not after.is_final:
        return False  # it trades with no other any more
    if before.terms is after.terms and before.change is after.change:
        return True
    return (before.reserve_per_unit, before.boldest_limit) == (
        after.reserve_per_unit,
        after.boldest_limit,
    )


def _rests_beside(order: Order) -> bool:
    """Tell whether a leg of a bracket, for which its stop counts, rests at a price all the same."""
    return order.terms.is_leg and order.remaining == ZERO and _resting(order) is not None


def _with(known: Working, order: Order, left: Decimal, held: Decimal, *, count: int) -> Working:
    """Return what works with what is left of an order, or with a count of -1 without it."""
    priced = _inserted if count > 0 else _removed
    price, value = _resting(order), left * order.reserve_per_unit
    if order.terms.side is Side.BUY:
        buys, buys_value = known.buys + left, known.buys_value + value
        return replace(
            known,
            buys=buys,
            buy_count=known.buy_count + count,
            buys_value=buys_value,
            bids=priced(known.bids, price),
            adds_value=adds_value(
                growth(held, buys, buys_value), growth(-held, known.sells, known.sells_value)
            ),
        )
    sells, sells_value = known.sells + left, known.sells_value + value
    return replace(
        known,
        sells=sells,
        sell_count=known.sell_count + count,
        sells_value=sells_value,
        asks=priced(known.asks, price),
        adds_value=adds_value(
            growth(held, known.buys, known.buys_value), growth(-held, sells, sells_value)
        ),
    )


def _inserted(prices: tuple[Decimal, ...], price: Decimal | None) -> tuple[Decimal, ...]:
    if price is None:
        return prices
    longer = list(prices)
    insort(longer, price)
    return tuple(longer)


def _removed(prices: tuple[Decimal, ...], price: Decimal | None) -> tuple[Decimal, ...]:
    if price is None:
        return prices
    place = bisect_left(prices, price)
    assert prices[place] == price, f"price {price} was never put in"
    return prices[:place] + prices[place + 1 :]


def adds_value(up: Decimal, down: Decimal) -> Decimal:
    """Return by how much the absolute position can grow in value, rounded up to be exact."""
    return max(up, down).quantize(_FINEST, rounding=ROUND_CEILING)


def growth(held: Decimal, quantity: Decimal, value: Decimal) -> Decimal:
    """Return what of a value makes a position larger, when so much is bought at that value.

    For what is sold, ``held`` is told with the other sign.
    """
    if held >= ZERO or quantity == ZERO:
        return value
    # What closes the position first adds nothing, and what closes it twice over is even.
    beyond = max(quantity + 2 * held, ZERO)
    return value * beyond / quantity
