"""A bar of the past is read as it was written, or it is none; an answer is whole, or it is none."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.bars import BarSource
from trader.core.ids import ConId
from trader.ibkr.history_rows import bar_in, rows_in
from trader.ibkr.translate import Unreadable

HEAD = ["17", "9", "20260406 09:30:00 US/Eastern", "20260406 09:31:00 US/Eastern"]
ROW = ["1775482200", "190.00", "190.10", "189.905", "190.005", "-1", "-1", "-1"]
CON_ID = ConId(265598)


def row(**changes: str) -> list[str]:
    """Return a row with other fields."""
    names = ("moment", "open", "high", "low", "close")
    values = dict(zip(names, ROW, strict=False)) | changes
    return [*values.values(), *ROW[5:]]


def test_a_row_is_a_whole_bar_of_the_past() -> None:
    (found,) = rows_in([*HEAD, "1", *ROW])
    bar = bar_in(found, CON_ID, 60, 1)

    assert bar is not None
    assert bar.start_utc == datetime(2026, 4, 6, 13, 30, tzinfo=UTC)
    assert [str(one) for one in (bar.open, bar.high, bar.low, bar.close)] == ROW[1:5]
    assert (bar.con_id, bar.size_s) == (CON_ID, 60)
    assert bar.source is BarSource.HISTORY
    assert bar.is_whole


def test_prices_in_hundredths_are_in_the_currency() -> None:
    """Pence on the wire, pounds in here (INC-101)."""
    bar = bar_in(ROW, CON_ID, 60, 100)

    assert bar is not None
    assert (bar.open, bar.low) == (Decimal("1.9"), Decimal("1.89905"))


@pytest.mark.parametrize("text", ["-1", "0", "", "nan", "inf", "1.7976931348623157E308", "x"])
@pytest.mark.parametrize("name", ["open", "high", "low", "close"])
def test_what_stands_for_no_data_is_no_price(name: str, text: str) -> None:
    """An interval without prices has no bar (INC-019), in hundredths as well."""
    assert bar_in(row(**{name: text}), CON_ID, 60, 1) is None
    assert bar_in(row(**{name: text}), CON_ID, 60, 100) is None


@pytest.mark.parametrize("changes", [{"high": "189"}, {"low": "191"}, {"high": "189.99"}])
def test_prices_that_contradict_each_other_are_none(changes: dict[str, str]) -> None:
    assert bar_in(row(**changes), CON_ID, 60, 1) is None


def test_the_first_of_a_session_that_begins_within_an_interval_is_not_whole() -> None:
    bar = bar_in(row(moment="1775482500"), CON_ID, 1200, 1)

    assert bar is not None
    assert bar.start_utc == datetime(2026, 4, 6, 13, 20, tzinfo=UTC)
    assert not bar.is_whole


@pytest.mark.parametrize("text", ["20260406 09:30:00", "20260406", "", "-5", "1e9", "٣", "9" * 12])
def test_a_moment_in_another_form_is_not_guessed(text: str) -> None:
    with pytest.raises(Unreadable, match="epoch"):
        bar_in(row(moment=text), CON_ID, 60, 1)


@given(count=st.integers(0, 5), shift=st.integers(-9, 9).filter(bool))
def test_an_answer_that_lacks_its_end_is_no_answer(count: int, shift: int) -> None:
    whole = [*HEAD, str(count), *ROW * count]
    assert len(rows_in(whole)) == count
    cut = whole[:shift] if shift < 0 else [*whole, *["1"] * shift]
    if shift != 8:
        with pytest.raises(Unreadable):
            rows_in(cut)


@pytest.mark.parametrize("count", ["", "-1", "two", "1.0"])
def test_a_count_that_is_none_is_no_answer(count: str) -> None:
    with pytest.raises(Unreadable, match="without a count"):
        rows_in([*HEAD, count, *ROW])
