"""A declared input checks its value, has a default, and documents itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from trader.sim.script import fields
from trader.sim.script.fields import Field, Given
from trader.sim.script.inputs import InputError, Inputs

ALL: list[tuple[Field, object, object, object]] = [
    (fields.text("x", "d"), "a", "a", 1),
    (fields.choice("x", "d", ["a", "b"]), "b", "b", "c"),
    (fields.flag("x", "d"), True, True, 1),
    (fields.integer("x", "d", high=5), 5, 5, 6),
    (fields.integers("x", "d", high=5), [1, 5], [1, 5], [6]),
    (fields.number("x", "d", high=5), 2, 2.0, 5.1),
    (fields.decimal("x", "d", above_zero=True), "1.5", Decimal("1.5"), 0),
    (fields.words("x", "d"), {"a": 1}, {"a": "1"}, {"a": [1]}),
    (fields.texts("x", "d"), [1, "b"], ["1", "b"], [None]),
]


@pytest.mark.parametrize(("field", "value", "read", "wrong"), ALL, ids=lambda v: str(v)[:20])
def test_a_right_value_is_read_and_a_wrong_one_refused(
    field: Field, value: object, read: object, wrong: object
) -> None:
    assert field.read(Inputs({"x": value})) == read
    with pytest.raises(InputError) as caught:
        field.read(Inputs({"x": wrong}))
    assert caught.value.field == "x"
    assert field.allowed
    assert field.is_required
    with pytest.raises(InputError):
        field.read(Inputs({}))


def test_an_absent_value_is_the_default_and_null_means_none() -> None:
    field = fields.integer("x", "d", None)
    assert field.read(Inputs({})) is None
    assert field.read(Inputs({"x": None})) is None
    assert fields.integer("x", "d", 3).read(Inputs({})) == 3
    with pytest.raises(InputError):
        fields.integer("x", "d", 3).read(Inputs({"x": None}))
    assert fields.integer("x", "d", 3, nullable=True).read(Inputs({"x": None})) is None


def test_ids_are_optional() -> None:
    field = fields.ids("x", "d")
    assert field.read(Inputs({})) is None
    assert field.read(Inputs({"x": {"7": 2}})) == {7: 2}


def test_given_values_come_in_their_kinds() -> None:
    given = Given({"i": 1, "n": None, "t": "a", "d": Decimal(2), "f": True, "l": None, "w": None})
    assert (given.integer("i"), given.maybe_integer("n"), given.text("t")) == (1, None, "a")
    assert (given.decimal("d"), given.maybe_decimal("n")) == (Decimal(2), None)
    assert given.flag("f")
    assert (given.number("i"), given.maybe_number("n"), given.maybe_text("n")) == (1.0, None, None)
    assert (given.integers("l"), given.words("w"), given.texts("l"), given.ids("w")) == (
        [], {}, [], {},
    )  # fmt: skip
    with pytest.raises(AssertionError):
        given.integer("t")
