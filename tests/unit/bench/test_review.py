"""The benchmark of the review measures a review, and one that no history makes slower."""

from __future__ import annotations

from trader.bench.review import ORDERS, POSITIONS, review_seconds, situation
from trader.core.risk import Approved, review
from trader.core.risk.case import UNAVAILABLE


def test_the_review_it_measures_has_everything_and_passes() -> None:
    intent, given = situation()
    verdict = review(intent, given)
    assert isinstance(verdict, Approved)
    assert len(given.book.live_orders) == ORDERS
    assert len(given.book.positions) == POSITIONS
    asked = [row for row in verdict.checks if row.value in (UNAVAILABLE, "not asked")]
    assert {row.code for row in asked} <= {"SETTLED_CASH"}, "a check has nothing to do"


def test_history_makes_a_review_no_slower() -> None:
    """The medians of the fastest half: a busy machine only ever makes one slower."""

    def fast(history: int) -> float:
        return sorted(review_seconds(400, history))[100]

    young, old = fast(0), fast(5_000)
    assert old < 2 * young
