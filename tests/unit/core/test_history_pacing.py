"""However history is asked for, the broker's own count is never exceeded, and nobody starves.

Goal: no pacing violation by our doing (INC-130). Method: the broker's three rules are counted
again, plainly, over random questions that each go as soon as they may and arrive up to half a
second later.
"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.history_pacing import (
    HistoryAsk,
    HistoryPace,
    HistoryTrouble,
    again_s,
    noted,
    wait_s,
)
from trader.core.ids import ConId


def an_ask(con_id: int = 1, duration: str = "3600 S") -> HistoryAsk:
    """Return a question."""
    return HistoryAsk(ConId(con_id), 5, "MIDPOINT", duration)


def after(*asked: tuple[float, HistoryAsk]) -> HistoryPace:
    """Return the pace after some questions."""
    pace = HistoryPace()
    for at, ask in asked:
        pace = noted(pace, ask, at)
    return pace


def test_the_first_question_goes_at_once() -> None:
    assert wait_s(HistoryPace(), an_ask(), 100.0) == 0.0


def test_the_same_question_waits_for_more_than_fifteen_seconds() -> None:
    pace = after((100.0, an_ask()))

    assert 15 < wait_s(pace, an_ask(), 100.0) <= 17
    assert wait_s(pace, an_ask(duration="60 S"), 100.0) == 0.0
    assert wait_s(pace, an_ask(), 116.0) == 0.0


def test_the_sixth_of_a_contract_waits_and_another_contract_does_not() -> None:
    pace = after(*((100.0, an_ask(duration=f"{n} S")) for n in range(5)))

    assert 2 < wait_s(pace, an_ask(), 100.0) <= 4
    assert wait_s(pace, an_ask(con_id=2), 100.0) == 0.0
    assert wait_s(pace, an_ask(), 103.0) == 0.0


def test_the_sixty_first_waits_until_the_first_is_forgotten() -> None:
    pace = after(*((100.0 + n, an_ask(con_id=n)) for n in range(60)))

    assert wait_s(pace, an_ask(con_id=99), 160.0) == pytest.approx(541.0)
    assert wait_s(pace, an_ask(con_id=99), 701.0) == 0.0


def test_what_is_kept_is_bounded() -> None:
    pace = HistoryPace()
    now_s = 0.0
    for number in range(500):
        now_s += wait_s(pace, an_ask(con_id=number), now_s)
        pace = noted(pace, an_ask(con_id=number), now_s)
    assert len(pace.asked) <= 60


@given(
    asks=st.lists(
        st.tuples(
            st.integers(1, 4), st.sampled_from(("a", "b")), st.floats(0, 20), st.floats(0, 0.5)
        ),
        max_size=120,
    )
)
def test_the_broker_never_counts_too_many(asks: list[tuple[int, str, float, float]]) -> None:
    pace, now_s = HistoryPace(), 0.0
    arrived: list[tuple[float, HistoryAsk]] = []
    for con_id, duration, pause_s, way_s in asks:
        ask = an_ask(con_id, duration)
        now_s += pause_s
        now_s += wait_s(pace, ask, now_s)
        # Having waited for so long is enough.
        assert wait_s(pace, ask, now_s) < 1e-6
        pace = noted(pace, ask, now_s)
        arrived.append((now_s + way_s, ask))
    for at, ask in arrived:
        assert sum(1 for one, _ in arrived if at <= one < at + 600) <= 60
        assert sum(1 for one, other in arrived if other == ask and at <= one < at + 15) == 1
        same = [one for one, other in arrived if other.con_id == ask.con_id]
        assert sum(1 for one in same if at <= one < at + 2) < 6


@pytest.mark.parametrize("trouble", HistoryTrouble)
def test_every_trouble_is_tried_again_later_and_later(trouble: HistoryTrouble) -> None:
    waits = [again_s(trouble, failures, 0.5) for failures in (1, 2, 3, 50)]

    assert waits == sorted(waits)
    assert waits[0] >= 10
    assert waits[-1] <= 3600


def test_what_a_person_must_mend_is_asked_for_least_often() -> None:
    soon = again_s(HistoryTrouble.UNAVAILABLE, 1, 1.0)

    assert again_s(HistoryTrouble.PACING, 1, 0.0) > soon
    assert again_s(HistoryTrouble.NO_PERMISSION, 1, 0.0) > again_s(HistoryTrouble.PACING, 1, 1.0)
