"""Hypothesis strategies built from type hints, as the codec is: they follow the core."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, NewType

from hypothesis import strategies as st


def values_of(hint: Any) -> st.SearchStrategy[Any]:
    """Return a strategy for every value that a field of this type may hold."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint in _PLAIN:
        return _PLAIN[hint]
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        if arguments[1:] == (Ellipsis,):
            return st.lists(values_of(arguments[0]), max_size=3).map(tuple)
        return st.tuples(*(values_of(argument) for argument in arguments))
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of(*(values_of(argument) for argument in arguments))
    if typing.get_origin(hint) is frozenset:
        return st.frozensets(values_of(arguments[0]), max_size=3)
    if typing.get_origin(hint) is Mapping:
        return st.dictionaries(values_of(arguments[0]), values_of(arguments[1]), max_size=3)
    if issubclass(hint, StrEnum):
        return st.sampled_from(hint)
    hints = typing.get_type_hints(hint)
    names = [field.name for field in dataclasses.fields(hint)]
    return st.builds(hint, **{name: values_of(hints[name]) for name in names})


_PLAIN: dict[Any, st.SearchStrategy[Any]] = {
    types.NoneType: st.none(),
    str: st.text(max_size=20),
    bool: st.booleans(),
    int: st.integers(),
    float: st.floats(allow_nan=False, allow_infinity=False),
    Decimal: st.decimals(allow_nan=False, allow_infinity=False),
    datetime: st.datetimes(timezones=st.just(UTC)),
    date: st.dates(),
}
