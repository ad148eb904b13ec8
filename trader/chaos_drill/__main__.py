"""Play chaos drills against the simulator and write down what they showed.

    scripts/chaos_drill.py [--only NAME ...] [--seed N] [--out DIR] [--state DIR] [--keep]
    scripts/chaos_drill.py --list

Exit codes: 0 every drill that could be made passed, 1 one failed, 2 could not run.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from trader.chaos_drill import small_disk
from trader.chaos_drill.drills import DRILLS, ChaosDrill
from trader.chaos_drill.isolation import Live, live_of, plan_problems
from trader.chaos_drill.judgement import Observed, Outcome, judged
from trader.chaos_drill.play import play, stage_of
from trader.chaos_drill.report import (
    EVIDENCE,
    Head,
    Row,
    as_record,
    as_table,
    config_hash,
    outcome_of,
    write,
)
from trader.config import ConfigError
from trader.config.model import BrokerSection
from trader.drill_stage import ROOT, say, signals_end, utc_now, versions
from trader.terminal import unheard

DONE, NOT_DONE, COULD_NOT_RUN = 0, 1, 2
_CONFIGS = ROOT / "config"
_SYSTEM_CONFIG = Path("/etc/trader/trader.yaml")
# Beside the demo's configuration: orders every few seconds, and the waits between attempts to
# connect that a daemon has unless somebody changed them. The demo's are shorter.
SETTINGS: dict[str, object] = {
    "strategies.momentum.sample_s": 0.2,
    "strategies.momentum.lookback_samples": 3,
    "strategies.momentum.entry_fraction": 0.0002,
    "strategies.momentum.pause_s": 2,
    "broker.backoff_s_min": BrokerSection().backoff_s_min,
    "broker.backoff_s_max": BrokerSection().backoff_s_max,
}


@dataclass(frozen=True, slots=True)
class _Plan:
    """What was asked for, once nothing speaks against it."""

    drills: tuple[ChaosDrill, ...]
    folder: Path
    config: Path
    seed: int
    live: Live
    # Why no drill with a small disk can be made; empty when one can.
    no_small_disk: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the drills; returns the exit code."""
    given = _parser().parse_args(arguments)
    if given.list:
        show_drills()
        return DONE
    try:
        # Before minutes are spent on what could not be written down.
        given.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        return _refused(
            [f"--out is {given.out}: {error.strerror}; allowed is a folder to write to"]
        )
    try:
        live = live_of(_live_configs(given.live_config), dict(os.environ))
    except ConfigError as error:
        told = "and so nobody can say what must not be touched"
        return _refused([f"{line}, {told}" for line in error.problems])
    # Made new each time, in the system's place for such things: never a state that exists.
    folder = given.state or Path(tempfile.mkdtemp(prefix="chaos-drill-"))
    problems = plan_problems(folder, given.config, live)
    if problems:
        if given.state is None:
            folder.rmdir()
        return _refused(problems)
    chosen = tuple(one for one in DRILLS if not given.only or one.name in given.only)
    signals_end(("SIGTERM", "SIGHUP"))
    lacks = _small_disk_problem() if any(one.needs_small_disk for one in chosen) else ""
    plan = _Plan(chosen, folder.resolve(), given.config, given.seed, live, lacks)
    try:
        return _run(plan, given.out, must_keep=given.keep)
    except KeyboardInterrupt:
        say("interrupted: nothing runs any more, and no report is written")
        _put_away(plan, must_keep=given.keep)
        return COULD_NOT_RUN


def show_drills() -> None:
    """Print every drill and what it does."""
    for drill in DRILLS:
        print(f"{drill.name:<22}{drill.text}")


