#!/usr/bin/env python3
"""Write docs/configuration.md anew: every setting, its type, range, default, unit and meaning."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from trader.config.reference import reference  # noqa: E402 - found by the line above


def main() -> None:
    """Write the page."""
    (ROOT / "docs" / "configuration.md").write_text(reference(), "utf-8")


if __name__ == "__main__":
    main()
