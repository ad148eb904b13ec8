"""Hours, guards and restarts hold new risk back and never an exit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.factories import a_book, given
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, INTENT, OPEN, failures, unavailable
from trader.core.policy import TradingHours
from trader.core.risk import RiskInput, SessionView

REGULAR = a_policy(session__hours=TradingHours.REGULAR)
EXTENDED = a_policy(session__hours=TradingHours.EXTENDED)
GUARDED = a_policy(
    session__hours=TradingHours.REGULAR,
    session__open_guard_s=300.0,
    session__close_guard_s=300.0,
    session__restart_guard_s=300.0,
)


def during(policy: Any, view: SessionView | None, held: int = 0) -> RiskInput:
    return given(a_book(held), policy=policy, session=view)


@pytest.mark.parametrize(
    ("policy", "is_regular", "is_extended", "is_open"),
    [
        (REGULAR, True, False, True),
        (REGULAR, False, True, False),
        (REGULAR, False, False, False),
        (EXTENDED, False, True, True),
        (EXTENDED, True, False, True),
        (EXTENDED, False, False, False),
    ],
)
def test_new_risk_waits_for_the_hours_of_the_policy(
    policy: Any, is_regular: bool, is_extended: bool, is_open: bool
) -> None:
    view = replace(OPEN, is_regular=is_regular, is_extended=is_extended)
    assert failures(INTENT, during(policy, view)) == ([] if is_open else ["SESSION_CLOSED"])
    assert failures(EXIT, during(policy, view, held=10)) == []


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"since_open_s": 300}, []),
        ({"since_open_s": 299}, ["SESSION_GUARD"]),
        ({"until_close_s": 299}, ["SESSION_GUARD"]),
        ({"until_restart_s": 299}, ["RESTART_WINDOW"]),
        ({"until_restart_s": 0}, ["RESTART_WINDOW"]),
        ({"until_restart_s": None}, []),
    ],
)
def test_new_risk_keeps_away_from_the_edges(changes: dict[str, Any], found: list[str]) -> None:
    view = replace(OPEN, **changes)
    assert failures(INTENT, during(GUARDED, view)) == found
    assert failures(EXIT, during(GUARDED, view, held=10)) == []


def test_hours_that_nobody_knows_are_closed() -> None:
    assert unavailable(INTENT, during(GUARDED, None)) == [
        "SESSION_CLOSED",
        "SESSION_GUARD",
        "RESTART_WINDOW",
    ]
    assert unavailable(EXIT, during(GUARDED, None, held=10)) == []
    silent = replace(OPEN, since_open_s=None)
    assert unavailable(INTENT, during(GUARDED, silent)) == ["SESSION_GUARD"]


def test_where_there_are_no_hours_nobody_is_asked() -> None:
    assert failures(INTENT, during(a_policy(), None)) == []
