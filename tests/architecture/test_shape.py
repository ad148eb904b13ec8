"""What linters cannot hold: sizes, words, purity, and one test file for each module.

Every test names the offenders, so that its message is the list of what to mend.
"""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE_LINES_MAX = 500
FUNCTION_LINES_MAX = 70

# Words that the vocabulary gives another name: fee is commission, denial is refusal, an orphan is
# adopted, and the event bus is the journal. The simulator speaks the broker's language instead.
BANNED_WORDS = ("denial", "denials", "event_bus", "fee", "fees", "orphan", "orphans")

# Modules without a test file of their own, each with the reason.
UNTESTED_ALONE = {
    "trader/engine/shadow_status.py": "one declaration: the shadow in the status",
    "trader/engine/recording_status.py": "one declaration: the record of the market in the status",
    "trader/__main__.py": "two lines that call cli.main",
    "trader/sim/gateway/orders/clients.py": "one declaration: a session as the gateway sees it",
    "trader/sim/gateway/desks/world.py": "two declarations: what is shared, a session as protocol",
    "trader/sim/__main__.py": "it calls command.main: the process tests start it",
}

CATCHES_EVERYTHING = "trader/engine/supervisor.py"

# Where this file names what is forbidden, it would find itself.
HERE = "tests/architecture/test_shape.py"


def module_paths() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "trader").rglob("*.py")
        if "__pycache__" not in path.parts
    )


@cache
def source(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def tree(name: str) -> ast.Module:
    return ast.parse(source(name), filename=name)


def functions(name: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(tree(name)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def identifiers(name: str) -> Iterator[tuple[int, str]]:
    """Give each identifier that a file defines or uses, with its line."""
    for node in ast.walk(tree(name)):
        match node:
            case ast.Name(id=word) | ast.Attribute(attr=word) | ast.arg(arg=word):
                yield node.lineno, word
            case ast.FunctionDef(name=word) | ast.AsyncFunctionDef(name=word):
                yield node.lineno, word
            case ast.ClassDef(name=word):
                yield node.lineno, word
            case ast.keyword(arg=str(word)):
                yield node.value.lineno, word
            case _:
                pass


def as_list(offenders: list[str]) -> str:
    return "\n" + "\n".join(offenders)


def words(identifier: str) -> str:
    """Write an identifier in snake case between underscores, so that whole words can be found."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", identifier).lower()
    return f"_{snake.strip('_')}_"


def test_there_are_modules_to_look_at() -> None:
    assert len(module_paths()) > 5


def test_no_file_is_longer_than_the_limit() -> None:
    offenders = [
        f"{name}: {lines} lines"
        for name in module_paths()
        if (lines := source(name).count("\n")) > FILE_LINES_MAX
    ]
    assert not offenders, as_list(offenders)


def test_no_function_is_longer_than_the_limit() -> None:
    offenders = [
        f"{name}:{node.lineno} {node.name}: {length} lines"
        for name in module_paths()
        for node in functions(name)
        if (length := (node.end_lineno or node.lineno) - node.lineno + 1) > FUNCTION_LINES_MAX
    ]
    assert not offenders, as_list(offenders)


def test_core_neither_defines_nor_awaits_anything_asynchronous() -> None:
    asynchronous = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    offenders = [
        f"{name}:{node.lineno}"
        for name in module_paths()
        if name.startswith("trader/core/")
        for node in ast.walk(tree(name))
        if isinstance(node, asynchronous)
    ]
    assert not offenders, as_list(offenders)


def test_identifiers_use_the_words_of_the_vocabulary() -> None:
    offenders = [
        f"{name}:{line} {identifier}"
        for name in module_paths()
        if not name.startswith("trader/sim/")
        for line, identifier in identifiers(name)
        if any(f"_{word}_" in words(identifier) for word in BANNED_WORDS)
    ]
    assert not offenders, as_list(offenders)


def expected_test_file(module: str) -> str:
    """Name the test file of a module: tests/unit/<package>/test_<module>.py."""
    path = Path(module)
    return (Path("tests/unit", *path.parts[1:-1]) / f"test_{path.name}").as_posix()


@pytest.mark.parametrize(
    ("module", "test_file"),
    [
        ("trader/core/ids.py", "tests/unit/core/test_ids.py"),
        ("trader/cli.py", "tests/unit/test_cli.py"),
    ],
)
def test_the_test_file_of_a_module_has_its_name(module: str, test_file: str) -> None:
    assert expected_test_file(module) == test_file


def test_each_module_has_a_test_file_of_its_own() -> None:
    missing = [
        f"{name} -> {expected_test_file(name)}"
        for name in module_paths()
        if not name.endswith("/__init__.py")
        and name not in UNTESTED_ALONE
        and not (ROOT / expected_test_file(name)).exists()
    ]
    assert not missing, as_list(missing)


def catches_everything(handler: ast.ExceptHandler) -> bool:
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(
        kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})
        for kind in kinds
    )


def test_only_the_supervisor_catches_everything() -> None:
    offenders = [
        f"{name}:{node.lineno}"
        for name in module_paths()
        if name != CATCHES_EVERYTHING
        for node in ast.walk(tree(name))
        if isinstance(node, ast.ExceptHandler) and catches_everything(node)
    ]
    assert not offenders, as_list(offenders)


def is_mutable(value: ast.expr | None) -> bool:
    literal = (ast.Dict, ast.List, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp)
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Name):
        return value.func.id in {"dict", "list", "set", "defaultdict", "deque", "OrderedDict"}
    return isinstance(value, literal)


def assigned_names(node: ast.stmt) -> list[str]:
    match node:
        case ast.Assign(targets=targets):
            return [target.id for target in targets if isinstance(target, ast.Name)]
        case ast.AnnAssign(target=ast.Name(id=name)):
            return [name]
        case _:
            return []


def test_no_module_keeps_mutable_state() -> None:
    """A restart in the same process would see it and a real restart would not."""
    offenders = [
        f"{path}:{node.lineno} {name}"
        for path in module_paths()
        for node in tree(path).body
        if isinstance(node, ast.Assign | ast.AnnAssign) and is_mutable(node.value)
        for name in assigned_names(node)
        if name != name.upper() and not name.startswith("__")
    ]
    assert not offenders, as_list(offenders)


def tracked_files() -> list[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    return [name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()]


# Each is a pattern of text that only means something on one machine, or to one registry's mirror.
LOCAL_TEXT = (
    re.compile(r"(?<![\w.~-])/(work|root)/"),
    re.compile(r"(?<![\w/])\.\./shared\b"),
    re.compile(r"\b(pypi\.org|pythonhosted\.org|registry\.npmjs\.org|deb\.debian\.org)\b"),
)


def test_no_tracked_file_names_a_machine_path_or_a_registry_host() -> None:
    offenders = []
    for name in tracked_files():
        if name == HERE:
            continue
        text = (ROOT / name).read_bytes().decode("utf-8", errors="replace")
        offenders += [
            f"{name}:{text.count(chr(10), 0, found.start()) + 1} {found.group()}"
            for pattern in LOCAL_TEXT
            for found in pattern.finditer(text)
        ]
    assert not offenders, as_list(offenders)
