"""The benchmark of the gate takes real submissions apart, and history makes none slower."""

from __future__ import annotations

from pathlib import Path

from trader.bench.gate import gate_seconds


def test_a_submission_is_its_review_its_ledger_and_the_rest(tmp_path: Path) -> None:
    taken = gate_seconds(20, tmp_path)
    assert len(taken.review) == len(taken.ledger) == len(taken.own) == 20
    assert min(*taken.review, *taken.ledger, *taken.own) > 0


def test_history_makes_the_gate_no_slower(tmp_path: Path) -> None:
    """The fastest quarter of each: a busy machine only ever makes one slower."""

    def fast(history: int) -> tuple[float, float]:
        taken = gate_seconds(400, tmp_path, history)
        return sorted(taken.own)[100], sorted(taken.ledger)[100]

    young, old = fast(0), fast(5_000)
    assert old[0] < 2 * young[0]
    assert old[1] < 2 * young[1]
