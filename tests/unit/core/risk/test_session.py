"""Hours, guards and restarts hold new risk back and never an exit."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tests.unit.core.factories import a_book, given
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, INTENT, OPEN, asked_of, failures, unavailable
from trader.core.policy import TradingHours
from trader.core.risk import RiskInput, SessionView, review
from trader.core.risk.session import CHECKS

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


@pytest.mark.parametrize(
    ("name", "view", "found"),
    [
        ("open_guard_s", {"since_open_s": 299.0}, ["SESSION_GUARD"]),
        ("open_guard_s", {"until_close_s": 0.0}, []),
        ("close_guard_s", {"until_close_s": 299.0}, ["SESSION_GUARD"]),
        ("close_guard_s", {"since_open_s": 0.0}, []),
    ],
)
def test_each_edge_has_a_guard_of_its_own(
    name: str, view: dict[str, Any], found: list[str]
) -> None:
    policy = a_policy(**{f"session__{name}": 300.0})
    assert failures(INTENT, during(policy, replace(OPEN, **view))) == found
    assert unavailable(INTENT, during(policy, replace(OPEN, **view))) == []


@pytest.mark.parametrize(("until_s", "found"), [(0.0, ["RESTART_WINDOW"]), (1.0, []), (None, [])])
def test_the_restart_itself_takes_no_new_risk_though_nobody_guards_it(
    until_s: float | None, found: list[str]
) -> None:
    view = replace(OPEN, until_restart_s=until_s)
    assert failures(INTENT, during(a_policy(), view)) == found
    assert failures(EXIT, during(a_policy(), view, held=10)) == []


def test_a_day_without_a_restart_is_said_to_have_none() -> None:
    view = replace(OPEN, until_restart_s=None)
    assert unavailable(INTENT, during(GUARDED, view)) == []
    rows = {row.code: row.value for row in review(INTENT, during(GUARDED, view)).checks}
    assert rows["RESTART_WINDOW"] == "none planned"


@pytest.mark.parametrize(("is_regular", "told"), [(True, "open"), (False, "closed")])
def test_the_hours_are_told_as_they_are(is_regular: bool, told: str) -> None:
    view = replace(OPEN, is_regular=is_regular)
    rows = {row.code: row.value for row in review(INTENT, during(REGULAR, view)).checks}
    assert rows["SESSION_CLOSED"] == told


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == ["SESSION_CLOSED", "SESSION_GUARD", "RESTART_WINDOW"]


def test_a_policy_of_any_hour_says_so() -> None:
    policy = a_policy(session__hours=TradingHours.ALWAYS)
    rows = {row.code: row for row in review(INTENT, given(a_book(), policy=policy)).checks}
    assert (rows["SESSION_CLOSED"].value, rows["SESSION_CLOSED"].limit) == ("not asked", "always")
