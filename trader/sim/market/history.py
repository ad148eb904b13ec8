"""Read the price files: one CSV per symbol, one line per trading day.

Header `date,open,high,low,close,volume`, ISO dates ascending, plain decimals. A file that
breaks this is refused with its name and line: a simulator must not start on bad prices.
"""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path

HEADER = ["date", "open", "high", "low", "close", "volume"]


class HistoryError(Exception):
    """The price files cannot be used; the text says which and why."""


@dataclass(frozen=True, slots=True)
class DayBar:
    """One trading day of one symbol."""

    day: date
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    volume: int


def load_directory(directory: Path) -> dict[str, tuple[DayBar, ...]]:
    """Return each symbol's days, cut to the dates that all symbols have."""
    files = sorted(directory.glob("*.csv"))
    if not files:
        raise HistoryError(f"data: no *.csv price files in {directory}")
    return common_days({file.stem.upper(): load_file(file) for file in files})


def common_days(bars: Mapping[str, Sequence[DayBar]]) -> dict[str, tuple[DayBar, ...]]:
    """Keep the dates that every symbol has, so that all of them walk the same day."""
    shared = set.intersection(*({bar.day for bar in days} for days in bars.values()))
    if len(shared) < 2:
        raise HistoryError("data: the price files share fewer than two dates")
    return {
        symbol: tuple(bar for bar in days if bar.day in shared) for symbol, days in bars.items()
    }


def load_file(file: Path) -> tuple[DayBar, ...]:
    """Return the days of one file. Raises HistoryError naming file and line."""
    bars: list[DayBar] = []
    with file.open(newline="", encoding="utf-8") as stream:
        rows = csv.reader(row for row in stream if not row.startswith("#"))
        header = next(rows, None)
        if header != HEADER:
            raise HistoryError(f"{file.name}: header is {header}, expected {HEADER}")
        for row in rows:
            bar = _bar(file, rows.line_num, row)
            if bars and bar.day <= bars[-1].day:
                raise HistoryError(f"{file.name}:{rows.line_num}: dates must ascend")
            bars.append(bar)
    if not bars:
        raise HistoryError(f"{file.name}: no days")
    return tuple(bars)


def _bar(file: Path, line: int, row: list[str]) -> DayBar:
    try:
        opened, high, low, close, volume = (Decimal(text) for text in row[1:6])
        bar = DayBar(date.fromisoformat(row[0]), opened, high, low, close, int(volume))
    except (ValueError, InvalidOperation, IndexError, TypeError, OverflowError):
        raise HistoryError(f"{file.name}:{line}: cannot be read: {','.join(row)}") from None
    prices = (bar.open, bar.high, bar.low, bar.close)
    if not all(price.is_finite() and price > 0 for price in prices) or bar.volume < 0:
        raise HistoryError(f"{file.name}:{line}: prices must be positive, volume not negative")
    if not bar.low <= min(bar.open, bar.close) <= max(bar.open, bar.close) <= bar.high:
        raise HistoryError(f"{file.name}:{line}: open and close must lie within low and high")
    return bar
