"""The levels of findings, and what the whole of them amounts to."""

from __future__ import annotations

import pytest

from trader.doctor.findings import UNSEEN, Finding, counts, exit_code, fail, ok, unknown, warn


@pytest.mark.parametrize(
    ("found", "code"),
    [
        ([ok("a", "x")], 0),
        ([ok("a", "x"), warn("b", "x", "y", "z")], 1),
        ([ok("a", "x"), fail("b", "x", "y", "z")], 1),
        ([ok("a", "x"), unknown("b", "x")], 1),
        ([], 0),
    ],
)
def test_only_what_was_looked_at_and_is_well_is_code_0(found: list[Finding], code: int) -> None:
    assert exit_code(found) == code


def test_every_level_is_counted() -> None:
    assert counts([ok("a", "x"), unknown("b", "x"), unknown("c", "x")]) == {
        "ok": 1, "warn": 0, "fail": 0, "unknown": 2,
    }  # fmt: skip


def test_what_no_look_can_tell_is_named() -> None:
    assert any("bypass" in text for text in UNSEEN)
    assert any("10349" in text for text in UNSEEN)
