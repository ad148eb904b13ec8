"""What is compared is what both were there for; all else is named with its reason."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.core.parity.records import S, span
from trader.core.parity.spans import Overlap, Places, Span, overlap, within


def rows(found: Overlap) -> list[tuple[int, int]]:
    return [(row.first_us // S, row.last_us // S) for row in found.common]


def gaps(found: Overlap) -> list[tuple[str, int, int, str]]:
    return [(g.party, g.first_us // S, g.last_us // S, g.why) for g in found.gaps]


def daemon(first_s: float, last_s: float, **changes: object) -> Span:
    return span(first_s, last_s, is_shadow=False, **changes)


def test_a_shadow_that_began_anew_is_two_stretches_and_the_time_without_it_is_named() -> None:
    found = overlap((span(10, 40), span(60, 120)), (daemon(0, 100),))
    assert rows(found) == [(10, 40), (60, 100)]
    assert [(party, first, why) for party, first, _, why in gaps(found)] == [
        ("b", 0, "the shadow was not there"),
        ("b", 40, "the shadow was not there"),
        ("a", 100, "the daemon was down"),
    ]


def test_the_daemon_that_was_down_is_named() -> None:
    found = overlap((span(0, 100),), (daemon(0, 30), daemon(50, 100)))
    assert rows(found) == [(0, 30), (50, 100)]
    assert gaps(found) == [("a", 30, 49, "the daemon was down")]


def test_the_beginning_of_each_process_can_be_left_out() -> None:
    found = overlap((span(10, 40), span(60, 65)), (daemon(0, 100),), warm_up_s=20)
    assert rows(found) == [(30, 40)]
    assert ("a", 10, 29, "left out as warm-up: the shadow had just begun anew") in gaps(found)


def test_a_process_that_may_not_be_compared_says_why_on_both_sides() -> None:
    dry = daemon(0, 50, mode="dry_run", problem="mode dry_run sends nothing")
    found = overlap((span(0, 100),), (dry, daemon(60, 100)))
    assert rows(found) == [(60, 100)]
    assert {row for row in gaps(found) if row[3] == dry.problem} == {
        ("a", 0, 59, dry.problem), ("b", 0, 50, dry.problem),
    }  # fmt: skip


def test_without_a_moment_in_common_there_is_nothing() -> None:
    found = overlap((span(0, 10),), (daemon(20, 30),))
    assert found.common == ()
    assert len(found.gaps) == 2


def test_days_that_are_not_asked_for_are_cut_off() -> None:
    assert within((span(0, 10), span(20, 90)), 15 * S, 40 * S) == (span(20, 40),)


@pytest.mark.parametrize(
    ("mode", "account", "evidence"),
    [
        ("demo", "DUSIM1", "simulator"), ("paper", "DUSIM1", "simulator"),
        ("shadow", "DU1", "paper"), ("paper", "DU1", "paper"), ("live", "U1", "live"),
        ("", "DU1", "unknown"), ("paper", "", "unknown"),
    ],
)  # fmt: skip
def test_evidence_is_told_by_the_account(mode: str, account: str, evidence: str) -> None:
    assert span(0, 1, mode=mode, account=account).evidence == evidence


def test_a_shadow_of_the_simulator_beside_a_paper_account_is_evidence_of_neither() -> None:
    (common,) = overlap((span(0, 9, account="DUSIM1"),), (daemon(0, 9),)).common
    assert common.evidence == "paper/simulator"


def test_a_strategy_is_compared_where_both_run_it() -> None:
    (common,) = overlap(
        (span(0, 9, strategies=("beta", "alpha")),), (daemon(0, 9, strategies=("alpha", "api")),)
    ).common
    assert common.strategies == ("alpha",)


stretches = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 20)), min_size=1, max_size=6).map(
    lambda steps: made(steps)
)


def made(steps: list[tuple[int, int]]) -> tuple[Span, ...]:
    found, at_s = [], 0
    for pause, length in steps:
        first = at_s + pause + 1
        found.append(span(first, first + length))
        at_s = first + length
    return tuple(found)


@given(stretches, stretches)
def test_each_moment_of_a_process_is_compared_or_left_out_and_never_both(
    a: tuple[Span, ...], b: tuple[Span, ...]
) -> None:
    found = overlap(a, b)
    places = Places(found)
    for party, spans in (("a", a), ("b", b)):
        for row in spans:
            for at_us in range(row.first_us, row.last_us + 1, S // 2):
                is_compared = places.common_at(at_us) is not None
                assert is_compared is (places.gap_at(party, at_us) is None)
                assert is_compared is all(
                    any(one.first_us <= at_us <= one.last_us for one in side) for side in (a, b)
                )
