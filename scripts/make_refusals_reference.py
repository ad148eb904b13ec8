#!/usr/bin/env python3
"""Write docs/refusals.md anew: every code with which an intent can be refused."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from trader.core.risk.reference import reference  # noqa: E402 - found by the line above


def main() -> None:
    """Write the page."""
    (ROOT / "docs" / "refusals.md").write_text(reference(), "utf-8")


if __name__ == "__main__":
    main()
