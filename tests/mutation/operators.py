"""The changes that make mutants: small, at the level of the syntax tree, and the same each time.

What is left alone: docstrings, annotations, decorators, ``__slots__``, ``__all__``, and texts for
people (any text with a space in it, and what an f-string says): a test of those would only repeat
them. Everything else is changed, tables and defaults outside functions included,
because the rules of this daemon are tables.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_NAMES = {"min": "max", "max": "min", "any": "all", "all": "any"}
_DECLARES_A_TYPE = {"TypeVar", "NewType"}
_HEAD_MAX, _TEXT_MAX = 160, 400


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change of one file; ``key`` names it by its text, so that it outlives moved lines."""

    path: str
    key: str
    # The function that holds it, or "" where the change is outside every function.
    function: str
    # The lines whose execution a test must cover to notice it.
    first_line: int
    last_line: int
    # Which node of the walk, and which of its changes.
    node: int
    variant: int


@dataclass(frozen=True, slots=True)
class _Place:
    """A node, where it hangs, and what it is part of."""

    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    # The outermost function whose body holds it, and the whole dotted name.
    function: str
    owner: str
    statement: ast.stmt | ast.match_case | ast.ExceptHandler
    is_said: bool


def mutants_of(path: str, source: str) -> list[Mutant]:
    """Return every mutant of a file, in the order of its text."""
    tree = ast.parse(source)
    siblings = _members(tree)
    seen: Counter[str] = Counter()
    found: list[Mutant] = []
    for number, place in enumerate(_places(tree)):
        for variant, changed in enumerate(_variants(place, siblings)):
            text = f"{_head(place.statement)} | {_short(place.node)} -> {_short(changed)}"
            key = f"{path}::{place.owner or '(module)'} | {text}"
            seen[key] += 1
            if seen[key] > 1:
                key += f" ({seen[key]})"
            first, last = _lines(place)
            found.append(Mutant(path, key, place.function, first, last, number, variant))
    return found


def mutated(mutant: Mutant, source: str) -> ast.Module:
    """Return the tree of the file with the mutant's change in it."""
    tree = ast.parse(source)
    siblings = _members(tree)
    place = next(row for number, row in enumerate(_places(tree)) if number == mutant.node)
    changed = list(_variants(place, siblings))[mutant.variant]
    ast.copy_location(changed, place.node)
    for below in ast.walk(changed):
        if not hasattr(below, "lineno"):
            ast.copy_location(below, place.node)
    if place.index is None:
        setattr(place.parent, place.field, changed)
    else:
        getattr(place.parent, place.field)[place.index] = changed
    return ast.fix_missing_locations(tree)


def _places(tree: ast.Module) -> Iterator[_Place]:
    for index, statement in enumerate(tree.body):
        yield from _below(_Place(statement, tree, "body", index, "", "", statement, is_said=False))


def _below(place: _Place) -> Iterator[_Place]:
    """Give a node and what hangs below it, without what is never changed."""
    node = place.node
    if _is_left_alone(node):
        return
    yield place
    function, owner = place.function, place.owner
    is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        owner = f"{owner}.{node.name}" if owner else node.name
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "slice", "format_spec", "msg"):
            continue
        # Defaults are worked out when the function is made: they are not part of its body.
        inside = owner if is_function and field == "body" and not function else function
        rows = value if isinstance(value, list) else [value]
        for index, child in enumerate(rows):
            if not isinstance(child, ast.AST):
                continue
            statement = place.statement
            if isinstance(child, ast.stmt | ast.match_case | ast.ExceptHandler):
                statement = child
            where = index if isinstance(value, list) else None
            said = place.is_said or isinstance(child, ast.JoinedStr)
            yield from _below(_Place(child, node, field, where, inside, owner, statement, said))


def _is_left_alone(node: ast.AST) -> bool:
    match node:
        case ast.Expr(value=ast.Constant()) | ast.Import() | ast.ImportFrom():
            return True
        case ast.Assign(targets=[ast.Name(id="__slots__" | "__all__")]):
            return True
        case ast.Call(func=ast.Name(id=name)) if name in _DECLARES_A_TYPE:
            return True
    return False


def _variants(place: _Place, siblings: dict[str, list[str]]) -> Iterator[ast.AST]:
    """Give what a node may be changed into."""
    node = place.node
    match node:
        case ast.Compare() | ast.BoolOp() | ast.BinOp() | ast.UnaryOp():
            yield from _operations(node)
        case ast.Constant():
            yield from _constants(node, place)
        case ast.Name() | ast.Attribute():
            yield from _names(node, siblings)
        case ast.Call():
            yield from _calls(node)
        case ast.Dict() | ast.Set() | ast.Tuple() | ast.List():
            yield from _displays(node)
        case ast.stmt():
            yield from _statements(node)
    if _is_bare_condition(place):
        yield ast.UnaryOp(ast.Not(), copy.deepcopy(node))  # type: ignore[arg-type]


