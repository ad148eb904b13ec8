"""An approval proves that the review made it, and an order cannot be made from another one."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.core.factories import (
    CLIENT,
    SELL,
    a_book,
    an_id,
    an_instrument,
    an_intent,
    given,
    terms_of,
)
from trader.core.ids import OrderId, order_ref
from trader.core.risk import Approved, ApprovedOrder, review

D = Decimal


def test_an_approval_can_only_be_made_by_the_review() -> None:
    """CAP-03."""
    with pytest.raises(AssertionError, match="review only"):
        Approved(an_intent(), (), an_instrument(), D(100), object())


@pytest.mark.parametrize("change", [{"quantity": D(11)}, {"side": SELL}, {"intent_id": an_id(2)}])
def test_an_order_cannot_be_made_from_another_approval(change: dict[str, Any]) -> None:
    approval = review(an_intent(), given(a_book()))
    assert isinstance(approval, Approved)
    ref = order_ref(an_id())
    good = terms_of(an_intent())
    assert ApprovedOrder(approval, OrderId(1), CLIENT, ref, good).terms is good
    with pytest.raises(AssertionError):
        ApprovedOrder(approval, OrderId(1), CLIENT, ref, replace(good, **change))
