"""Files that only grow: one JSON object a line, for reading back who was told and asked what."""

import json
import os
from collections.abc import Mapping
from pathlib import Path


def append_line(path: Path, row: Mapping[str, object]) -> int:
    """Add a line, making the file and its folder; returns its size in bytes. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as file:
        if file.tell():
            file.seek(-1, os.SEEK_END)
            if file.read(1) != b"\n":
                # A crash cut the last line off: it must not take this one with it.
                file.write(b"\n")
        file.write(json.dumps(row).encode() + b"\n")
        return file.tell()
