"""The requirements of the gate and the tests that prove them, read from the files beside this one.

Each entry has our own words for what must hold, the tests that prove it, and what no test proves:
a test that merely touches a subject is none of its proofs. docs/requirements.md is made of it by
scripts/make_requirement_table.py.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).resolve().parent
TESTS = FOLDER.parent
# In the order of the page, with the numbers that each area has: all of the gate, and of what lies
# beyond it those that are built.
AREAS: dict[str, tuple[str, Sequence[int], str]] = {
    "run": ("RUN", range(1, 25), "Running"),
    "cap": ("CAP", range(1, 36), "Capital"),
    "brk": ("BRK", range(1, 20), "Breakers and the kill switch"),
    "ord": ("ORD", range(1, 11), "Orders"),
    "ops": ("OPS", (*range(1, 7), *range(10, 14)), "Operating"),
    "evt": ("EVT", (6, 7, 13, 14, 18, 19, 20, 23, 25, 26, 30, 32, 33, 34), "Events"),
    "rec": ("REC", (5, 6, 8, 10, 12), "Reconciliation and recovery"),
    "dat": ("DAT", range(1, 10), "Market data"),
    "str": ("STR", range(1, 9), "Strategies"),
    "obs": (
        "OBS",
        (2, 3, *range(5, 10), *range(13, 38), 39, 43, *range(49, 56)),
        "What is watched",
    ),
    "qua": ("QUA", (6,), "Quality"),
    "doc": ("DOC", (6,), "Documents"),
    "val": ("VAL", (6, 31), "Validation"),
}

_HEAD = """\
# What the gate must hold, and what proves it

This page is made by `scripts/make_requirement_table.py` from `tests/requirements/`; change it there.
A test stands here because it fails when the sentence above it is no longer true. *Open* says what
no test proves, and why.

{proven} of {all} are proven, {partly} more but for what stands under *Open*, {missing} are not proven.
"""  # noqa: E501


@dataclass(frozen=True, slots=True)
class Requirement:
    """One rule; ``tests`` are files below tests/ with the name of a test each."""

    name: str
    rule: str
    tests: tuple[str, ...]
    open: str


def expected_names() -> list[str]:
    """Return every id that must have an entry."""
    return [f"{prefix}-{number:02}" for prefix, numbers, _ in AREAS.values() for number in numbers]


def requirements() -> list[Requirement]:
    """Return every entry, in the order of the files."""
    found: list[Requirement] = []
    for area in AREAS:
        rows: dict[str, Any] = yaml.safe_load((FOLDER / f"{area}.yaml").read_text("utf-8"))
        found += [
            Requirement(name, row["rule"], tuple(row.get("tests", ())), row.get("open", ""))
            for name, row in rows.items()
        ]
    return found


@cache
def names_in(file: str) -> frozenset[str]:
    """Return the names of the tests that pytest collects from a file below tests/."""
    path = TESTS / file
    if not path.is_file() or not path.name.startswith("test_"):
        return frozenset()
    tree = ast.parse(path.read_text("utf-8"))
    return frozenset(
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.name.startswith("test_")
    )


def page() -> str:
    """Return the page in Markdown."""
    rows = requirements()
    missing = [row for row in rows if not row.tests]
    partly = [row for row in rows if row.tests and row.open]
    lines = [
        _HEAD.format(
            all=len(rows),
            proven=len(rows) - len(missing) - len(partly),
            partly=len(partly),
            missing=len(missing),
        )
    ]
    for prefix, _, title in AREAS.values():
        lines += [f"## {title}", ""]
        for row in rows:
            if row.name.startswith(f"{prefix}-"):
                lines += _lines(row)
    return "\n".join(lines)


def _lines(row: Requirement) -> list[str]:
    lines = [f"### {row.name}", "", row.rule, ""]
    for test in row.tests:
        file, _, name = test.partition("::")
        lines.append(f"- {name.removeprefix('test_').replace('_', ' ')} (`tests/{file}`)")
    if row.open:
        lines.append(f"- *Open:* {row.open}")
    return [*lines, ""]
