"""The steps at which the daemon may be killed, found in its own text.

A step is one call by which something becomes durable, leaves for the broker, enters the book or
reaches the halt file. Nothing lists them by hand: ``steps`` reads them out of the source, so a new
one is there as soon as it is written, and ``stopping`` returns the same source with a hook before
or after one of them. Knows nothing of the daemon, so that it can be loaded before it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "trader"
HOOK = "__crash_step__"
# Where a file has steps at all; engine files are found, the others are these.
_FILES = ("app.py", "ops/anchors.py", "ops/halt_file.py", "ops/halt_record.py", "store/journal.py")
# The last two names of a call, or its only one.
_CALLS = {
    # recorded: applied to the book and queued
    "_ledger.record", "ledger.record", "_ledger.note", "ledger.note", "self.record",
    "book.apply", "_journal.append",
    # awaited on disk
    "_ledger.durable", "_ledger.made_durable", "_ledger.checkpoint", "ledger.durable",
    "ledger.checkpoint", "_journal.durable", "_journal.save_checkpoint",
    # written to the broker
    "_broker.allocate_order_id", "_broker.place", "_broker.place_bracket", "_broker.modify",
    "_broker.cancel", "_broker.cancel_everything",
    # the journal's own
    "chained", "_queue.append", "self._execute", "self._submit", "self._mark_durable",
    "_notes.put",
    # the halt file and the anchors
    "_halt_control.engage", "_halt_control.release", "write_halt", "write_resume", "replace_file",
    "os.ftruncate", "os.fsync", "os.replace", "_write_all", "append_line", "_path.rename",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Step:
    """One call: its file below ``trader``, the function it is in, and what it does there."""

    file: str
    function: str
    what: str

    @property
    def key(self) -> str:
        """Return its name, which no change of a line elsewhere moves."""
        return f"{self.file} {self.function}: {self.what}"


@cache
def steps() -> tuple[Step, ...]:
    """Return every step of the daemon."""
    files = [path.relative_to(PACKAGE).as_posix() for path in (PACKAGE / "engine").rglob("*.py")]
    return tuple(
        step
        for file in (*sorted(files), *_FILES)
        for step, _ in _found(ast.parse((PACKAGE / file).read_text("utf-8")), file)
    )


def stopping(source: str, file: str, key: str, side: str) -> ast.Module:
    """Return a file's text with a call of the hook before or after one step.

    The hook is given what the step is about, where that has a name, and afterwards its result.
    """
    tree = ast.parse(source)
    (call,) = [node for step, node in _found(tree, file) if step.key == key]
    _Stopping(call, side).visit(tree)
    return ast.fix_missing_locations(tree)


class _Stopping(ast.NodeTransformer):
    def __init__(self, call: ast.Call, side: str) -> None:
        self._call = call
        self._side = side

    def visit_Await(self, node: ast.Await) -> ast.AST:
        return self._wrapped(node) if node.value is self._call else self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return self._wrapped(node) if node is self._call else self.generic_visit(node)

    def _wrapped(self, node: ast.expr) -> ast.expr:
        hook = ast.Name(HOOK, ast.Load())
        first = self._call.args[0] if self._call.args else None
        about: ast.expr = ast.Constant(None)
        if isinstance(first, ast.Name):
            about = ast.Name(first.id, ast.Load())
        new: ast.expr = ast.Call(hook, [about, node], [])
        if self._side == "before":
            # The hook returns None, so the step is done next, with its arguments.
            new = ast.BoolOp(ast.Or(), [ast.Call(hook, [about], []), node])
        return ast.copy_location(new, node)


def _found(tree: ast.Module, file: str) -> Iterator[tuple[Step, ast.Call]]:
    makers = _makers(tree)
    for function, body in _functions(tree, ""):
        seen: Counter[str] = Counter()
        for node in _calls(body):
            name = _name(node.func)
            if name not in _CALLS:
                continue
            told = _told(node, makers)
            what = f"{name.rpartition('.')[2].lstrip('_')}({told})"
            seen[what] += 1
            number = f" {seen[what]}" if seen[what] > 1 else ""
            yield Step(file, function, what + number), node


def _functions(tree: ast.AST, owner: str) -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(tree):
        if isinstance(child, ast.ClassDef):
            yield from _functions(child, f"{owner}{child.name}.")
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{owner}{child.name}", child


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    """Give the calls of a function in the order of the text."""
    for child in ast.iter_child_nodes(tree):
        yield from _calls(child)
        if isinstance(child, ast.Call):
            yield child


def _name(node: ast.expr) -> str:
    """Return the last two names of what is called."""
    if isinstance(node, ast.Name):
        return node.id
    if not isinstance(node, ast.Attribute):
        return ""
    owner = node.value
    if isinstance(owner, ast.Attribute):
        return f"{owner.attr}.{node.attr}"
    return f"{owner.id}.{node.attr}" if isinstance(owner, ast.Name) else ""


def _makers(tree: ast.Module) -> dict[str, str]:
    """Return which event a quick constructor of a module makes."""
    found: dict[str, str] = {}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Assign):
            continue
        pairs = [(node.targets[0], node.value)]
        if isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            pairs = list(zip(node.targets[0].elts, node.value.elts, strict=True))
        for target, value in pairs:
            if (
                isinstance(target, ast.Name)
                and isinstance(value, ast.Call)
                and _name(value.func) == "maker"
            ):
                found[target.id] = _name(value.args[0]).rpartition(".")[2]
    return found


def _told(node: ast.Call, makers: dict[str, str]) -> str:
    """Say what the first argument of a call is: the event, the statement or the variable."""
    first = node.args[0] if node.args else None
    if isinstance(first, ast.Constant):
        return str(first.value)
    if isinstance(first, ast.Call):
        name = _name(first.func).rpartition(".")[2]
        return makers.get(name, name.lstrip("_"))
    return "" if first is None else ast.unparse(first).removeprefix("self.").lstrip("_")
