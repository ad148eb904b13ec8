"""Who may reach the broker: each way has one place in the code, and strategies have none."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# Each verb that makes the broker act, and the functions of the daemon that may use it. The
# emergency part works when the daemon does not, under its lock, and can only take off and close.
PLACES = {
    "place": {"trader/engine/orders/gateway.py::OrderGateway._send"},
    "modify": {"trader/engine/orders/amender.py::Amender._send"},
    "cancel": {"trader/engine/orders/gateway.py::OrderGateway._write_cancel"},
}


def modules() -> list[str]:
    return sorted(
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "trader").rglob("*.py")
        if not path.is_relative_to(ROOT / "trader/sim")
    )


def calls_of(path: str, verb: str) -> set[str]:
    """Return the functions that call ``<something named broker>.verb(...)``."""
    found: set[str] = set()

    def look(node: ast.AST, owner: str) -> None:
        for child in ast.iter_child_nodes(node):
            name = owner
            if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                name = f"{owner}.{child.name}" if owner else child.name
            if isinstance(child, ast.Attribute) and child.attr == verb:
                holder = ast.unparse(child.value).rpartition(".")[2]
                if holder.strip("_") == "broker":
                    found.add(f"{path}::{owner}")
            look(child, name)

    look(ast.parse((ROOT / path).read_text("utf-8")), "")
    return found


@pytest.mark.parametrize("verb", PLACES)
def test_each_way_to_the_broker_has_one_place(verb: str) -> None:
    """CAP-03, CAP-12, BRK-01."""
    found = {
        place
        for path in modules()
        if not path.startswith(("trader/emergency/", "trader/ibkr/"))
        for place in calls_of(path, verb)
    }
    assert found == PLACES[verb]


def test_nothing_but_the_adapter_writes_an_order() -> None:
    """The library's own verbs, whatever they hang on."""
    words = ("placeOrder", "cancelOrder", "reqGlobalCancel")
    naming = [
        path
        for path in modules()
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.Attribute)
        and node.attr in words
        and not path.startswith("trader/ibkr/")
        # The benchmark measures bare ib_async beside the daemon.
        and path != "trader/bench/__main__.py"
    ]
    assert naming == []


def test_a_strategy_imports_core_and_nothing_else_of_ours() -> None:
    """CAP-11: what it has no name for it cannot call."""
    allowed = ("trader.core", "trader.strategies")
    offenders = [
        f"{path.name}: {name}"
        for path in sorted((ROOT / "trader/strategies").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        for name in (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        if name.split(".")[0] in ("trader", "ib_async", "socket", "gc", "importlib", "ctypes")
        and not name.startswith(allowed)
    ]
    assert offenders == []
