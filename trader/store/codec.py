"""Frozen dataclasses to JSON text and back, exactly, driven by their type hints alone.

What cannot be read back is not written, and what is read is what was written or a ``Misfit``
that names the field: a decimal keeps its digits, a time its zone, and a value of another type,
an unknown field or a missing one is refused in both directions. Hints are resolved once for each
class and compiled into closures, because encoding a promise stands between an intent and the
wire.
"""

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cache
from json import JSONEncoder
from json.encoder import encode_basestring_ascii as quoted
from math import isfinite
from operator import attrgetter
from typing import Any, NewType

Encoder = Callable[[Any], str]
Decoder = Callable[[Any], Any]

_NO_OFFSET = timedelta(0)
_compact = JSONEncoder(separators=(",", ":")).encode


class Misfit(Exception):
    """A value is not what its field's type says; ``path`` leads to it from the outside."""

    def __init__(self, problem: str, value: object) -> None:
        super().__init__(problem)
        self.problem = problem
        self.value = value
        self.path: tuple[str | int, ...] = ()

    def under(self, step: str | int) -> "Misfit":
        """Add the step that led here, and return the misfit to raise it on."""
        self.path = (step, *self.path)
        return self

    @property
    def field(self) -> str:
        """Name the field, as in ``terms.quantity``; empty for the value as a whole."""
        return ".".join(str(step) for step in self.path)


@cache
def encoder(hint: Any) -> Encoder:
    """Return the function that writes a value of this type as JSON text; it raises Misfit."""
    return _compiled(hint)[0]


@cache
def decoder(hint: Any) -> Decoder:
    """Return the function that reads a parsed JSON value as this type; it raises Misfit."""
    return _compiled(hint)[1]


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """Return the fields of a dataclass with their resolved types, in the order of the class."""
    assert dataclasses.is_dataclass(cls), f"{cls} is not a dataclass"
    hints = typing.get_type_hints(cls)
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def item_hint(hint: Any) -> Any:
    """Return the type of the items of a ``tuple[X, ...]``, or None for any other type."""
    arguments = typing.get_args(hint)
    is_variadic = typing.get_origin(hint) is tuple and arguments[1:] == (Ellipsis,)
    return arguments[0] if is_variadic else None


