"""A bracket's legs: each rule refuses alone and at its edge, for buys and sales alike."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given as given_any
from hypothesis import strategies as st

from tests.unit.core.factories import (
    BUY,
    CON,
    SELL,
    a_book,
    a_bracket,
    a_quote,
    an_instrument,
    an_intent,
    given,
    work_bracket,
)
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import MANY, failures, with_orders
from trader.core.amounts import is_multiple
from trader.core.events import Check
from trader.core.ids import IntentId, Lineage, StrategyName, intent_id
from trader.core.instruments import PriceBand
from trader.core.intents import BracketTerms, Intent, OrderType, TimeInForce
from trader.core.policy import DEFAULT_FORMS
from trader.core.risk import Approved, Refused, RiskInput, review
from trader.core.risk import bracket as risk_bracket
from trader.core.risk.bracket import DISTANCE_MAX, entry_range
from trader.core.risk.case import Case
from trader.core.risk.change import Revision, review_change
from trader.core.risk.rates import CHECKS as RATES
from trader.core.risk.review import CHECKS, WITH_BRACKET

D = Decimal
CENT = D("0.01")
QUOTE = a_quote(bid=D(100), ask=D("100.10"))
WIDE = a_policy(
    order__notional_max=D(10**9),
    order__quantity_max=D(10**6),
    position__notional_max=D(10**9),
    position__quantity_max=D(10**6),
    position__is_short_allowed=True,
    price__collar_fraction_max=D("0.9"),
    price__slippage_fraction_max=D("0.9"),
    exposure__is_enforced=False,
)
MANY_RATES = {f"rate__{name}": value for name, value in MANY.items()}
MARKET: dict[str, Any] = {"order_type": OrderType.MARKET, "limit_price": None}
A_STOP: dict[str, Any] = {"order_type": OrderType.STOP, "limit_price": None}


def legs(profit: object, stop: object, **changes: Any) -> BracketTerms:
    return BracketTerms(
        D(profit) if isinstance(profit, str | int) else profit,  # type: ignore[arg-type]
        D(stop) if isinstance(stop, str | int) else stop,  # type: ignore[arg-type]
        **changes,
    )


def there(**changes: Any) -> RiskInput:
    sound: dict[str, Any] = {"quote": QUOTE, "policy": WIDE}
    book = changes.pop("book", None) or a_book(cash=10**8)
    return given(book, **{**sound, **changes})


def codes(intent: Intent, **changes: Any) -> list[str]:
    """Return the codes that refuse, all of them; none where it is approved."""
    verdict = review(intent, there(**changes))
    if isinstance(verdict, Approved):
        return []
    return [row.code for row in verdict.checks if not row.passed]


def test_the_checks_stand_under_their_codes_behind_all_others() -> None:
    assert WITH_BRACKET[: len(CHECKS)] == CHECKS
    case = Case(a_bracket(), there())
    for code, run in WITH_BRACKET[len(CHECKS) :]:
        assert run(case).code == code
        assert run(case).passed


def test_a_sound_bracket_is_approved_with_both_legs() -> None:
    verdict = review(a_bracket(), there())
    assert isinstance(verdict, Approved)
    profit, stop = verdict.legs
    assert [one.intent.order_type for one in verdict.legs] == [OrderType.LIMIT, OrderType.STOP]
    assert profit.intent.limit_price == 110
    assert stop.intent.stop_price == 95
    for leg in verdict.legs:
        assert leg.instrument is verdict.instrument
        assert [row.code for row in leg.checks] == [code for code, _ in risk_bracket.CHECKS]
    assert verdict.checks[-6:] == profit.checks


def test_an_order_by_itself_has_no_legs_and_no_check_of_them() -> None:
    verdict = review(an_intent(), there())
    assert isinstance(verdict, Approved)
    assert verdict.legs == ()
    assert not [row.code for row in verdict.checks if row.code.startswith("BRACKET")]


@pytest.mark.parametrize(
    ("side", "profit", "stop", "per_unit"),
    [
        (BUY, 300, 95, D(600)),
        (BUY, 110, 95, D("100.10") * D("1.9") * 2),
        (SELL, 90, 110, D(110) * D("1.9") * 2),
    ],
)
def test_both_legs_are_reserved_at_the_worst_that_either_may_cost(
    side: Any, profit: int, stop: int, per_unit: Decimal
) -> None:
    instrument = an_instrument(multiplier=D(2))
    intent = a_bracket(side=side, bracket=legs(profit, stop))
    checks = risk_bracket.approved_legs(Case(intent, there(instrument=instrument)), ())
    assert [leg.reserve_per_unit for leg in checks] == [per_unit, per_unit]


# ---- the entry


@pytest.mark.parametrize(
    ("side", "held", "is_refused"),
    [(BUY, 0, False), (BUY, 10, False), (BUY, -1, True), (SELL, 0, False), (SELL, -10, False)],
)
def test_an_entry_adds_to_what_is_held(side: Any, held: int, is_refused: bool) -> None:
    intent = a_bracket(side=side, bracket=legs(110, 95) if side is BUY else legs(90, 105))
    found = codes(intent, book=a_book(held=held, cash=10**8))
    assert ("BRACKET_ENTRY" in found) is is_refused


def test_a_sale_out_of_a_position_is_no_entry() -> None:
    intent = a_bracket(side=SELL, bracket=legs(90, 105))
    assert codes(intent, book=a_book(held=30, cash=10**8)) == ["BRACKET_ENTRY"]


def test_an_exit_has_no_bracket() -> None:
    found = review(a_bracket(is_reduce_only=True), there())
    assert isinstance(found, Refused)
    row = next(row for row in found.checks if row.code == "BRACKET_ENTRY")
    assert not row.passed
    assert row.value == "BUY beside a position of 0, abc123-alpha-1, reduce only"
    told = "an entry that adds to the position, with an id that has room for its legs'"
    assert row.limit == told
    sound = next(row for row in review(a_bracket(), there()).checks if row.code == "BRACKET_ENTRY")
    assert sound.value == "BUY beside a position of 0, abc123-alpha-1"


def test_an_entry_whose_legs_could_not_be_found_again_is_refused() -> None:
    strategy = StrategyName("a" * 16)
    longest = intent_id(Lineage("abc123"), strategy, 10**8 - 1)
    for name, found in ((longest, ["BRACKET_ENTRY"]), (IntentId(longest[:-1]), [])):
        assert codes(a_bracket(strategy=strategy, intent_id=name)) == found


# ---- forms


@pytest.mark.parametrize(
    ("time", "entry_time", "is_refused"),
    [
        (TimeInForce.GTC, TimeInForce.DAY, False),
        (TimeInForce.DAY, TimeInForce.GTC, False),
        (TimeInForce.IOC, TimeInForce.DAY, True),
        (TimeInForce.GTC, TimeInForce.IOC, True),
    ],
)
def test_nothing_of_a_bracket_is_to_fill_at_once(
    time: TimeInForce, entry_time: TimeInForce, is_refused: bool
) -> None:
    intent = a_bracket(bracket=legs(110, 95, time_in_force=time), time_in_force=entry_time)
    every = frozenset(("STK", kind, one) for kind in OrderType for one in TimeInForce)
    policy = replace(WIDE, order=replace(WIDE.order, forms=every))
    assert codes(intent, policy=policy) == (["BRACKET_FORM"] if is_refused else [])


@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.STOP])
def test_both_legs_have_a_form_of_the_policy(kind: OrderType) -> None:
    forms = DEFAULT_FORMS - {("STK", kind, TimeInForce.GTC)}
    policy = replace(WIDE, order=replace(WIDE.order, forms=forms))
    assert codes(a_bracket(), policy=policy) == ["BRACKET_FORM"]
    verdict = review(a_bracket(), there(policy=policy))
    row = next(row for row in verdict.checks if row.code == "BRACKET_FORM")
    assert (row.value, row.limit) == (
        "STK LMT and STP GTC, entry DAY",
        "forms of the policy without IOC",
    )


# ---- prices


@pytest.mark.parametrize("bad", [None, D("NaN"), D(0), D(-95), 95, "95", True, D("1e30")])
def test_a_price_that_is_no_number_is_refused(bad: Any) -> None:
    for terms in (BracketTerms(bad, D(95)), BracketTerms(D(110), bad)):
        found = codes(a_bracket(bracket=terms))
        assert "BRACKET_PRICE" in found
        assert {"BRACKET_OFF_TICK", "BRACKET_SIDES", "BRACKET_DISTANCE"} <= set(found)


def test_what_was_asked_for_is_told() -> None:
    verdict = review(a_bracket(), there())
    row = next(row for row in verdict.checks if row.code == "BRACKET_PRICE")
    assert (row.value, row.limit) == ("take profit 110, stop loss 95 GTC", "prices above 0")


@pytest.mark.parametrize(
    ("profit", "stop", "shown"),
    [("110.005", "95", "110.005"), ("110", "95.005", "95.005"), ("110", "95.01", None)],
)
def test_legs_are_on_the_grid(profit: str, stop: str, shown: str | None) -> None:
    intent = a_bracket(bracket=legs(profit, stop))
    assert codes(intent) == (["BRACKET_OFF_TICK"] if shown else [])
    row = next(row for row in review(intent, there()).checks if row.code == "BRACKET_OFF_TICK")
    assert (row.value, row.limit) == (
        (shown, "a multiple of 0.01") if shown else ("on the grid", "a multiple of the tick")
    )


def test_the_step_is_the_one_that_holds_at_each_price() -> None:
    bands = (PriceBand(D(0), CENT), PriceBand(D(105), D("0.05")))
    instrument = an_instrument(bands=bands)
    assert codes(a_bracket(bracket=legs("110.01", "95.01")), instrument=instrument) == [
        "BRACKET_OFF_TICK"
    ]
    assert codes(a_bracket(bracket=legs("110.05", "95.01")), instrument=instrument) == []


# Where an entry may fill, by its kind and side; the market is 100 to 100.10.
RANGES: list[tuple[Any, dict[str, Any], str, str]] = [
    (BUY, MARKET, "100", "100.10"),
    (SELL, MARKET, "100", "100.10"),
    (BUY, {"limit_price": D(98)}, "98", "98"),
    (BUY, {"limit_price": D(103)}, "100", "103"),
    (SELL, {"limit_price": D(103)}, "103", "103"),
    (SELL, {"limit_price": D(98)}, "98", "100.10"),
    (BUY, {**A_STOP, "stop_price": D(103)}, "103", "103"),
    (BUY, {**A_STOP, "stop_price": D(98)}, "98", "100.10"),
    (SELL, {**A_STOP, "stop_price": D(98)}, "98", "98"),
    (SELL, {**A_STOP, "stop_price": D(103)}, "100", "103"),
]


@pytest.mark.parametrize(("side", "changes", "low", "high"), RANGES)
def test_where_an_entry_may_fill(side: Any, changes: dict[str, Any], low: str, high: str) -> None:
    intent = a_bracket(side=side, **changes)
    assert entry_range(Case(intent, there())) == (D(low), D(high))


@pytest.mark.parametrize(("side", "changes", "low", "high"), RANGES)
def test_legs_lie_beyond_wherever_the_entry_may_fill(
    side: Any, changes: dict[str, Any], low: str, high: str
) -> None:
    below, above = D(low) - CENT, D(high) + CENT

    def refused(lower: Decimal, upper: Decimal) -> bool:
        terms = BracketTerms(upper, lower) if side is BUY else BracketTerms(lower, upper)
        found = codes(a_bracket(side=side, bracket=terms, **changes))
        assert set(found) <= {"BRACKET_SIDES"}, found
        return bool(found)

    assert not refused(below, above)
    assert refused(below + CENT, above)
    assert refused(below, above - CENT)
    assert refused(above, below), "the profit stands on the stop's side"


def test_the_sides_are_told() -> None:
    intent = a_bracket(bracket=legs(100, 95))
    verdict = review(intent, there())
    assert isinstance(verdict, Refused)
    assert verdict.code == "BRACKET_SIDES"
    assert verdict.text == (
        "BRACKET_SIDES: take profit 100, stop loss 95 GTC around 100 to 100, allowed is the "
        "profit on the far side of where the entry may fill, the stop on the near one"
    )


@pytest.mark.parametrize(
    ("profit", "stop", "is_refused"),
    [("150", "50", False), ("150.01", "50", True), ("150", "49.99", True)],
)
def test_a_slipped_digit_is_refused(profit: str, stop: str, is_refused: bool) -> None:
    assert D("0.5") == DISTANCE_MAX
    intent = a_bracket(bracket=legs(profit, stop))
    assert codes(intent) == (["BRACKET_DISTANCE"] if is_refused else [])
    row = next(row for row in review(intent, there()).checks if row.code == "BRACKET_DISTANCE")
    assert row.limit == "at most 0.5 of the entry's price away"
    assert row.value == ("0.50010" if is_refused else "0.50000")


def test_a_distance_is_of_the_lowest_price_that_the_entry_may_have() -> None:
    intent = a_bracket(limit_price=D(110), bracket=legs(160, 95))
    assert codes(intent) == []
    assert codes(replace(intent, bracket=legs("160.01", 95))) == ["BRACKET_DISTANCE"]
    assert codes(replace(intent, bracket=legs(160, 50))) == []


def test_without_a_quote_nothing_is_known_of_the_sides() -> None:
    found = codes(a_bracket(**MARKET), quote=None)
    assert {"BRACKET_SIDES", "BRACKET_DISTANCE"} <= set(found)


# ---- what the account carries


@pytest.mark.parametrize("size", [1, 50])
def test_the_legs_make_the_worst_case_no_better(size: int) -> None:
    """POSITION_MAX and the cash reserve are as for the entry alone."""
    policy = a_policy(position__quantity_max=D(10))
    for number in (size, 10, 11):
        plain = an_intent(quantity=D(number))
        entry = a_bracket(quantity=D(number))
        alone = _but_counts(review(plain, there(policy=policy)).checks)
        together = _but_counts(review(entry, there(policy=policy)).checks)
        assert together[: len(alone)] == alone


def _but_counts(checks: tuple[Check, ...]) -> list[Check]:
    """Leave out how often, where a bracket counts as three."""
    return [row for row in checks if row.code not in dict(RATES)]


def test_what_waits_behind_an_entry_stands_in_no_exits_way() -> None:
    """Ten are held, and a bracket for ten more rests: all that is held may still be sold."""
    book = a_book(held=10, cash=10**8)
    work_bracket(book)
    assert book.workings.of(CON).sells == 0
    exit_ = an_intent(9, side=SELL, is_reduce_only=True)
    assert codes(exit_, book=book) == []
    assert codes(replace(exit_, quantity=D(11)), book=book)[0] == "REDUCE_ONLY"


PRICES = st.integers(5_000, 16_000).map(lambda cents: D(cents) / 100)


@given_any(PRICES, PRICES, PRICES, st.sampled_from([BUY, SELL]), st.sampled_from(OrderType))
def test_whatever_is_approved_protects(
    price: Decimal, profit: Decimal, stop: Decimal, side: Any, kind: OrderType
) -> None:
    """A property of every approval: at any price of the entry the profit gains, the stop loses."""
    intent = a_bracket(
        side=side,
        order_type=kind,
        limit_price=price if kind is OrderType.LIMIT else None,
        stop_price=price if kind is OrderType.STOP else None,
        bracket=BracketTerms(profit, stop),
    )
    verdict = review(intent, there())
    if not isinstance(verdict, Approved):
        return
    low, high = entry_range(Case(intent, there()))
    assert (profit - high) * side.sign > 0
    assert (profit - low) * side.sign > 0
    assert (stop - low) * side.sign < 0
    assert (stop - high) * side.sign < 0
    for leg in verdict.legs:
        assert leg.intent.quantity == intent.quantity
        assert leg.intent.side is side.opposite
        assert leg.reserve_per_unit >= max(profit, stop)
        own = leg.intent.limit_price or leg.intent.stop_price
        assert own is not None
        assert is_multiple(own, CENT)


@pytest.mark.parametrize(
    ("code", "limit"),
    [
        ("ORDER_RATE", "orders_max"),
        ("ORDER_RATE_STRATEGY", "orders_per_strategy_max"),
        ("ORDER_RATE_INSTRUMENT", "orders_per_instrument_max"),
        ("MESSAGE_RATE", "messages_max"),
        ("MESSAGE_RATE_STRATEGY", "messages_per_strategy_max"),
        ("DAILY_TRADES", "daily_trades_max"),
    ],
)
def test_a_bracket_counts_as_the_three_orders_that_it_is(code: str, limit: str) -> None:
    policy = a_policy()
    for free, refused in ((3, []), (2, [code]), (1, [code])):
        policy = a_policy(**{**MANY_RATES, f"rate__{limit}": 4 + free})
        assert failures(a_bracket(9), given(with_orders(4), policy=policy)) == refused
    assert failures(an_intent(9), given(with_orders(4), policy=policy)) == []


def test_a_change_of_a_brackets_entry_counts_once() -> None:
    book = a_book()
    work_bracket(book)
    (entry, *_) = book.orders.values()
    policy = a_policy(**{**MANY_RATES, "rate__messages_max": 5})
    wish = Revision(limit_price=entry.terms.limit_price - D(1))  # type: ignore[operator]
    assert isinstance(review_change(entry, wish, given(book, policy=policy)), Approved)
