"""``trader reports``: which periodic reports are there, of now and good; offline.

Exit codes: 0 every report passes, 1 at least one is missing, stale or bad. With --series: 0 a
series was shown, 1 there is none.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from trader.commands.asking import add_state
from trader.core.reports.freshness import Judged, judged
from trader.core.reports.snapshot import series
from trader.core.reports.table import REPORTS, SNAPSHOTS_DAILY, SNAPSHOTS_FULL
from trader.ops.clock import SystemClock
from trader.ops.report_files import found_in, history_in

_PASSED, _FAILED = 0, 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--strict",
        action="store_true",
        help="only ok and pass are good: a warning or insufficient data fails too",
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument(
        "--series",
        metavar="FIGURE",
        help="one figure of the broker's snapshots over time: net_liquidation, cash.USD, "
        "position.AAPL, values.available_funds, positions or open_orders (how many)",
    )
    parser.add_argument(
        "--daily", action="store_true", help="of a series only the last figure of each day"
    )
    add_state(parser)


def run(given: argparse.Namespace, _environment: Mapping[str, str]) -> int:
    """List the reports, or show a series; returns the exit code."""
    if given.series:
        return _series(given)
    if not given.state.is_dir():
        print(
            f"trader: {given.state}: there is no state here (choose with --state)", file=sys.stderr
        )
        return _FAILED
    now_utc = SystemClock().utc()
    rows = [
        judged(terms, found_in(given.state / terms.path), now_utc, is_strict=given.strict)
        for terms in REPORTS
    ]
    if given.json:
        print(json.dumps([asdict(row) | {"has_passed": row.has_passed} for row in rows], indent=1))
    else:
        print("\n".join(_lines(rows)))
    return _PASSED if all(row.has_passed for row in rows) else _FAILED


def _lines(rows: list[Judged]) -> list[str]:
    lines = [f"{'report':<20}{'status':<19}{'age':>9}{'allowed':>10}  verdict"]
    for row in rows:
        verdict = "pass" if row.has_passed else f"FAIL: {row.problem}"
        lines.append(
            f"{row.name:<20}{row.status or '-':<19}{_seconds(row.age_s):>9}"
            f"{_seconds(row.age_s_max):>10}  {verdict}"
        )
        lines += [f"{'':<20}{reason}" for reason in row.reasons[:3]]
    evidence = sorted({row.evidence for row in rows if row.evidence})
    failed = sum(not row.has_passed for row in rows)
    lines.append(
        f"{len(rows) - failed} of {len(rows)} pass; evidence: {', '.join(evidence) or 'none'}"
    )
    return lines


def _seconds(age_s: float | None) -> str:
    if age_s is None:
        return "-"
    if abs(age_s) < 10_000:
        return f"{age_s:.0f} s"
    return f"{age_s / 3600:.1f} h"


def _series(given: argparse.Namespace) -> int:
    folders: tuple[Path, ...] = (given.state / SNAPSHOTS_DAILY,)
    if not given.daily:
        folders = (*folders, given.state / SNAPSHOTS_FULL)
    bodies, bad = history_in(*folders)
    rows = series(bodies, given.series)
    if bad:
        print(f"trader: {bad} files are no snapshots of ours and were left out", file=sys.stderr)
    if not any(value is not None for _, value in rows):
        print(f"trader: no snapshot in {given.state} tells {given.series}", file=sys.stderr)
        return _FAILED
    if given.json:
        shown = [{"at_utc": at, "value": None if v is None else f"{v:f}"} for at, v in rows]
        print(json.dumps({"figure": given.series, "points": shown}, indent=1))
    else:
        print("\n".join(f"{at}  {'-' if value is None else f'{value:f}'}" for at, value in rows))
    return _PASSED
