"""What a strategy uses: holdings at their marks, entries at their worst price, exits nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    BUY,
    CON,
    NOW_S,
    OTHER_CON,
    SELL,
    STRATEGY,
    a_book,
    a_bracket,
    an_instrument,
    an_intent,
    fill,
    plan_order,
    work_bracket,
    work_order,
)
from tests.unit.core.risk.cases import with_shares
from trader.core.book import Book
from trader.core.ids import ConId, StrategyName
from trader.core.in_flight import InFlight
from trader.core.intents import Side
from trader.core.marks import Mark, Source
from trader.core.usage import Usage, holding_of, usage
from trader.core.valuation import Valuation, valued

D = Decimal
BETA = StrategyName("beta")


def worth(book: Book, price: str = "100", currency: str = "USD", rate: str = "1") -> Valuation:
    mark = Mark(D(price), currency, "STK", Source.QUOTE, NOW_S)
    rates = {"USD": D(1), currency: D(rate)}
    marks = dict.fromkeys(book.positions, mark)
    return valued(book.positions, marks, book.cash, rates=rates, as_of_s=NOW_S)


def used(book: Book, strategy: StrategyName = STRATEGY, **terms: str) -> Usage:
    return usage(book, strategy, book.workings.of_strategy(strategy), worth(book, **terms))


def test_each_strategy_uses_its_own_part_at_the_mark_of_now() -> None:
    book = with_shares(20, alpha=12, beta=5)
    assert used(book, price="110") == Usage(D(1_320), D(0))
    assert used(book, BETA, price="110") == Usage(D(550), D(0))
    assert used(book, StrategyName("gamma"), price="110") == Usage(D(0), D(0))
    assert used(book, BETA, price="10", currency="EUR", rate="1.5").held == 75


def test_a_short_holding_uses_as_much_as_a_long_one() -> None:
    assert used(with_shares(-20, alpha=-12)).held == 1_200


@pytest.mark.parametrize(
    ("held", "side", "quantity", "adds"),
    [
        (0, BUY, 10, 1_000),
        (0, SELL, 10, 1_000),
        (5, BUY, 10, 1_000),
        (5, SELL, 5, 0),
        (5, SELL, 10, 0),  # as far on the other side as it was on this one
        (5, SELL, 12, 200),
        (-5, BUY, 12, 200),
        (-5, SELL, 10, 1_000),
    ],
)
def test_an_order_adds_what_it_may_make_larger(
    held: int, side: Side, quantity: int, adds: int
) -> None:
    book = with_shares(held, alpha=held) if held else a_book()
    plan_order(book, an_intent(1, side=side, quantity=D(quantity)))
    found = used(book)
    assert found.working == adds
    assert found.held == abs(held) * 100
    assert found.total == abs(held) * 100 + adds


def test_whichever_side_fills_first_the_larger_counts() -> None:
    book = a_book()
    plan_order(book, an_intent(1, quantity=D(3)), 1)
    plan_order(book, an_intent(2, side=SELL, quantity=D(4)), 2)
    assert used(book).working == 400


def test_what_another_strategy_holds_or_enters_is_not_used() -> None:
    book = with_shares(20, beta=20)
    plan_order(book, an_intent(1, quantity=D(3)), 1)
    assert used(book) == Usage(D(0), D(300))
    assert used(book, BETA) == Usage(D(2_000), D(0))


def test_every_instrument_is_added_at_its_own_rate() -> None:
    book = a_book()
    plan_order(book, an_intent(1, quantity=D(3)), 1)
    plan_order(book, an_intent(2, con_id=OTHER_CON, quantity=D(4)), 2)
    assert used(book).working == 700
    euros = {OTHER_CON: InFlight("EUR", buys=D(1), buys_value=D(10))}
    assert usage(book, STRATEGY, euros, worth(book, currency="EUR", rate="2")).working == 20


def test_a_bracket_counts_once_from_its_promise_to_its_end() -> None:
    book = a_book()
    work_bracket(book, a_bracket(1))
    assert used(book) == Usage(D(0), D(1_000))
    fill(book, 1, 4)
    assert used(book) == Usage(D(400), D(600))
    fill(book, 1, 6)
    assert used(book) == Usage(D(1_000), D(0))
    fill(book, 3, 10)
    assert used(book) == Usage(D(0), D(0))


def test_without_a_mark_or_a_rate_nobody_knows() -> None:
    book = with_shares(20, alpha=12)
    none = valued(book.positions, {}, book.cash, rates={"USD": D(1)}, as_of_s=NOW_S)
    with pytest.raises(KeyError):
        usage(book, STRATEGY, {}, none)
    assert usage(book, BETA, {}, none) == Usage(D(0), D(0)), "what others hold is not asked for"
    euros = {CON: InFlight("EUR", buys=D(1), buys_value=D(10))}
    with pytest.raises(KeyError):
        usage(a_book(), STRATEGY, euros, worth(a_book()))
    # What adds nothing needs no rate.
    exits = {CON: InFlight("EUR", sells=D(1), sells_value=D(10))}
    assert usage(book, STRATEGY, exits, worth(book)).working == 0


def test_a_holding_is_what_the_account_still_has() -> None:
    book = with_shares(8, alpha=12)
    assert holding_of(book, STRATEGY, CON) == 8
    assert holding_of(book, STRATEGY, ConId(999)) == 0
    assert an_instrument().con_id == CON
    work_order(book, an_intent(1))
    assert holding_of(book, STRATEGY, CON) == 8
