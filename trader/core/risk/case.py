"""One intent beside everything known of its instrument, worked out once for all checks.

What is not known, or is no number that can be counted with, is not there at all, or None where a
check has an answer to that: a check that needs it breaks off (:func:`needed`), and the review
records it as failed. Projections take what works and what is in flight as if it filled, in the
worst order (INC-037, INC-044).
"""

from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeVar

from trader.core.amounts import ZERO, is_sound
from trader.core.events import Check
from trader.core.ids import ConId
from trader.core.intents import Intent, OrderType, Side
from trader.core.market import only_side, quote_fault
from trader.core.policy import AccountType, stricter
from trader.core.risk.values import RiskInput
from trader.core.valuation import Valuation

UNAVAILABLE = "unavailable"
T = TypeVar("T")
# How far above every price that was known an exit without a quote is reckoned.
_UNQUOTED_SHARE = Decimal("0.25")


class _Draft:
    """A check while it is made: the same slots, and not frozen yet."""

    __slots__ = ("code", "limit", "passed", "value")
    code: str
    value: str
    limit: str
    passed: bool


class Unavailable(ValueError):
    """A check lacks its input."""


def check(code: str, value: str, limit: str, passed: bool) -> Check:
    """Return a check, as ``Check(...)`` would in three times the time: a review makes forty."""
    draft = _Draft()
    draft.code = code
    draft.value = value
    draft.limit = limit
    draft.passed = passed
    made: Any = draft
    made.__class__ = Check
    done: Check = made
    return done


def needed(value: T | None) -> T:
    """Return a value that must be known; raises Unavailable."""
    if value is None:
        raise Unavailable
    return value


def plain(value: object) -> Decimal | None:
    """Return a number above zero that can be counted with, or None for everything else."""
    return value if type(value) is Decimal and is_sound(value) and value > ZERO else None


class Case:
    """What the checks look at; ``shrinks`` tells that the intent only closes what is held.

    Not always there: what follows from the instrument, the quote, the quantity or several of them.
    """

    __slots__ = (
        "account",
        "account_type",
        "ask",
        "asset_class",
        "bid",
        "book",
        "commission",
        "cost",
        "doubt",
        "exits",
        "foreign",
        "given",
        "held",
        "instrument",
        "intent",
        "is_buy",
        "is_exempt",
        "is_freed",
        "is_illiquid",
        "is_limit",
        "is_one_sided",
        "is_unquoted",
        "limit",
        "limits",
        "mid",
        "multiplier",
        "policy",
        "projected",
        "quantity",
        "quote_problem",
        "room",
        "share",
        "shrinks",
        "spread",
        "stop",
        "whole",
        "window_utc",
        "working",
        "worst_price",
    )

    def __init__(self, intent: Intent, given: RiskInput) -> None:
        self.intent = intent
        self.given = given
        self.policy = given.policy
        self.book = given.book
        self.is_buy = intent.side is Side.BUY
        self.is_limit = intent.order_type is OrderType.LIMIT
        # What is left to fill, and what the whole order asks for: more, once some of it has filled.
        self.quantity = self.whole = plain(intent.quantity)
        self.limit = plain(intent.limit_price)
        self.stop = plain(intent.stop_price)
        # Entries may not use up the room of the exits, and exits have a bound as well.
        self.share = 2 if intent.is_reduce_only is True else 1
        self.window_utc = given.now_utc - span_of(self.policy.rate.window_s)
        self.account_type = _stricter_type(given)
        self.limits = self.policy.exposure.limits_of(given.regime)
        self.account: Account | None = None
        if given.instrument is not None:
            self.instrument = given.instrument
            self.multiplier = given.instrument.multiplier
            self.asset_class = self.policy.exposure.class_of(given.instrument.sec_type)
        self._look_at_position()
        self._look_at_quote()
        # Nothing about the account as a whole must lock a position in.
        self.is_exempt = self.shrinks or self.is_freed or not self.policy.exposure.is_enforced
        self._look_at_cost()

    def _look_at_quote(self) -> None:
        given, quote = self.given, self.given.quote
        found = quote_fault(quote, given.now_s, self.policy.price.quote_age_s_max)
        # What closes only is not locked in by a price that is merely not believed yet: in a crash
        # it never would be in time.
        self.doubt = found.text if found is not None and self.shrinks and found.is_doubt else ""
        problem = None if found is None or self.doubt else f"{found.rule}: {found.text}"
        if quote is not None and quote.con_id != self.intent.con_id:
            problem = f"quote of another instrument ({quote.con_id})"
        self.quote_problem = problem
        self.worst_price: Decimal | None = None
        self.is_illiquid = True
        # What closes only is not locked in: by a market of one side, if that is the one it meets,
        # and the operator's not by any.
        self.is_one_sided = self.is_unquoted = False
        if problem is None and quote is not None:
            assert quote.bid is not None, "a good quote without a bid"
            assert quote.ask is not None, "a good quote without an ask"
            self.bid, self.ask = quote.bid, quote.ask
            self.mid = (quote.bid + quote.ask) / 2
            self.spread = (quote.ask - quote.bid) / self.mid
            price = self.policy.price
            self.is_illiquid = self.spread >= price.illiquid_spread_fraction or (
                given.instrument is None or given.instrument.symbol in price.illiquid_symbols
            )
            self.worst_price = self._worst_price()
        elif self.shrinks and quote is not None and quote.con_id == self.intent.con_id:
            age_s_max = self.policy.price.quote_age_s_max
            met = only_side(quote, given.now_s, age_s_max, is_buy=self.is_buy)
            if met is not None:
                self.quote_problem, self.is_one_sided = None, True
                self.mid = self.bid = self.ask = met
                self.worst_price = self._worst_price()
        if self.quote_problem is not None and self.shrinks and self.is_freed:
            self._do_without_quote()

    def _do_without_quote(self) -> None:
        """Count an operator's exit at the highest price that anybody has known, and some more."""
        known = plain(_highest_known(self.given, self.intent.con_id))
        if known is None:
            if self.is_buy:
                return
            # A sale of what is there takes no cash, whatever it brings.
            known = Decimal(1)
        self.is_unquoted = True
        self.mid, self.worst_price = known, known * (1 + _UNQUOTED_SHARE)

    def _worst_price(self) -> Decimal | None:
        """Return the highest price a buy can be expected to pay; for a sell, the reference."""
        if self.is_limit:
            return self.limit
        collar = 1 + self.policy.price.collar_fraction_max
        if self.intent.order_type is OrderType.STOP:
            return None if self.stop is None else max(self.stop, self.ask) * collar
        return self.ask * collar

    def _look_at_position(self) -> None:
        con_id, quantity, given = self.intent.con_id, self.quantity, self.given
        self.held = held = self.book.position_of(con_id)
        self.working = working = self.book.workings.of(con_id)
        self.foreign = foreign = self.book.workings.foreign_of(con_id)
        self.exits = working.buys + foreign.buys if self.is_buy else working.sells + foreign.sells
        # What both the book and the broker say is there; where they disagree, the lower counts.
        there = abs(held)
        if given.broker_position is not None:
            is_same_side = given.broker_position * held > ZERO
            there = min(there, abs(given.broker_position)) if is_same_side else ZERO
        self.room = there - self.exits
        self.shrinks = self.is_freed = False
        if quantity is None or self.intent.side not in (Side.BUY, Side.SELL):
            return
        change = quantity if self.is_buy else -quantity
        self.projected = held + (self.exits if self.is_buy else -self.exits) + change
        reduces = held * change < ZERO and quantity <= abs(held)
        self.shrinks = reduces and quantity <= self.room
        # A pure exit of the operator's is held against reality and against nothing else.
        self.is_freed = given.is_operator and reduces

    def _look_at_cost(self) -> None:
        price, quantity, instrument = self.worst_price, self.quantity, self.given.instrument
        if quantity is None:
            return
        self.commission = self.policy.cash.worst_commission(quantity)
        # What the order may cost at worst, commission not included.
        if price is not None and instrument is not None:
            self.cost = price * quantity * instrument.multiplier

    def text_of_prices(self) -> str:
        """Return type and prices in words."""
        intent = self.intent
        return f"{text_of(intent.order_type)} limit {intent.limit_price} stop {intent.stop_price}"


