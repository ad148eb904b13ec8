"""It never acts on one missed beat, never twice, never on a living daemon, never by a clock."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.emergency.deadman import (
    LOOKS_MIN,
    TABLE,
    Deadman,
    Risk,
    Rules,
    Signal,
    Stamp,
    State,
    acted,
    decided,
    is_due,
    limit_s,
    resumed,
    watched,
)
from trader.emergency.vital import Condition, Finding

RULES = Rules(
    check_s=1.0, silence_s=10.0, start_s=5.0, open_risk_grace_s=30.0, retry_s_min=2.0,
    retry_s_max=9.0,
)  # fmt: skip
ALIVE = Finding(Condition.HEALTHY, True, "well")


def silent(condition: Condition = Condition.DEAD) -> Finding:
    return Finding(condition, False, "silent")


def look(
    deadman: Deadman, finding: Finding, at_s: float, *, risk: Risk = Risk.OPEN,
    rules: Rules = RULES, asleep_s: float = 0.0,
) -> Deadman:  # fmt: skip
    return decided(watched(deadman, rules, finding, Stamp(at_s, asleep_s)), rules, finding, risk)


def first_action_s(finding: Finding, *, risk: Risk = Risk.OPEN, rules: Rules = RULES) -> float:
    deadman = look(Deadman(), ALIVE, 0.0)
    for at_s in range(1, 200):
        deadman = look(deadman, finding, float(at_s), risk=risk, rules=rules)
        if deadman.state is State.ACTING:
            return float(at_s)
    return float("inf")


def test_the_table_knows_each_look_in_each_state_and_acts_from_two() -> None:
    looks = product(State, (Signal.ALIVE, Signal.SILENT, Signal.DUE))
    assert not [pair for pair in looks if pair not in TABLE]
    into = {state for (state, _), after in TABLE.items() if after is State.ACTING}
    assert into == {State.SUSPECT, State.STUCK, State.ACTING}


@pytest.mark.parametrize(
    ("condition", "at_s"),
    [
        (Condition.DEAD, 10.0),
        (Condition.STOPPED, 10.0),
        (Condition.WEDGED, 10.0),
        (Condition.UNPROVEN, 10.0),
        (Condition.STARTING, 15.0),
        (Condition.ENDED, 30.0),
        (Condition.ABSENT, 30.0),
        (Condition.LIQUIDATING, float("inf")),
    ],
)
def test_each_condition_has_its_time(condition: Condition, at_s: float) -> None:
    assert first_action_s(silent(condition)) == at_s


def test_without_open_risk_or_in_a_mode_that_sends_nothing_it_never_acts() -> None:
    assert first_action_s(silent(), risk=Risk.NONE) == float("inf")
    assert first_action_s(silent(), rules=replace(RULES, may_act=False)) == float("inf")
    # Not to know is no proof of none.
    assert first_action_s(silent(), risk=Risk.UNKNOWN) == 10.0


def test_a_crash_loop_does_not_begin_anew_with_each_start() -> None:
    deadman = look(Deadman(), ALIVE, 0.0)
    for at_s in range(1, 11):
        condition = Condition.STARTING if at_s % 3 else Condition.DEAD
        deadman = look(deadman, silent(condition), float(at_s))
    assert deadman.silence_s == 10.0
    assert look(deadman, silent(), 11.0).state is State.ACTING


def test_a_suspend_gives_the_daemon_its_whole_time_again() -> None:
    deadman = look(Deadman(), ALIVE, 0.0)
    for at_s in range(1, 10):
        deadman = look(deadman, silent(), float(at_s))
    slept = look(deadman, silent(), 10.0, asleep_s=3600.0)
    assert (slept.state, slept.silence_s, slept.looks) == (State.SUSPECT, 0.0, 0)


def test_time_in_which_it_did_not_look_is_not_silence() -> None:
    deadman = look(look(Deadman(), ALIVE, 0.0), silent(), 1.0)
    late = look(deadman, silent(), 5000.0)
    assert late.silence_s == 4.0
    assert late.state is State.SUSPECT


def test_stuck_tries_again_with_longer_pauses_and_not_when_the_daemon_is_back() -> None:
    deadman = Deadman(State.ACTING, 10.0, 10, Stamp(0.0, 0.0))
    pauses = []
    at_s = 0.0
    for _ in range(4):
        deadman = acted(deadman, RULES, is_done=False, drawn=1.0)
        states = [deadman.state]
        while states[-1] is not State.ACTING:
            at_s += 1.0
            deadman = look(deadman, silent(), at_s)
            states.append(deadman.state)
        assert set(states) == {State.STUCK, State.ACTING}
        pauses.append(len(states) - 1.0)
    assert pauses == [2.0, 4.0, 8.0, 9.0]
    sooner = acted(deadman, RULES, is_done=False, drawn=0.0)
    assert sooner.wait_s == 4.5, "chance takes half of it away at most"
    stuck = acted(deadman, RULES, is_done=False, drawn=1.0)
    back = look(stuck, ALIVE, at_s + 1)
    assert (back.state, back.silence_s, back.tries) == (State.RECOVERED, 0.0, 0)


def test_a_restarted_sentinel_carries_on_what_was_cut_off_and_repeats_nothing() -> None:
    assert resumed(State.DONE, 12.0, is_same_life=True).state is State.DONE
    assert resumed(State.DONE, 12.0, is_same_life=False) == Deadman()
    for state in (State.ACTING, State.STUCK):
        deadman = resumed(state, 12.0, is_same_life=True)
        looks = 0
        while deadman.state is not State.ACTING:
            looks += 1
            deadman = look(deadman, silent(), float(looks))
        assert looks == LOOKS_MIN
        assert look(resumed(state, 12.0, is_same_life=True), ALIVE, 1.0).state is State.RECOVERED
    for state in (State.WATCHING, State.SUSPECT, State.RECOVERED):
        assert resumed(state, 12.0, is_same_life=True) == Deadman()


LOOKS = st.lists(
    st.tuples(
        st.sampled_from([ALIVE, *(silent(c) for c in Condition if c not in ("healthy", "odd"))]),
        # The monotonic clock steps by anything, back included; the machine sleeps or does not.
        st.sampled_from([0.0, 0.5, 1.0, 1.0, 1.0, 2.5, 60.0, 1e6, -5.0]),
        st.sampled_from([0.0, 0.0, 0.0, 0.0, 2.0, 1e5]),
        st.sampled_from(list(Risk)),
        st.booleans(),
    ),
    max_size=120,
)


@given(LOOKS)
def test_no_sequence_of_looks_makes_it_act_too_early_or_twice(
    looks: list[tuple[Finding, float, float, Risk, bool]],
) -> None:
    deadman, at_s, asleep_s = Deadman(), 0.0, 0.0
    quiet, seen_s = 0, 0.0
    has_acted = False
    for finding, step_s, sleep_s, risk, is_done in looks:
        at_s, asleep_s = at_s + step_s, asleep_s + sleep_s
        is_liquidating = finding.condition is Condition.LIQUIDATING
        before = deadman
        deadman = look(deadman, finding, at_s, risk=risk, asleep_s=asleep_s)
        if finding.is_alive or (sleep_s and not is_liquidating and before.stamp is not None):
            quiet, seen_s = 0, 0.0
            has_acted = has_acted and not finding.is_alive
        elif not is_liquidating:
            quiet += 1
            seen_s += min(max(step_s, 0.0), 3.0) if before.stamp is not None else 0.0
        if deadman.state is not State.ACTING:
            continue
        assert not finding.is_alive
        assert not is_liquidating
        assert risk is not Risk.NONE
        assert quiet >= LOOKS_MIN
        assert seen_s >= limit_s(RULES, finding.condition)
        assert is_due(deadman, RULES, finding)
        assert not has_acted, "a second time for one silence"
        deadman = acted(deadman, RULES, is_done=is_done, drawn=1.0)
        has_acted = is_done
