"""Rows as a table for a terminal: aligned columns, numbers to the right, nothing cut off."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

_GAP = "  "
_PLACES = 8


def cell(value: object) -> str:
    """Return a value as a person reads it; what is unknown is a dash."""
    if value is None or value == "":
        return "-"
    if isinstance(value, Decimal):
        places = -int(value.as_tuple().exponent) if value.is_finite() else 0
        # An average has as many digits as there is room for.
        return f"{value:f}" if places <= _PLACES else f"{value:.{_PLACES}f}".rstrip("0").rstrip(".")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S}"
    return one_line(str(value))


def one_line(text: str) -> str:
    """Return what others have written as one line that a terminal shows and does not obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> list[str]:
    """Return the lines of a table below its head; every row has a value for each column."""
    texts = [list(head), *([cell(value) for value in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*texts, strict=True)]
    # A column of numbers lines up at their last digit, its head with them.
    is_number = [
        bool(column) and all(isinstance(value, int | Decimal | None) for value in column)
        for column in (zip(*rows, strict=True) if rows else [()] * len(widths))
    ]
    return [
        _GAP.join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, is_number, strict=True)
        ).rstrip()
        for line in texts
    ]
