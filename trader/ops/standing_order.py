"""The standing order: what a kill switch could not finish, left for whoever can.

One private file in the state directory. While it lies there the daemon (at each connect, and
while it is connected) and the sentinel carry it on, and nobody resumes; it is removed when it is
done or when a person withdraws it. Standard library only, and quick to import.
"""

import json
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from trader.ops.halt_record import read_bounded, readable, replace_file, utc_text

STANDING_FILE_NAME = "standing_order.json"
_TEXT_LENGTH_MAX = 500


class StandingOrder(NamedTuple):
    """What is to be done, who wants it, and why."""

    must_liquidate: bool
    is_everything: bool
    by: str
    reason: str
    at: str

    @property
    def words(self) -> str:
        """Say it in a line."""
        what = "close every position" if self.must_liquidate else "cancel every order"
        which = "of the account" if self.is_everything else "that is managed"
        return f"{what} {which}, left by {self.by} at {self.at}: {self.reason}"

    def covers(self, other: "StandingOrder") -> bool:
        """Tell whether nothing of another order is left to do when this one is done."""
        goes_as_far = self.must_liquidate or not other.must_liquidate
        return goes_as_far and (self.is_everything or not other.is_everything)


class StandingOrderUnreadable(Exception):
    """There is a file and it says nothing that can be understood; a person must look."""


def leave(path: Path, order: StandingOrder) -> None:
    """Write a standing order, durable on return; raises OSError."""
    record = {
        "liquidate": order.must_liquidate,
        "all": order.is_everything,
        "by": order.by,
        "reason": order.reason,
        "at": order.at,
    }
    replace_file(path, (json.dumps(record, ensure_ascii=True) + "\n").encode("ascii"))


def leave_also(path: Path, order: StandingOrder) -> StandingOrder:
    """Leave an order without weakening one that stands there; returns what stands then.

    What a person wants less of is withdrawn, not forgotten because somebody else wanted less.
    Raises OSError.
    """
    try:
        left = standing(path)
    except StandingOrderUnreadable:
        left = None
    if left is not None and left.must_liquidate and not order.covers(left):
        return left
    if left is not None and left.covers(order):
        return left
    leave(path, order)
    return order


def standing(path: Path) -> StandingOrder | None:
    """Return the standing order, or None without one; raises StandingOrderUnreadable."""
    try:
        content = read_bounded(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StandingOrderUnreadable(f"{path}: {error.strerror or error}") from error
    try:
        record = json.loads(content)
        must_liquidate, is_everything = record["liquidate"], record["all"]
        texts = [readable(str(record[name]))[:_TEXT_LENGTH_MAX] for name in ("by", "reason", "at")]
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise StandingOrderUnreadable(f"{path} is not a standing order: {error!r}") from error
    if not isinstance(must_liquidate, bool) or not isinstance(is_everything, bool):
        raise StandingOrderUnreadable(f'{path}: "liquidate" and "all" must be true or false')
    return StandingOrder(must_liquidate, is_everything, *texts)


def withdraw(path: Path) -> bool:
    """Take the standing order away; False when there was none; raises OSError."""
    try:
        path.unlink()
    except FileNotFoundError:
        return False
    return True


def order_now(
    *, must_liquidate: bool, is_everything: bool, by: str, reason: str, at: datetime
) -> StandingOrder:
    """Return a standing order of this moment."""
    return StandingOrder(must_liquidate, is_everything, by, reason, utc_text(at))
