#!/usr/bin/env python3
"""Write the generated parts of docs/simulator.md anew: capabilities, actions, scenarios, codes."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from trader.sim.host import play  # noqa: E402 - found by the line above
from trader.sim.script import manual  # noqa: E402 - found by the line above


def main() -> None:
    """Fill the document in place."""
    path = ROOT / "docs" / "simulator.md"
    path.write_text(manual.filled(path.read_text(encoding="utf-8"), play.manual_parts()), "utf-8")


if __name__ == "__main__":
    main()
