"""The machine of a change: every pair of the table, and what follows from any walk through it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.changes import (
    CHANGES,
    OPEN,
    Change,
    ChangeEvent,
    ChangeState,
    ChangeTerms,
    next_change_state,
)

S, E = ChangeState, ChangeEvent
D = Decimal
# Written out once more by hand: a row that is added, lost or bent must turn this red.
EXPECTED = {
    S.PLANNED: {E.SENT: S.SENT, E.WITHHELD: S.DROPPED, E.UNANSWERED: S.UNCERTAIN},
    S.SENT: {E.UNANSWERED: S.UNCERTAIN, E.SHOWN: S.APPLIED, E.REFUSED: S.DROPPED},
    S.UNCERTAIN: {E.SHOWN: S.APPLIED, E.REFUSED: S.DROPPED, E.REFUTED: S.DROPPED},
    S.APPLIED: {E.REVERTED: S.UNCERTAIN},
    S.DROPPED: {E.SHOWN: S.APPLIED},
}


@pytest.mark.parametrize("state", list(ChangeState))
@pytest.mark.parametrize("event", list(ChangeEvent))
def test_each_pair_of_state_and_event_leads_where_the_table_says(
    state: ChangeState, event: ChangeEvent
) -> None:
    assert next_change_state(state, event) is EXPECTED[state].get(event)


@given(events=st.lists(st.sampled_from(list(ChangeEvent)), max_size=30))
def test_a_change_is_applied_only_when_shown_and_refuted_only_when_uncertain(
    events: list[ChangeEvent],
) -> None:
    state = S.PLANNED
    may_have_left = False
    for event in events:
        after = next_change_state(state, event)
        if after is None:
            continue
        if after is S.APPLIED:
            assert event is E.SHOWN
        if event is E.REFUTED:
            assert state is S.UNCERTAIN
        if event is E.WITHHELD:
            assert not may_have_left
        may_have_left = may_have_left or event in (E.SENT, E.UNANSWERED)
        state = after
        # From wherever it stands, the broker's own words settle it.
        if state in OPEN and state is not S.PLANNED:
            assert CHANGES[state, E.SHOWN] is S.APPLIED
            assert CHANGES[state, E.REFUSED] is S.DROPPED


def test_an_echo_shows_terms_only_when_all_of_them_are_the_same() -> None:
    terms = ChangeTerms(D(10), D(100), None, D(100))
    assert terms.is_shown(D("10.0"), D("100.00"), None)
    assert not terms.is_shown(D(11), D(100), None)
    assert not terms.is_shown(D(10), D(101), None)
    assert not terms.is_shown(D(10), None, None)
    assert not terms.is_shown(D(10), D(100), D(90))


def test_only_a_change_that_may_have_left_may_hold() -> None:
    terms = ChangeTerms(D(10), D(100), None, D(100))
    held = {state: Change(1, terms, terms, state).may_hold for state in ChangeState}
    assert [state for state, is_so in held.items() if is_so] == [S.SENT, S.UNCERTAIN]
    still = {state: Change(1, terms, terms, state).is_open for state in ChangeState}
    assert [state for state, is_so in still.items() if is_so] == [
        S.PLANNED,
        S.SENT,
        S.UNCERTAIN,
    ]
