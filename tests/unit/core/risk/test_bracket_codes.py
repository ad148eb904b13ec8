"""The codes of brackets: one for each check, and in the table with all others."""

from __future__ import annotations

from trader.core.risk import bracket
from trader.core.risk.bracket_codes import BRACKET_CODES
from trader.core.risk.codes import CODES, code_named
from trader.core.risk.gateway_codes import Code


def test_each_check_of_a_bracket_has_its_row() -> None:
    assert [row.code for row in BRACKET_CODES] == [code for code, _ in bracket.CHECKS]
    assert {row.topic for row in BRACKET_CODES} == {"bracket"}


def test_the_rows_are_found_with_all_others() -> None:
    for row in BRACKET_CODES:
        assert isinstance(row, Code)
        assert row in CODES
        assert code_named(row.code) is row
