"""Play the drill of the kill switch and write down who did it and what was seen.

    scripts/kill_drill --by NAME [--out DIR] [--seed N] [--keep]
    scripts/kill_drill --list

Exit codes: 0 everything was as expected, 1 it was not or could not be played, 2 wrong usage.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from trader.drill_stage import (
    ROOT,
    DrillStopped,
    Stage,
    say,
    signals_end,
    utc_now,
    versions,
)
from trader.kill_drill.report import (
    AGAINST,
    KIND,
    PASSED,
    Head,
    Recorder,
    as_record,
    as_text,
    write,
)
from trader.kill_drill.steps import PLAYS, Drill, play
from trader.ops.halt_record import readable, utc_text
from trader.terminal import unheard

DONE, NOT_DONE, USAGE = 0, 1, 2
# The strategy trades these; the drill's own orders are of another, so that neither is in the
# other's way.
_SETTINGS = {"strategies.momentum.symbols": "[IBM, MSFT, GOOG]"}
_NAME_LENGTH_MAX = 80


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the drill; returns the exit code."""
    given = _parser().parse_args(arguments)
    if given.list:
        show_plan()
        return DONE
    by = readable(" ".join((given.by or "").split()))
    if not 0 < len(by) <= _NAME_LENGTH_MAX:
        problem = f"--by is {given.by!r}; allowed is a name of 1 to {_NAME_LENGTH_MAX} characters"
        print(f"kill_drill: {problem}", file=sys.stderr)
        return USAGE
    return _run(by, given.out, given.seed, must_keep=given.keep)


def show_plan() -> None:
    """Print every play with its steps."""
    for name, steps in PLAYS:
        print(name)
        for number, step in enumerate(steps, 1):
            print(f"  {number:>2}. {step.name}: {step.text}")


def _run(by: str, out: Path, seed: int, *, must_keep: bool) -> int:
    try:
        # Before half a minute is spent on what could not be written down.
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        problem = f"--out is {out}: {error.strerror}; allowed is a folder that can be written to"
        print(f"kill_drill: {problem}", file=sys.stderr)
        return USAGE
    recorder = Recorder(utc_now, say)
    head = Head(by, utc_text(utc_now()), {**versions(), "seed": str(seed)})
    # Made new each time, in the system's place for such things: never a state that exists.
    folder = Path(tempfile.mkdtemp(prefix="kill-drill-"))
    stage = Stage(folder, dict(os.environ), seed, settings=_SETTINGS)
    drill = Drill(stage, recorder, by)
    say(f"{KIND} by {by}, against the {AGAINST}; everything is played in {folder}")
    signals_end()
    started_s = time.monotonic()
    try:
        _play(drill)
    finally:
        stage.end()
    record = as_record(head, recorder, utc_now())
    is_well = record["verdict"] == PASSED
    try:
        paths = write(out, record, as_text(record, recorder))
    except OSError as error:
        say(f"kill_drill: the report could not be written: {error}")
        return NOT_DONE
    took = f"{record['checks_met']} of {record['checks']} checks as expected"
    say(f"{str(record['verdict']).upper()}: {took}, {time.monotonic() - started_s:.0f} s")
    say(f"report: {paths[1]} (and .json)")
    if is_well and not must_keep:
        shutil.rmtree(folder, ignore_errors=True)
    else:
        say(f"what was played is kept in {folder}")
    return DONE if is_well else NOT_DONE


def _play(drill: Drill) -> None:
    try:
        drill.stage.start_simulator()
        drill.stage.start_daemon()
        play(drill)
    except KeyboardInterrupt:
        _stop(drill.recorder, "interrupted")
    except (DrillStopped, OSError) as error:
        _stop(drill.recorder, str(error))
    except (ValueError, LookupError, TypeError) as error:
        # Whatever answers in another form than expected has failed the drill, and not ended it.
        _stop(drill.recorder, f"what it was told could not be read: {error}")


def _stop(recorder: Recorder, problem: str) -> None:
    """Put into the record why the drill ends here, even when no step has begun yet."""
    if not any(step.began_utc for step in recorder.steps):
        recorder.begin(recorder.plan("stage", "processes", "Start simulator and daemon."))
    recorder.stop(problem)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kill_drill",
        description="Play the drill of the kill switch against the simulator and record it.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--by", metavar="NAME", help="who practises; stands in the report")
    add("--out", type=Path, default=ROOT / "state" / "reports", metavar="DIR",
        help="where the report goes (default: state/reports)")  # fmt: skip
    add("--seed", type=int, default=11, help="draws the market (default: 11)")
    add("--keep", action="store_true", help="keep the folder it was played in")
    add("--list", action="store_true", help="say what is played, and play nothing")
    return parser


if __name__ == "__main__":
    with unheard():
        sys.exit(main())
