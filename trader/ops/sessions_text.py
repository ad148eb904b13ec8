"""The days ahead as a table for people, and as JSON for programs."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from trader.core.calendar import Span, midnight
from trader.core.exchanges import ExchangeCalendar
from trader.core.schedule import WEEKDAYS, AccountDay, PlannedDay, SessionTerms, Source
from trader.ops.hours_file import zone_name

_DAY = timedelta(days=1)
_HEAD = ("day", "session", "UTC", "with extended", "new risk", "by", "")


@dataclass(frozen=True, slots=True)
class VenuePlan:
    """The days of what trades alike."""

    symbols: tuple[str, ...]
    zone: tzinfo
    calendar: ExchangeCalendar | None
    # When the broker told its hours; None where it did not.
    told_utc: datetime | None
    days: tuple[PlannedDay, ...]
    is_tradeable: bool = True


@dataclass(frozen=True, slots=True)
class Plan:
    """What is planned from now on; ``terms`` are None where nobody knows the settings."""

    now_utc: datetime
    terms: SessionTerms | None
    venues: tuple[VenuePlan, ...]
    account: tuple[AccountDay, ...]
    warnings: tuple[str, ...]


def plan_lines(plan: Plan) -> list[str]:
    """Return the plan as lines."""
    lines: list[str] = []
    for venue in plan.venues:
        lines += [_title(venue, plan.now_utc), *_table([_HEAD, *_rows(venue, plan.terms)]), ""]
    terms = plan.terms
    if terms is None:
        lines.append("restarts, logins and guards: no daemon has run here (give --config)")
        return lines
    lines.append(f"account: its day is that of {zone_name(terms.zone)}")
    head = ("day", "begins, UTC", "gateway restarts", "UTC", "somebody logs in")
    return [*lines, *_table([head, *(_account_row(row, terms) for row in plan.account)])]


def plan_body(plan: Plan) -> dict[str, object]:
    """Return the plan as JSON has it; moments are UTC."""
    terms = plan.terms
    return {
        "now_utc": plan.now_utc.isoformat(),
        "zone": None if terms is None else zone_name(terms.zone),
        "is_simulated": terms is not None and terms.is_simulated,
        "venues": [_venue_body(venue, terms) for venue in plan.venues],
        "account": [
            {
                "day": row.day.isoformat(),
                "begins_utc": row.begins_utc.isoformat(),
                "restarts": _spans_body(row.restarts),
                "login_utc": None if row.login_utc is None else row.login_utc.isoformat(),
            }
            for row in plan.account
        ],
        "warnings": list(plan.warnings),
    }


def _venue_body(venue: VenuePlan, terms: SessionTerms | None) -> dict[str, object]:
    is_asked, calendar = venue.is_tradeable and terms is not None, venue.calendar
    return {
        "symbols": list(venue.symbols),
        "is_tradeable": venue.is_tradeable,
        "zone": zone_name(venue.zone),
        "calendar": None if calendar is None else calendar.name,
        "calendar_version": None if calendar is None else calendar.version,
        "calendar_until": None if calendar is None else calendar.valid_until.isoformat(),
        "told_utc": None if venue.told_utc is None else venue.told_utc.isoformat(),
        "days": [
            {
                "day": row.day.isoformat(),
                "state": _state(row),
                "source": row.source.value,
                "regular": _spans_body(row.regular),
                "extended": _spans_body(row.trading),
                "new_risk": _spans_body(row.new_risk if is_asked else ()),
                "is_half_day": row.is_half_day,
                "note": row.note,
                "disagreement": row.disagreement,
            }
            for row in venue.days
        ],
    }


def _spans_body(spans: Iterable[Span]) -> list[dict[str, str]]:
    return [
        {"start_utc": one.start_utc.isoformat(), "end_utc": one.end_utc.isoformat()}
        for one in spans
    ]


def _state(row: PlannedDay) -> str:
    if row.source is Source.UNKNOWN:
        return "unknown"
    return "open" if row.trading else "closed"


def _title(venue: VenuePlan, now_utc: datetime) -> str:
    parts = [", ".join(venue.symbols), zone_name(venue.zone)]
    if not venue.is_tradeable:
        parts.append("not traded")
    if venue.told_utc is None:
        parts.append("the broker has told no hours")
    else:
        parts.append(f"hours told {_age(now_utc - venue.told_utc)}")
    if venue.calendar is None:
        parts.append("no calendar")
    else:
        calendar = venue.calendar
        parts.append(f"calendar {calendar.name} {calendar.version} until {calendar.valid_until}")
    return "; ".join(parts)


def _age(age: timedelta) -> str:
    hours = age.total_seconds() / 3600
    if hours < 0:
        return "in the future: look at the clock"
    return f"{hours:.0f} h ago" if hours < 48 else f"{hours / 24:.0f} days ago"


def _rows(venue: VenuePlan, terms: SessionTerms | None) -> Iterator[tuple[str, ...]]:
    is_asked, zone = venue.is_tradeable and terms is not None, venue.zone
    for row in venue.days:
        notes = ["half day"] if row.is_half_day else []
        notes += [text for text in (row.note, row.disagreement) if text]
        closed = _state(row) if not row.trading else "extended only"
        yield (
            _day(row.day),
            _spans(row.regular, row.day, zone) or closed,
            _spans(row.regular, row.day, UTC),
            _spans(row.trading, row.day, zone),
            (_spans(row.new_risk, row.day, zone) or "none") if is_asked else "-",
            "" if row.source is Source.UNKNOWN else row.source.value,
            ": ".join(notes[:2]) + "".join(f"; {text}" for text in notes[2:]),
        )


def _account_row(row: AccountDay, terms: SessionTerms) -> tuple[str, ...]:
    restarts = row.restarts
    login = row.login_utc
    return (
        _day(row.day),
        _clock(row.begins_utc, row.day, UTC),
        _spans(restarts, row.day, terms.zone) or "none planned",
        _spans(restarts, row.day, UTC),
        "" if login is None else _clock(login, row.day, terms.zone),
    )


def _spans(spans: Iterable[Span], day: date, zone: tzinfo) -> str:
    return ", ".join(
        f"{_clock(one.start_utc, day, zone)}-{_end(one.end_utc, day, zone)}" for one in spans
    )


def _end(at_utc: datetime, day: date, zone: tzinfo) -> str:
    if at_utc == midnight(day + _DAY, zone):
        return "24:00"
    return _clock(at_utc, day, zone)


def _clock(at_utc: datetime, day: date, zone: tzinfo) -> str:
    """Return a time of day, with its weekday where that is not the one of the line."""
    at = at_utc.astimezone(zone)
    form = "%H:%M:%S" if at.second else "%H:%M"
    return at.strftime(form) if at.date() == day else f"{WEEKDAYS[at.weekday()]} {at:{form}}"


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()]} {day}"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        ("  " + "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)))
        .rstrip()
        for row in rows
    ]  # fmt: skip
