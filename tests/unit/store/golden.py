"""One written row of each kind and version: what a journal of an older program holds.

`python -m tests.unit.store.golden` adds rows of the versions that are new; it changes none that
stands. A row that stands is never edited: there are journals that hold its like.
"""

from __future__ import annotations

import dataclasses
import json
import types
import typing
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any, NewType, get_args

from trader.core import events as ev
from trader.core.checkpoint import BookState
from trader.core.ids import Seq
from trader.store.rows import row_of, state_parts
from trader.store.versions import version_of

FILE = Path(__file__).with_name("golden.jsonl")
SEQ = 7
AT = datetime(2026, 1, 5, 15, 4, 5, 678901, tzinfo=UTC)
STATE = BookState.__name__
_PLAIN: dict[Any, Any] = {
    str: "text",
    bool: True,
    int: 7,
    float: 1.5,
    Decimal: Decimal("1.50"),
    datetime: AT,
    date: date(2026, 1, 5),
    types.NoneType: None,
}


def samples_of(hint: Any) -> list[Any]:
    """Return values of a type that together use every record and every alternative below it."""
    while isinstance(hint, NewType):
        hint = hint.__supertype__
    if hint in _PLAIN:
        return [_PLAIN[hint]]
    arguments, origin = typing.get_args(hint), typing.get_origin(hint)
    if origin is tuple and arguments[1:] == (Ellipsis,):
        return [tuple(samples_of(arguments[0])), ()]
    if origin is tuple:
        return [tuple(row) for row in _in_turn([samples_of(one) for one in arguments])]
    if origin in (typing.Union, types.UnionType):
        return [value for one in arguments for value in samples_of(one)]
    if origin is frozenset:
        return [frozenset(samples_of(arguments[0]))]
    if origin is Mapping:
        return [{"key": value} for value in samples_of(arguments[1])]
    if issubclass(hint, StrEnum):
        return list(hint)
    hints = typing.get_type_hints(hint)
    names = [field.name for field in dataclasses.fields(hint)]
    columns = [samples_of(hints[name]) for name in names]
    return [hint(**dict(zip(names, row, strict=True))) for row in _in_turn(columns)]


def _in_turn(columns: list[list[Any]]) -> Iterator[tuple[Any, ...]]:
    """Give as many rows as the longest column has values; the others begin again."""
    for place in range(max(map(len, columns), default=1)):
        yield tuple(column[place % len(column)] for column in columns)


def written() -> Iterator[tuple[str, int, str]]:
    """Give kind, version and payload of each row that the program writes now."""
    for kind in get_args(ev.Event):
        for event in samples_of(kind):
            row = row_of(ev.Recorded(Seq(SEQ), AT, event))
            yield row[2], row[3], row[4]
    for state in samples_of(BookState):
        placed = dataclasses.replace(state, seq=Seq(SEQ))
        yield STATE, version_of(STATE), "".join(state_parts(placed))


def standing() -> list[tuple[str, int, str]]:
    """Return the rows that stand."""
    lines = FILE.read_text().splitlines() if FILE.exists() else []
    return [tuple(json.loads(line)) for line in lines]


def main() -> None:
    """Add what is new."""
    rows = standing()
    known = {(kind, version) for kind, version, _ in rows}
    rows += [row for row in written() if row[:2] not in known]
    FILE.write_text("".join(json.dumps(row) + "\n" for row in rows))


if __name__ == "__main__":
    main()
