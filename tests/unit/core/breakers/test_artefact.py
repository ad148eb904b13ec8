"""An evaluation comes back from its text as it was, and one that was changed is found out."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.breakers.artefact import (
    Evaluation,
    as_plain,
    evaluated,
    is_reproduced,
    of_plain,
)
from trader.core.breakers.machine import CLOSED, Finding, Phase, Reading, State
from trader.core.breakers.rules import BreakerName, Rules

RULES = Rules()
READINGS = st.one_of(
    st.none(),
    st.builds(
        Reading,
        value=st.none() | st.decimals(),
        at_s=st.floats(0, 10, allow_nan=False),
        is_confirmed=st.booleans(),
        is_too_early=st.booleans(),
        text=st.text(max_size=5),
    ),
)
STATES = st.builds(
    State,
    phase=st.sampled_from(Phase),
    bad_count=st.integers(0, 3),
    last_at_s=st.none() | st.floats(0, 10),
    good_since_s=st.none() | st.floats(0, 10),
    day=st.sampled_from(["2026-03-02", "2026-03-03"]),
    reason=st.text(max_size=5),
)


@given(name=st.sampled_from(BreakerName), state=STATES, reading=READINGS, now_s=st.floats(0, 20))
def test_what_is_read_back_is_what_was_written_and_gives_the_same(
    name: BreakerName, state: State, reading: Reading | None, now_s: float
) -> None:
    kept = evaluated(name, RULES.of(name), state, reading, now_s, "2026-03-03")
    text = json.dumps(as_plain(kept))
    again = of_plain(json.loads(text))
    assert is_reproduced(again)
    assert json.dumps(as_plain(again)) == text
    assert (again.rule, again.before, again.verdict) == (kept.rule, kept.before, kept.verdict)


def test_a_record_that_was_changed_is_found_out() -> None:
    name = BreakerName.DRIFT
    kept = evaluated(name, RULES.drift, CLOSED, Reading(Decimal(5), 0.0), 0.0, "2026-03-02")
    assert kept.verdict.finding is Finding.BAD
    assert is_reproduced(kept)
    forged = replace(kept, reading=Reading(Decimal(0), 0.0))
    assert not is_reproduced(forged)
    assert not is_reproduced(replace(kept, after=CLOSED))


def test_what_is_no_record_is_refused() -> None:
    kept = evaluated(BreakerName.DRIFT, RULES.drift, CLOSED, None, 0.0, "2026-03-02")
    row = as_plain(kept)
    with pytest.raises(KeyError):
        of_plain({})
    with pytest.raises(ValueError, match="nothing"):
        of_plain({**row, "breaker": "nothing"})
    with pytest.raises(TypeError):
        of_plain({**row, "before": {**row["before"], "more": 1}})


@pytest.mark.parametrize(
    ("part", "change"),
    [
        ("rule", {"bad": "sideways"}),
        ("rule", {"reset": "never"}),
        ("rule", {"limit": "much"}),
        ("before", {"phase": "asleep"}),
        ("reading", {"value": "much"}),
    ],
)
def test_a_record_with_a_word_that_nobody_knows_is_refused(
    part: str, change: dict[str, Any]
) -> None:
    reading = Reading(Decimal(5), 0.0)
    row = as_plain(evaluated(BreakerName.DRIFT, RULES.drift, CLOSED, reading, 0.0, "2026-03-02"))
    with pytest.raises((ValueError, ArithmeticError)):
        of_plain({**row, part: {**row[part], **change}})


def test_a_breaker_is_the_accounts_unless_it_says_whose() -> None:
    scopes = [row.default for row in fields(Evaluation) if row.name == "scope"]
    assert scopes == [""]