def _operations(node: ast.Compare | ast.BoolOp | ast.BinOp | ast.UnaryOp) -> Iterator[ast.AST]:
    match node:
        case ast.Compare():
            for index, operator in enumerate(node.ops):
                for other in _COMPARISONS.get(type(operator), ()):
                    changed = copy.deepcopy(node)
                    changed.ops[index] = other()
                    yield changed
        case ast.BoolOp():
            swapped = copy.deepcopy(node)
            swapped.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield swapped
            yield from _without_each(node, "values")
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            other_way = copy.deepcopy(node)
            other_way.op = _ARITHMETIC[type(node.op)]()
            yield other_way
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield copy.deepcopy(node.operand)


def _names(node: ast.Name | ast.Attribute, siblings: dict[str, list[str]]) -> Iterator[ast.AST]:
    match node:
        case ast.Name(id=name, ctx=ast.Load()) if name in _NAMES:
            yield ast.Name(_NAMES[name], ast.Load())
        case ast.Attribute(value=ast.Name(id=base), attr=name) if name in siblings.get(base, ()):
            names = siblings[base]
            if len(names) > 1:
                following = names[(names.index(name) + 1) % len(names)]
                yield ast.Attribute(ast.Name(base, ast.Load()), following, node.ctx)


def _constants(node: ast.Constant, place: _Place) -> Iterator[ast.AST]:
    value = node.value
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int | float):
        yield ast.Constant(value + 1)
    elif isinstance(value, str) and not place.is_said:
        number = _as_number(value)
        if number is not None:
            # One more in its last place.
            yield ast.Constant(str(number + Decimal(1).scaleb(int(number.as_tuple().exponent))))
        elif " " not in value and "\n" not in value:
            yield ast.Constant(f"XX{value}")


def _as_number(text: str) -> Decimal | None:
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _calls(node: ast.Call) -> Iterator[ast.AST]:
    match node.func:
        case ast.Name(id="abs" | "sorted"):
            yield copy.deepcopy(node.args[0])
        case ast.Name(id="replace"):
            yield from _without_each(node, "keywords")


def _displays(node: ast.Dict | ast.Set | ast.Tuple | ast.List) -> Iterator[ast.AST]:
    if isinstance(node, ast.Dict):
        for index in range(len(node.keys)):
            changed = copy.deepcopy(node)
            del changed.keys[index], changed.values[index]
            yield changed
    elif len(node.elts) > 1 and not isinstance(getattr(node, "ctx", None), ast.Store):
        yield from _without_each(node, "elts")


def _without_each(node: ast.AST, field: str) -> Iterator[ast.AST]:
    for index in range(len(getattr(node, field))):
        changed = copy.deepcopy(node)
        rows = getattr(changed, field)
        del rows[index]
        yield rows[0] if isinstance(changed, ast.BoolOp) and len(rows) == 1 else changed


def _statements(node: ast.stmt) -> Iterator[ast.AST]:
    match node:
        case ast.Expr() | ast.AugAssign() | ast.Raise():
            yield ast.Pass()
        case ast.Assign(targets=[ast.Attribute()]):
            yield ast.Pass()
        case ast.Return(value=ast.expr() as value) if not isinstance(value, ast.Constant):
            yield ast.Return(ast.Constant(None))
        case ast.Break():
            yield ast.Continue()
        case ast.Continue():
            yield ast.Break()


def _is_bare_condition(place: _Place) -> bool:
    """Tell whether a node decides alone; comparisons and their combinations have own changes."""
    if isinstance(place.node, ast.Compare | ast.BoolOp | ast.UnaryOp | ast.Constant):
        return False
    if isinstance(place.parent, ast.If | ast.IfExp | ast.While):
        return place.field == "test"
    return isinstance(place.parent, ast.comprehension) and place.field == "ifs"


def _members(tree: ast.Module) -> dict[str, list[str]]:
    """Return the members that the file names of each enumeration, in their order of the alphabet.

    Whatever reads ``Name.MEMBER`` counts as one: another member is a plausible slip.
    """
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(value=ast.Name(id=base), attr=name) if name.isupper():
                found.setdefault(base, set()).add(name)
    return {base: sorted(names) for base, names in found.items()}


def _head(statement: ast.AST) -> str:
    if isinstance(statement, ast.match_case):
        return f"case {ast.unparse(statement.pattern)}"
    return _short(statement, _HEAD_MAX)


def _short(node: ast.AST, most: int = _TEXT_MAX) -> str:
    text = ast.unparse(node).strip()
    line, _, more = text.partition("\n")
    if not isinstance(node, ast.stmt) and more:
        line = " ".join(text.split())
    return line if len(line) <= most else f"{line[:most]}..."


def _lines(place: _Place) -> tuple[int, int]:
    """Return the lines of the statement's own text, its body left out."""
    statement = place.statement
    if isinstance(statement, ast.match_case):
        return statement.pattern.lineno, statement.body[0].lineno
    body = getattr(statement, "body", None)
    end = statement.end_lineno or statement.lineno
    if isinstance(body, list) and body:
        end = max(statement.lineno, body[0].lineno - 1)
    return statement.lineno, end
