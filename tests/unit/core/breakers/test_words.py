"""Every breaker is explained, and the reference is that of the rules."""

from __future__ import annotations

from pathlib import Path

from scripts.make_breaker_reference import document
from trader.core.breakers.rules import BreakerName, Rules
from trader.core.breakers.words import WORDS, entries_of, limit_of, table

ROOT = Path(__file__).resolve().parents[4]


def test_every_breaker_says_what_it_watches_and_what_to_do() -> None:
    assert set(WORDS) == set(BreakerName)
    assert all(len(row.reading) > 10 and len(row.remedy) > 10 for row in WORDS.values())


def test_the_reference_is_that_of_the_rules() -> None:
    """Made anew by scripts/make_breaker_reference.py."""
    assert (ROOT / "docs" / "breakers.md").read_text(encoding="utf-8") == document()


def test_a_row_has_limit_action_and_reset() -> None:
    assert limit_of(Rules().daily_loss) == "at or below -0.02"
    (row,) = [line for line in table(Rules()).splitlines() if line.startswith("| `loss_kill`")]
    assert "| at or below -0.05 | kill | cancelled | operator | yes |" in row


def test_the_table_says_which_breakers_take_entries_back() -> None:
    rules = Rules()
    cancelled = [name for name in BreakerName if entries_of(rules.of(name)) == "cancelled"]
    assert cancelled == [
        BreakerName.DAILY_LOSS,
        BreakerName.LOSS_KILL,
        BreakerName.DRAWDOWN,
        BreakerName.PSR,
        BreakerName.CONSECUTIVE_LOSSES,
    ]
