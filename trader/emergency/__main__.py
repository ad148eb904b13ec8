"""``python -m trader.emergency``: what ``scripts/kill_switch.py`` starts when it must act alone.

Not meant to be typed: the script has halted before, and asked the daemon. Lines for a person go
to stdout; the account of the run goes as one JSON object to ``--report-fd``.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from trader.config import ConfigError, load, process_environment
from trader.core.ids import ClientId
from trader.emergency.act import act
from trader.emergency.liquidator import Wanted
from trader.emergency.report import ExitCode, Report
from trader.emergency.settings import EmergencySettings, reach_of, settings_of
from trader.ops.clock import SystemClock
from trader.ops.reach import REACH_FILE_NAME, ReachUnusable, read_reach


def main(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    """Run it and return the exit code."""
    given = _parser().parse_args(arguments)
    state = Path(given.state)
    wanted = Wanted(
        must_cancel=given.cancel_orders,
        must_liquidate=given.liquidate,
        is_everything=given.all,
        by=given.by,
        reason=given.reason,
        wait_s=given.wait,
        may_strip=not given.keep_protection,
    )
    try:
        settings = _settings(given, state, environment)
        report = asyncio.run(act(settings, state, wanted=wanted, clock=SystemClock(), say=_say))
    except (ReachUnusable, ConfigError) as error:
        report = Report(
            refusal=ExitCode.CANNOT_ACT,
            problems=[f"the broker's address is not known: {error}; name the settings: --config"],
        )
    _hand_over(given.report_fd, report)
    for line in report.lines():
        _say(line)
    return int(report.exit_code)


def _settings(
    given: argparse.Namespace, state: Path, environment: Mapping[str, str]
) -> EmergencySettings:
    if given.config:
        reach = reach_of(load(Path(given.config), environment), lineage="")
    else:
        reach = read_reach(state / REACH_FILE_NAME)
    settings = settings_of(reach)
    if given.second_client_id is None:
        return settings
    return settings.with_second_id(ClientId(given.second_client_id))


def _hand_over(fd: int | None, report: Report) -> None:
    if fd is None:
        return
    with contextlib.suppress(OSError), os.fdopen(fd, "w") as file:
        json.dump(report.as_json(), file)


def _say(line: str) -> None:
    # A closed pipe must not stop what comes after.
    with contextlib.suppress(OSError):
        sys.stdout.write(line + "\n")
        sys.stdout.flush()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="trader.emergency", allow_abbrev=False)
    add = parser.add_argument
    add("--state", required=True)
    add("--config")
    add("--cancel-orders", action="store_true")
    add("--liquidate", action="store_true")
    add("--all", action="store_true")
    add("--wait", type=float, default=30.0)
    add("--by", default="unnamed operator")
    add("--reason", default="manual")
    add("--report-fd", type=int)
    # Of the sentinel, in place of the kill switch's.
    add("--second-client-id", type=int)
    # Rather wait for the daemon's id than take off what protects with a global cancel.
    add("--keep-protection", action="store_true")
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], process_environment()))
