"""Files that only grow: one JSON object a line, for reading back who was told and asked what.

A file that is full gets another name, ``chain-000001.jsonl`` after ``chain.jsonl``, and the next
line begins it anew. A new name is one step for the kernel: killed before it or after it, every line
is in exactly one file; nothing is copied, so nothing can be half done. The names count up and are
never given again. Of the processes that add to a file one alone may turn it over.
"""

import json
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

# About nine days of a line a minute; read in less than a tenth of a second.
BYTES_MAX = 4 * 1024 * 1024


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


def append_turning(path: Path, row: Mapping[str, object], bytes_max: int = BYTES_MAX) -> None:
    """Add a line, in a new file when this one is full; raises OSError when it is not added."""
    with suppress(OSError):
        # One that cannot be put away goes on growing: no line may be lost.
        turn_over(path, bytes_max)
    append_line(path, row)


def turn_over(path: Path, bytes_max: int = BYTES_MAX) -> None:
    """Put a full file away under the next number; raises OSError, and then it goes on growing."""
    with suppress(FileNotFoundError, NotADirectoryError):
        if path.stat().st_size >= bytes_max:
            number = max(full_files(path), default=0) + 1
            path.rename(path.with_name(f"{path.stem}-{number:06}{path.suffix}"))


def full_files(path: Path) -> dict[int, Path]:
    """Return the files that were turned over, by their number: the oldest has the lowest."""
    form = re.compile(f"{re.escape(path.stem)}-([0-9]{{6,}}){re.escape(path.suffix)}", re.ASCII)
    try:
        names = [(other, form.fullmatch(other.name)) for other in path.parent.iterdir()]
    except (FileNotFoundError, NotADirectoryError):
        return {}
    return {int(found[1]): other for other, found in names if found}
