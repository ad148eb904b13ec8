"""Two runs are held against each other row by row, and every difference is found and explained."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.parity.records import (
    ALWAYS_B,
    DAY_S,
    FEW,
    D,
    S,
    compared,
    filled,
    intent,
    refused,
    span,
)
from trader.core.decisions import Row
from trader.core.parity.comparison import LISTED_MAX, Parity, merged
from trader.core.parity.differing import Finding
from trader.core.parity.spans import overlap
from trader.core.parity.verdict import Limits, Verdict


def kinds(found: Parity) -> list[tuple[str, str]]:
    return [(row.kind, name(row)) for row in found.findings]


def name(row: Finding) -> str:
    one = row.b or row.a
    assert one is not None
    return one.intent_id


def round_trip(at_s: float, number: int, strategy: str = "alpha", price: str = "100") -> list[Row]:
    """Return a purchase and the exit of it ten seconds later."""
    changes: dict[str, Any] = {"side": "SELL", "is_reduce_only": "true"}
    return [
        *filled(at_s, f"{strategy}-{number}", price),
        *filled(at_s + 10, f"{strategy}-{number + 1}", price, **changes),
    ]


def ordered(rows: Sequence[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: int(row["at_us"]))


def test_two_that_are_the_same_have_no_difference() -> None:
    rows = [*round_trip(100, 1), *round_trip(200, 3)]
    spans = overlap((span(0, 1_000),), ALWAYS_B)
    found = compared(rows, rows, FEW, spans)
    assert (found.verdict, found.findings) == (Verdict.WITHIN, ())
    assert (found.total.pairs, found.total.fills_a, found.total.fills_b) == (4, 4, 4)
    assert found.total.amounts["USD"].result == {"a": -4, "b": -4}
    assert found.total.amounts["USD"].commission == {"a": 4, "b": 4}


def test_a_refusal_and_all_that_follows_from_it_are_explained() -> None:
    """The daemon refused an entry: the shadow's exit of it has no partner, and says since when."""
    a = [*round_trip(100, 1), *round_trip(200, 3)]
    b = [refused(100, "alpha-1", "QUOTE_UNUSABLE", "QUOTE_UNUSABLE: age 12 s"), *round_trip(200, 2)]
    found = compared(a, b)
    assert kinds(found) == [("differs", "abc123-alpha-1"), ("only_a", "shadow-alpha-2")]
    first, second = found.findings
    assert first.differences[0] == ("verdict", "approved", "refused")
    assert first.why == "the daemon refused it: QUOTE_UNUSABLE: age 12 s"
    assert second.why == (
        "held were 10 in the shadow, 0 in the daemon, since shadow-alpha-1 filled in the shadow"
    )


def test_what_parted_before_and_has_met_again_is_not_named() -> None:
    a = [*round_trip(100, 1), *round_trip(300, 3)]
    b = [refused(100, "alpha-1", "HALTED", ""), refused(300, "alpha-2", "HALTED", "")]
    whys = [row.why.partition("since ")[2] for row in compared(a, b).findings]
    assert whys == [
        "", "shadow-alpha-1 filled in the shadow", "", "shadow-alpha-3 filled in the shadow",
    ]  # fmt: skip


def test_a_decision_is_of_its_day_and_all_days_are_judged() -> None:
    rows = [*round_trip(100, 1), *round_trip(DAY_S + 100, 3)]
    spans = overlap((span(0, 3 * DAY_S - 1),), ALWAYS_B)
    found = compared(rows, rows[:3], replace(FEW, decisions_min=2), spans)
    assert [(day.day, day.verdict, day.tally.decisions) for day in found.days] == [
        ("1970-01-01", Verdict.OUTSIDE, 2),
        ("1970-01-02", Verdict.OUTSIDE, 2),
        ("1970-01-03", Verdict.INSUFFICIENT, 0),
    ]
    assert found.verdict is Verdict.OUTSIDE
    assert sum(day.tally.decisions for day in found.days) == found.total.decisions


def test_what_only_one_was_there_for_is_counted_with_its_reason_and_not_judged() -> None:
    spans = overlap((span(150, 400),), (span(0, 300, is_shadow=False),))
    b = [*round_trip(100, 1), *round_trip(200, 3)]
    found = compared([*round_trip(200, 1), *filled(350, "alpha-3")], b, FEW, spans)
    assert [(row.party, row.decisions, row.why) for row in found.left_out] == [
        ("a", 1, "the daemon was down"),
        ("b", 2, "the shadow was not there"),
    ]
    assert (found.total.pairs, found.findings) == (2, ())
    assert [(row.party, row.intent_id) for row in found.asides] == [
        ("b", "abc123-alpha-1"), ("b", "abc123-alpha-2"), ("a", "shadow-alpha-3"),
    ]  # fmt: skip


