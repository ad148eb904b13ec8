"""Which old files may go: a pure decision over what lies in one place.

A file goes when it is older than its class is kept, or when there are more, in number or in bytes,
than may be. Never the
newest of a place: the numbers of full files count up from it. Never what a follower of the streams
has not been handed, and never what is dated in the future: a clock is wrong there, and no reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Kept:
    """A file or folder; ``at_utc`` is the moment of the newest thing in it.

    ``last_seq`` is the last event in a file of a stream, None where it cannot be told.
    """

    name: str
    at_utc: datetime
    last_seq: int | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class Term:
    """How long a class is kept, how many of it at most, and whether it holds events of streams.

    ``bytes_max`` is of all of it together; None is no bound.
    """

    days: int
    count_max: int
    holds_events: bool = False
    bytes_max: int | None = None


def due(
    kept: Sequence[Kept], term: Term, now_utc: datetime, delivered_seq: int | None
) -> tuple[str, ...]:
    """Return what may go, the oldest first.

    ``delivered_seq`` is how far every follower of the streams has come, None without any.
    """
    if not kept:
        return ()
    newest = {max(kept, key=_by_name).name, max(kept, key=_by_age).name}
    oldest_first = sorted(kept, key=_by_age)
    too_many = {row.name for row in oldest_first[: max(len(kept) - term.count_max, 0)]}
    too_many |= _beyond(oldest_first, term.bytes_max)
    before_utc = now_utc - timedelta(days=term.days)
    return tuple(
        row.name
        for row in oldest_first
        if row.name not in newest
        and row.at_utc <= now_utc
        and (row.at_utc < before_utc or row.name in too_many)
        and (not term.holds_events or _is_delivered(row, delivered_seq))
    )


def _beyond(oldest_first: Sequence[Kept], bytes_max: int | None) -> set[str]:
    """Return the oldest names, so many that what is left is not too large."""
    names: set[str] = set()
    if bytes_max is None:
        return names
    total = sum(row.size for row in oldest_first)
    for row in oldest_first:
        if total <= bytes_max:
            break
        names.add(row.name)
        total -= row.size
    return names


def _is_delivered(row: Kept, delivered_seq: int | None) -> bool:
    if delivered_seq is None:
        return True
    return row.last_seq is not None and row.last_seq <= delivered_seq


def _by_name(row: Kept) -> tuple[int, str]:
    """Order by the number in the name: a longer one is a later one."""
    return (len(row.name), row.name)


def _by_age(row: Kept) -> tuple[datetime, int, str]:
    return (row.at_utc, *_by_name(row))
