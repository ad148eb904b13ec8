"""What a comparison found is told to a person, and is a report's body."""

from __future__ import annotations

import json
from dataclasses import fields, replace

from tests.unit.core.parity.records import (
    FEW,
    NAMES,
    compared,
    filled,
    intent,
    refused,
    span,
)
from trader.core.parity.comparison import Parity
from trader.core.parity.spans import overlap
from trader.core.parity.verdict import Limits
from trader.ops.parity_text import parity_body, parity_lines


def found() -> Parity:
    spans = overlap((span(50, 400),), (span(0, 400, is_shadow=False),))
    a = [*filled(100, "alpha-1"), intent(200, "alpha-2"), *filled(300, "alpha-3")]
    b = [
        *filled(10, "alpha-1"),
        *filled(100, "alpha-2", "100.5"),
        refused(200, "alpha-3", "HALTED", "HALTED: operator: enough"),
        *filled(250, "alpha-4"),
        *filled(300, "alpha-5"),
    ]
    return compared(a, b, FEW, spans)


def told(parity: Parity, *, is_all: bool = False) -> list[str]:
    return parity_lines(parity, FEW, NAMES, "paper", is_all=is_all)


def test_the_verdict_comes_first_and_each_difference_has_its_line() -> None:
    lines = told(found())
    assert lines[:2] == [
        "shadow and daemon, 1970-01-01 00:00:50 to 1970-01-01 00:06:40 UTC; evidence: paper",
        "verdict     outside",
    ]
    at = lines.index("differences")
    assert lines[at + 1 :] == [
        "1970-01-01 00:01:40 shadow-alpha-1 and abc123-alpha-2 AAPL BUY 10 MKT: "
        "price 100 and 100.5",
        "1970-01-01 00:03:20 shadow-alpha-2 and abc123-alpha-3 AAPL BUY 10 MKT: verdict approved "
        "and refused (the daemon refused it: HALTED: operator: enough)",
        "1970-01-01 00:04:10 abc123-alpha-4 AAPL BUY 10 MKT: only in the daemon, approved, "
        "10 filled (why: not in the records)",
    ]
    (day,) = [line.split() for line in lines if line.startswith("1970-01-01  ")]
    assert day == ["1970-01-01", "outside", "4", "1", "0", "1", "2", "and", "3"]


def test_what_is_left_out_and_what_was_paid_is_told() -> None:
    lines = told(found())
    assert "left out    1 decision of the daemon: the shadow was not there" in lines
    assert any(line.endswith("of the daemon, 50 s: the shadow was not there") for line in lines)
    assert (
        "paid        the daemon paid 5.00 USD more than the shadow, over what both filled" in lines
    )
    assert any(line.startswith("compared    1970-01-01 00:00:50 to") for line in lines)
    assert "  1 of 3 pairs differ in verdict" in lines


def test_only_the_first_are_shown_unless_all_are_asked_for() -> None:
    rows = [intent(10.0 * number, f"alpha-{number}") for number in range(1, 31)]
    many = compared(rows, [])
    assert told(many)[-1] == "... and 10 more: --all lists them, the report has them"
    assert len(told(many, is_all=True)) == len(told(many)) + 9


def test_of_many_restarts_the_first_are_shown_and_how_many_there_were() -> None:
    shadows = tuple(span(100.0 * number, 100.0 * number + 50) for number in range(30))
    spans = overlap(shadows, (span(0, 3_000, is_shadow=False),))
    rows = [*filled(60, "alpha-1"), *filled(120, "alpha-2")]
    many = compared(rows[3:], rows, FEW, spans)
    lines = told(many)
    assert sum(line.startswith("compared") for line in lines) == 20
    assert "... 30 stretches and 30 gaps in all: --all lists them" in lines
    everything = told(many, is_all=True)
    assert sum(line.startswith("compared") for line in everything) == 30
    assert "left out    1970-01-01 00:01:00 abc123-alpha-1: the shadow was not there" in everything


def test_a_clock_that_was_set_back_and_pairs_without_a_commission_are_told() -> None:
    parity = found()
    odd = replace(parity, stepped_back=2, total=replace(parity.total, unpriced=3))
    lines = told(odd)
    assert any(line.startswith("clock       2 rows lie before") for line in lines)
    assert any(line.startswith("unpriced    3 pairs") for line in lines)


def test_the_body_has_everything_as_json() -> None:
    parity = found()
    body = json.loads(json.dumps(parity_body(parity, FEW, NAMES), allow_nan=False))
    assert body["verdict"] == "outside"
    assert body["limits"].keys() == {row.name for row in fields(Limits)}
    assert (body["limits"]["decisions_min"], body["limits"]["price_bps_max"]) == (1, "10")
    assert [row["kind"] for row in body["findings"]] == ["differs", "differs", "only_b"]
    assert body["findings"][1]["differences"] == [
        {"field": "verdict", "a": "approved", "b": "refused"}
    ]
    assert body["findings"][1]["b"]["code"] == "HALTED"
    assert body["left_out"] == [{"party": "b", "decisions": 1, "why": "the shadow was not there"}]
    (aside,) = body["left_out_decisions"]
    assert (aside["party"], aside["intent_id"]) == ("b", "abc123-alpha-1")
    assert body["days"][0]["day"] == "1970-01-01"
    assert body["total"]["price_bps"] == {"count": 2, "a": "0", "b": "25", "apart_max": "50"}
    assert body["compared"][0]["accounts"] == {"a": "DU1", "b": "DU1"}
    names = {check["name"]: check for check in body["total"]["checks"]}
    assert names["price_bps"]["has_passed"] is False
    assert names["unpaired_share"]["value"] == "0.25"
