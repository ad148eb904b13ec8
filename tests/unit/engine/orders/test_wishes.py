"""A digest seals what was asked for: the same words the same, any other word another."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from trader.core.halts import Mode
from trader.core.ids import OrderId
from trader.core.intents import OrderType, Side, TimeInForce
from trader.engine.orders.wishes import CancelWish, ChangeWish, Wish

D = Decimal
ORDER = Wish(
    "AAA", Side.BUY, D(10), OrderType.LIMIT, TimeInForce.DAY, D(100), None, False, Mode.PAPER, "r"
)
CHANGE = ChangeWish(OrderId(7), D(12), D("99.5"), None, Mode.PAPER, "r")
CANCEL = CancelWish(OrderId(7), Mode.PAPER, "r")
OTHERS: list[tuple[Any, dict[str, Any]]] = [
    (ORDER, {"side": Side.SELL}),
    (ORDER, {"reason": "s"}),
    (CHANGE, {"order_id": OrderId(8)}),
    (CHANGE, {"quantity": None}),
    (CHANGE, {"quantity": D(13)}),
    (CHANGE, {"limit_price": D("99.6")}),
    (CHANGE, {"limit_price": None, "stop_price": D("99.5")}),
    (CHANGE, {"mode": Mode.LIVE}),
    (CHANGE, {"reason": "s"}),
    (CANCEL, {"order_id": OrderId(8)}),
    (CANCEL, {"mode": Mode.LIVE}),
    (CANCEL, {"reason": "s"}),
]


@pytest.mark.parametrize(("wish", "other"), OTHERS)
def test_whatever_differs_the_digest_differs(wish: Any, other: dict[str, Any]) -> None:
    assert replace(wish, **other).digest() != wish.digest()


def test_digits_that_say_nothing_change_nothing() -> None:
    same = replace(CHANGE, quantity=D("12.00"), limit_price=D("99.500"))
    assert same.digest() == CHANGE.digest()


def test_no_two_kinds_of_wish_share_a_digest() -> None:
    bare = ChangeWish(OrderId(7), None, None, None, Mode.PAPER, "r")
    assert len({one.digest() for one in (ORDER, CHANGE, bare, CANCEL)}) == 4


def test_a_digest_is_thirty_two_hex_characters() -> None:
    for wish in (ORDER, CHANGE, CANCEL):
        assert len(wish.digest()) == 32
        assert int(wish.digest(), 16) >= 0
