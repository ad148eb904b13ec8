"""``trader shadow``: what a shadow decided, held against what traded.

``diff RUN_A RUN_B`` says where two runs decided or filled otherwise, and by how much. A run is what
``trader replay --out`` wrote, the decisions of a shadow (the file, or its folder), or a journal of
a daemon that traded. Returns 0 when they are the same, 1 when they differ, 2 when there was nothing
to compare, which proves nothing. ``parity`` judges days of a shadow and its daemon by limits:
:mod:`trader.commands.shadow_parity`.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from trader.commands import shadow_parity
from trader.core.decision_diff import Difference, Pair, Wished, difference, wished_of
from trader.core.decisions import Row, plain
from trader.ops.json_lines import full_files
from trader.shadowing import DECISIONS_FILE_NAME
from trader.store.decision_rows import decisions_in
from trader.store.rows import JournalUnusable

SAME, DIFFERENT, NOTHING = 0, 1, 2
# The first bytes of every SQLite file.
_SQLITE = b"SQLite format 3\x00"
_FIELDS = ("kind", "at_us")
_ALWAYS = (0, 2**62)


class RunUnreadable(ValueError):
    """What was named is no run; the message says why."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    _add_diff(verbs.add_parser("diff", help="compare two runs, decision by decision"))
    shadow_parity.add_arguments(
        verbs.add_parser("parity", help="judge days of a shadow and its daemon by limits")
    )


def _add_diff(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("a", metavar="RUN_A", type=Path, help="a file, a folder or a journal")
    parser.add_argument("b", metavar="RUN_B", type=Path, help="the same, held against it")
    parser.add_argument(
        "--window-s", type=_seconds, default=5.0, metavar="S",
        help="so far apart the same decision may be (default: 5)",
    )  # fmt: skip
    parser.add_argument(
        "--strategy", action="append", default=[], metavar="NAME", help="only these"
    )
    parser.add_argument(
        "--whole", action="store_true", help="also what lies before or behind the other run"
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")


def _seconds(text: str) -> float:
    try:
        found = float(text)
    except ValueError:
        found = -1.0
    if not 0 <= found <= 86_400:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is 0 to 86400")
    return found


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Compare; returns the exit code."""
    if given.verb == "parity":
        return shadow_parity.run(given, environment)
    return _diff(given)


def _diff(given: argparse.Namespace) -> int:
    """Print every difference and the totals."""
    try:
        both = [_rows(path) for path in (given.a, given.b)]
    except (RunUnreadable, JournalUnusable, OSError) as error:
        print(f"trader: not compared: {error}", file=sys.stderr)
        return NOTHING
    if not given.whole:
        both = _in_common(both, given.window_s)
    wished = [
        tuple(
            one
            for one in wished_of(rows)
            if not given.strategy or one.row["strategy"] in given.strategy
        )
        for rows in both
    ]
    found = difference(wished[0], wished[1], given.window_s)
    if given.json:
        print(json.dumps(_body(found), indent=1))
    else:
        print("\n".join(_lines(found)))
    if found.is_empty:
        print("trader: nothing to compare: neither run has an intent there", file=sys.stderr)
        return NOTHING
    return DIFFERENT if found.count else SAME


def _rows(path: Path) -> tuple[Row, ...]:
    if path.is_dir():
        path = path / DECISIONS_FILE_NAME
    with path.open("rb") as file:
        is_journal = file.read(len(_SQLITE)) == _SQLITE
    if is_journal:
        return decisions_in(path, *_ALWAYS)
    parts = full_files(path) if path.name == DECISIONS_FILE_NAME else {}
    return tuple(_read([*(parts[number] for number in sorted(parts)), path]))


def _read(paths: Iterable[Path]) -> Iterable[Row]:
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            try:
                row = json.loads(line)
                assert all(name in row for name in _FIELDS)
            except (ValueError, AssertionError, TypeError):
                text = f"{path}: line {number} is no decision: {line[:80]!r}"
                raise RunUnreadable(text) from None
            yield row


def _in_common(both: list[tuple[Row, ...]], window_s: float) -> list[tuple[Row, ...]]:
    """Return of each run what lies where both have something; a run without rows stays one."""
    spans = [[int(row["at_us"]) for row in rows] for rows in both]
    if not all(spans):
        return both
    margin_us = window_s * 1_000_000
    first = max(min(span) for span in spans) - margin_us
    last = min(max(span) for span in spans) + margin_us
    return [
        tuple(row for row in rows if first <= int(row["at_us"]) <= last or row["kind"] == "begin")
        for rows in both
    ]


# ---- telling


def _lines(found: Difference) -> list[str]:
    lines = [
        f"{_at(pair.a)} {_name(pair.a)} differs: {_words(pair)}"
        for pair in found.pairs
        if pair.differences
    ]
    lines += [f"{_at(one)} {_name(one)} only in A: {_verdict(one)}" for one in found.only_a]
    lines += [f"{_at(one)} {_name(one)} only in B: {_verdict(one)}" for one in found.only_b]
    same = sum(not pair.differences for pair in found.pairs)
    late_s = found.mean_late_s()
    lines.append(
        f"total       {len(found.pairs)} in both ({same} the same), {len(found.only_a)} only in A, "
        f"{len(found.only_b)} only in B"
    )
    fields = ", ".join(f"{count} in {name}" for name, count in found.by_field().items())
    if fields:
        lines.append(f"differ      {fields}")
    if late_s is not None:
        lines.append(f"apart       {late_s:.3f} s on average")
    lines.append(f"price       B paid {plain(found.cost())} more than A, over what both filled")
    return lines


def _at(one: Wished) -> str:
    seconds, us = divmod(one.at_us, 1_000_000)
    of_day = seconds % 86_400
    return f"{of_day // 3600:02}:{of_day // 60 % 60:02}:{of_day % 60:02}.{us // 1000:03}"


def _name(one: Wished) -> str:
    row = one.row
    return f"{row['intent_id']} {row['symbol']} {row['side']} {row['quantity']} {row['order_type']}"


def _words(pair: Pair) -> str:
    return ", ".join(f"{name} {a or 'none'} and {b or 'none'}" for name, a, b in pair.differences)


def _verdict(one: Wished) -> str:
    text = f"{one.row['verdict']} {one.row['code']}".strip()
    return f"{text}, {plain(one.filled)} filled"


def _body(found: Difference) -> dict[str, Any]:
    return {
        "is_same": not found.count and not found.is_empty,
        "is_insufficient": found.is_empty,
        "pairs": [
            {
                "a": pair.a.row,
                "b": pair.b.row,
                "later_s": pair.later_s,
                "worse": None if pair.worse is None else plain(pair.worse),
                "differences": [{"field": name, "a": a, "b": b} for name, a, b in pair.differences],
            }
            for pair in found.pairs
        ],
        "only_a": [one.row for one in found.only_a],
        "only_b": [one.row for one in found.only_b],
        "by_field": found.by_field(),
        "mean_late_s": found.mean_late_s(),
        "b_paid_more": plain(found.cost()),
    }
