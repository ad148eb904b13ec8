"""What a historical request says in text: bar size, duration, end; read or refused.

Texts and codes follow what the gateway answers: 321 for what is not well-formed, 162 for what
the data service cannot serve.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY_S = 86_400
WEEK_S = 7 * DAY_S
MONTH_S = 30 * DAY_S
SIZES_S = {
    "1 secs": 1, "5 secs": 5, "10 secs": 10, "15 secs": 15, "30 secs": 30, "1 min": 60,
    "2 mins": 120, "3 mins": 180, "5 mins": 300, "10 mins": 600, "15 mins": 900, "20 mins": 1200,
    "30 mins": 1800, "1 hour": 3600, "2 hours": 7200, "3 hours": 10800, "4 hours": 14400,
    "8 hours": 28800, "1 day": DAY_S, "1 week": WEEK_S, "1 month": MONTH_S,
}  # fmt: skip
# Other spellings that clients use and the gateway takes.
_SPELLINGS = {
    "1 sec": "1 secs", "1 mins": "1 min", "1 hours": "1 hour", "1 days": "1 day",
    "1D": "1 day", "1W": "1 week", "1M": "1 month", "1 weeks": "1 week", "1 months": "1 month",
}  # fmt: skip
_UNITS_S = {"S": 1, "D": DAY_S, "W": WEEK_S, "M": MONTH_S, "Y": 365 * DAY_S}
_DURATION = re.compile(r"(\d{1,9})\s*([SDWMY])?\Z")
_END = re.compile(r"(\d{8})(?:[ -]+(\d{1,2}:\d{2}:\d{2}))?(?: +(\S.*))?\Z")


class BarsError(Exception):
    """The request cannot be served; the text goes into an error with the code."""

    def __init__(self, text: str, code: int = 162) -> None:
        super().__init__(text)
        self.code = code


def invalid(cause: str) -> BarsError:
    """Return the refusal of a request that is not well-formed (321)."""
    return BarsError(f"Error validating request.-'bW' : cause - {cause}", 321)


@dataclass(frozen=True, slots=True)
class Duration:
    """A length of time as requested; days count trading days where a calendar is kept."""

    count: int
    unit: str

    @property
    def seconds(self) -> int:
        """Return the length in calendar seconds."""
        return self.count * _UNITS_S[self.unit]

    @property
    def days(self) -> int:
        """Return how many trading days the length spans, at least one."""
        per_unit = {"S": 0, "D": 1, "W": 5, "M": 21, "Y": 252}[self.unit]
        return max(self.count * per_unit, -(-self.seconds // DAY_S) if self.unit == "S" else 1)


def read_size(text: str) -> int:
    """Return a bar size in seconds. Raises BarsError naming the legal ones."""
    wanted = text.strip()
    found = SIZES_S.get(_SPELLINGS.get(wanted, wanted))
    if found is None:
        raise invalid(
            "Historical data bar size setting is invalid. "
            f"Legal ones are: {', '.join(SIZES_S)} (got {text[:40]!r})"
        )
    return found


def read_duration(text: str) -> Duration:
    """Return a duration such as `2 D`; seconds where no unit is given. Raises BarsError."""
    found = _DURATION.match(text.strip())
    if found is None or not int(found[1]):
        raise invalid(
            f"Historical data query duration string {text[:40]!r} is invalid. "
            "Format is 'integer{SPACE}unit (S|D|W|M|Y)'."
        )
    duration = Duration(int(found[1]), found[2] or "S")
    if duration.unit == "D" and duration.count > 365:
        raise invalid(
            "Historical data requests for durations longer than 365 days must be made in years."
        )
    if duration.unit == "S" and duration.count > DAY_S:
        raise invalid(
            "Historical data requests for durations longer than 86400 seconds must be made in days."
        )
    return duration


def read_end(text: str, now_s: float) -> float:
    """Return an end time in any of its forms; empty and the future mean now. Raises BarsError.

    `yyyymmdd hh:mm:ss` with or without a zone name, `yyyymmdd-hh:mm:ss` in UTC, or a date alone.
    The simulated gateway's own zone is UTC.
    """
    return min(read_moment(text), now_s) if text.strip() else now_s


def lacks_zone(text: str) -> bool:
    """Return whether a time is of whatever zone the gateway is in: a clock, no dash, no name."""
    found = _END.match(text.strip())
    return found is not None and bool(found[2]) and not found[3] and text.strip()[8] != "-"


def read_moment(text: str) -> float:
    """Return a moment as clients write it. Raises BarsError (321)."""
    found = _END.match(text.strip())
    if found is None:
        raise _bad_moment(text)
    zone: tzinfo = UTC
    if found[3]:
        try:
            zone = ZoneInfo(found[3].strip())
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise _bad_moment(text) from None
    try:
        text = f"{found[1]} {found[2] or '23:59:59'} +0000"
        moment = datetime.strptime(text, "%Y%m%d %H:%M:%S %z")
        return moment.replace(tzinfo=zone).timestamp()
    except (ValueError, OverflowError):
        raise _bad_moment(text) from None


def _bad_moment(text: str) -> BarsError:
    return invalid(
        f"Historical data query end date/time string [{text[:40]}] is invalid. "
        "Format is 'YYYYMMDD{SPACE}hh:mm:ss[{SPACE}TMZ]'."
    )