def _bare(hint: Any) -> Any:
    """Return the type that a NewType stands for, any other as it is."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    return hint


def _compiled(hint: Any) -> tuple[Encoder, Decoder]:
    hint = _bare(hint)
    if hint in _LEAVES:
        return _LEAVES[hint]
    origin = typing.get_origin(hint)
    if origin is tuple:
        item = item_hint(hint)
        return _items(hint) if item is None else _sequence(item)
    if origin in (typing.Union, types.UnionType):
        parts = typing.get_args(hint)
        is_choice = all(isinstance(part, type) and dataclasses.is_dataclass(part) for part in parts)
        return _choice(parts) if is_choice else _optional(hint)
    if origin is frozenset:
        return _set(typing.get_args(hint)[0])
    if origin is Mapping:
        return _mapping(*typing.get_args(hint))
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _enum(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return _record(hint)
    raise TypeError(f"no way to write a {hint} down")


def _record(cls: type) -> tuple[Encoder, Decoder]:
    hints = hints_of(cls)
    names = tuple(hints)
    encoders = tuple(encoder(hint) for hint in hints.values())
    decoders = tuple((name, decoder(hint)) for name, hint in hints.items())
    template = "{" + ",".join(f'"{name}":%s' for name in names) + "}"
    # attrgetter of one name gives the bare value, and there is none of no name.
    values_of: Callable[[Any], tuple[Any, ...]] = (
        attrgetter(*names)
        if len(names) > 1
        else lambda value: tuple(getattr(value, name) for name in names)
    )

    def encode(value: Any) -> str:
        if type(value) is not cls:
            raise Misfit(f"not a {cls.__name__}", value)
        # The length of the list tells which part a misfit came from.
        texts: list[str] = []
        try:
            for write, part in zip(encoders, values_of(value), strict=True):
                texts.append(write(part))
        except Misfit as misfit:
            raise misfit.under(names[len(texts)]) from None
        return template % tuple(texts)

    def decode(data: Any) -> Any:
        if type(data) is not dict:
            raise Misfit(f"not a {cls.__name__}", data)
        values: list[Any] = []
        try:
            for name, read in decoders:
                values.append(read(data[name]))
        except KeyError:
            raise Misfit("missing", None).under(names[len(values)]) from None
        except Misfit as misfit:
            raise misfit.under(names[len(values)]) from None
        if len(data) != len(names):
            unknown = next(name for name in data if name not in hints)
            raise Misfit("unknown", data[unknown]).under(unknown)
        return cls(*values)

    return encode, decode


def _sequence(item: Any) -> tuple[Encoder, Decoder]:
    if _is_plain(item):
        return _table(item)
    write, read = encoder(item), decoder(item)

    def encode(value: Any) -> str:
        if type(value) is not tuple:
            raise Misfit("not a tuple", value)
        texts: list[str] = []
        try:
            for part in value:
                texts.append(write(part))
        except Misfit as misfit:
            raise misfit.under(len(texts)) from None
        return "[" + ",".join(texts) + "]"

    return encode, _list_of(read)


def _list_of(read: Decoder) -> Decoder:
    """Return the function that reads a list as a tuple, each item with ``read``."""

    def decode(data: Any) -> Any:
        if type(data) is not list:
            raise Misfit("not a list", data)
        values: list[Any] = []
        try:
            for part in data:
                values.append(read(part))
        except Misfit as misfit:
            raise misfit.under(len(values)) from None
        return tuple(values)

    return decode


def _is_plain(item: Any) -> bool:
    """Tell whether a type is a record of nothing but texts and truth values."""
    if not (isinstance(item, type) and dataclasses.is_dataclass(item)):
        return False
    kinds = [_bare(hint) for hint in hints_of(item).values()]
    return len(kinds) > 1 and {*kinds} <= {str, bool}


def _table(cls: type) -> tuple[Encoder, Decoder]:
    """Handle a sequence of plain records: an array of values for each, without their names.

    A review has fifty, and they are most of what is written for an order: as objects they take
    twice the time and half as much space again.
    """
    names = tuple(hints_of(cls))
    kinds = tuple(_bare(hint) for hint in hints_of(cls).values())
    values_of = attrgetter(*names)
    write, readers = encoder(cls), tuple(decoder(kind) for kind in kinds)

    def encode(value: Any) -> str:
        if type(value) is not tuple:
            raise Misfit("not a tuple", value)
        if {*map(type, value)} <= {cls}:
            rows = [*map(values_of, value)]
            if _are_exactly(rows, kinds):
                return _compact(rows)
        # The long way finds what is wrong, or that a text's own class is all there is.
        for place, part in enumerate(value):
            try:
                write(part)
            except Misfit as misfit:
                raise misfit.under(place) from None
        return _compact([*map(values_of, value)])

    def read_row(row: Any) -> Any:
        if type(row) is not list or len(row) != len(names):
            raise Misfit(f"not the {len(names)} values of a {cls.__name__}", row)
        values: list[Any] = []
        try:
            for read, part in zip(readers, row, strict=True):
                values.append(read(part))
        except Misfit as misfit:
            raise misfit.under(names[len(values)]) from None
        return cls(*values)

    return encode, _list_of(read_row)


def _are_exactly(rows: list[tuple[Any, ...]], kinds: tuple[type, ...]) -> bool:
    """Tell whether each value is exactly of the type of its column."""
    # Without a row there is no column either.
    columns = zip(zip(*rows, strict=True), kinds, strict=False)
    return all({*map(type, column)} == {kind} for column, kind in columns)


def _items(hint: Any) -> tuple[Encoder, Decoder]:
    """Handle a tuple of fixed length, each place with a type of its own."""
    arguments = typing.get_args(hint)
    encoders = tuple(encoder(argument) for argument in arguments)
    decoders = tuple(decoder(argument) for argument in arguments)
    count = len(arguments)

    def encode(value: Any) -> str:
        if type(value) is not tuple or len(value) != count:
            raise Misfit(f"not a tuple of {count}", value)
        return "[" + ",".join(_each(encoders, value)) + "]"

    def decode(data: Any) -> Any:
        if type(data) is not list or len(data) != count:
            raise Misfit(f"not a list of {count}", data)
        return tuple(_each(decoders, data))

    return encode, decode


def _each(functions: tuple[Callable[[Any], Any], ...], values: Any) -> Iterator[Any]:
    for place, (function, value) in enumerate(zip(functions, values, strict=True)):
        try:
            yield function(value)
        except Misfit as misfit:
            raise misfit.under(place) from None


def _choice(classes: tuple[type, ...]) -> tuple[Encoder, Decoder]:
    """Handle a union of records: an object whose only name is that of the class."""
    encoders = {cls: encoder(cls) for cls in classes}
    decoders = {cls.__name__: decoder(cls) for cls in classes}

    def encode(value: Any) -> str:
        write = encoders.get(type(value))
        if write is None:
            raise Misfit("not one of the records allowed here", value)
        name = type(value).__name__
        try:
            return f'{{"{name}":{write(value)}}}'
        except Misfit as misfit:
            raise misfit.under(name) from None

    def decode(data: Any) -> Any:
        if type(data) is not dict or len(data) != 1:
            raise Misfit("not one record under its name", data)
        ((name, part),) = data.items()
        read = decoders.get(name)
        if read is None:
            raise Misfit("not one of the records allowed here", name)
        try:
            return read(part)
        except Misfit as misfit:
            raise misfit.under(name) from None

    return encode, decode


def _set(item: Any) -> tuple[Encoder, Decoder]:
    """Handle a set: a list in order, so that the same set is the same text."""
    write, read = _sequence(item)

    def encode(value: Any) -> str:
        if type(value) is not frozenset:
            raise Misfit("not a frozen set", value)
        return write(tuple(sorted(value)))

    def decode(data: Any) -> Any:
        values = read(data)
        found = frozenset(values)
        if len(found) != len(values):
            raise Misfit("an item comes twice", data)
        return found

    return encode, decode


def _mapping(key: Any, item: Any) -> tuple[Encoder, Decoder]:
    """Handle a mapping from text: an object, its names in order."""
    if _bare(key) is not str:
        raise TypeError(f"no way to write a mapping from {key} down")
    write, read = encoder(item), decoder(item)

    def encode(value: Any) -> str:
        if not isinstance(value, Mapping):
            raise Misfit("not a mapping", value)
        texts: list[str] = []
        for name in sorted(value):
            try:
                texts.append(f"{_encode_str(name)}:{write(value[name])}")
            except Misfit as misfit:
                raise misfit.under(name) from None
        return "{" + ",".join(texts) + "}"

    def decode(data: Any) -> Any:
        if type(data) is not dict:
            raise Misfit("not an object", data)
        values: dict[str, Any] = {}
        for name, part in data.items():
            try:
                values[name] = read(part)
            except Misfit as misfit:
                raise misfit.under(name) from None
        return values

    return encode, decode


def _optional(hint: Any) -> tuple[Encoder, Decoder]:
    """Handle ``X | None``; a union of other types would need a mark in the text."""
    others = [part for part in typing.get_args(hint) if part is not types.NoneType]
    if len(others) != 1 or len(typing.get_args(hint)) != 2:
        raise TypeError(f"no way to write a {hint} down: only X | None is possible")
    write, read = encoder(others[0]), decoder(others[0])

    def encode(value: Any) -> str:
        return "null" if value is None else write(value)

    def decode(data: Any) -> Any:
        return None if data is None else read(data)

    return encode, decode


def _enum(cls: type[StrEnum]) -> tuple[Encoder, Decoder]:
    texts = {member: quoted(member.value) for member in cls}
    members = {member.value: member for member in cls}

    def encode(value: Any) -> str:
        if type(value) is not cls:
            raise Misfit(f"not a {cls.__name__}", value)
        return texts[value]

    def decode(data: Any) -> Any:
        member = members.get(data) if type(data) is str else None
        if member is None:
            raise Misfit(f"not a {cls.__name__}", data)
        return member

    return encode, decode


def _encode_str(value: Any) -> str:
    if not isinstance(value, str):
        raise Misfit("not a text", value)
    return quoted(value)


def _decode_str(data: Any) -> str:
    if type(data) is not str:
        raise Misfit("not a text", data)
    return data


def _encode_bool(value: Any) -> str:
    if value is True:
        return "true"
    if value is False:
        return "false"
    raise Misfit("not a truth value", value)


def _decode_bool(data: Any) -> bool:
    if type(data) is not bool:
        raise Misfit("not a truth value", data)
    return data


def _encode_int(value: Any) -> str:
    if type(value) is not int:
        raise Misfit("not a whole number", value)
    return str(value)


def _decode_int(data: Any) -> int:
    if type(data) is not int:
        raise Misfit("not a whole number", data)
    return data


def _encode_float(value: Any) -> str:
    return repr(_decode_float(value))


def _decode_float(data: Any) -> float:
    # A whole number is a fine float for the type checker too, and JSON does not tell them apart.
    if type(data) not in (float, int) or not isfinite(data):
        raise Misfit("not a finite number", data)
    return float(data)


def _encode_decimal(value: Any) -> str:
    if type(value) is not Decimal or not value.is_finite():
        raise Misfit("not a finite decimal", value)
    return f'"{value}"'


def _decode_decimal(data: Any) -> Decimal:
    if type(data) is not str:
        raise Misfit("not a decimal in text", data)
    try:
        number = Decimal(data)
    except InvalidOperation:
        raise Misfit("not a decimal", data) from None
    # Decimal() takes "1_0", " 1" and "NaN" as well; we never wrote any of them.
    if not number.is_finite() or str(number) != data:
        raise Misfit("not a decimal as we write it", data)
    return number


def _encode_datetime(value: Any) -> str:
    if type(value) is not datetime or value.utcoffset() != _NO_OFFSET:
        raise Misfit("not a time in UTC", value)
    return f'"{value.isoformat()}"'


def _decode_datetime(data: Any) -> datetime:
    try:
        at = datetime.fromisoformat(data)
    except (TypeError, ValueError):
        raise Misfit("not a time", data) from None
    if at.tzinfo is not UTC:
        raise Misfit("not a time in UTC", data)
    return at


def _encode_date(value: Any) -> str:
    if type(value) is not date:
        raise Misfit("not a date", value)
    return f'"{value.isoformat()}"'


def _decode_date(data: Any) -> date:
    try:
        return date.fromisoformat(data)
    except (TypeError, ValueError):
        raise Misfit("not a date", data) from None


_LEAVES: dict[Any, tuple[Encoder, Decoder]] = {
    str: (_encode_str, _decode_str),
    bool: (_encode_bool, _decode_bool),
    int: (_encode_int, _decode_int),
    float: (_encode_float, _decode_float),
    Decimal: (_encode_decimal, _decode_decimal),
    datetime: (_encode_datetime, _decode_datetime),
    date: (_encode_date, _decode_date),
}