def test_a_shadow_that_began_anew_does_not_hold_what_the_daemon_does() -> None:
    spans = overlap((span(0, 104), span(106, 400)), (span(0, 400, is_shadow=False),))
    rows = round_trip(100, 1)
    found = compared(rows[:3], rows, FEW, spans)
    assert kinds(found) == [("only_b", "abc123-alpha-2")]
    assert found.findings[0].why.startswith(
        "it closes what the daemon held before 1970-01-01 00:01"
    )


def test_intents_of_a_shadow_that_began_anew_have_the_same_names_again() -> None:
    spans = overlap((span(0, 150), span(160, 400)), (span(0, 400, is_shadow=False),))
    a = [*filled(100, "alpha-1"), *filled(200, "alpha-1", "101")]
    b = [*filled(100, "alpha-1"), *filled(200, "alpha-2", "101")]
    found = compared(a, b, FEW, spans)
    assert (found.total.pairs, found.findings) == (2, ())


def test_orders_of_no_strategy_of_both_are_left_out() -> None:
    rows = filled(100, "alpha-1")
    found = compared(rows, [*rows, *filled(120, "api-1")])
    assert [(row.party, row.why) for row in found.left_out] == [
        ("b", "api: it does not run on both sides")
    ]
    assert (found.total.decisions, found.total.fills_b) == (1, 1)


def test_a_strategy_that_stopped_is_why_the_other_goes_on_alone() -> None:
    stopped: Row = {"kind": "stopped", "at_us": 90 * S, "strategy": "alpha", "text": "ValueError"}
    found = compared([stopped], filled(100, "alpha-1"))
    assert found.findings[0].why == "the shadow's strategy had stopped: ValueError"


def test_nothing_is_no_verdict() -> None:
    found = compared([], [])
    assert (found.verdict, found.reasons) == (
        Verdict.INSUFFICIENT, ("0 decisions, needed are 1",),
    )  # fmt: skip
    few = compared(round_trip(1, 1), round_trip(1, 1), Limits())
    assert few.verdict is Verdict.INSUFFICIENT


def test_a_commission_and_a_fill_that_come_late_still_count() -> None:
    a = [*filled(100, "alpha-1")]
    b = [a[0], a[1] | {"at_us": 400 * S}, a[2] | {"at_us": 900 * S}]
    # So much later that the look in between has gone by.
    later = filled(1_200, "alpha-2")
    found = compared([*a, *later], [*b, *later])
    assert (found.total.unpriced, found.total.fill_share.gap) == (0, D(0))
    assert found.total.fill_s.b == D("300.1")


def test_what_is_decided_last_of_all_is_not_judged_by_fills_that_nobody_saw() -> None:
    """The shadow has ended before the daemon's order could fill; an hour earlier it counts."""
    spans = overlap((span(0, 5_000),), ALWAYS_B)
    cases: tuple[tuple[float, int, list[str]], ...] = ((4_990, 1, []), (1_400, 0, ["differs"]))
    for at_s, cut, listed in cases:
        rows = filled(at_s, "alpha-1")
        found = compared(rows, rows[:1], FEW, spans)
        assert (found.total.pairs, found.total.cut) == (1, cut)
        assert [row.kind for row in found.findings] == listed
        assert found.total.fill_share.count == 1 - cut


def test_a_clock_that_was_set_back_is_told() -> None:
    rows = [*filled(100, "alpha-1"), *filled(40, "alpha-2")]
    assert compared(rows, rows).stepped_back == 2


def test_no_more_is_listed_than_a_report_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    assert LISTED_MAX >= 1_000
    monkeypatch.setattr("trader.core.parity.comparison.LISTED_MAX", 2)
    found = compared([intent(10.0 * n, f"alpha-{n}") for n in range(1, 6)], [])
    assert (len(found.findings), found.unlisted, found.total.only_a) == (2, 3, 5)


def test_what_is_kept_does_not_grow_with_how_long_it_was() -> None:
    def kept(count: int) -> int:
        rows = [row for n in range(count) for row in round_trip(30.0 * n, 2 * n + 1)]
        found = compared(rows, rows)
        assert found.total.pairs == 2 * count
        return found.kept_max

    # Ten minutes of what is over, a minute between two looks, on both sides.
    assert kept(100) < 200
    assert kept(1_000) < 200


