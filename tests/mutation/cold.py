"""Run mutants of what happens at import: tables, defaults, classes.

The process that forks here has the test libraries loaded and nothing of the daemon, so each child
imports the daemon with one module changed and runs pytest on files.
"""

from __future__ import annotations

import ast
import importlib.machinery
from pathlib import Path
from types import CodeType

import pytest

from tests.mutation.operators import Mutant, mutated

QUIET = [
    *("-q", "-x", "-s", "-p", "no:cacheprovider", "--tb=no", "--no-header"),
    # The libraries that are loaded before the forks.
    *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
]


class _First:
    """A plugin of pytest that keeps the name of the first test that fails."""

    def __init__(self) -> None:
        self.failed = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a failure."""
        if report.failed and not self.failed:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a file that cannot be imported any more."""
        if report.failed and not self.failed:
            self.failed = report.nodeid


def tried(root: Path, mutant: Mutant, files: list[str]) -> str:
    """Run test files on a mutant, in a child that may be spoilt; tells the first failing test."""
    path = root / mutant.path
    _change_import(path, mutated(mutant, path.read_text("utf-8")))
    first = _First()
    code = pytest.main([*QUIET, *files], plugins=[first])
    if code == pytest.ExitCode.OK or first.failed:
        return first.failed
    if code in (pytest.ExitCode.NO_TESTS_COLLECTED, pytest.ExitCode.USAGE_ERROR):
        # No tests, or the one that is asked for by its name is gone.
        return ""
    raise RuntimeError(f"pytest ended with {code} on {files}")


def _change_import(path: Path, tree: ast.Module) -> None:
    """Let the import of one file give other code than it holds."""
    loader = importlib.machinery.SourceFileLoader
    original = loader.get_code

    def get_code(self: importlib.machinery.SourceFileLoader, fullname: str) -> CodeType | None:
        if Path(self.get_filename(fullname)) == path:
            return compile(tree, str(path), "exec", dont_inherit=True)
        return original(self, fullname)

    loader.get_code = get_code  # type: ignore[method-assign, assignment]
