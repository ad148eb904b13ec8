"""The list of free pages is looked at where SQLite's own check leaves it out."""

from __future__ import annotations

import sqlite3
import struct
from contextlib import closing
from pathlib import Path

import pytest

from trader.store.free_pages import free_pages_problem

PAGE = 4096


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return a database with a view and free pages."""
    path = tmp_path / "some.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute(f"PRAGMA page_size = {PAGE}")
        db.execute("CREATE TABLE t (a INTEGER PRIMARY KEY, b TEXT)")
        db.execute("CREATE VIEW v AS SELECT a FROM t")
        db.executemany("INSERT INTO t (b) VALUES (?)", [("x" * 1000,)] * 200)
        db.execute("DELETE FROM t WHERE a > 50")
    return path


def problem(path: Path) -> str | None:
    with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)) as db:
        return free_pages_problem(path, db)


def changed(path: Path, at: int, number: int) -> None:
    raw = bytearray(path.read_bytes())
    raw[at : at + 4] = struct.pack(">I", number)
    path.write_bytes(raw)


def number(path: Path, at: int) -> int:
    return int(struct.unpack(">I", path.read_bytes()[at : at + 4])[0])


def test_a_list_in_order_has_no_problem(path: Path, tmp_path: Path) -> None:
    assert number(path, 36) > 5
    assert problem(path) is None
    without = tmp_path / "without.db"
    with closing(sqlite3.connect(without)) as db:
        db.execute("CREATE TABLE t (a)")
    assert problem(without) is None


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("first", 10_000, "it names page 10000"),
        ("first", 1, "it names page 1"),
        ("count", 3, "and should have 3"),
        ("next", 20, "it names page 20|its page 20 is none"),
        ("leaves", 5_000, "is none"),
        ("leaf", 10_000, "it names page 10000"),
        ("leaf", 2, "it names page 2, which is in use"),
    ],
)
def test_a_list_that_is_wrong_is_named(path: Path, field: str, value: int, words: str) -> None:
    trunk = (number(path, 32) - 1) * PAGE
    at = {"first": 32, "count": 36, "next": trunk, "leaves": trunk + 4, "leaf": trunk + 8}[field]
    changed(path, at, value)
    found = problem(path)
    assert found is not None
    assert any(word in found for word in words.split("|")), found


def test_a_page_that_is_named_twice_is_found(path: Path) -> None:
    trunk = (number(path, 32) - 1) * PAGE
    changed(path, trunk + 8, number(path, trunk + 12))
    assert problem(path) == f"it names page {number(path, trunk + 12)}"
