"""Only a configured, tradeable instrument that is what it was taken for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.core.factories import CON, OTHER_CON, a_book, an_instrument, given
from tests.unit.core.risk.cases import EXIT, INTENT, asked_of
from trader.core.risk import Refused, review
from trader.core.risk.instrument import CHECKS


@pytest.mark.parametrize(
    ("instrument", "code"),
    [
        (None, "INSTRUMENT_UNKNOWN"),
        (an_instrument(con_id=OTHER_CON), "INSTRUMENT_UNKNOWN"),
        (an_instrument(is_tradeable=False), "INSTRUMENT_UNTRADEABLE"),
        (
            an_instrument(mismatch="multiplier is 10, the assets file says 100"),
            "INSTRUMENT_MISMATCH",
        ),
    ],
)
@pytest.mark.parametrize("is_operator", [False, True])
def test_an_instrument_that_is_not_the_configured_one_refuses(
    instrument: Any, code: str, is_operator: bool
) -> None:
    """CAP-16, CAP-17: the operator's exits as well."""
    for intent in (INTENT, EXIT):
        book = a_book(held=10)
        sound = given(book, is_operator=is_operator)
        verdict = review(intent, given(book, instrument=instrument, valuation=sound.valuation))
        assert isinstance(verdict, Refused)
        assert verdict.code == code


def test_an_instrument_that_nobody_configured_is_told_by_its_number() -> None:
    row = next(
        row
        for row in review(INTENT, given(a_book(), instrument=None)).checks
        if row.code == "INSTRUMENT_UNKNOWN"
    )
    assert (row.value, row.passed) == (f"unknown ({CON})", False)


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == [
        "INSTRUMENT_UNKNOWN",
        "INSTRUMENT_UNTRADEABLE",
        "INSTRUMENT_MISMATCH",
    ]


def test_an_instrument_that_agrees_has_nothing_to_tell() -> None:
    rows = {row.code: row for row in review(INTENT, given(a_book())).checks}
    told = rows["INSTRUMENT_MISMATCH"]
    assert (told.value, told.limit) == ("", "as the assets file says")
