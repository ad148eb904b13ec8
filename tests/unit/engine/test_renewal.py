"""What brings nothing is asked for again, ever less often, and forgotten once it heals."""

from __future__ import annotations

import random

from trader.core.ids import ConId
from trader.engine.renewal import Renewals

ONE, TWO = ConId(1), ConId(2)


class Drawn(random.Random):
    """A generator that draws the same number every time."""

    def __init__(self, drawn: float) -> None:
        super().__init__(0)
        self._drawn = drawn

    def random(self) -> float:
        return self._drawn


# Chance takes nothing away.
NO_CHANCE = Drawn(1.0)


def moments(renewals: Renewals, until_s: int) -> list[int]:
    """Return the seconds at which an instrument that never heals is asked for again."""
    return [now_s for now_s in range(until_s) if renewals.due([ONE], now_s) == (ONE,)]


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    asked = moments(Renewals(NO_CHANCE), 4000)
    pauses = [later - sooner for sooner, later in zip([0, *asked], asked, strict=False)]
    assert pauses == [60, 120, 240, 480, 900, 900, 900]


def test_chance_takes_at_most_half_of_a_pause_away() -> None:
    """RUN-15."""
    asked = moments(Renewals(Drawn(0.0)), 1000)
    pauses = [later - sooner for sooner, later in zip([0, *asked], asked, strict=False)]
    assert pauses == [30, 60, 120, 240, 450]


def test_what_heals_begins_anew() -> None:
    renewals = Renewals(NO_CHANCE)
    assert moments(renewals, 200) == [60, 180]
    assert renewals.due([], 200) == ()
    assert renewals.due([ONE], 201) == ()
    assert renewals.due([ONE], 260) == ()
    assert renewals.due([ONE], 261) == (ONE,)


def test_each_has_pauses_of_its_own_and_one_that_is_named_twice_is_one() -> None:
    renewals = Renewals(NO_CHANCE)
    assert renewals.due([ONE], 0) == ()
    assert renewals.due([ONE, TWO, ONE], 60) == (ONE,)
    assert renewals.due([TWO, ONE], 120) == (TWO,)


THREE = ConId(3)
ALL = (ONE, TWO, THREE)


def probes(renewals: Renewals, until_s: int) -> list[tuple[int, tuple[ConId, ...]]]:
    """Return what is asked for again, and when, while another session has taken everything."""
    looks = ((now_s, renewals.due(ALL, now_s, ALL)) for now_s in range(until_s))
    return [(now_s, due) for now_s, due in looks if due]


def test_of_what_was_taken_one_is_asked_for_again_every_few_seconds_in_turn() -> None:
    """QUA-06: whatever their own pauses are, and however many they are."""
    asked = probes(Renewals(NO_CHANCE), 18)
    assert asked == [(5, (ONE,)), (10, (TWO,)), (15, (THREE,))]
    assert probes(Renewals(Drawn(0.0)), 4) == [(3, (ONE,))]


def test_when_one_has_come_back_all_the_others_are_asked_for_again_at_once() -> None:
    renewals = Renewals(NO_CHANCE)
    assert probes(renewals, 6) == [(5, (ONE,))]
    assert set(renewals.due((TWO, THREE), 6, (TWO, THREE))) == {TWO, THREE}
    assert renewals.due((TWO, THREE), 7, (TWO, THREE)) == ()
    assert renewals.due((), 8, ()) == ()


def test_what_is_taken_later_waits_for_its_turn() -> None:
    renewals = Renewals(NO_CHANCE)
    assert renewals.due((ONE,), 0, (ONE,)) == ()
    assert renewals.due((ONE, TWO), 4, (ONE, TWO)) == ()
    assert renewals.due((ONE, TWO), 5, (ONE, TWO)) == (ONE,)
    assert renewals.due((ONE, TWO), 10, (ONE, TWO)) == (TWO,)


def test_what_was_refused_for_another_reason_is_not_probed() -> None:
    renewals = Renewals(NO_CHANCE)
    due = [now_s for now_s in range(60) if TWO in renewals.due((ONE, TWO), now_s, (ONE,))]
    assert due == []


def test_what_is_denied_is_asked_for_only_as_often_as_somebody_could_have_mended_it() -> None:
    """INC-149: and what is denied later begins its long pause then."""
    renewals = Renewals(NO_CHANCE)
    due = [now_s for now_s in range(4_000) if renewals.due([ONE], now_s, (), [ONE])]
    assert due == [900, 1_800, 2_700, 3_600]
    later = Renewals(NO_CHANCE)
    assert [s for s in range(100) if later.due([ONE], s)] == [60]
    assert [s for s in range(100, 1_200) if later.due([ONE], s, (), [ONE])] == [1_000]
