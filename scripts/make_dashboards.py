#!/usr/bin/env python3
"""Write the dashboards of config/grafana anew, from the short form in dashboards.yaml."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.monitoring.dashboards import FOLDER, documents  # noqa: E402 - found by the line above


def main() -> None:
    """Write each file."""
    for name, text in documents().items():
        (FOLDER / f"{name}.json").write_text(text, "utf-8")


if __name__ == "__main__":
    main()
