#!/usr/bin/env python3
"""Write docs/requirements.md anew: what the gate must hold, and the tests that prove it."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.requirements.table import page  # noqa: E402 - found by the line above


def main() -> None:
    """Write the page."""
    (ROOT / "docs" / "requirements.md").write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
