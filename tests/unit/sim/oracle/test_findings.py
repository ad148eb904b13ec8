"""Findings have a fixed order and one line each."""

from __future__ import annotations

import re
from pathlib import Path

from trader.sim.oracle.findings import Finding, Kind, Note, in_order


def test_they_come_by_kind_and_then_by_number() -> None:
    found = [
        Finding(Note.FOREIGN_ORDER, "client 0 order 0", "a"),
        Finding(Kind.CASH, "USD", "b"),
        Finding(Kind.ORDER_STATE, "client 7 order 10", "c"),
        Finding(Kind.ORDER_STATE, "client 7 order 9", "d"),
    ]
    assert [one.text for one in in_order(found)] == ["d", "c", "b", "a"]
    assert in_order(found[::-1]) == in_order(found)


def test_a_note_is_no_difference() -> None:
    assert Finding(Kind.CASH, "USD", "x").is_difference
    assert not Finding(Note.CASH_ROUNDING, "USD", "x").is_difference


def test_a_line_names_kind_and_subject() -> None:
    assert Finding(Kind.CASH, "USD", "differs").line == "cash  USD: differs"


def test_the_runbook_explains_every_kind() -> None:
    text = (Path(__file__).resolve().parents[4] / "RUNBOOK.md").read_text(encoding="utf-8")
    section = text.partition("### Compare with a simulator")[2].partition("\n## ")[0]
    told = [name for cell in re.findall(r"^\| (`.*?`) \|", section, re.M)
            for name in re.findall(r"`(\w+)`", cell)]  # fmt: skip
    assert told == [str(kind) for kind in Kind]


def test_no_kind_has_the_name_of_a_note() -> None:
    assert not {str(one) for one in Kind} & {str(one) for one in Note}
