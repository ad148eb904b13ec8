"""``trader shadow parity``: whether a daemon decided and filled as its shadow did, day by day.

Reads the shadow's record and the daemon's journal, or two journals; needs no daemon and changes
neither. Returns 0 within the limits, 1 outside, 2 where the input cannot be used or is too little
to judge by. What was judged is a report as well, below ``reports/parity`` of the state.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Protocol

from trader import __version__
from trader.commands.asking import add_state
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.decisions import Row
from trader.core.halts import Mode
from trader.core.ids import ConId
from trader.core.moments import microseconds_of, moment_of
from trader.core.parity.comparison import Comparison, Parity, merged
from trader.core.parity.spans import Overlap, Span, overlap, within
from trader.core.parity.verdict import Limits, Verdict
from trader.core.reports.content import Content, ReportStatus, Stamp
from trader.core.reports.table import Keep, ReportName, Terms, moment_name
from trader.ops.build import git_sha
from trader.ops.clock import SystemClock
from trader.ops.decision_files import RecordUnusable, shadow_record
from trader.ops.parity_text import parity_body, parity_lines, report_head
from trader.ops.report_files import ReportFiles, ReportUnwritten
from trader.shadowing import SHADOW_FOLDER_NAME
from trader.store.decision_rows import journal_decisions, must_be_whole
from trader.store.rows import JournalUnusable

WITHIN, OUTSIDE, UNUSABLE = 0, 1, 2
FOLDER = "reports/parity"
TERMS = Terms(ReportName.PARITY, f"{FOLDER}/shadow_latest.json", None, None, (Keep(FOLDER, 400),))
_SQLITE = b"SQLite format 3\x00"
_AMOUNT_MAX = 1_000_000
_NO_END_US = 2**62
_STATUS = {
    Verdict.WITHIN: ReportStatus.PASS,
    Verdict.OUTSIDE: ReportStatus.FAIL,
    Verdict.INSUFFICIENT: ReportStatus.INSUFFICIENT,
}
_CODES = {Verdict.WITHIN: WITHIN, Verdict.OUTSIDE: OUTSIDE, Verdict.INSUFFICIENT: UNUSABLE}
_HELP = {
    "window_s": "so far apart the same decision may be, in seconds",
    "terms_bps": "so far apart prices of the same terms may be, in basis points",
    "warm_up_s": "leave out the first seconds of each process: a shadow begins without a past",
    "decisions_min": "fewer decisions in a day, or in all, are too little to judge by",
    "fills_min": "fewer fills on either side are too little to judge by",
    "insufficient_days_max": "so many days in a row may have too little",
    "days_outside_max": "so many days may be outside by themselves",
    "unpaired_share_max": "share of the decisions that may have no partner",
    "differing_share_max": "share of the pairs that may wish or be answered otherwise",
    "fill_share_gap_max": "between the shares that fill on average",
    "fill_s_gap_max": "between the seconds to the first fill on average",
    "price_bps_max": "between the prices paid on average, in basis points",
    "commission_bps_max": "between the commissions on average, in basis points",
    "result_bps_max": "between the results, in basis points of what was traded",
}


class NotComparable(ValueError):
    """The two cannot be held against each other; the message says why."""


class _Source(Protocol):
    """Where the rows of a run come from."""

    def rows(self, first_us: int, last_us: int) -> Iterator[Row]: ...


@dataclass(frozen=True, slots=True)
class _Run:
    """One of the two."""

    name: str
    path: Path
    source: _Source
    spans: tuple[Span, ...]
    symbols: dict[ConId, str]
    cut: tuple[str, ...] = ()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--against", type=Path, metavar="PATH",
        help="the shadow's folder or file, or another journal (default: shadow below the state)",
    )  # fmt: skip
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="another journal than the state's"
    )
    parser.add_argument("--from", dest="first", type=_day, metavar="DAY", help="first day of UTC")
    parser.add_argument("--to", dest="last", type=_day, metavar="DAY", help="last day of UTC")
    parser.add_argument(
        "--strategy", action="append", default=[], metavar="NAME", help="only these"
    )
    parser.add_argument(
        "--evidence", choices=("simulator", "paper", "live"),
        help="only what is evidence about this; all else is left out",
    )  # fmt: skip
    limits = parser.add_argument_group("limits")
    for row in fields(Limits):
        limits.add_argument(
            f"--{row.name.replace('_', '-')}",
            type=_whole if row.type is int else _amount,
            default=row.default,
            metavar="N",
            help=f"{_HELP[row.name]} (default: {row.default})",
        )
    parser.add_argument("--all", action="store_true", help="list every difference, not the first")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument("--no-report", action="store_true", help="write no report")
    add_state(parser)


def _day(text: str) -> datetime:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is a day as 2026-11-22") from None


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise argparse.ArgumentTypeError(f"is {text}, allowed is a whole number, 0 or more")
    return int(text)


def _amount(text: str) -> Decimal:
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(-1)
    if not (found.is_finite() and 0 <= found <= _AMOUNT_MAX):
        raise argparse.ArgumentTypeError(f"is {text}, allowed is a number, 0 to {_AMOUNT_MAX}")
    return found


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Compare, tell and report; returns the exit code."""
    limits = Limits(**{row.name: getattr(given, row.name) for row in fields(Limits)})
    try:
        with ExitStack() as stack:
            a = _opened(stack, given.against or given.state / SHADOW_FOLDER_NAME)
            b = _opened(stack, journal_asked_for(given, environment), is_daemon=True)
            a, b = _named(a, b)
            found = _overlap_of(a, b, given, limits)
            names = {"a": a.name, "b": b.name}
            parity = _compared(a, b, found, limits, names, tuple(given.strategy))
    except (NotComparable, RecordUnusable, JournalUnusable, ConfigError, OSError) as error:
        print(f"trader: not compared: {error}", file=sys.stderr)
        return UNUSABLE
    for where in a.cut:
        print(f"trader: {where} is cut off; its process ends with the line before", file=sys.stderr)
    stamp = _stamp(parity, environment)
    body = parity_body(parity, limits, names)
    if given.json:
        print(json.dumps(report_head(stamp) | body, indent=1))
    else:
        print("\n".join(parity_lines(parity, limits, names, stamp.evidence, is_all=given.all)))
    return _reported(given, stamp, body, _CODES[parity.verdict])


