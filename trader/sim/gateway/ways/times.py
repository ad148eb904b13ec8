"""How a gateway writes the time of an execution: by setting, by age, and sometimes wrongly."""

from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from trader.sim.clock import utc

_DAY_TIME = "%Y%m%d %H:%M:%S"


def _in_zone(zone: str) -> Callable[[datetime], str]:
    return lambda moment: moment.astimezone(ZoneInfo(zone)).strftime(f"{_DAY_TIME} {zone}")


# The forms seen on real wires, and some that no client can read.
FORMS: dict[str, Callable[[datetime], str]] = {
    "utc": lambda moment: moment.strftime(f"{_DAY_TIME} UTC"),
    "dash-utc": lambda moment: moment.strftime("%Y%m%d-%H:%M:%S"),
    "us-eastern": _in_zone("US/Eastern"),
    "met": _in_zone("MET"),
    "no-zone": lambda moment: moment.strftime("%Y%m%d  %H:%M:%S"),
    "unknown-zone": lambda moment: moment.strftime(f"{_DAY_TIME} British Summer Time"),
    "garbage": lambda moment: "not a time",
    "empty": lambda moment: "",
}


def execution_time(form: str, epoch_s: float) -> str:
    """Write a moment in one of the forms. Raises KeyError on an unknown form."""
    return FORMS[form](utc(epoch_s))
