"""Frozen values to JSON and back, driven by their type hints.

Decimals, dates and enumerations become strings, tuples lists, dataclasses objects by field name.
Reading raises ValueError, KeyError or TypeError where the JSON does not fit the type.
"""

import dataclasses
import types
from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")
Json = None | bool | int | float | str | list[Any] | dict[str, Any]


def to_json(value: object) -> Json:
    """Return the value as JSON-ready data. Raises TypeError for a type that is not foreseen."""
    match value:
        case None | bool() | int() | float():
            return value
        case str():
            return str(value)
        case Decimal() | date():
            return str(value)
        case tuple() | list():
            return [to_json(entry) for entry in value]
        case Mapping():
            return {str(key): to_json(entry) for key, entry in value.items()}
    if dataclasses.is_dataclass(value):
        return {f.name: to_json(getattr(value, f.name)) for f in dataclasses.fields(value)}
    raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(kind: type[T], data: Json) -> T:
    """Return the value of a type that the data describes."""
    found: T = _read(kind, data)
    return found


def _read(kind: Any, data: Any) -> Any:
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _read_union(get_args(kind), data)
    if origin is tuple:
        return _read_tuple(get_args(kind), data)
    if origin in (dict, Mapping):
        _, entry = get_args(kind)
        return {str(key): _read(entry, item) for key, item in dict(data).items()}
    if dataclasses.is_dataclass(kind):
        make: Any = kind
        return make(**fields_from_json(kind, data))
    if kind is Decimal:
        return _decimal(data)
    if kind is date:
        return date.fromisoformat(data)
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return kind(data)
    if kind is float and type(data) is int:
        return float(data)
    if type(data) is not kind:
        raise TypeError(f"{data!r} is not a {kind.__name__}")
    return data


def _read_union(kinds: tuple[Any, ...], data: Any) -> Any:
    if data is None and type(None) in kinds:
        return None
    for kind in kinds:
        is_list = get_origin(kind) is tuple
        if kind is not type(None) and isinstance(data, list) is is_list:
            return _read(kind, data)
    raise TypeError(f"{data!r} is none of {kinds}")


def _read_tuple(kinds: tuple[Any, ...], data: Any) -> tuple[Any, ...]:
    if not isinstance(data, list):
        raise TypeError(f"{data!r} is not a list")
    if len(kinds) == 2 and kinds[1] is Ellipsis:
        return tuple(_read(kinds[0], entry) for entry in data)
    return tuple(_read(kind, entry) for kind, entry in zip(kinds, data, strict=True))


def fields_from_json(kind: Any, data: Json) -> dict[str, Any]:
    """Return the values of a dataclass's fields that the data describes, by name."""
    if not isinstance(data, dict):
        raise TypeError(f"{data!r} is not an object")
    hints = _hints(kind)
    unknown = set(data) - set(hints)
    if unknown:
        raise KeyError(f"{kind.__name__} has no {sorted(unknown)}")
    return {name: _read(hints[name], entry) for name, entry in data.items()}


@cache
def _hints(kind: Any) -> dict[str, Any]:
    return get_type_hints(kind)


def _decimal(data: Any) -> Decimal:
    if not isinstance(data, str):
        raise TypeError(f"{data!r} is not a decimal in a string")
    try:
        return Decimal(data)
    except InvalidOperation:
        raise ValueError(f"{data!r} is not a decimal") from None