def _run(plan: _Plan, out: Path, *, must_keep: bool) -> int:
    try:
        used = config_hash(_files_of(plan.config), SETTINGS)
    except OSError as error:
        return _refused([f"{error.filename}: {error.strerror}"])
    head = Head(utc_now(), plan.seed, versions(), used, is_complete=len(plan.drills) == len(DRILLS))
    say(f"{len(plan.drills)} drills against the {EVIDENCE}; everything is played in {plan.folder}")
    rows = [_row(plan, number, drill) for number, drill in enumerate(plan.drills, 1)]
    record = as_record(head, rows, utc_now())
    try:
        path = write(out, record)
    except OSError as error:
        return _refused([f"the report could not be written: {error}"])
    say(f"\n{as_table(rows)}\n")
    outcome = outcome_of(rows)
    say(f"{outcome.value.upper()} against the {EVIDENCE}; report: {path}")
    _put_away(plan, must_keep=must_keep or outcome is Outcome.FAILED)
    # Where no drill could be made, nothing was shown.
    return {Outcome.PASSED: DONE, Outcome.FAILED: NOT_DONE}.get(outcome, COULD_NOT_RUN)


def _put_away(plan: _Plan, *, must_keep: bool) -> None:
    if must_keep:
        say(f"what was played is kept in {plan.folder}")
    else:
        shutil.rmtree(plan.folder, ignore_errors=True)


def _row(plan: _Plan, number: int, drill: ChaosDrill) -> Row:
    say(f"[{number}/{len(plan.drills)}] {drill.name}: {drill.text}")
    began_s = time.monotonic()

    def tell(line: str) -> None:
        say(f"    {time.monotonic() - began_s:5.1f} s  {line}")

    if drill.needs_small_disk and plan.no_small_disk:
        seen = Observed(lacks=plan.no_small_disk)
    else:
        stage = stage_of(
            plan.folder / drill.name, dict(os.environ), plan.seed, plan.config, SETTINGS
        )
        seen = play(drill, stage, plan.live, tell)
    verdict = judged(seen, drill.noticed_s_max)
    tell(verdict.outcome.value.upper())
    for reason in verdict.reasons:
        say(f"             {reason}")
    return Row(drill.name, drill.text, verdict, seen, time.monotonic() - began_s)


def _small_disk_problem() -> str:
    try:
        small_disk.enter_own_namespace()
    except small_disk.NoSmallDisk as error:
        return str(error)
    return ""


def _live_configs(named: Sequence[Path]) -> list[Path]:
    """Return the configurations that a live daemon of this machine may have."""
    found = [path for path in sorted(_CONFIGS.glob("*.yaml")) if path.name != "targets.yaml"]
    try:
        _SYSTEM_CONFIG.stat()
        found.append(_SYSTEM_CONFIG)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except OSError:
        # It is there and not for us to read, which the reading will say.
        found.append(_SYSTEM_CONFIG)
    return [*found, *named]


def _files_of(config: Path) -> list[Path]:
    return [config, *(config.parent / name for name in ("targets.yaml", "assets.csv"))]


def _refused(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"chaos_drill: {problem}", file=sys.stderr)
    return COULD_NOT_RUN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="chaos_drill",
        description="Play chaos drills against the simulator, time the recovery, and record it.",
        epilog="exit codes: 0 every drill that could be made passed, 1 one failed, 2 could not run",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--list", action="store_true", help="say what is played, and play nothing")
    add("--only", action="append", choices=[one.name for one in DRILLS], metavar="NAME",
        help="play this drill; may be given several times (default: all)")  # fmt: skip
    add("--seed", type=int, default=11, help="draws the market (default: 11)")
    add("--out", type=Path, default=ROOT / "state" / "reports" / "chaos", metavar="DIR",
        help="where the report goes (default: state/reports/chaos)")  # fmt: skip
    add("--state", type=Path, metavar="DIR",
        help="a new folder to play in (default: one among the temporary files)")  # fmt: skip
    add("--config", type=Path, default=_CONFIGS / "demo.yaml", metavar="FILE",
        help="the daemon's configuration, of mode demo (default: config/demo.yaml)")  # fmt: skip
    add("--live-config", type=Path, action="append", default=[], metavar="FILE",
        help="a live daemon's to keep away from, beside config/ and /etc/trader")  # fmt: skip
    add("--keep", action="store_true", help="keep the folder it was played in")
    return parser


if __name__ == "__main__":
    with unheard():
        sys.exit(main())
