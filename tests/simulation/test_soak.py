"""The ledger of a soak: it goes on where it was stopped, and adds nothing of another version."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation import document
from tests.simulation.play import Result
from tests.simulation.run import Wish
from tests.simulation.soak import (
    DOCUMENT,
    Stretch,
    by_code,
    code_digest,
    crashes,
    figures,
    joined,
    keep,
    soak,
    stretches,
)


def _stretch(code: str, first: int, *results: Result) -> Stretch:
    row = Stretch(code, "abc 2026-01-01", first)
    for seed, result in enumerate(results, first):
        row.add(seed, result)
    return row


_GOOD = Result("1", seconds=90.0, starts=3, orders=2, executions=1, faults={"crash at disk": 2})
_BAD = Result("2", seconds=10.0, rule="position_limit", problem="position_limit: too much")


def test_stretches_that_follow_each_other_become_one() -> None:
    rows = [_stretch("a", 1, _GOOD, _BAD), _stretch("a", 3, _GOOD), _stretch("b", 4, _GOOD)]
    first, second = joined(rows)
    assert (first.first_seed, first.seeds, first.simulated_s) == (1, 3, 190.0)
    assert first.faults == {"crash at disk": 4}
    assert first.violations == [(2, "position_limit", "position_limit: too much")]
    assert (second.code, second.seeds) == ("b", 1)


def test_a_hole_between_stretches_is_not_counted() -> None:
    assert len(joined([_stretch("a", 1, _GOOD), _stretch("a", 5, _GOOD)])) == 2


def test_a_ledger_is_read_as_it_was_kept_and_a_torn_line_left_out(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.jsonl"
    rows = [_stretch("a", 1, _GOOD, _BAD), _stretch("b", 1, _GOOD)]
    keep(ledger, rows)
    assert stretches(ledger) == rows
    with ledger.open("a") as out:
        out.write('{"code": "b", "comm')
    assert stretches(ledger) == rows
    assert stretches(tmp_path / "none.jsonl") == []


def test_the_figures_of_versions_stand_apart() -> None:
    rows = [_stretch("a", 1, _GOOD), _stretch("b", 1, _GOOD, _BAD), _stretch("a", 9, _GOOD)]
    assert [(row.code, row.seeds) for row in by_code(rows)] == [("a", 2), ("b", 2)]
    text = figures(rows)
    assert "| `a` | abc 2026-01-01 | 2 |" in text
    assert "| `b` | abc 2026-01-01 | 2 |" in text
    assert "- `b`, seed 2: position_limit" in text


def test_power_loss_is_a_crash_and_an_exit_is_none() -> None:
    faults = {"crash": 9, "crash at disk": 1, "power loss at callback": 2, "exit": 5}
    assert crashes(faults) == 3


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_soak_goes_on_where_it_ended(tmp_path: Path, wish: Wish) -> None:
    ledger, said = tmp_path / "ledger.jsonl", list[str]()
    assert soak(wish, ledger, 7, 1, 1, said.append)
    assert soak(wish, ledger, 7, 1, 1, said.append)
    (row,) = stretches(ledger)
    assert (row.code, row.first_seed, row.seeds) == (code_digest(), 7, 2)
    assert row.simulated_s > 180


def test_the_document_is_the_ledgers() -> None:
    assert DOCUMENT.read_text() == document.document(), "run scripts/simulate --document"
