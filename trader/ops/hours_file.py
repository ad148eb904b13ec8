"""What the broker told of trading hours, kept beside the journal for whoever plans without it.

It is for people and for ``trader sessions``: the review goes by what this connection has told and
never reads it. It is replaced as a whole and not synced; torn, it is made anew at the next connect.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, time, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from trader.core.calendar import ContractHours, Span
from trader.core.policy import SessionPolicy, TradingHours
from trader.core.schedule import WEEKDAYS, SessionTerms, WeeklyLogin
from trader.ops.report_files import replace_unsynced

HOURS_FILE_NAME = "hours.json"
_SCHEMA = 1
# A thousand instruments take less than one.
_BYTES_MAX = 16 * 1024 * 1024


class HoursUnreadable(Exception):
    """The file says nothing usable; the message names it. Nothing is known then."""


@dataclass(frozen=True, slots=True)
class KeptHours:
    """The hours of one instrument, as the broker told them last."""

    con_id: int
    symbol: str
    sec_type: str
    exchange: str
    currency: str
    hours: ContractHours
    told_utc: datetime
    is_tradeable: bool = True
    primary_exchange: str = ""


@dataclass(frozen=True, slots=True)
class Kept:
    """Everything in the file: the hours, and by which settings the daemon planned."""

    rows: tuple[KeptHours, ...]
    terms: SessionTerms


def write_hours(path: Path, kept: Kept) -> None:
    """Replace the file; raises OSError."""
    body = {
        "schema": _SCHEMA,
        "terms": _terms_body(kept.terms),
        "instruments": [_row_body(row) for row in kept.rows],
    }
    replace_unsynced(path, json.dumps(body, indent=1, allow_nan=False) + "\n")


def read_hours(path: Path) -> Kept | None:
    """Return what was kept, None where nothing was yet; raises HoursUnreadable."""
    try:
        if not path.exists():
            return None
        if not path.is_file() or path.stat().st_size > _BYTES_MAX:
            raise HoursUnreadable(f"{path}: allowed is a file of {_BYTES_MAX} bytes at most")
        body = json.loads(path.read_bytes())
        if body["schema"] != _SCHEMA:
            raise HoursUnreadable(f"{path}: schema is {body['schema']!r}, allowed is {_SCHEMA}")
        rows = tuple(_row_in(row) for row in body["instruments"])
        return Kept(rows, _terms_in(body["terms"]))
    except OSError as error:
        raise HoursUnreadable(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise HoursUnreadable(f"{path} is not what a daemon writes: {error!r}") from error


def zone_name(zone: tzinfo) -> str:
    """Return the name by which a zone is found again."""
    return zone.key if isinstance(zone, ZoneInfo) else "UTC"


def _row_body(row: KeptHours) -> dict[str, object]:
    return {
        "con_id": row.con_id,
        "symbol": row.symbol,
        "sec_type": row.sec_type,
        "exchange": row.exchange,
        "currency": row.currency,
        "primary_exchange": row.primary_exchange,
        "is_tradeable": row.is_tradeable,
        "told_utc": row.told_utc.isoformat(),
        "zone": zone_name(row.hours.zone),
        "known": _spans_body((row.hours.known,))[0],
        "trading": _spans_body(row.hours.trading),
        "regular": _spans_body(row.hours.regular),
    }


def _row_in(row: dict[str, Any]) -> KeptHours:
    hours = ContractHours(
        trading=_spans_in(row["trading"]),
        regular=_spans_in(row["regular"]),
        known=_spans_in([row["known"]])[0],
        zone=_zone_in(row["zone"]),
    )
    return KeptHours(
        con_id=int(row["con_id"]),
        symbol=str(row["symbol"]),
        sec_type=str(row["sec_type"]),
        exchange=str(row["exchange"]),
        currency=str(row["currency"]),
        hours=hours,
        told_utc=_moment_in(row["told_utc"]),
        is_tradeable=row["is_tradeable"] is True,
        # Rows of an earlier program have none.
        primary_exchange=str(row.get("primary_exchange", "")),
    )


def _spans_body(spans: Iterable[Span]) -> list[list[str]]:
    return [[one.start_utc.isoformat(), one.end_utc.isoformat()] for one in spans]


def _spans_in(rows: list[list[str]]) -> tuple[Span, ...]:
    spans = tuple(Span(_moment_in(start), _moment_in(end)) for start, end in rows)
    if not all(one.start_utc < one.end_utc for one in spans):
        raise ValueError("a span ends before it starts")
    return spans


def _moment_in(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return at.astimezone(UTC)


def _zone_in(name: str) -> tzinfo:
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"zone {name!r}") from error


def _terms_body(terms: SessionTerms) -> dict[str, object]:
    login, policy = terms.weekly_login, terms.policy
    return {
        "zone": zone_name(terms.zone),
        "restart_at": None if terms.restart_at is None else f"{terms.restart_at:%H:%M}",
        "restart_s": terms.restart_s,
        "weekly_login_at": None if login is None else f"{WEEKDAYS[login.weekday]} {login.at:%H:%M}",
        "hours": policy.hours.value,
        "open_guard_s": policy.open_guard_s,
        "close_guard_s": policy.close_guard_s,
        "restart_guard_s": policy.restart_guard_s,
        "is_simulated": terms.is_simulated,
    }


def _terms_in(body: dict[str, Any]) -> SessionTerms:
    restart_at, login = body["restart_at"], body["weekly_login_at"]
    return SessionTerms(
        zone=_zone_in(body["zone"]),
        restart_at=None if restart_at is None else time.fromisoformat(restart_at),
        restart_s=float(body["restart_s"]),
        weekly_login=None if login is None else WeeklyLogin.of(login),
        policy=SessionPolicy(
            hours=TradingHours(body["hours"]),
            open_guard_s=float(body["open_guard_s"]),
            close_guard_s=float(body["close_guard_s"]),
            restart_guard_s=float(body["restart_guard_s"]),
        ),
        is_simulated=body["is_simulated"] is True,
    )