# ---- reading


def _opened(stack: ExitStack, path: Path, *, is_daemon: bool = False) -> _Run:
    """Open what was named: a journal, or the record of a shadow."""
    if path.is_file():
        with path.open("rb") as file:
            is_journal = file.read(len(_SQLITE)) == _SQLITE
    else:
        is_journal = is_daemon
    if is_journal:
        read = stack.enter_context(journal_decisions(path))
        must_be_whole(read)
        return _Run("daemon" if is_daemon else "other", path, read, read.spans, read.symbols)
    if is_daemon:
        raise NotComparable(f"{path}: allowed as --journal is the journal of a daemon")
    record = shadow_record(path)
    symbols = {ConId(con_id): name for con_id, name in record.symbols.items()}
    return _Run("shadow", path, record, record.spans, symbols, record.cut)


def _named(a: _Run, b: _Run) -> tuple[_Run, _Run]:
    """Have both call instruments by the same names; a journal has none of what it only refused."""
    for mine, other in ((a, b), (b, a)):
        for con_id, symbol in other.symbols.items():
            mine.symbols.setdefault(con_id, symbol)
    if a.path.resolve() == b.path.resolve():
        raise NotComparable(f"{a.path} is both sides: it is held against itself")
    return a, b


def _overlap_of(a: _Run, b: _Run, given: argparse.Namespace, limits: Limits) -> Overlap:
    """Return what can be compared of the days asked for; raises NotComparable where nothing can."""
    first_us = 0 if given.first is None else microseconds_of(given.first)
    last_us = (
        _NO_END_US if given.last is None else microseconds_of(given.last + timedelta(days=1)) - 1
    )
    if first_us > last_us:
        raise NotComparable("--from lies behind --to")
    both = [
        [_of_kind(span, given.evidence) for span in within(run.spans, first_us, last_us)]
        for run in (a, b)
    ]
    for run, spans in zip((a, b), both, strict=True):
        if not spans:
            raise NotComparable(f"{run.path}: the {run.name} was not there then: {_there(run)}")
    found = overlap(both[0], both[1], float(limits.warm_up_s))
    if not found.common:
        problems = sorted({gap.why for gap in found.gaps})
        raise NotComparable(
            f"there is no time to compare: {_there(a)}; {_there(b)}; {', '.join(problems)}"
        )
    if not any(span.strategies for span in found.common):
        runs = [
            f"the {run.name} has {' '.join(sorted({n for s in run.spans for n in s.strategies}))}"
            for run in (a, b)
        ]
        raise NotComparable(f"no strategy runs on both sides: {', '.join(runs)}")
    return found


