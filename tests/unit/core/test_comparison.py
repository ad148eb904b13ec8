"""A run is a question to a book and its answer; asked again, it is the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.unit.core.factories import (
    CON,
    a_book,
    a_position_row,
    a_run,
    a_snapshot,
    an_execution,
    note,
)
from trader.core import events as ev
from trader.core.book import Book
from trader.core.comparison import Decision, Passed, Question, answered, differences, doubted
from trader.core.drifts import DriftKind, sighting
from trader.core.ids import Seq
from trader.core.snapshots import BrokerSnapshot

KEY = f"AAA-{CON}"


def a_question(book: Book, snapshot: BrokerSnapshot, **changes: object) -> Question:
    question = Question(
        run=a_run(book, 60.0), snapshot=snapshot, left=(), seen_before=frozenset(), passed=(),
        was_compared=True,
    )  # fmt: skip
    return replace(question, **changes)  # type: ignore[arg-type]


def test_a_difference_waits_for_its_second_look_and_then_becomes_a_ticket() -> None:
    book = a_book()
    question = a_question(book, a_snapshot(positions=(a_position_row(7),)))
    first = answered(book, question)
    assert [row.kind for row in first.plan.pending] == [DriftKind.POSITION]
    assert first.records == ()
    second = answered(
        book,
        replace(
            question,
            left=first.plan.pending,
            seen_before=frozenset(map(sighting, first.plan.pending)),
        ),
    )
    (ticket,) = second.plan.tickets
    assert second.records == (ticket,)


def test_what_moved_meanwhile_is_in_doubt_at_once_only_when_nothing_was_compared_yet() -> None:
    book = a_book()
    question = a_question(book, a_snapshot(positions=(a_position_row(7),)))
    note(book, ev.ExecutionSeen(an_execution(quantity=3)), 61.0)
    answer = answered(book, question)
    assert answer.drifts == ()
    for was_compared, runs, is_in_doubt in ((False, 0, True), (True, 0, False), (True, 2, True)):
        passed = (Passed(DriftKind.POSITION, KEY, runs),) if runs else ()
        asked = replace(question, was_compared=was_compared, passed=passed)
        doubt = doubted(book, asked, answer)
        assert doubt.unlooked == {CON}
        assert doubt.passed[0] == Passed(DriftKind.POSITION, KEY, runs + 1)
        assert (KEY in {row.key for row in doubt.plan.unseen}) is is_in_doubt


@pytest.mark.parametrize("name", ["drifts", "pending"])
def test_another_answer_is_named_by_what_is_otherwise(name: str) -> None:
    book = a_book()
    question = a_question(book, a_snapshot(positions=(a_position_row(7),)))
    answer = answered(book, question)
    plan = doubted(book, question, answer).plan
    decision = Decision(question, answer, plan, book.seq, Seq(book.seq))
    assert differences(decision, answer, plan) == ()
    other = replace(answer, drifts=()) if name == "drifts" else answer
    otherwise = replace(plan, pending=()) if name == "pending" else plan
    (text,) = differences(decision, other, otherwise)
    assert text.startswith(f"{name}: recorded Drift(")
    assert text.endswith("replayed none")
