"""The machine of a breaker: when it trips, what it does meanwhile, what closes it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.breakers.machine import (
    CLOSED,
    TABLE,
    Finding,
    Phase,
    Reading,
    State,
    Step,
    action_of,
    evaluate,
    reset_by_operator,
    strongest,
)
from trader.core.breakers.rules import Action, Bad, BreakerName, Reset, Rule

NAME = BreakerName.DRIFT
RULE = Rule(Decimal(1), Bad.FROM_ABOVE, Action.HALT, Reset.PROBE, hold_s=10, reading_age_s_max=5)
TODAY, TOMORROW = "2026-03-02", "2026-03-03"


def a_reading(value: str | None, at_s: float = 0.0, **changes: Any) -> Reading:
    return Reading(None if value is None else Decimal(value), at_s, **changes)


def after(
    values: Sequence[str | None], rule: Rule = RULE, state: State = CLOSED, start_s: float = 0.0
) -> State:
    """Evaluate readings one second apart."""
    for place, value in enumerate(values):
        at_s = start_s + place
        reading = None if value is None else a_reading(value, at_s)
        state, _ = evaluate(NAME, rule, state, reading, at_s, TODAY)
    return state


def test_a_bad_reading_trips_and_says_why() -> None:
    state, verdict = evaluate(NAME, RULE, CLOSED, a_reading("2"), 0.0, TODAY)
    assert (verdict.finding, verdict.step) == (Finding.BAD, Step.TRIP)
    assert state.phase is Phase.TRIPPED
    assert state.day == TODAY
    assert state.reason == verdict.text == "2 (at or above 1 is bad)"
    assert action_of(RULE, state, verdict.finding) is Action.HALT


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("0.003280316071343183665662506575", "0.00328"),
        ("0.304427453817744384469561203", "0.3044"),
        ("12345.678", "12350"),
        # Four digits would say that it has reached the limit of 1, and it has not.
        ("0.99999", "0.99999"),
    ],
)
def test_a_reading_is_told_in_as_many_digits_as_people_read(value: str, shown: str) -> None:
    _, verdict = evaluate(NAME, RULE, CLOSED, a_reading(value), 0.0, TODAY)
    assert verdict.text == f"{shown} (at or above 1 is bad)"


def test_a_good_reading_changes_nothing() -> None:
    state, verdict = evaluate(NAME, RULE, CLOSED, a_reading("0.99"), 0.0, TODAY)
    assert (state.phase, verdict.finding, verdict.step) == (Phase.CLOSED, Finding.GOOD, None)
    assert action_of(RULE, state, verdict.finding) is None


@pytest.mark.parametrize(
    ("reading", "text"),
    [
        (None, "no reading"),
        (a_reading(None), "no value"),
        (a_reading(None, text="gone"), "no value: gone"),
        (a_reading("NaN"), "reading NaN is not a number"),
        (a_reading("Infinity"), "reading Infinity is not a number"),
        (a_reading("0", -6.0), "reading of 6.0 s ago, allowed 5 s"),
        (a_reading("0", 1.0), "reading of -1.0 s ago, allowed 5 s"),
        (a_reading("0", float("nan")), "reading of nan s ago, allowed 5 s"),
    ],
)
@pytest.mark.parametrize(
    ("action", "done"),
    [
        (Action.KILL, Action.REDUCE_ONLY),
        (Action.HALT, Action.REDUCE_ONLY),
        (Action.REDUCE_ONLY, Action.REDUCE_ONLY),
        (Action.SCALE, Action.SCALE),
    ],
)
def test_what_cannot_be_evaluated_restricts_and_never_kills(
    reading: Reading | None, text: str, action: Action, done: Action
) -> None:
    rule = replace(RULE, action=action)
    state, verdict = evaluate(NAME, rule, CLOSED, reading, 0.0, TODAY)
    assert (verdict.finding, verdict.step, verdict.text) == (Finding.FAILED, None, text)
    assert action_of(rule, state, verdict.finding) is done


def test_a_sample_that_is_too_small_is_said_to_be_and_restricts_nothing() -> None:
    reading = Reading(None, 0.0, is_too_early=True, text="12 returns, 30 needed")
    state, verdict = evaluate(NAME, RULE, CLOSED, reading, 0.0, TODAY)
    assert (verdict.finding, verdict.text) == (Finding.TOO_EARLY, "12 returns, 30 needed")
    assert action_of(RULE, state, verdict.finding) is None


def test_confirmations_are_different_readings_in_a_row() -> None:
    rule = replace(RULE, confirmations=2)
    state, _ = evaluate(NAME, rule, CLOSED, a_reading("2", 0.0), 0.0, TODAY)
    assert state.phase is Phase.CLOSED
    same, _ = evaluate(NAME, rule, state, a_reading("2", 0.0), 1.0, TODAY)
    assert same.phase is Phase.CLOSED, "the same reading confirms nothing"
    assert after(["2", "0", "2"], rule).phase is Phase.CLOSED, "a good one between them"
    assert after(["2", "2"], rule).phase is Phase.TRIPPED
    assert after(["2", None, "2"], rule).phase is Phase.TRIPPED, "a missing one clears nothing"


def test_a_second_source_confirms_at_once() -> None:
    rule = replace(RULE, confirmations=5)
    reading = a_reading("2", is_confirmed=True)
    state, _ = evaluate(NAME, rule, CLOSED, reading, 0.0, TODAY)
    assert state.phase is Phase.TRIPPED


def test_a_probe_closes_after_readings_that_stay_good() -> None:
    tripped = after(["2"])
    probing = after(["0"], state=tripped, start_s=1.0)
    assert probing.phase is Phase.PROBING
    assert action_of(RULE, probing, Finding.GOOD) is Action.HALT, "a probe still restricts"
    assert after(["0"] * 10, state=tripped, start_s=1.0).phase is Phase.PROBING
    assert after(["0"] * 11, state=tripped, start_s=1.0) == CLOSED


@pytest.mark.parametrize("value", ["2", None, "NaN"])
def test_a_probe_that_meets_anything_but_good_trips_again_at_once(value: str | None) -> None:
    rule = replace(RULE, confirmations=3)
    probing = after(["2", "2", "2", "0", "0"], rule)
    assert probing.phase is Phase.PROBING
    assert after([value], rule, probing, 5.0).phase is Phase.TRIPPED


def test_only_a_person_closes_what_only_a_person_may() -> None:
    rule = replace(RULE, reset=Reset.OPERATOR)
    tripped = after(["2"] + ["0"] * 100, rule)
    assert tripped.phase is Phase.TRIPPED
    assert reset_by_operator(tripped) == CLOSED
    assert reset_by_operator(CLOSED) == CLOSED


def test_a_breaker_of_the_day_closes_with_the_next_day_and_not_before() -> None:
    rule = replace(RULE, reset=Reset.SESSION)
    tripped = after(["2"] + ["0"] * 100, rule)
    assert tripped.phase is Phase.TRIPPED
    at_s = 200.0
    state, phases = tripped, []
    for place in range(12):
        reading = a_reading("0", at_s + place)
        state, _ = evaluate(NAME, rule, state, reading, at_s + place, TOMORROW)
        phases.append(state.phase)
    assert phases == [Phase.PROBING] * 10 + [Phase.CLOSED] * 2


def test_a_clock_that_is_set_back_a_day_closes_no_breaker_of_the_day() -> None:
    rule = replace(RULE, reset=Reset.SESSION)
    tripped, _ = evaluate(NAME, rule, CLOSED, a_reading("2"), 0.0, TOMORROW)
    state, verdict = evaluate(NAME, rule, tripped, a_reading("0", 1.0), 1.0, TODAY)
    assert (state.phase, verdict.step) == (Phase.TRIPPED, None)


def test_a_breaker_that_trips_again_in_its_probe_keeps_the_day_of_its_first_trip() -> None:
    rule = replace(RULE, reset=Reset.SESSION)
    tripped = after(["2"], rule)
    probing, _ = evaluate(NAME, rule, tripped, a_reading("0", 1.0), 1.0, TOMORROW)
    again, _ = evaluate(NAME, rule, probing, a_reading("2", 2.0), 2.0, TOMORROW)
    assert (again.phase, again.day) == (Phase.TRIPPED, TODAY)


def test_the_strongest_action_holds() -> None:
    assert strongest([None, Action.SCALE, Action.KILL, Action.HALT]) is Action.KILL
    assert strongest([None, None]) is None
    assert strongest([]) is None


def test_every_step_of_the_table_can_happen_and_no_other() -> None:
    assert set(TABLE.values()) == set(Step)
    assert all(TABLE.get((phase, Finding.TOO_EARLY)) is None for phase in Phase)
    assert TABLE.get((Phase.TRIPPED, Finding.FAILED)) is None
    assert TABLE.get((Phase.CLOSED, Finding.FAILED)) is None


# ---- for any readings

VALUES = st.sampled_from(["0", "1", "2", "NaN", None])
RULE_OF_ANY = st.builds(
    Rule,
    st.just(Decimal(1)),
    st.just(Bad.FROM_ABOVE),
    st.sampled_from(Action),
    st.sampled_from(Reset),
    confirmations=st.integers(1, 3),
    hold_s=st.sampled_from([1.0, 3.0]),
    reading_age_s_max=st.just(5.0),
)
RUNS = st.lists(st.tuples(VALUES, st.sampled_from([TODAY, TOMORROW])), max_size=30)


@given(RULE_OF_ANY, RUNS)
def test_the_same_readings_give_the_same_verdicts(
    rule: Rule, run: list[tuple[str | None, str]]
) -> None:
    def verdicts() -> list[object]:
        state = CLOSED
        found: list[object] = []
        for place, (value, day) in enumerate(run):
            state, verdict = evaluate(NAME, rule, state, a_reading(value, place), float(place), day)
            found.append((state, verdict))
        return found

    assert verdicts() == verdicts()


@given(RULE_OF_ANY, RUNS)
def test_nothing_passes_while_it_is_tripped_and_only_its_own_reset_closes_it(
    rule: Rule, run: list[tuple[str | None, str]]
) -> None:
    state = CLOSED
    for place, (value, day) in enumerate(run):
        before = state
        state, verdict = evaluate(NAME, rule, state, a_reading(value, place), float(place), day)
        action = action_of(rule, state, verdict.finding)
        if state.phase is not Phase.CLOSED:
            assert action is rule.action
        if verdict.finding is Finding.FAILED:
            assert action is not None
        if before.phase is not Phase.CLOSED and state.phase is Phase.CLOSED:
            assert verdict.finding is Finding.GOOD
            assert before.phase is Phase.PROBING
            assert rule.reset is not Reset.OPERATOR
            assert rule.reset is not Reset.SESSION or day != before.day or place > 0
        if before.phase is Phase.TRIPPED and state.phase is Phase.PROBING:
            assert rule.reset is Reset.PROBE or day > before.day


def test_a_reading_may_be_exactly_as_old_as_the_rule_allows() -> None:
    _, verdict = evaluate(NAME, RULE, CLOSED, a_reading("0", -5.0), 0.0, TODAY)
    assert verdict.finding is Finding.GOOD


def test_what_a_reading_says_of_itself_is_told_with_it() -> None:
    _, verdict = evaluate(NAME, RULE, CLOSED, a_reading("2", text="BBB"), 0.0, TODAY)
    assert verdict.text == "2 (at or above 1 is bad): BBB"


@pytest.mark.parametrize("value", ["NaN", None])
def test_what_cannot_be_read_confirms_nothing(value: str | None) -> None:
    rule = replace(RULE, confirmations=3)
    assert after(["2", value, "2"], rule).phase is Phase.CLOSED
    assert after(["2", value, "2", "2"], rule).phase is Phase.TRIPPED


def test_a_probe_begins_its_hold_anew_after_a_word_that_says_nothing() -> None:
    probing = after(["2", "0", "0", "0", "0"])
    silent = Reading(None, 5.0, is_too_early=True)
    waiting, _ = evaluate(NAME, RULE, probing, silent, 5.0, TODAY)
    assert waiting.phase is Phase.PROBING
    assert after(["0"] * 10, state=waiting, start_s=6.0).phase is Phase.PROBING
    assert after(["0"] * 11, state=waiting, start_s=6.0) == CLOSED


def test_a_person_closes_a_probe_and_clears_no_count_of_a_closed_one() -> None:
    probing = after(["2", "0"])
    assert probing.phase is Phase.PROBING
    assert reset_by_operator(probing) == CLOSED
    counting = after(["2"], replace(RULE, confirmations=3))
    assert reset_by_operator(counting) == counting != CLOSED


@pytest.mark.parametrize("kind", [Phase, Finding, Step])
def test_the_word_of_a_phase_is_its_name_and_stays(kind: type[StrEnum]) -> None:
    """Journals and records hold these words; what failed says what failed."""
    named = {"failed": "evaluation_failed"}
    names = [row.name.lower() for row in kind]
    assert [row.value for row in kind] == [named.get(name, name) for name in names]


def test_a_closed_breaker_knows_of_no_day_and_no_reason() -> None:
    assert CLOSED == State() == State(Phase.CLOSED, 0, None, None, day="", reason="")
