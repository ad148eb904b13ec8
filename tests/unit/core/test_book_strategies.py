"""What a strategy's state does not know of is kept until one does, over a restart too."""

from __future__ import annotations

from tests.unit.core.factories import (
    STRATEGY,
    a_book,
    a_foreign_execution,
    executed,
    record,
    work_order,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.checkpoint import restored, state_of
from trader.core.ids import ExecId
from trader.core.strategy_events import StrategyCheckpointed


def untold(book: Book) -> list[str]:
    return list(book.strategies[STRATEGY].untold)


def saved(*exec_ids: str) -> StrategyCheckpointed:
    return StrategyCheckpointed(STRATEGY, 1, "{}", tuple(map(ExecId, exec_ids)))


def test_an_execution_stays_untold_until_a_state_of_the_strategy_holds_it() -> None:
    book = a_book()
    work_order(book)
    record(book, saved())
    for exec_id in ("e.01.01", "e.02.01", "e.01.01"):
        record(book, executed(exec_id=exec_id, quantity=1))
    assert untold(book) == ["e.01.01", "e.02.01"], "a repetition is no second one"
    assert untold(restored(state_of(book))) == ["e.01.01", "e.02.01"]
    # A state that was made while one waited to be told.
    record(book, saved("e.02.01"))
    record(book, executed(exec_id="e.03.01", quantity=1))
    assert untold(book) == ["e.02.01", "e.03.01"]
    record(book, saved())
    assert untold(book) == []


def test_a_correction_is_told_and_what_is_not_the_strategys_is_not() -> None:
    book = a_book()
    work_order(book)
    record(book, executed(exec_id="e.01.01", quantity=1))
    record(book, saved())
    record(book, executed(exec_id="e.01.02", quantity=2))
    record(book, ev.ExecutionSeen(a_foreign_execution()))
    assert untold(book) == ["e.01.02"]


def test_who_has_no_state_is_owed_nothing() -> None:
    book = a_book()
    work_order(book)
    record(book, executed())
    assert STRATEGY not in book.strategies
