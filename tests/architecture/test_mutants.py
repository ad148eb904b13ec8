"""The mutation run: what it changes, what it remembers, and that its list of survivors is alive."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.mutation import results
from tests.mutation.operators import Mutant, mutants_of, mutated
from tests.mutation.results import Results, arguments
from tests.mutation.run import ROOT, all_mutants, target_files


def changes(source: str) -> list[str]:
    """Return what each mutant of a text changes, in short."""
    return [row.key.rpartition(" | ")[2] for row in mutants_of("file.py", source)]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("x = a <= b", ["a <= b -> a < b", "a <= b -> a > b"]),
        ("x = a and b", ["a and b -> a or b", "a and b -> b", "a and b -> a"]),
        ("x = not a", ["not a -> a"]),
        ("x = a + b", ["a + b -> a - b"]),
        ("x = True", ["True -> False"]),
        ("x = 7", ["7 -> 8"]),
        ("x = '0.05'", ["'0.05' -> '0.06'"]),
        ("x = 'word'", ["'word' -> 'XXword'"]),
        ("x = max(a)", ["max -> min"]),
        ("x = abs(a)", ["abs(a) -> a"]),
        ("x = {A.B: A.C}", ["{A.B: A.C} -> {}", "A.B -> A.C", "A.C -> A.B"]),
        ("x = {a, b}", ["{a, b} -> {b}", "{a, b} -> {a}"]),
        ("x = replace(a, b=c)", ["replace(a, b=c) -> replace(a)"]),
        ("x = a if b else c", ["b -> not b"]),
        ("def f():\n    return g()", ["return g() -> return None"]),
        ("def f(a=False):\n    pass", ["False -> True"]),
        ("a()", ["a() -> pass"]),
        ("raise a", ["raise a -> pass"]),
        ("self.a = b", ["self.a = b -> pass"]),
    ],
)
def test_each_kind_of_change(source: str, expected: list[str]) -> None:
    assert changes(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        '"""Say 1 or True."""',
        "x: int | None",
        "def f(a: int | None) -> int | None: ...",
        "@dataclass(frozen=True)\nclass A: ...",
        "__slots__ = ('a', 'b')",
        "x = 'two words'",
        "x = f'{a} of {b:.2f}'",
        "import a, b",
        "T = TypeVar('T')",
    ],
)
def test_what_says_nothing_about_a_rule_is_left_alone(source: str) -> None:
    assert changes(source) == []


def test_a_mutant_is_the_file_with_one_change() -> None:
    source = "def f(a, b):\n    if a < b:\n        return 1\n    return 2\n"
    made = [ast.unparse(mutated(row, source)) for row in mutants_of("file.py", source)]
    assert len(made) == len(set(made)) == 4
    assert ast.unparse(ast.parse(source)) not in made


def test_a_name_survives_moved_lines_and_tells_repetitions_apart() -> None:
    source = "def f(a):\n    g(1)\n    g(1)\n"
    moved = "import x\n\n\n" + source
    names = [row.key for row in mutants_of("file.py", source)]
    assert names == [row.key for row in mutants_of("file.py", moved)]
    assert len(set(names)) == len(names)
    assert [row.first_line for row in mutants_of("file.py", moved)] == [5, 5, 6, 6]


def test_every_mutant_of_the_gate_compiles() -> None:
    for path in target_files():
        source = (ROOT / path).read_text("utf-8")
        # Some of them: building all of them takes longer than it tells.
        for row in mutants_of(path, source)[::100]:
            compile(mutated(row, source), path, "exec")


def test_every_argued_survivor_still_exists() -> None:
    names = {row.key for row in all_mutants(target_files())}
    assert [key for key in arguments(ROOT) if key not in names] == []


def test_every_survivor_is_argued_once_and_in_a_sentence() -> None:
    rows = re.findall(
        r"^- mutant:", (ROOT / results.SURVIVORS).read_text("utf-8"), flags=re.MULTILINE
    )
    argued = arguments(ROOT)
    assert len(rows) == len(argued)
    assert [key for key, why in argued.items() if len(why.split()) < 5 or why[-1] != "."] == []


def a_checkout(root: Path) -> Mutant:
    """Make a file with a test beside it, and return its mutant."""
    (root / results.TESTS).mkdir(parents=True)
    (root / results.TESTS / "test_file.py").write_text("one")
    (root / "file.py").write_text("x = 1")
    return mutants_of("file.py", "x = 1")[0]


@pytest.mark.parametrize(
    ("changed", "holds"),
    [(None, True), ("file.py", False), (f"{results.TESTS}/test_file.py", False)],
)
@pytest.mark.parametrize("killer", [f"{results.TESTS}/test_file.py::test_it", ""])
def test_what_is_known_holds_until_the_file_or_its_tests_change(
    tmp_path: Path, changed: str | None, holds: bool, killer: str
) -> None:
    mutant = a_checkout(tmp_path)
    file = tmp_path / "state/results.jsonl"
    Results(tmp_path, file).put(mutant, killer, 1.0)
    results._digest.cache_clear()
    if changed is not None:
        (tmp_path / changed).write_text("two")
    found = Results(tmp_path, file)
    assert found.killer(mutant) == (killer if holds else None)
    assert found.last_killer(mutant) == killer


def test_another_test_file_leaves_a_kill_and_not_a_survivor(tmp_path: Path) -> None:
    mutant = a_checkout(tmp_path)
    file = tmp_path / "state/results.jsonl"
    for killer, expected in ((f"{results.TESTS}/test_file.py::test_it", True), ("", False)):
        Results(tmp_path, file).put(mutant, killer, 1.0)
        results._digest.cache_clear()
        (tmp_path / results.TESTS / "test_other.py").write_text(killer + "new")
        assert (Results(tmp_path, file).killer(mutant) is not None) is expected