def _of_kind(span: Span, evidence: str | None) -> Span:
    if evidence is None or span.evidence == evidence or span.problem:
        return span
    return replace(span, problem=f"it is evidence about {span.evidence}, asked for is {evidence}")


def _there(run: _Run) -> str:
    if not run.spans:
        return f"the {run.name} never ran"
    first, last = run.spans[0].first_us, max(span.last_us for span in run.spans)
    at, until = moment_of(first), moment_of(last)
    return f"the {run.name} has {at:%Y-%m-%d %H:%M:%S} to {until:%Y-%m-%d %H:%M:%S} UTC"


def _compared(
    a: _Run,
    b: _Run,
    found: Overlap,
    limits: Limits,
    names: Mapping[str, str],
    only: tuple[str, ...],
) -> Parity:
    comparison = Comparison(found, limits, names)
    first = min([span.first_us for span in found.common] + [gap.first_us for gap in found.gaps])
    last = max([span.last_us for span in found.common] + [gap.last_us for gap in found.gaps])
    for party, row in merged(_of(a, first, last, only), _of(b, first, last, only)):
        comparison.put(party, row)
    return comparison.finish()


def _of(run: _Run, first_us: int, last_us: int, only: tuple[str, ...]) -> Iterator[Row]:
    """Give a run's rows, instruments by their names."""
    names = {str(con_id): symbol for con_id, symbol in run.symbols.items()}
    for row in run.source.rows(first_us, last_us):
        if only and row.get("strategy", only[0]) not in only:
            continue
        symbol = str(row.get("symbol", ""))
        yield row | {"symbol": names[symbol]} if symbol in names else row


# ---- telling


def _stamp(parity: Parity, environment: Mapping[str, str]) -> Stamp:
    last = parity.spans[-1]
    evidence = sorted({kind for span in parity.spans for kind in span.evidence.split("/")})
    return Stamp(
        report=str(ReportName.PARITY),
        status=_STATUS[parity.verdict],
        reasons=parity.reasons,
        as_of_utc=moment_of(last.last_us),
        written_utc=SystemClock().utc(),
        age_s_max=None,
        account=last.b.account,
        mode=Mode(last.b.mode),
        evidence="/".join(evidence),
        lineage="",
        seq=0,
        version=__version__,
        git_sha=git_sha(environment),
    )


def _reported(
    given: argparse.Namespace, stamp: Stamp, body: Mapping[str, object], code: int
) -> int:
    if given.no_report:
        return code
    copy = f"{FOLDER}/shadow_{moment_name(stamp.written_utc)}.json"
    content = Content(stamp.status, stamp.reasons, body, copies=(copy,))
    try:
        ReportFiles(given.state).write_now(TERMS, stamp, content)
    except ReportUnwritten as error:
        print(f"trader: no report: {error}", file=sys.stderr)
        return UNUSABLE
    if not given.json:
        print(f"report      {given.state / copy}")
    return code
