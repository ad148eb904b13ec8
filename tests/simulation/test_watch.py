"""What is remembered for the judgement: a halt is forgotten by an answer, not by a question."""

from __future__ import annotations

from tests.simulation.watch import Watch


def _halted_watch() -> Watch:
    watch = Watch(lambda: 5.0)
    watch.halted()
    return watch


def test_what_leaves_after_a_halt_is_noted() -> None:
    watch = _halted_watch()
    watch.left(1)
    assert [one.order_id for one in watch.sent_while_halted] == [1]


def test_what_leaves_once_a_resume_was_granted_is_right() -> None:
    watch = _halted_watch()
    watch.resuming()
    watch.left(1)
    assert watch.sent_while_halted == []


def test_a_halt_stands_when_a_resume_is_refused() -> None:
    watch = _halted_watch()
    watch.resuming()
    watch.refused()
    watch.left(1)
    assert [one.order_id for one in watch.sent_while_halted] == [1]


def test_what_left_while_a_refused_resume_was_asked_left_under_the_halt() -> None:
    watch = Watch(lambda: 5.0)
    watch.left(1)
    watch.halted()
    watch.resuming()
    watch.left(2)
    watch.refused()
    assert [one.order_id for one in watch.sent_while_halted] == [2]


def test_what_a_newer_halt_has_noted_is_noted_once() -> None:
    watch = _halted_watch()
    watch.resuming()
    watch.left(1)
    watch.halted()
    watch.left(2)
    watch.refused()
    assert sorted(one.order_id for one in watch.sent_while_halted) == [1, 2]


def test_a_refusal_makes_no_halt_where_none_was_confirmed() -> None:
    watch = Watch(lambda: 5.0)
    watch.resuming()
    watch.refused()
    watch.left(1)
    assert watch.sent_while_halted == []


def test_a_strategy_that_stopped_is_kept_with_what_was_told() -> None:
    watch = Watch(lambda: 5.0)
    watch.paged("strategy drawn stopped", "AssertionError: used before")
    watch.paged("no link to the broker", "refused")
    assert watch.stopped == ["strategy drawn stopped: AssertionError: used before"]
    assert watch.pages == {"strategy drawn stopped": 1, "no link to the broker": 1}
