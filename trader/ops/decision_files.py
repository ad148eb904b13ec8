"""The record of a shadow, read back: its processes, and its rows one by one.

A line that a crash has cut off ends its process: it is forgiven where the next line begins another
one, and nowhere else. What else is no row of ours, or is missing, makes the record unusable.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trader.core.decisions import Row
from trader.core.parity.spans import Span
from trader.ops.json_lines import full_files
from trader.ports import WorldError

# Text that a row of each kind must have beside `kind` and `at_us`.
_FIELDS = {
    "begin": (),
    "alive": (),
    "intent": (
        "intent_id", "strategy", "symbol", "side", "quantity", "order_type", "time_in_force",
        "limit_price", "stop_price", "is_reduce_only", "reason", "verdict", "code", "text",
    ),
    "fill": ("intent_id", "strategy", "symbol", "side", "quantity", "price", "exec_id"),
    "commission": ("exec_id", "amount", "currency"),
    "cancel": ("intent_id", "strategy", "symbol", "reason"),
    "change": ("intent_id", "strategy", "symbol", "quantity", "limit_price", "stop_price"),
    "stopped": ("strategy", "text"),
}  # fmt: skip
_OLD = "an older program wrote it, which does not say of which account and strategies it is"


class RecordUnusable(WorldError):
    """A record cannot be compared; the message names the file, the line and what is wrong."""


@dataclass(frozen=True, slots=True)
class ShadowRecord:
    """What a first look at the files found."""

    files: tuple[Path, ...]
    spans: tuple[Span, ...]
    # What instruments are called there.
    symbols: dict[int, str]
    # Lines that a crash has cut off.
    cut: tuple[str, ...]
    newest: int

    def rows(self, first_us: int, last_us: int) -> Iterator[Row]:
        """Give the rows of a stretch of time, in their order; raises RecordUnusable."""
        if _identity(self.files[-1]) != self.newest:
            raise RecordUnusable(f"{self.files[-1]}: another one began meanwhile, look again")
        for _, row in _lines(self.files):
            if row is not None and first_us <= int(row["at_us"]) <= last_us:
                yield row


def shadow_record(path: Path) -> ShadowRecord:
    """Read a record's processes, of a file or of a shadow's folder; raises RecordUnusable."""
    files = _files(path)
    newest = _identity(files[-1])
    spans: list[Span] = []
    symbols: dict[int, str] = {}
    cut: list[str] = []
    is_cut = False
    for where, row in _lines(files):
        if row is None:
            if is_cut:
                raise RecordUnusable(f"{cut[-1]}: no row, and no process begins behind it")
            cut.append(where)
            is_cut = True
            continue
        if is_cut and row["kind"] != "begin":
            raise RecordUnusable(f"{cut[-1]}: no row, and no process begins behind it")
        is_cut = False
        if row["kind"] == "begin":
            spans.append(_begun(row))
        elif not spans:
            raise RecordUnusable(f"{where}: no process has begun before it")
        else:
            last_us = max(spans[-1].last_us, int(row["at_us"]))
            spans[-1] = replace(spans[-1], last_us=last_us)
        if row["kind"] == "intent" and "con_id" in row:
            symbols[int(row["con_id"])] = str(row["symbol"])
    if is_cut:
        raise RecordUnusable(f"{cut[-1]}: the record is cut off in the middle of a row")
    if not spans:
        raise RecordUnusable(f"{path}: it is empty")
    return ShadowRecord(files, tuple(spans), symbols, tuple(cut), newest)


def _files(path: Path) -> tuple[Path, ...]:
    """Return the files of a record, the oldest first."""
    newest = path / "decisions.jsonl" if path.is_dir() else path
    parts = full_files(newest)
    numbers = sorted(parts)
    if numbers and len(numbers) != numbers[-1] - numbers[0] + 1:
        missing = next(n for n in range(numbers[0], numbers[-1]) if n not in parts)
        raise RecordUnusable(f"{newest}: of its full files the one numbered {missing} is missing")
    if not newest.is_file():
        raise RecordUnusable(f"{newest}: there is no record of a shadow")
    return (*(parts[number] for number in numbers), newest)


def _identity(path: Path) -> int:
    """Return what tells a file from the one that takes its name when it is full."""
    try:
        return path.stat().st_ino
    except OSError as error:
        raise RecordUnusable(f"{path}: {error.strerror or error}") from error


def _lines(files: tuple[Path, ...]) -> Iterator[tuple[str, Row | None]]:
    """Give each line with its place, None for one that is no JSON; raises RecordUnusable."""
    for path in files:
        try:
            with path.open("rb") as file:
                for number, line in enumerate(file, 1):
                    yield f"{path}: line {number}", _row(path, number, line)
        except OSError as error:
            raise RecordUnusable(f"{path}: {error.strerror or error}") from error


def _row(path: Path, number: int, line: bytes) -> Row | None:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    problem = _problem(row)
    if problem:
        shown = line[:80].decode(errors="replace").strip()
        raise RecordUnusable(f"{path}: line {number}: {problem}: {shown}")
    found: Row = row
    return found


def _problem(row: Any) -> str:
    if not isinstance(row, dict):
        return "not an object"
    kind = row.get("kind")
    if not isinstance(kind, str) or kind not in _FIELDS:
        return f"kind is {kind!r}, allowed is one of {', '.join(_FIELDS)}"
    if type(row.get("at_us")) is not int:
        return f"at_us is {row.get('at_us')!r}, allowed is a whole number"
    for name in _FIELDS[kind]:
        if not isinstance(row.get(name), str):
            return f"{name} is {row.get(name)!r}, allowed is text"
    return _number_problem(row)


def _number_problem(row: Mapping[str, Any]) -> str:
    """Say which number is none; empty when all are."""
    for name in ("quantity", "price", "amount", "multiplier", "limit_price", "stop_price"):
        text = row.get(name)
        if text is None or (not text and name.endswith("_price")):
            continue
        if not isinstance(text, str) or not _is_number(text):
            return f"{name} is {text!r}, allowed is a number as text"
    return ""


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-").replace(".", "", 1)
    return digits.isascii() and digits.isdigit()


def _begun(row: Row) -> Span:
    at_us = int(row["at_us"])
    mode, account, strategies = (str(row.get(n, "")) for n in ("mode", "account", "strategies"))
    return Span(
        first_us=at_us,
        last_us=at_us,
        mode=mode,
        account=account,
        strategies=tuple(strategies.split()),
        is_shadow=True,
        problem="" if "strategies" in row and "mode" in row else _OLD,
    )
