"""A strategy's days: what counts to which, what is no day at all, and where it begins anew."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trader.core.ids import StrategyName
from trader.core.track_record import RETURNS_KEPT, TrackRecord, begun_anew, marked, rebased

ALPHA = StrategyName("alpha")
D = Decimal


def record_of(*marks: tuple[str, str], capital: str = "1000") -> TrackRecord:
    """Mark results one after the other, each with its day."""
    record: TrackRecord | None = None
    for day, result in marks:
        record = marked(record, ALPHA, day, result=D(result), capital=D(capital))
    assert record is not None
    return record


def test_a_day_is_held_against_what_the_account_was_worth() -> None:
    record = record_of(("2026-03-02", "5"), ("2026-03-02", "10"), ("2026-03-03", "10"))
    assert record.returns == (D("0.01"),)


def test_what_came_between_the_last_mark_of_a_day_and_the_next_counts_to_the_next() -> None:
    """A night, or a time in which nobody looked, hides no loss."""
    record = record_of(("2026-03-02", "10"), ("2026-03-05", "-40"), ("2026-03-06", "-40"))
    assert record.returns == (D("0.01"), D("-0.05"))


def test_a_day_in_which_nothing_moved_is_none() -> None:
    record = record_of(("2026-03-02", "10"), ("2026-03-03", "10"), ("2026-03-04", "10"))
    assert record.returns == (D("0.01"),)


def test_a_day_that_steps_back_is_taken_for_the_present_one() -> None:
    record = record_of(("2026-03-03", "10"), ("2026-03-02", "20"))
    assert (record.day, record.last, record.returns) == ("2026-03-03", D(20), ())


def test_the_oldest_days_go() -> None:
    days = [(f"{2000 + number}-01-01", str(number)) for number in range(1, RETURNS_KEPT + 12)]
    record = record_of(*days)
    assert len(record.returns) == RETURNS_KEPT
    assert record.returns[0] == D("0.001")


def test_holdings_put_right_by_hand_are_nobodys_result() -> None:
    record = record_of(("2026-03-02", "10"), ("2026-03-03", "12"))
    record = marked(rebased(record), ALPHA, "2026-03-03", result=D(500), capital=D(1000))
    record = marked(record, ALPHA, "2026-03-04", result=D(501), capital=D(1000))
    assert record.returns == (D("0.01"), D("0.002"))
    assert not record.is_rebased


def test_begun_anew_it_has_no_past_and_counts_from_where_it_stands() -> None:
    record = begun_anew(record_of(("2026-03-02", "-10"), ("2026-03-03", "-30")))
    assert record.returns == ()
    record = marked(record, ALPHA, "2026-03-04", result=D(-30), capital=D(1000))
    assert record.returns == ()


@pytest.mark.parametrize(("result", "capital"), [("NaN", "1"), ("1", "NaN"), ("1", "0")])
def test_a_number_that_is_none_is_never_marked(result: str, capital: str) -> None:
    with pytest.raises(AssertionError):
        record_of(("2026-03-02", result), capital=capital)
