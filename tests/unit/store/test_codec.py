"""The codec by itself: what it compiles, what it refuses, and how it names the culprit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from enum import StrEnum
from typing import Any, NewType

import pytest
from hypothesis import given

from tests.unit.store.values import values_of
from trader.core.events import Check
from trader.store.codec import Misfit, decoder, encoder

Name = NewType("Name", str)


class Colour(StrEnum):
    RED = "red"
    BLUE = 'b"lue'


@dataclass(frozen=True, slots=True)
class Inner:
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(frozen=True, slots=True)
class Plain:
    """Nothing but texts and truth values: a sequence of these is written without their names."""

    code: str
    passed: bool
    note: Name


@dataclass(frozen=True, slots=True)
class Outer:
    name: Name
    colour: Colour
    count: int
    share: float
    is_on: bool
    at_utc: datetime
    day: date
    inner: Inner
    maybe: Inner | None
    many: tuple[Inner, ...]
    pair: tuple[Name, Decimal]
    nested: tuple[tuple[Colour, tuple[int, ...]], ...]
    nothing: Nothing
    table: tuple[Plain, ...]
    either: Inner | Nothing
    some: frozenset[int]
    by_name: Mapping[str, Inner]


OUTER = Outer(
    name=Name('é "quoted"\x00\ud800'),
    colour=Colour.BLUE,
    count=2**70,
    share=0.1,
    is_on=True,
    at_utc=datetime(2024, 1, 1, 1, 2, 3, 4, tzinfo=UTC),
    day=date(2024, 2, 29),
    inner=Inner(Decimal("-0.00")),
    maybe=None,
    many=(Inner(Decimal("1E+5")), Inner(Decimal("0.1000"))),
    pair=(Name("a"), Decimal(1)),
    nested=((Colour.RED, (1, 2)), (Colour.BLUE, ())),
    nothing=Nothing(),
    table=(Plain("A", True, Name('é "q"\x00\ud800')), Plain("", False, Name("b"))),
    either=Inner(Decimal(7)),
    some=frozenset({3, 1}),
    by_name={"b": Inner(Decimal(1)), "a": Inner(Decimal(2))},
)


def round_trip(hint: Any, value: Any) -> Any:
    return decoder(hint)(json.loads(encoder(hint)(value)))


def test_a_value_of_every_supported_type_comes_back_as_it_was() -> None:
    assert round_trip(Outer, OUTER) == OUTER


@given(values_of(Outer))
def test_any_value_comes_back_as_it_was(value: Outer) -> None:
    back = round_trip(Outer, value)
    assert back == value
    # Equality does not see the zeros at the end of a decimal.
    assert encoder(Outer)(back) == encoder(Outer)(value)


def test_a_decimal_keeps_every_digit_that_equality_does_not_see() -> None:
    assert str(round_trip(Decimal, Decimal("0.1000"))) == "0.1000"
    assert str(round_trip(Decimal, Decimal("-0.00"))) == "-0.00"


@pytest.mark.parametrize(
    ("hint", "value"),
    [
        (str, 1),
        (bool, 1),
        (int, True),
        (int, 1.0),
        (float, float("nan")),
        (float, float("inf")),
        (float, "1"),
        (float, True),
        (Decimal, 1.5),
        (Decimal, Decimal("NaN")),
        (Decimal, Decimal("Infinity")),
        (datetime, datetime(2024, 1, 1)),  # noqa: DTZ001 - a time without a zone, on purpose
        (datetime, datetime(2024, 1, 1, tzinfo=timezone(timedelta(hours=1)))),
        (datetime, date(2024, 1, 1)),
        (date, datetime(2024, 1, 1, tzinfo=UTC)),
        (Colour, "red"),
        (Inner, Nothing()),
        (tuple[int, ...], [1]),
        (tuple[int, str], (1,)),
        (Inner, None),
        (tuple[Plain, ...], [Plain("a", True, Name("b"))]),
        (tuple[Plain, ...], (("a", True, "b"),)),
        (tuple[Plain, ...], (Plain("a", True, Name("b")), Plain("a", 1, Name("b")))),  # type: ignore[arg-type]
        (tuple[Plain, ...], (Plain("a", True, None),)),  # type: ignore[arg-type]
        (tuple[Plain, ...], (Plain("a", True, Name("b")), None)),
    ],
)
def test_a_value_of_another_type_is_not_written(hint: Any, value: Any) -> None:
    with pytest.raises(Misfit):
        encoder(hint)(value)


@pytest.mark.parametrize(
    ("hint", "text"),
    [
        (str, "1"),
        (bool, "0"),
        (int, "true"),
        (int, "1.0"),
        (float, "NaN"),
        (float, "1e999"),
        (float, '"1"'),
        (Decimal, "1.5"),
        (Decimal, '"NaN"'),
        (Decimal, '"1_0"'),
        (Decimal, '" 1"'),
        (Decimal, '"ten"'),
        (datetime, '"2024-01-01T00:00:00"'),
        (datetime, '"2024-01-01T00:00:00+01:00"'),
        (datetime, '"yesterday"'),
        (datetime, "5"),
        (date, '"2024-02-30"'),
        (date, "5"),
        (Colour, '"green"'),
        (Colour, "[]"),
        (Inner, "[]"),
        (Inner, "null"),
        (Nothing, '{"a":1}'),
        (tuple[int, ...], "{}"),
        (tuple[int, str], "[1]"),
        (tuple[int, str], '[1,"a",2]'),
        (tuple[Plain, ...], '{"code":"a"}'),
        (tuple[Plain, ...], '[{"code":"a","passed":true,"note":"b"}]'),
        (tuple[Plain, ...], '[["a",true]]'),
        (tuple[Plain, ...], '[["a",true,"b","c"]]'),
        (tuple[Plain, ...], '[["a",1,"b"]]'),
    ],
)
def test_a_value_of_another_type_is_not_read(hint: Any, text: str) -> None:
    with pytest.raises(Misfit):
        decoder(hint)(json.loads(text))


@pytest.mark.parametrize(
    ("path", "value", "field"),
    [
        (("inner", "amount"), "x", "inner.amount"),
        (("many", 1, "amount"), 7, "many.1.amount"),
        (("nested", 0, 1, 1), None, "nested.0.1.1"),
        (("pair", 1), "", "pair.1"),
        (("table", 1, 1), 0, "table.1.passed"),
        (("table", 0), None, "table.0"),
    ],
)
def test_a_misfit_names_the_path_to_the_value(
    path: tuple[Any, ...], value: object, field: str
) -> None:
    data = json.loads(encoder(Outer)(OUTER))
    holder = data
    for step in path[:-1]:
        holder = holder[step]
    holder[path[-1]] = value
    with pytest.raises(Misfit) as caught:
        decoder(Outer)(data)
    assert caught.value.field == field
    assert caught.value.value == value


@pytest.mark.parametrize("value", [(1, ("a", 2)), (1, "a")])
def test_a_misfit_in_writing_names_the_path_too(value: object) -> None:
    with pytest.raises(Misfit) as caught:
        encoder(tuple[int, tuple[str, str]])(value)
    assert caught.value.path[0] == 1


def test_a_misfit_in_writing_a_table_names_row_and_field() -> None:
    rows = (Plain("a", True, Name("b")), Plain("a", True, Name(None)))  # type: ignore[arg-type]
    with pytest.raises(Misfit) as caught:
        encoder(tuple[Plain, ...])(rows)
    assert caught.value.field == "1.note"


def test_a_sequence_of_plain_records_is_written_without_their_names() -> None:
    write = encoder(tuple[Plain, ...])
    assert write(()) == "[]"
    # A text of a class of its own is that text.
    rows = (Plain("a", True, Name("b")), Plain(Colour.BLUE, False, Name("é")))
    assert write(rows) == '[["a",true,"b"],["b\\"lue",false,"\\u00e9"]]'


def test_the_checks_of_a_review_keep_their_places() -> None:
    """The order of the fields is part of what is on disk, for a record without names."""
    row = Check("CODE", "1", "below 1", passed=False)
    assert encoder(tuple[Check, ...])((row,)) == '[["CODE","1","below 1",false]]'


def test_a_missing_field_is_not_replaced_by_a_default() -> None:
    data = json.loads(encoder(Outer)(OUTER))
    del data["maybe"]
    with pytest.raises(Misfit, match="missing") as caught:
        decoder(Outer)(data)
    assert caught.value.field == "maybe"


def test_an_unknown_field_is_refused() -> None:
    data = json.loads(encoder(Outer)(OUTER)) | {"colour_2": "red"}
    with pytest.raises(Misfit, match="unknown") as caught:
        decoder(Outer)(data)
    assert caught.value.field == "colour_2"


@pytest.mark.parametrize(
    "hint", [int | str, int | str | None, list[int], dict[str, int], Mapping[int, int], object]
)
def test_a_type_that_could_not_be_read_back_is_refused_before_any_value(hint: Any) -> None:
    with pytest.raises(TypeError, match="no way to write"):
        encoder(hint)


def test_a_set_and_a_mapping_are_the_same_text_in_whatever_order_they_were_made() -> None:
    assert encoder(frozenset[int])(frozenset({3, 1, 2})) == "[1,2,3]"
    assert encoder(Mapping[str, int])({"b": 1, "a": 2}) == '{"a":2,"b":1}'


def test_one_of_several_records_is_written_under_its_name() -> None:
    assert encoder(Inner | Nothing)(Nothing()) == '{"Nothing":{}}'


@pytest.mark.parametrize(
    ("hint", "data", "problem", "field"),
    [
        (Inner | Nothing, {"Plain": {}}, "not one of the records allowed here", ""),
        (Inner | Nothing, {"Inner": {}, "Nothing": {}}, "not one record under its name", ""),
        (Inner | Nothing, [], "not one record under its name", ""),
        (Inner | Nothing, {"Inner": {"amount": "x"}}, "not a decimal", "Inner.amount"),
        (frozenset[int], [1, 1], "an item comes twice", ""),
        (frozenset[int], {}, "not a list", ""),
        (Mapping[str, int], [], "not an object", ""),
        (Mapping[str, int], {"a": "1"}, "not a whole number", "a"),
    ],
)
def test_what_none_of_them_would_write_is_refused(
    hint: Any, data: object, problem: str, field: str
) -> None:
    with pytest.raises(Misfit, match=problem) as caught:
        decoder(hint)(data)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("hint", "value", "field"),
    [
        (Inner | Nothing, Plain("A", True, Name("n")), ""),
        (Inner | Nothing, Inner(1), "Inner.amount"),  # type: ignore[arg-type]
        (frozenset[int], {1}, ""),
        (Mapping[str, int], [1], ""),
        (Mapping[str, int], {"a": "1"}, "a"),
    ],
)
def test_what_none_of_them_could_read_back_is_not_written(
    hint: Any, value: object, field: str
) -> None:
    with pytest.raises(Misfit) as caught:
        encoder(hint)(value)
    assert caught.value.field == field
