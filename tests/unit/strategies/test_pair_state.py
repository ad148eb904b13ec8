"""A pair's phases: every pair of them is wanted or refused, and one leg alone is never kept."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from trader.strategies.pair_state import (
    PHASES,
    Legs,
    Pair,
    PairKept,
    Phase,
    next_leg,
    next_phase,
)

T0 = datetime(2026, 3, 2, 15, tzinfo=UTC)


def pair(direction: int = 1, **changes: Any) -> Pair:
    values: dict[str, Any] = {
        "direction": direction, "hedge_ratio": 2.0, "intercept": 5.0, "deviation": 0.5,
        "entry_spread": -1.2, "first": 10 * direction, "second": -20 * direction, "began_utc": T0,
    }  # fmt: skip
    return Pair.model_validate({**values, **changes})


def legs(first: int, second: int, *working: int) -> Legs:
    one, other = working or (0, 0)
    return Legs((Decimal(first), Decimal(second)), (Decimal(one), Decimal(other)))


def after(phase: Phase, there: Legs, waited_s: float = 1.0, of: Pair | None = None) -> Phase:
    found = None if phase is Phase.FLAT else of or pair()
    return next_phase(phase, found, there, waited_s=waited_s, complete_s=30.0)[0]


SHARES = st.integers(-25, 25)
LEGS = st.builds(lambda a, b, c, d: legs(a, b, c, d), SHARES, SHARES, SHARES, SHARES)
EXACT = st.sampled_from([legs(0, 0), legs(10, -20), legs(0, -20), legs(10, -20, 1, 0)])


@given(st.sampled_from(Phase), LEGS | EXACT, st.floats(-100, 100))
def test_every_step_is_one_of_the_table(phase: Phase, there: Legs, waited_s: float) -> None:
    found = after(phase, there, waited_s)
    assert found is phase or (phase, found) in PHASES


def test_every_phase_is_reached_and_left() -> None:
    assert {one for one, _ in PHASES} == {other for _, other in PHASES} == set(Phase)


@given(LEGS | EXACT)
def test_flat_is_only_what_holds_nothing_and_can_get_nothing(there: Legs) -> None:
    for phase in Phase:
        if after(phase, there) is Phase.FLAT:
            assert there.is_nothing


@given(LEGS | EXACT)
def test_open_is_only_what_is_held_as_it_was_wanted(there: Legs) -> None:
    for phase in (Phase.OPENING, Phase.OPEN):
        if after(phase, there) is Phase.OPEN:
            assert there.held == pair().legs


@pytest.mark.parametrize(
    ("phase", "there", "waited_s", "expected"),
    [
        (Phase.OPENING, legs(0, 0), 1, Phase.OPENING),
        (Phase.OPENING, legs(0, 0, 0, -20), 1, Phase.OPENING),
        (Phase.OPENING, legs(0, -20), 30, Phase.OPENING),
        (Phase.OPENING, legs(0, -20), 30.1, Phase.CLOSING),
        (Phase.OPENING, legs(0, -20), -0.1, Phase.CLOSING),
        (Phase.OPENING, legs(4, -20, 6, 0), 5, Phase.OPENING),
        (Phase.OPENING, legs(4, -20, 6, 0), 31, Phase.CLOSING),
        (Phase.OPENING, legs(10, -20), 31, Phase.OPEN),
        (Phase.OPENING, legs(11, -20), 1, Phase.CLOSING),
        (Phase.OPENING, legs(-1, -20), 1, Phase.CLOSING),
        (Phase.OPEN, legs(10, -20), 9_999, Phase.OPEN),
        (Phase.OPEN, legs(10, 0), 5, Phase.CLOSING),
        (Phase.OPEN, legs(0, -20), 5, Phase.CLOSING),
        (Phase.OPEN, legs(9, -20), 5, Phase.CLOSING),
        (Phase.OPEN, legs(0, 0), 5, Phase.CLOSING),
        (Phase.CLOSING, legs(0, 0), 5, Phase.FLAT),
        (Phase.CLOSING, legs(0, 0, 1, 0), 5, Phase.CLOSING),
        (Phase.CLOSING, legs(10, -20), 5, Phase.CLOSING),
        (Phase.FLAT, legs(0, 0), 0, Phase.FLAT),
        (Phase.FLAT, legs(0, 3), 0, Phase.CLOSING),
        (Phase.FLAT, legs(0, 0, 3, 0), 0, Phase.CLOSING),
    ],
)
def test_where_a_pair_stands(phase: Phase, there: Legs, waited_s: float, expected: Phase) -> None:
    assert after(phase, there, waited_s) is expected


def test_why_it_is_closed_says_what_is_there_and_what_was_wanted() -> None:
    _, why = next_phase(Phase.OPEN, pair(), legs(10, 0), waited_s=1, complete_s=30)
    assert why == "broken: held 10 and 0, working 0 and 0, wanted 10 and -20"
    _, why = next_phase(Phase.OPENING, pair(), legs(0, -20), waited_s=31, complete_s=30)
    assert why.startswith("not complete within 30 s: held 0 and -20")


@pytest.mark.parametrize(
    ("direction", "there", "index"),
    [
        (1, legs(0, 0), 1),
        (1, legs(0, 0, 0, -20), None),
        (1, legs(0, -20), 0),
        (1, legs(0, -20, 10, 0), None),
        (1, legs(10, -20), None),
        (1, legs(0, -7), None),
        (1, legs(4, -20), None),
        (-1, legs(0, 0), 0),
        (-1, legs(-10, 0), 1),
        (-1, legs(-10, 20), None),
    ],
)
def test_the_short_leg_is_sent_first_and_each_one_once(
    direction: int, there: Legs, index: int | None
) -> None:
    assert next_leg(pair(direction), there) == index


def test_the_spread_is_measured_as_it_was_fitted() -> None:
    assert pair().z(105.0, 50.0) == 0.0
    assert pair().z(104.0, 50.0) == -2.0


@pytest.mark.parametrize(
    "changes",
    [{"first": -10}, {"second": 20}, {"first": 0}, {"direction": 2}, {"hedge_ratio": 0},
     {"deviation": float("nan")}, {"deviation": -1}, {"began_utc": "2026-03-02T15:00:00"},
     {"first": "NaN"}, {"entry_spread": float("inf")}, {"more": 1}],
)  # fmt: skip
def test_a_pair_that_is_none_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        pair(**changes)


@pytest.mark.parametrize(
    ("phase", "has_pair", "fits"),
    [(Phase.FLAT, False, True), (Phase.FLAT, True, False), (Phase.OPEN, False, False),
     (Phase.OPENING, False, False), (Phase.OPENING, True, True), (Phase.CLOSING, False, True),
     (Phase.CLOSING, True, True)],
)  # fmt: skip
def test_a_state_that_contradicts_itself_is_refused(
    phase: Phase, has_pair: bool, fits: bool
) -> None:
    values = {"phase": phase, "pair": pair().model_dump() if has_pair else None}
    if fits:
        assert PairKept.model_validate(values).phase is phase
    else:
        with pytest.raises(ValidationError):
            PairKept.model_validate(values)
