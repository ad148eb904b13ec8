"""The VIX guard: steps at their edges, and the smallest share when nobody knows the VIX."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trader.core.breakers.allocation import (
    DEFAULT_STEPS,
    AllocationStep,
    allocation,
    contradictions,
)


@pytest.mark.parametrize(
    ("vix", "share"),
    [
        ("12", "1"),
        ("19.99", "1"),
        ("20", "0.75"),
        ("24.99", "0.75"),
        ("25", "0.5"),
        ("35", "0.25"),
        ("50", "0"),
        ("90", "0"),
    ],
)
def test_each_step_begins_at_its_level(vix: str, share: str) -> None:
    assert allocation(Decimal(vix), DEFAULT_STEPS) == Decimal(share)


@pytest.mark.parametrize("vix", [None, "NaN", "Infinity", "0", "-1", "1e20"])
def test_an_unknown_vix_counts_as_high(vix: str | None) -> None:
    assert allocation(None if vix is None else Decimal(vix), DEFAULT_STEPS) == 0


def test_without_steps_an_unknown_vix_leaves_nothing() -> None:
    assert allocation(None, ()) == 0
    assert allocation(Decimal(80), ()) == 1


@given(st.decimals(1, 100, places=2), st.decimals(1, 100, places=2))
def test_a_higher_vix_never_leaves_more(one: Decimal, other: Decimal) -> None:
    low, high = sorted((one, other))
    assert allocation(low, DEFAULT_STEPS) >= allocation(high, DEFAULT_STEPS)


def test_the_shipped_steps_do_not_contradict_themselves() -> None:
    assert contradictions(DEFAULT_STEPS) == ()


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        ([("0", "1")], "vix step at 0"),
        ([("NaN", "1")], "vix step at NaN"),
        ([("20", "1.1")], "vix share is 1.1"),
        ([("20", "-0.1")], "vix share is -0.1"),
        ([("20", "0.5"), ("20", "0.4")], "rising levels"),
        ([("20", "0.5"), ("30", "0.6")], "shares that never grow"),
    ],
)
def test_a_contradiction_is_named(steps: list[tuple[str, str]], problem: str) -> None:
    table = tuple(AllocationStep(Decimal(vix), Decimal(share)) for vix, share in steps)
    assert any(problem in line for line in contradictions(table))


@pytest.mark.parametrize(
    "steps",
    [
        [("0.5", "0.5")],
        [("20", "1")],
        [("20", "0.5"), ("30", "0.5")],
        [("20", "0")],
    ],
)
def test_steps_at_the_edge_of_what_is_allowed_are_taken(steps: list[tuple[str, str]]) -> None:
    rows = tuple(AllocationStep(Decimal(vix), Decimal(share)) for vix, share in steps)
    assert contradictions(rows) == ()


def test_a_share_that_is_no_number_is_named() -> None:
    (line,) = contradictions((AllocationStep(Decimal(20), Decimal("NaN")),))
    assert line == "vix share is NaN, allowed is 0 to 1"
