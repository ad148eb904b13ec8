"""``trader sessions``: the week ahead, from what is on the disk; no daemon is needed.

The broker's hours are those that the last daemon kept; of days that these do not reach, the
calendar that comes with the program tells what is to be expected. Nothing is asked of anybody.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from trader.commands.asking import DONE, NOT_DONE, add_state
from trader.config import ConfigError, Configuration, load
from trader.config.session_terms import session_terms
from trader.core.calendar import ContractHours
from trader.core.exchanges import ExchangeCalendar, is_same_clock
from trader.core.instruments import InstrumentSpec
from trader.core.schedule import Listing, SessionTerms, account_days, planned_days
from trader.core.shipped_calendars import SHIPPED, calendar_for
from trader.ops.calendar_watch import ending_texts
from trader.ops.clock import SystemClock
from trader.ops.hours_file import HOURS_FILE_NAME, HoursUnreadable, Kept, KeptHours, read_hours
from trader.ops.sessions_text import Plan, VenuePlan, plan_body, plan_lines

_DAYS_MAX = 60


@dataclass(frozen=True, slots=True)
class Asked:
    """Of what a plan is made: what is configured, what was kept, and what is of interest."""

    config: Configuration | None
    kept: Kept | None
    symbols: tuple[str, ...] = ()
    days: int = 7


@dataclass(frozen=True, slots=True)
class _Traded:
    """One thing that trades, as the settings or the kept hours name it."""

    symbol: str
    calendar: ExchangeCalendar | None
    row: KeptHours | None = None
    is_tradeable: bool = True


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "--days", type=_days, default=7, metavar="N", help="how many, from today (default: 7)"
    )
    parser.add_argument("--symbol", action="append", default=[], metavar="S", help="only these")
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument(
        "--config", type=Path, help="by these settings; default: those of the last daemon there"
    )
    parser.add_argument("--account", help="with --config: the account, in place of the file's")
    add_state(parser)


def _days(text: str) -> int:
    if not text.isascii() or not text.isdecimal() or not 1 <= int(text) <= _DAYS_MAX:
        raise argparse.ArgumentTypeError(f"is {text}, allowed is 1 to {_DAYS_MAX}")
    return int(text)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Show the days ahead; returns the exit code."""
    try:
        config = (
            None
            if given.config is None
            else load(given.config, environment, account=given.account or "")
        )
    except ConfigError as error:
        for problem in error.problems:
            print(f"trader: {problem}", file=sys.stderr)
        return NOT_DONE
    state: Path = given.state if config is None else config.settings.state_dir
    warnings: tuple[str, ...] = ()
    kept = None
    try:
        kept = read_hours(state / HOURS_FILE_NAME)
    except HoursUnreadable as error:
        warnings = (str(error),)
    asked = Asked(config, kept, tuple(given.symbol), given.days)
    known = sorted(row.symbol for row in _traded(asked))
    missing = [symbol for symbol in given.symbol if symbol not in known]
    if missing:
        allowed = ", ".join(known) or "none: give --config"
        print(f"trader: --symbol is {missing[0]}, allowed is {allowed}", file=sys.stderr)
        return NOT_DONE
    plan = plan_of(asked, SystemClock().utc(), warnings)
    print(json.dumps(plan_body(plan), indent=1) if given.json else "\n".join(plan_lines(plan)))
    for warning in plan.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return DONE


def plan_of(asked: Asked, now_utc: datetime, warnings: tuple[str, ...] = ()) -> Plan:
    """Return what is planned from a moment on."""
    terms = _terms(asked)
    by = terms or SessionTerms()
    venues = tuple(_venues(asked, by, now_utc))
    calendars = [row for row in SHIPPED if any(venue.calendar is row for venue in venues)]
    today = now_utc.astimezone(by.zone).date()
    return Plan(
        now_utc=now_utc,
        terms=terms,
        venues=venues,
        account=account_days(by, today, asked.days),
        warnings=(
            *warnings,
            *ending_texts(calendars, now_utc),
            *_disagreements(venues),
        ),
    )


def _terms(asked: Asked) -> SessionTerms | None:
    if asked.config is not None:
        return session_terms(asked.config)
    return None if asked.kept is None else asked.kept.terms


def _traded(asked: Asked) -> list[_Traded]:
    """Return what is configured, else what was kept, each with the hours that are known."""
    rows = () if asked.kept is None else asked.kept.rows
    if asked.config is None:
        return [_Traded(row.symbol, _calendar_of(row, row), row, row.is_tradeable) for row in rows]
    kept = {row.symbol: row for row in rows}
    return [
        _Traded(spec.symbol, _calendar_of(spec, row), row, spec.is_tradeable)
        for spec in asked.config.instruments
        for row in (kept.get(spec.symbol),)
    ]


def _calendar_of(
    named: InstrumentSpec | KeptHours, kept: KeptHours | None
) -> ExchangeCalendar | None:
    """Return the calendar; where a stock is listed, the broker has told if nobody wrote it down."""
    told = "" if kept is None else kept.primary_exchange
    return calendar_for(
        named.sec_type,
        named.exchange,
        named.currency,
        symbol=named.symbol,
        primary_exchange=named.primary_exchange or told,
    )


def _venues(asked: Asked, terms: SessionTerms, now_utc: datetime) -> Iterable[VenuePlan]:
    """Put together what trades alike; without any instrument, show what comes with the program."""
    traded = _traded(asked) or [_Traded(row.name, row) for row in SHIPPED]
    if asked.symbols:
        traded = [row for row in traded if row.symbol in asked.symbols]
    groups: dict[object, list[tuple[_Traded, Listing]]] = {}
    for row in traded:
        listing = _listing(row, terms)
        told, calendar = listing.told, listing.calendar
        key = (
            row.is_tradeable,
            listing.zone,
            calendar and calendar.name,
            told and (told.known, told.regular, told.trading),
        )
        groups.setdefault(key, []).append((row, listing))
    for members in groups.values():
        listing = members[0][1]
        told_utc = [row.row.told_utc for row, _ in members if row.row is not None]
        first = now_utc.astimezone(listing.zone).date()
        yield VenuePlan(
            symbols=tuple(sorted(row.symbol for row, _ in members)),
            zone=listing.zone,
            calendar=listing.calendar,
            # The oldest word: the others are not older than it says.
            told_utc=min(told_utc, default=None),
            days=planned_days(listing, terms, first, asked.days),
            is_tradeable=members[0][0].is_tradeable,
        )


def _listing(row: _Traded, terms: SessionTerms) -> Listing:
    """Return what is known of its exchange."""
    told: ContractHours | None = None if row.row is None else row.row.hours
    zone = None if row.calendar is None else ZoneInfo(row.calendar.zone)
    if terms.is_simulated or zone is None or not (told is None or is_same_clock(told, zone)):
        return Listing(told.zone if told is not None else zone or terms.zone, told)
    return Listing(zone, told, row.calendar)


def _disagreements(venues: Iterable[VenuePlan]) -> list[str]:
    return [
        f"{', '.join(venue.symbols)}: {row.disagreement}; the stricter counts for new risk"
        for venue in venues
        for row in venue.days
        if row.disagreement
    ]
