"""Which tests are about which incident, found in the tests themselves.

A test is about an incident when its own text names the id, or a helper or a table of its module
that it uses does; so does the name of a shipped scenario, which begins with the id and may be about
others too. An id that only the head of a module names belongs to the module as a whole. The plays
under virtual time are rows of a table beside their test.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

TESTS = Path(__file__).resolve().parents[1]
# The simulator's own tests play a scenario with a client that is not the daemon.
LAYERS = ("process", "simulation", "integration", "unit", "simulator")
SCENARIOS = TESTS.parent / "trader" / "sim" / "scenarios"
# The table of plays, and the test that plays its rows.
VIRTUAL = TESTS / "simulation" / "incidents.yaml"
VIRTUAL_TEST = "test_an_incident_under_virtual_time_is_met_as_its_row_says"
_ID = re.compile(r"\binc-(\d{3})\b", re.IGNORECASE)
_PLAYED = re.compile(r"\binc-\d{3}-[a-z0-9-]+")


@dataclass(frozen=True, slots=True)
class Found:
    """A test, as pytest names it below tests/, or a whole file."""

    layer: str
    test: str


@cache
def found() -> dict[str, tuple[Found, ...]]:
    """Return the tests of each incident, the nearest to the real thing first."""
    by_id: dict[str, dict[Found, None]] = {}
    for layer in LAYERS:
        if layer == "simulation":
            played = Found(layer, f"{layer}/test_incidents.py::{VIRTUAL_TEST}")
            for key in virtual():
                by_id.setdefault(key, {})[played] = None
        for path in sorted((TESTS / layer).rglob("test_*.py")):
            name = path.relative_to(TESTS).as_posix()
            for key, test in _of_file(path.read_text("utf-8")):
                by_id.setdefault(key, {})[Found(layer, f"{name}::{test}" if test else name)] = None
    return {key: tuple(rows) for key, rows in sorted(by_id.items())}


def _of_file(source: str) -> Iterator[tuple[str, str]]:
    tree, lines = ast.parse(source), source.splitlines()
    parts = {name: node for node in tree.body for name in _names(node)}
    told: set[str] = set()
    for name, node in parts.items():
        if not name.startswith(("test_", "Test")):
            continue
        text = "\n".join(_text(part, lines) for part in _used(node, parts))
        for key in _ids(text):
            told.add(key)
            yield key, name
    for key in _ids(ast.get_docstring(tree) or ""):
        if key not in told:
            yield key, ""


def _names(node: ast.stmt) -> list[str]:
    """Return what a statement of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    if isinstance(node, ast.Assign):
        return [part.id for target in node.targets for part in ast.walk(target)
                if isinstance(part, ast.Name)]  # fmt: skip
    if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
        return [node.target.id]
    return []


def _used(node: ast.stmt, parts: dict[str, ast.stmt]) -> list[ast.stmt]:
    """Return a test with all of its module that it uses, other tests excepted."""
    waiting, seen = [node], {id(node): node}
    while waiting:
        for part in ast.walk(waiting.pop()):
            other = parts.get(part.id) if isinstance(part, ast.Name) else None
            if other is None or id(other) in seen:
                continue
            if not any(name.startswith("test_") for name in _names(other)):
                seen[id(other)] = other
                waiting.append(other)
    return list(seen.values())


def _text(node: ast.stmt, lines: list[str]) -> str:
    decorators = getattr(node, "decorator_list", [])
    first = min([node.lineno, *(one.lineno for one in decorators)])
    return "\n".join(lines[first - 1 : node.end_lineno])


def _ids(text: str) -> list[str]:
    named = [f"INC-{number}" for number in _ID.findall(text)]
    of_scenarios = [key for name in _PLAYED.findall(text) for key in about().get(name, ())]
    return list(dict.fromkeys((*named, *of_scenarios)))


@cache
def about() -> dict[str, tuple[str, ...]]:
    """Return what each shipped scenario is about."""
    return {
        path.stem: tuple(yaml.safe_load(path.read_text("utf-8"))["incidents"])
        for path in SCENARIOS.glob("inc-*.yaml")
    }


@cache
def virtual() -> Mapping[str, bool]:
    """Return the incidents that are played under virtual time, and which only now and then."""
    table: Mapping[str, Any] = yaml.safe_load(VIRTUAL.read_text("utf-8"))["played"]
    found: dict[str, bool] = {}
    for name, row in table.items():
        for key in about()[name]:
            found[key] = bool(row.get("is_rare")) and found.get(key, True)
    return found


@cache
def rare() -> frozenset[tuple[str, str]]:
    """Return the tests, each with an incident, that only SCENARIOS=all plays."""
    rows: set[tuple[str, str]] = set()
    every: set[tuple[str, str]] = set()
    for path in sorted((TESTS / "process").glob("test_*.py")):
        source = path.read_text("utf-8")
        tree, lines = ast.parse(source), source.splitlines()
        parts = {name: node for node in tree.body for name in _names(node)}
        for name, node in parts.items():
            for part in _used(node, parts) if name.startswith("test_") else ():
                for call in ast.walk(part):
                    if isinstance(call, ast.Call) and getattr(call.func, "id", "") == "Replay":
                        is_rare = any(word.arg == "is_rare" for word in call.keywords)
                        keys = _ids("\n".join(lines[call.lineno - 1 : call.end_lineno]))
                        (rows if is_rare else every).update(
                            (f"process/{path.name}::{name}", key) for key in keys
                        )
    return frozenset(rows - every)
