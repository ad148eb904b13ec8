"""What is left to chance is drawn in order; what a play learns takes the place of its name."""

from __future__ import annotations

import random

from trader.sim.script.scenario import Option, drawn, resolved


def test_options_are_drawn_wherever_they_stand() -> None:
    value = {"a": [Option(choices=(1, 2)), {"b": Option(between=(5, 9))}], "c": 3}
    found = drawn(value, random.Random(1))
    assert found["a"][0] in (1, 2)
    assert found["a"][1]["b"] in range(5, 10)
    assert found["c"] == 3
    assert drawn(value, random.Random(1)) == found


def test_a_span_between_decimals_is_a_decimal() -> None:
    found = Option(between=(0.5, 1)).draw(random.Random(1))
    assert isinstance(found, float)
    assert 0.5 <= found <= 1


def test_samples_stand_for_all_that_may_be_drawn() -> None:
    assert Option(choices=("a", "b")).samples() == ("a", "b")
    assert Option(between=(1, 9)).samples() == (1, 9)


def test_names_are_replaced_by_what_they_stand_for() -> None:
    known = {"order_id": 7}
    value = {"id": "$order_id", "list": ["$order_id", "x", "$unknown"], "n": 1}
    assert resolved(value, known) == {"id": 7, "list": [7, "x", "$unknown"], "n": 1}
