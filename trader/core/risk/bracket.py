"""The legs of a bracket, held against where the entry may fill; a refusal refuses all three.

Nothing is held yet of what the legs are to close, so they are not held against the position: they
are the entry's size on its other side, and count for no more than it brings
(:mod:`trader.core.bracket_life`). What the entry adds is judged as of every entry; the legs take
nothing off that.
"""

from decimal import Decimal

from trader.core.amounts import ZERO, is_multiple
from trader.core.brackets import leg_intents
from trader.core.events import Check
from trader.core.ids import STOP_MARK, is_traceable, leg_id
from trader.core.intents import BracketTerms, OrderType, TimeInForce
from trader.core.risk.case import Case, check, needed, plain
from trader.core.risk.values import REVIEWED, Approved

# A leg further away is a slipped digit rather than a protection.
DISTANCE_MAX = Decimal("0.5")
_ENTRY_LIMIT = "an entry that adds to the position, with an id that has room for its legs'"


def entry_check(case: Case) -> Check:
    """Refuse an entry of which something would close first: its legs would cross zero.

    Its legs are named after it, and must be found again in what the broker reports.
    """
    intent = case.intent
    against = min(case.held, ZERO) if case.is_buy else max(case.held, ZERO)
    # The other leg's is as long.
    is_named = is_traceable(leg_id(intent.intent_id, STOP_MARK))
    passed = not intent.is_reduce_only and against == ZERO and is_named
    value = f"{intent.side} beside a position of {case.held}, {intent.intent_id}"
    value += ", reduce only" if intent.is_reduce_only else ""
    return check("BRACKET_ENTRY", value, _ENTRY_LIMIT, passed)


def form_check(case: Case) -> Check:
    """Refuse legs that the policy does not list, and whatever is to fill at once or not at all."""
    sec_type, time = case.instrument.sec_type, _terms(case).time_in_force
    forms = [(sec_type, kind, time) for kind in (OrderType.LIMIT, OrderType.STOP)]
    passed = all(form in case.policy.order.forms for form in forms)
    passed = passed and TimeInForce.IOC not in (time, case.intent.time_in_force)
    value = f"{sec_type} LMT and STP {time}, entry {case.intent.time_in_force}"
    return check("BRACKET_FORM", value, "forms of the policy without IOC", passed)


def price_check(case: Case) -> Check:
    """Refuse prices that are no numbers above zero."""
    terms = _terms(case)
    passed = plain(terms.take_profit) is not None and plain(terms.stop_loss) is not None
    return check("BRACKET_PRICE", _words(terms), "prices above 0", passed)


def tick_check(case: Case) -> Check:
    """Refuse a price between two steps; the step depends on the price (marketRule, 93)."""
    for price in _prices(case):
        tick = case.instrument.tick_at(price)
        if not is_multiple(price, tick):
            return check("BRACKET_OFF_TICK", str(price), f"a multiple of {tick}", passed=False)
    return check("BRACKET_OFF_TICK", "on the grid", "a multiple of the tick", passed=True)


def sides_check(case: Case) -> Check:
    """Refuse legs that would trade at once, wherever the entry fills."""
    profit, stop = _prices(case)
    low, high = entry_range(case)
    passed = stop < low <= high < profit if case.is_buy else profit < low <= high < stop
    value = f"{_words(_terms(case))} around {low} to {high}"
    limit = "the profit on the far side of where the entry may fill, the stop on the near one"
    return check("BRACKET_SIDES", value, limit, passed)


def distance_check(case: Case) -> Check:
    """Refuse legs so far away that somebody has mistyped them."""
    low, high = entry_range(case)
    most = max(max(low - price, price - high) for price in _prices(case)) / low
    limit = f"at most {DISTANCE_MAX} of the entry's price away"
    return check("BRACKET_DISTANCE", f"{most:.5f}", limit, most <= DISTANCE_MAX)


def entry_range(case: Case) -> tuple[Decimal, Decimal]:
    """Return the lowest and the highest price at which the legs must make sense.

    A limit that is better than the market fills there, later; one that is worse fills at the
    market, now. A stop fills beyond its trigger, or at the market if that is beyond it already.
    """
    bid, ask = case.bid, case.ask
    if case.intent.order_type is OrderType.MARKET:
        return bid, ask
    if case.is_limit:
        limit = needed(case.limit)
        return (min(limit, bid), limit) if case.is_buy else (limit, max(limit, ask))
    stop = needed(case.stop)
    return (stop, max(stop, ask)) if case.is_buy else (min(stop, bid), stop)


def approved_legs(case: Case, checks: tuple[Check, ...]) -> tuple[Approved, ...]:
    """Return the approvals of a bracket's legs, the profit first; none without a bracket.

    Only :func:`trader.core.risk.review.review` calls it, once every check has passed.
    """
    if case.intent.bracket is None:
        return ()
    profit, stop = _prices(case)
    # Whichever of them fills: the worst that one unit can cost, for both.
    worst = max(profit, max(stop, case.ask) * (1 + case.policy.price.collar_fraction_max))
    per_unit = worst * case.multiplier
    own = tuple(row for row in checks if row.code in _OWN)
    instrument = case.instrument
    return tuple(
        Approved(intent, own, instrument, per_unit, REVIEWED) for intent in leg_intents(case.intent)
    )


def _terms(case: Case) -> BracketTerms:
    return needed(case.intent.bracket)


def _prices(case: Case) -> tuple[Decimal, Decimal]:
    """Return where the profit is taken and where the loss is bounded; raises Unavailable."""
    terms = _terms(case)
    return needed(plain(terms.take_profit)), needed(plain(terms.stop_loss))


def _words(terms: BracketTerms) -> str:
    return f"take profit {terms.take_profit}, stop loss {terms.stop_loss} {terms.time_in_force}"


CHECKS = (
    ("BRACKET_ENTRY", entry_check),
    ("BRACKET_FORM", form_check),
    ("BRACKET_PRICE", price_check),
    ("BRACKET_OFF_TICK", tick_check),
    ("BRACKET_SIDES", sides_check),
    ("BRACKET_DISTANCE", distance_check),
)
_OWN = frozenset(code for code, _ in CHECKS)
