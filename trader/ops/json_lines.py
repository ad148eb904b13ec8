"""Files that only grow: one JSON object a line, for reading back who was told and asked what."""

import json
from collections.abc import Mapping
from pathlib import Path


def append_line(path: Path, row: Mapping[str, object]) -> int:
    """Add a line, making the file and its folder; returns its size in bytes. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
        return file.tell()
