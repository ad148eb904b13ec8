"""Each logged error counts for one part of the daemon, and there are no more parts than a table."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from trader.ops.error_counts import COMPONENTS, ErrorCounts, component_of

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("logger", "component"),
    [
        ("trader.engine.truth.inbox", "truth"),
        ("trader.engine.guard", "engine"),
        ("trader.engine", "engine"),
        ("trader.ibkr.connection", "ibkr"),
        ("trader.safeguards", "app"),
        ("trader.commands.run", "app"),
        ("trader", "app"),
        ("ib_async.wrapper", "libraries"),
        ("traders.other", "libraries"),
        ("root", "libraries"),
    ],
)
def test_a_logger_belongs_to_one_component(logger: str, component: str) -> None:
    assert component_of(logger) == component


def test_every_module_has_a_component_of_the_table_and_each_is_of_use() -> None:
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts)
        for path in (ROOT / "trader").rglob("*.py")
        if "sim" not in path.parts
    ]
    assert {component_of(name) for name in names} | {"libraries"} == set(COMPONENTS)


def test_errors_count_warnings_do_not_and_pages_are_none() -> None:
    counts = ErrorCounts()
    logger = logging.getLogger("trader.store.journal")
    pager = logging.getLogger("trader.ops.pager")
    try:
        logger.addHandler(counts)
        pager.addHandler(counts)
        logger.error("lost")
        logger.critical("worse")
        logger.warning("odd")
        pager.critical("page")
    finally:
        logger.removeHandler(counts)
        pager.removeHandler(counts)
    assert {key: value for key, value in counts.counts.items() if value} == {"store": 2}
