"""The desk carries out every verb that an operator has, with the same arguments."""

from __future__ import annotations

import inspect

import pytest

from trader.engine.acts.desk import Desk
from trader.engine.operator import Answer, OperatorDesk

VERBS = [
    name
    for name, _ in inspect.getmembers(OperatorDesk, inspect.isfunction)
    if not name.startswith("_")
]


def test_there_are_verbs() -> None:
    assert {"halt", "resume", "cancel_orders", "liquidate"} <= set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_the_desk_has_the_verb(verb: str) -> None:
    asked, carried_out = getattr(OperatorDesk, verb), getattr(Desk, verb)
    assert inspect.signature(asked) == inspect.signature(carried_out)
    assert inspect.iscoroutinefunction(asked) == inspect.iscoroutinefunction(carried_out)


def test_a_halt_is_not_something_to_wait_for() -> None:
    assert not inspect.iscoroutinefunction(OperatorDesk.halt)


def test_an_answer_needs_no_details() -> None:
    assert Answer(is_done=True, text="halted").details == ()
