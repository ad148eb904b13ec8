#!/usr/bin/env python3
"""Play chaos drills against the simulator: `scripts/chaos_drill.py [--only NAME ...]`, `--list`.

Whichever Python starts it, it goes on in the project's virtual environment.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = ROOT / ".venv" / "bin" / "python"


def enter_environment() -> None:
    """Start this script anew in the project's environment, unless this Python has what it needs."""
    if find_spec("ib_async") is not None:
        return
    if not PYTHON.exists():
        print(f"chaos_drill: {PYTHON} is missing; scripts/demo makes it", file=sys.stderr)
        sys.exit(2)
    os.execv(PYTHON, [str(PYTHON), str(Path(__file__).resolve()), *sys.argv[1:]])


if __name__ == "__main__":
    enter_environment()
    sys.path.insert(0, str(ROOT))
    from trader.chaos_drill.__main__ import main
    from trader.terminal import unheard

    with unheard():
        sys.exit(main())
