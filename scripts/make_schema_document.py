#!/usr/bin/env python3
"""Write the list of every table and view into docs/journal.md, from the schema itself."""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from trader.store.schema import LATEST, upgrade_from  # noqa: E402 - found by the line above

DOCUMENT = ROOT / "docs" / "journal.md"
BEGIN = "<!-- schema: made by scripts/make_schema_document.py -->\n"
END = "<!-- end of the schema -->\n"


def columns() -> dict[tuple[str, str], list[str]]:
    """Return the columns of every table and view, by kind and name."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as db:
        for statement in upgrade_from(0):
            db.execute(statement)
        names = db.execute(
            "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') "
            "ORDER BY type, name LIKE '\\_%' ESCAPE '\\', name"
        ).fetchall()
        return {
            (kind, name): [row[1] for row in db.execute(f"PRAGMA table_info({name})")]
            for kind, name in names
        }


def listing() -> str:
    """Return the list in Markdown."""
    lines = [f"Journal version {LATEST}.", "", "| | name | columns |", "|---|---|---|"]
    for (kind, name), found in columns().items():
        lines.append(f"| {kind} | `{name}` | {' '.join(f'`{column}`' for column in found)} |")
    return "\n".join([*lines, ""])


def with_listing(document: str) -> str:
    """Return the document with the list that holds now."""
    before, _, rest = document.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}{listing()}{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_listing(DOCUMENT.read_text("utf-8")), "utf-8")
