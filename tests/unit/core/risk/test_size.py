"""The size of one order: the operator's exits may be larger, his entries may not."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from tests.unit.core.factories import a_book, an_intent, given
from tests.unit.core.policies import a_policy
from tests.unit.core.risk.cases import EXIT, asked_of, failures
from trader.core.risk.size import CHECKS

D = Decimal
TIGHT = a_policy(order__quantity_max=D(5), order__notional_max=D(500))
BOTH = ["QUANTITY_MAX", "NOTIONAL_MAX"]


def test_an_exit_of_a_strategy_is_sent_in_parts() -> None:
    assert failures(EXIT, given(a_book(held=10), policy=TIGHT)) == BOTH
    assert failures(replace(EXIT, quantity=D(5)), given(a_book(held=10), policy=TIGHT)) == []


def test_an_operators_exit_passes_and_his_entry_does_not() -> None:
    assert failures(EXIT, given(a_book(held=10), policy=TIGHT, is_operator=True)) == []
    assert failures(an_intent(90), given(a_book(held=10), policy=TIGHT, is_operator=True)) == BOTH


def test_each_check_is_asked_and_tells_its_own_code() -> None:
    assert asked_of(CHECKS) == ["QUANTITY_MAX", "NOTIONAL_MAX"]
