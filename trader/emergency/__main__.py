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
from io import TextIOWrapper
from pathlib import Path

from trader.imports import kept

with kept():
    from trader.config import ConfigError, load, process_environment
    from trader.core.ids import ClientId
    from trader.emergency.act import LOCK_FILE_NAME, act
    from trader.emergency.liquidator import Wanted
    from trader.emergency.report import ExitCode, Report
    from trader.emergency.settings import EmergencySettings, reach_of, settings_of
    from trader.ops.clock import SystemClock
    from trader.ops.fence import FenceFailed, holder_of
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
        settles_first=given.after_daemon,
    )
    try:
        settings = _settings(given, state, environment)
        report = asyncio.run(act(settings, state, wanted=wanted, clock=SystemClock(), say=_say))
    except (ReachUnusable, ConfigError) as error:
        problem = f"the broker's address is not known: {error}; name the settings: --config"
        report = Report(refusal=ExitCode.CANNOT_ACT, problems=[problem])
    except FenceFailed as error:
        report = Report(refusal=ExitCode.CANNOT_ACT, problems=[f"not fenced: {error}"])
    _hand_over(given.report_fd, report)
    for line in report.lines():
        _say(line)
    return int(report.exit_code)


def _settings(
    given: argparse.Namespace, state: Path, environment: Mapping[str, str]
) -> EmergencySettings:
    if given.config:
        config = load(Path(given.config), environment)
        _refuse_beside_a_daemon(config.settings.state_dir, state)
        reach = reach_of(config, lineage="")
    else:
        reach = read_reach(state / REACH_FILE_NAME)
    settings = settings_of(reach)
    if given.second_client_id is None:
        return settings
    return settings.with_second_id(ClientId(given.second_client_id))


def _refuse_beside_a_daemon(folder: Path, state: Path) -> None:
    """Raise FenceFailed when the settings' own daemon lives, in another place than ``--state``."""
    lock = folder / LOCK_FILE_NAME
    if folder.resolve() == state.resolve() or not lock.exists():
        return
    holder = holder_of(lock)
    if holder is not None:
        raise FenceFailed(
            f"process {holder.pid} works with these settings in {folder}, and neither the halt nor "
            f"the fence was meant for it: press again with --state {folder}"
        )


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
    # The daemon was asked first, and what it has cancelled may be filling still.
    add("--after-daemon", action="store_true")
    return parser


if __name__ == "__main__":
    if isinstance(sys.stdout, TextIOWrapper):
        # Whoever started it reads UTF-8, and no word of a broker may end a liquidation.
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main(sys.argv[1:], process_environment()))
