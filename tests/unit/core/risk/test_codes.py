"""The table of codes: stable names, one entry each, and something to do about every one."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from trader.core.risk.codes import CODES, HOLD_CODE, code_named
from trader.core.risk.gateway_codes import Code

ROOT = Path(__file__).resolve().parents[4]


@cache
def published() -> str:
    """Return the page that users have read."""
    return (ROOT / "docs" / "refusals.md").read_text(encoding="utf-8")


def test_every_code_stands_once() -> None:
    names = [row.code for row in CODES]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_an_entry_says_what_it_means_and_what_to_do(row: Code) -> None:
    assert re.fullmatch(r"[A-Z][A-Z_]+[A-Z]", row.code)
    assert row.sentence.endswith(".")
    assert row.remedy.endswith(".")
    assert row.example
    assert "\n" not in row.sentence + row.remedy + row.example


def test_the_table_is_what_was_published() -> None:
    """No entry is missing or new, and each stands under its topic."""
    topics = {
        "Identity": "identity",
        "Instrument": "instrument",
        "Form of the order": "form",
        "Price": "price",
        "Size of one order": "size",
        "Position": "position",
        "Cash": "cash",
        "Session": "session",
        "Rates": "rate",
        "Own orders": "wash",
        "Exposure of the account": "exposure",
        "Leverage and margin": "margin",
        "Brackets": "bracket",
        "Told by the gateway": "gateway",
    }
    found = []
    for section in published().split("\n## ")[1:]:
        title, _, text = section.partition("\n")
        found += [(code, topics[title]) for code in re.findall(r"^### (\w+)$", text, re.MULTILINE)]
    assert sorted(found) == sorted((row.code, row.topic) for row in CODES)


@pytest.mark.parametrize("row", CODES, ids=lambda row: row.code)
def test_an_entry_says_what_was_published(row: Code) -> None:
    """Word by word: who changes what a code says changes the page as well."""
    told = f"`{row.code}: {row.example}`\n- What to do: {row.remedy}\n"
    assert f"\n### {row.code}\n\n{row.sentence}\n\n- Example: {told}" in published()


def test_an_entry_is_found_by_its_code() -> None:
    found = code_named(HOLD_CODE)
    assert found is not None
    assert found.topic == "exposure"
    assert code_named("NOPE") is None


def test_what_is_wrong_with_a_number_has_the_codes_that_journals_hold() -> None:
    """They are made of a field and a way: spelled out, since a journal keeps them for years."""
    rows = {row.code: row for row in CODES if row.code.startswith(("QUANTITY_", "PRICE_"))}
    for field in ("QUANTITY", "PRICE"):
        for way, shown in (
            ("MISSING", "None"),
            ("BOOLEAN", "True"),
            ("NOT_A_NUMBER", "NaN"),
            ("INFINITE", "Infinity"),
            ("NEGATIVE", "-10"),
            ("ZERO", "0"),
            ("ABSURD", "1E+30"),
        ):
            row = rows.pop(f"{field}_{way}")
            assert row.topic == "form"
            assert row.example.startswith(f"{shown}, allowed is ")
    assert rows.keys() == {
        "QUANTITY_OFF_INCREMENT",
        "QUANTITY_MAX",
        "PRICE_UNWANTED",
        "PRICE_OFF_TICK",
        "PRICE_COLLAR",
    }
