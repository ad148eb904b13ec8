#!/usr/bin/env python3
"""Halt trading now. Needs no virtual environment: the standard library is enough.

    scripts/kill_switch.py --confirm "HALT TRADING" [--cancel-orders] [--liquidate] [--all] [--json]

EXECUTION_HALTED_FILE, if set, names the halt file; otherwise it is HALT below --state. To cancel
and close without the daemon it uses the project's virtual environment, and says if there is none.
"""

import contextlib
import os
import signal
import sys
import time
from datetime import UTC, datetime
from io import TextIOWrapper
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from trader.ops.kill import World, main


def say(line: str) -> None:
    """Print a line; a closed pipe must not stop what comes after."""
    with contextlib.suppress(OSError):
        print(line, flush=True)


def complain(line: str) -> None:
    """Print a line to stderr."""
    with contextlib.suppress(OSError):
        print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            # A reason that this terminal cannot show must not stop what comes after.
            stream.reconfigure(errors="backslashreplace")
    # Nor may a connection that breaks: what has begun is finished, and said to nobody.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    world = World(
        say=say,
        complain=complain,
        monotonic=time.monotonic,
        utc=lambda: datetime.now(UTC),
        pause=time.sleep,
        environment=dict(os.environ),
        answer=say,
    )
    sys.exit(main(sys.argv[1:], world))