@dataclass(slots=True)
class Account:
    """What all checks of exposure and margin ask of the account, worked out once."""

    valuation: Valuation
    equity: Decimal
    equity_text: str
    # One unit of the instrument in the account's currency, and how much its value grows at worst.
    unit_value: Decimal
    growth: Decimal
    # What works in other instruments, in value: what it may add to them, and what it may push them
    # to the intent's side.
    adds_elsewhere: Decimal
    pushes_elsewhere: Decimal
    # How much all of it grows at worst.
    growth_of_all: Decimal


def _highest_known(given: RiskInput, con_id: ConId) -> Decimal | None:
    """Return the highest of all prices of an instrument that are known, however old; or None."""
    found: list[object] = []
    if given.quote is not None and given.quote.con_id == con_id:
        found += [given.quote.bid, given.quote.ask, given.quote.last]
    mark = None if given.valuation is None else given.valuation.marks.get(con_id)
    if mark is not None and given.instrument is not None and given.instrument.multiplier:
        found.append(mark.unit_value / given.instrument.multiplier)
    held = given.book.positions.get(con_id)
    if held is not None:
        found.append(held.average_price)
    prices = [price for price in map(plain, found) if price is not None]
    return max(prices, default=None)


@lru_cache(maxsize=16)
def span_of(seconds: float) -> timedelta:
    """Return a window of the policy's as a span; the same few are asked for in every review."""
    return timedelta(seconds=seconds)


def text_of(word: object) -> str:
    """Return an enum's text, or whatever stands in its place as it is written."""
    return str(word) if isinstance(word, StrEnum) else repr(word)


def _stricter_type(given: RiskInput) -> AccountType:
    """Return the stricter of the type that the policy says and that the broker says."""
    told = None if given.account is None else getattr(given.account, "account_type", None)
    return stricter(given.policy.exposure.account_type, told)
