"""Every setting has a line that says what it means, and no line is about nothing."""

from __future__ import annotations

import re
from pathlib import Path

from trader.config.meanings import ENVIRONMENT, MEANINGS
from trader.config.reference import described

ROOT = Path(__file__).resolve().parents[3]


def test_every_setting_has_its_meaning_and_every_meaning_its_setting() -> None:
    assert sorted(row.name for row in described()) == sorted(MEANINGS)


def test_a_meaning_says_something_in_one_line() -> None:
    for name, text in {**MEANINGS, **ENVIRONMENT}.items():
        assert 10 < len(text) < 110, name
        assert "\n" not in text


def test_every_variable_that_is_read_is_told() -> None:
    read = set()
    for path in (ROOT / "trader" / "config").glob("*.py"):
        text = path.read_text()
        read |= set(re.findall(r'environment\.get\(\s*"([A-Z_]+)"', text))
        read |= set(re.findall(r'_(?:count|fraction)\(environment, "([A-Z_]+)"', text))
    assert len(read) > 8
    assert read <= set(ENVIRONMENT)
