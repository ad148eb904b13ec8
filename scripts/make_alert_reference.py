#!/usr/bin/env python3
"""Write anew what is made of the alerts: docs/alerts.md and promtool's tests of the rules."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.monitoring.rules import PAGE, RULES_TEST, page, rules_test  # noqa: E402 - found above


def main() -> None:
    """Write both files."""
    PAGE.write_text(page(), "utf-8")
    RULES_TEST.write_text(rules_test(), "utf-8")


if __name__ == "__main__":
    main()
