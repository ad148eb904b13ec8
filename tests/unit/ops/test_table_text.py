"""Columns line up, numbers at their last digit, and nothing is cut off."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.ops.table_text import cell, table


def test_a_table_as_a_person_reads_it() -> None:
    rows = [
        (7, "AAPL", Decimal("1.50"), datetime(2026, 3, 2, 15, 4, 5, tzinfo=UTC)),
        (12, "a long name", None, None),
    ]
    assert table(("ID", "SYMBOL", "PRICE", "TIME"), rows) == [
        "ID  SYMBOL       PRICE  TIME",
        " 7  AAPL          1.50  2026-03-02 15:04:05",
        "12  a long name      -  -",
    ]


def test_a_head_without_rows_is_a_head() -> None:
    assert table(("A", "LONGER"), []) == ["A  LONGER"]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "-"), ("", "-"), (Decimal("89.250000000000000000"), "89.25"),
        (Decimal(2) / 3, "0.66666667"), (Decimal("5.0000000000"), "5"), (Decimal("NaN"), "NaN"),
        (Decimal("0.12345678"), "0.12345678"),
        (Decimal("1E+3"), "1000"), (Decimal("0.10"), "0.10"), (0, "0"),
        ("x", "x"), ("no\n9 forged\x1b[2J", "no 9 forged [2J"),
    ],
)  # fmt: skip
def test_what_a_value_looks_like(value: object, text: str) -> None:
    assert cell(value) == text


@given(st.lists(st.tuples(st.integers(), st.text("abc", max_size=9), st.none()), min_size=1))
def test_every_value_begins_or_ends_in_its_column(rows: list[tuple[object, ...]]) -> None:
    head, *lines = table(("NUMBER", "TEXT", "NOTHING"), rows)
    begin, end = head.index("TEXT"), head.index("NUMBER") + len("NUMBER")
    for line, (number, text, _) in zip(lines, rows, strict=True):
        assert line[:end].strip() == str(number)
        assert line[begin:].split("  ")[0].rstrip() == (text or "-")
