"""Each requirement of the gate names the tests that prove it, and those tests are there."""

from __future__ import annotations

from pathlib import Path

from tests.requirements.table import expected_names, names_in, page, requirements

ROOT = Path(__file__).resolve().parents[2]


def test_every_requirement_has_one_entry_and_no_other_has() -> None:
    assert sorted(row.name for row in requirements()) == sorted(expected_names())
    areas = {name[:3] for name in expected_names()}
    assert areas == {
        "RUN",
        "CAP",
        "BRK",
        "ORD",
        "OPS",
        "EVT",
        "REC",
        "OBS",
        "QUA",
        "DAT",
        "STR",
        "DOC",
        "VAL",
    }
    assert len(expected_names()) == 94 + 85


def test_every_test_that_is_named_exists() -> None:
    missing = [
        f"{row.name}: {test}"
        for row in requirements()
        for test in row.tests
        if test.partition("::")[2] not in names_in(test.partition("::")[0])
    ]
    assert missing == []


def test_what_no_test_proves_is_said_in_a_sentence() -> None:
    silent = [row.name for row in requirements() if not row.tests and not row.open]
    assert silent == []
    texts = [text for row in requirements() for text in (row.rule, row.open) if text]
    assert [text for text in texts if len(text.split()) < 3 or not text.endswith(".")] == []


def test_no_test_is_named_twice_for_one_requirement() -> None:
    assert [row.name for row in requirements() if len(set(row.tests)) != len(row.tests)] == []


def test_the_page_is_the_one_that_the_script_would_write() -> None:
    assert (ROOT / "docs" / "requirements.md").read_text("utf-8") == page()
