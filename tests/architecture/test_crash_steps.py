"""Each step at which a crash could matter is in the crash matrix, and the page shows the matrix."""

from __future__ import annotations

import ast

import pytest

from tests.crash_steps import HOOK, PACKAGE, steps, stopping
from tests.crash_table import PAGE, WRITES, Row, cells, core, elsewhere, known, page, structure


def test_every_step_of_the_daemon_is_in_the_matrix() -> None:
    """Put a new one into a play of tests/crash_matrix.yaml, or say there why none reaches it."""
    found = {step.key for step in steps()}
    table = set(known()) - set(WRITES)
    assert sorted(found - table) == []
    assert sorted(table - found) == []


def test_no_step_is_in_the_matrix_twice() -> None:
    names = known()
    assert sorted(name for name in set(names) if names.count(name) > 1) == []
    assert len({step.key for step in steps()}) == len(steps())


def test_what_must_never_be_missing_is_found_in_the_text() -> None:
    told = {step.what for step in steps()}
    assert told >= {
        "record(OrderPlanned)", "allocate_order_id()", "place(order)", "modify(change)",
        "cancel(order_id)", "execute(insert_of)", "chained(last.digest)", "submit(PUT_PART)",
        "record(HaltRaised)", "replace(draft)", "record(HaltCleared)", "append_line(path)",
    }  # fmt: skip


def test_each_step_can_be_stopped_at_and_nothing_else_changes() -> None:
    for number, step in enumerate(steps()):
        source = (PACKAGE / step.file).read_text("utf-8")
        stopped = stopping(source, step.file, step.key, ("before", "after")[number % 2])
        hooks = [node for node in ast.walk(stopped) if getattr(node, "id", "") == HOOK]
        assert len(hooks) == 1, step
        compile(stopped, step.file, "exec")


def test_a_new_call_is_a_new_step() -> None:
    source = "class A:\n    def f(self):\n        self._broker.place(order)\n"
    twice = source + "        self._broker.place(order)\n"
    stopping(source, "engine/x.py", "engine/x.py A.f: place(order)", "after")
    stopping(twice, "engine/x.py", "engine/x.py A.f: place(order) 2", "after")
    with pytest.raises(ValueError, match="not enough values"):
        stopping(source, "engine/x.py", "engine/x.py A.f: place(order) 2", "after")


def test_a_step_that_is_not_swept_has_a_reason() -> None:
    assert [why for why in elsewhere() if len(why.split()) < 8] == []
    assert len(core()) >= 10


def test_the_page_shows_the_whole_matrix() -> None:
    """The run writes it: scripts/make_crash_matrix.py."""
    rows = [Row(cell, "", "", "", 0.0) for cell in cells()]
    assert structure(PAGE.read_text("utf-8")) == structure(page(rows))
