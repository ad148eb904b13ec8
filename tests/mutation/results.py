"""What is known of each mutant, kept outside version control so that a run can be taken up again.

A kill stays good while neither the mutated file nor the file of the killing test changes; a
survivor is tried again as soon as any of its possible tests may have changed. Whoever trusts
takes a kill as good while the same change of the same statement and the test that noticed it are
there.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import yaml

from tests.mutation.operators import Mutant

TESTS = "tests/unit/core"
SURVIVORS = "tests/mutation/survivors.yaml"


@dataclass(frozen=True, slots=True)
class Row:
    """The last outcome of a mutant, with what it was true for."""

    key: str
    killer: str
    source: str
    tests: str
    seconds: float


class Results:
    """A file of rows, one line each; later lines count."""

    def __init__(self, root: Path, file: Path, *, is_trusting: bool = False) -> None:
        self._root = root
        self.file = file
        self._is_trusting = is_trusting
        self._rows: dict[str, Row] = {}
        self.read()

    def read(self) -> None:
        """Take in what the file holds by now."""
        if self.file.exists():
            for line in self.file.read_text("utf-8").splitlines():
                row = Row(**json.loads(line))
                self._rows[row.key] = row

    def put(self, mutant: Mutant, killer: str, seconds: float) -> None:
        """Keep an outcome at once: a run may be stopped at any moment."""
        row = Row(
            mutant.key,
            killer,
            _digest(self._root, mutant.path),
            _digest(self._root, _file_of(killer)),
            round(seconds, 3),
        )
        self._rows[row.key] = row
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as out:
            out.write(json.dumps({name: getattr(row, name) for name in Row.__slots__}) + "\n")

    def killer(self, mutant: Mutant) -> str | None:
        """Return the killing test, "" for a survivor, None where nothing that holds is known."""
        row = self._rows.get(mutant.key)
        if self._is_trusting and row is not None and self._has(row.killer):
            return row.killer
        if row is None or row.source != _digest(self._root, mutant.path):
            return None
        return row.killer if row.tests == _digest(self._root, _file_of(row.killer)) else None

    def _has(self, killer: str) -> bool:
        """Tell whether a test of this name is still there."""
        name, _, test = killer.partition("::")
        return test != "" and f"def {test.partition('[')[0]}(" in _text(self._root / name)

    def last_killer(self, mutant: Mutant) -> str:
        """Return who killed it last, whether or not that still holds: a good one to try first."""
        row = self._rows.get(mutant.key)
        return "" if row is None else row.killer


def _file_of(killer: str) -> str:
    """Return the file of a killing test, or the whole folder where no test is named."""
    name = killer.partition("::")[0]
    return name if name.endswith(".py") else TESTS


def digest_of(root: Path, *names: str) -> str:
    """Return what changes when any of these files, or a file below these folders, does."""
    digest = hashlib.sha256()
    for name in names:
        path = root / name
        for file in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            digest.update(file.read_bytes() if file.exists() else b"gone")
    return digest.hexdigest()[:16]


@cache
def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.is_file() else ""


@cache
def _digest(root: Path, name: str) -> str:
    return digest_of(root, name)


def arguments(root: Path) -> dict[str, str]:
    """Return why each argued survivor may live, by the key of its mutant."""
    rows = yaml.safe_load((root / SURVIVORS).read_text("utf-8")) or []
    return {row["mutant"]: row["why"] for row in rows}
