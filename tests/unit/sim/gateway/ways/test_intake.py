"""Incoming messages are picked by what they are about, and each rule counts its own."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.support import contract, place_fields
from trader.sim.gateway.ways.intake import Ignore, IntakeRule, find, own_id, value_of


def words(*fields: object) -> list[str]:
    return [str(field) for field in fields]


PLACE = words(*place_fields(7))
CANCEL = words(4, 1, 7, "")
DETAILS = words(9, 8, 5, *contract(), 0, "", "", "")


def rule(message_id: int = 3, **more: Any) -> IntakeRule:
    return IntakeRule("r", message_id, Ignore(), **more)


@pytest.mark.parametrize(
    ("fields", "sv", "ident"),
    [
        (PLACE, 178, 7),
        (CANCEL, 178, 7),
        (words(4, 7, "", "", ""), 192, 7),
        (DETAILS, 178, 5),
        (words(49, 1), 178, -1),
        (words(3), 178, -1),
    ],
)
def test_a_message_tells_its_own_id(fields: list[str], sv: int, ident: int) -> None:
    assert own_id(fields, sv) == ident


def test_values_are_found_by_name_or_place() -> None:
    assert value_of(PLACE, "symbol", 178) == "AAPL"
    assert value_of(PLACE, "3", 178) == "AAPL"
    assert value_of(PLACE, "nothing", 178) == ""
    assert value_of(DETAILS, "secType", 178) == "STK"


@pytest.mark.parametrize(
    ("more", "is_change", "is_met"),
    [
        ({}, False, True),
        ({"kind": "new"}, False, True),
        ({"kind": "new"}, True, False),
        ({"kind": "change"}, True, True),
        ({"kind": "change"}, False, False),
        ({"client_id": 1}, False, True),
        ({"client_id": 2}, False, False),
        ({"where": (("symbol", "AAPL"),)}, False, True),
        ({"where": (("symbol", "IBM"),)}, False, False),
        ({"message_id": 4}, False, False),
        ({"left": 0}, False, False),
    ],
)
def test_a_rule_means_what_it_says(more: dict[str, Any], is_change: bool, is_met: bool) -> None:
    found = find([rule(**more)], PLACE, 178, 1, is_change=is_change)
    assert (found is not None) is is_met


def test_a_rule_passes_over_the_first_and_is_used_up() -> None:
    rules = [rule(skip=2, left=2)]
    met = [find(rules, PLACE, 178, 1, is_change=False) is not None for _ in range(6)]
    assert met == [False, False, True, True, False, False]
    assert rules == []


def test_the_first_rule_that_means_a_message_has_it() -> None:
    first, second = rule(left=1), rule(left=None)
    rules = [first, second]
    assert find(rules, PLACE, 178, 1, is_change=False) is first
    assert find(rules, PLACE, 178, 1, is_change=False) is second
    assert rules == [second]