def test_rows_are_taken_whichever_is_earlier() -> None:
    a, b = [intent(1), intent(5)], [intent(2), intent(3)]
    assert [(party, int(row["at_us"]) // S) for party, row in merged(a, b)] == [
        ("a", 1), ("b", 2), ("b", 3), ("a", 5),
    ]  # fmt: skip
    assert list(merged([], [])) == []


# ---- properties

sides = st.sampled_from(["BUY", "SELL"])
decisions = st.lists(
    st.tuples(
        st.sampled_from(["alpha", "beta"]), sides, st.integers(1, 40), st.booleans(),
        st.sampled_from(["100", "100.5", "99"]),
    ),
    max_size=25,
)  # fmt: skip


def run_of(drawn: list[tuple[str, str, int, bool, str]]) -> list[tuple[Row, ...]]:
    """Return decisions of two strategies, each with what came of it, in the order of time."""
    found, at_s = [], {"alpha": 0.0, "beta": 0.5}
    for number, (strategy, side, pause_s, is_filled, price) in enumerate(drawn, 1):
        at_s[strategy] += pause_s
        changes: dict[str, Any] = {"side": side, "symbol": "AAPL"}
        rows = filled(at_s[strategy], f"{strategy}-{number}", price, **changes)
        found.append(rows if is_filled else rows[:1])
    return found


def flat(run: Sequence[tuple[Row, ...]]) -> list[Row]:
    return ordered([row for rows in run for row in rows])


@given(decisions)
def test_whatever_was_decided_a_run_is_the_same_as_itself(drawn: Any) -> None:
    rows = flat(run_of(drawn))
    found = compared(rows, rows)
    assert found.findings == ()
    assert (found.total.only_a, found.total.only_b, found.total.differing) == (0, 0, 0)
    assert found.total.pairs == len(drawn)
    for amounts in found.total.amounts.values():
        assert amounts.result["a"] == amounts.result["b"]


@given(decisions.filter(len), st.data())
def test_without_one_decision_exactly_that_one_has_no_partner(
    drawn: Any, data: st.DataObject
) -> None:
    run = run_of(drawn)
    gone = data.draw(st.integers(0, len(run) - 1))
    missing = run[gone][0]["intent_id"]
    rest = flat([rows for place, rows in enumerate(run) if place != gone])
    found = compared(flat(run), rest)
    assert [row.a.intent_id for row in found.findings if row.a and not row.b] == [missing]
    assert (found.total.only_a, found.total.only_b) == (1, 0)
    assert found.total.differing == 0
    back = compared(rest, flat(run))
    assert (back.total.only_a, back.total.only_b) == (0, 1)


@given(decisions, decisions)
def test_strategies_are_compared_each_by_itself(one: Any, other: Any) -> None:
    a, b = flat(run_of(one)), flat(run_of(other))
    both = compared(a, b)

    def alone(strategy: str) -> Parity:
        def own(rows: list[Row]) -> list[Row]:
            names = {str(row.get("exec_id")) for row in rows if row.get("strategy") == strategy}
            return [
                row for row in rows
                if row.get("strategy") == strategy
                or (row["kind"] == "commission" and row["exec_id"] in names)
            ]  # fmt: skip

        return compared(own(a), own(b))

    parts = [alone("alpha"), alone("beta")]
    found = [row for part in parts for row in part.findings]
    assert {(r.kind, name(r), r.why, r.differences) for r in both.findings} == {
        (r.kind, name(r), r.why, r.differences) for r in found
    }
    assert both.total.decisions == sum(part.total.decisions for part in parts)
    assert both.total.by_field == {
        key: sum(part.total.by_field.get(key, 0) for part in parts) for key in both.total.by_field
    }


@given(decisions, decisions, st.randoms(use_true_random=False))
def test_the_order_of_rows_of_different_strategies_changes_nothing(
    one: Any, other: Any, random: Any
) -> None:
    """Those of one moment of different strategies may come in any order."""
    runs = [run_of(one), run_of(other)]
    # Both strategies decide at the same moments.
    rows = [flat([tuple(_whole(row) for row in rows) for rows in run]) for run in runs]
    mixed = []
    for side in rows:
        ranked = [(int(row["at_us"]), random.random(), row) for row in side]
        moved = sorted(ranked, key=lambda entry: entry[:2])
        mixed.append(_each_in_its_order(side, [row for _, _, row in moved]))
    assert compared(mixed[0], mixed[1]) == compared(rows[0], rows[1])


def _whole(row: Row) -> Row:
    return row | {"at_us": int(row["at_us"]) // S * S}


def _each_in_its_order(rows: list[Row], moved: list[Row]) -> list[Row]:
    """Return the strategies in the places of ``moved``, and the rows of each as they were."""
    left = {key: [row for row in rows if _owner(row) == key] for key in {*map(_owner, rows)}}
    return [left[_owner(row)].pop(0) for row in moved]


def _owner(row: Row) -> str:
    return str(row.get("strategy") or str(row["exec_id"]).partition("-")[0])
