"""A control body is read strictly; each failure names field, value and what is allowed."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.sim.script.inputs import InputError, Inputs


def body(**fields: object) -> Inputs:
    return Inputs(json.dumps(fields))


def test_right_values_are_read() -> None:
    inputs = body(
        t="x", c="a", f=True, i=3, n=1.5, d="2.5", l=[1, 2], ids={"7": 12}, none=None, e=1e3
    )
    assert inputs.text("t") == "x"
    assert inputs.choice("c", ["a", "b"]) == "a"
    assert inputs.flag("f")
    assert inputs.integer("i", 0, 5) == 3
    assert inputs.number("n", 0, 5) == 1.5
    assert inputs.decimal("d") == Decimal("2.5")
    assert inputs.integers("l", 1, 9) == [1, 2]
    assert inputs.ids("ids") == {7: 12}
    assert inputs.decimal("none", optional=True) is None
    assert inputs.decimal("e", above_zero=True) == 1000
    inputs.done()


def test_absent_optional_fields_have_their_defaults() -> None:
    inputs = Inputs("")
    assert inputs.integer("i", 0, 5, optional=True) is None
    assert inputs.flag("f", default=True)
    assert inputs.ids("ids") == {}
    inputs.done()


@pytest.mark.parametrize(
    "read",
    [
        lambda i: i.text("x"),
        lambda i: i.choice("x", ["a"]),
        lambda i: i.flag("x"),
        lambda i: i.integer("x", 0, 5),
        lambda i: i.integers("x", 0, 5),
        lambda i: i.number("x", 0, 5),
        lambda i: i.decimal("x", above_zero=True),
        lambda i: i.ids("x"),
        lambda i: i.done(),
    ],
)
@pytest.mark.parametrize("value", [-1, [None], {"a": "b"}, float("inf")])
def test_wrong_values_name_the_field(read: Callable[[Inputs], object], value: object) -> None:
    with pytest.raises(InputError) as caught:
        read(body(x=value))
    assert caught.value.field == "x"
    assert "allowed" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[]", "{", "1", "null", "[" * 60_000, '{"x":1' + "0" * 5000 + "}"]
)
def test_a_body_that_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        Inputs(text)


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), min_size=1))
def test_a_field_nobody_asked_for_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(InputError, match="no such field"):
        body(**fields).done()
