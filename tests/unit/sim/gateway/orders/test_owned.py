"""Whose order is whose."""

from __future__ import annotations

from tests.unit.sim.broker.floors import aapl, make
from tests.unit.sim.support import Bench
from trader.sim.gateway.orders import owned
from trader.sim.gateway.orders.owned import Owned
from trader.sim.model.orders import Order, Status

ITEM = aapl(Bench())


def order(client_id: int, order_id: int, *, perm_id: int = 0, **changes: int) -> Order:
    one = make(ITEM, perm_id or 100 * client_id + order_id)
    one.client_id, one.order_id, one.status = client_id, order_id, Status.SUBMITTED
    one.parent_id = changes.get("parent_id", 0)
    return one


def test_a_client_knows_its_orders_by_its_own_ids() -> None:
    book = Owned()
    first, second = order(7, 1), order(8, 1)
    for one in (first, second):
        book.add(one)
    assert book.live(7, 1) is first
    assert book.everybodys(7, 1) is second
    assert book.of_client(8) == [second]
    book.end(first)
    assert book.live(7, 1) is None
    assert book.ended(7, 1) is first
    assert book.known(7, 1) is first
    assert book.known(7, 2) is None


def test_a_second_order_under_one_id_does_not_end_the_first() -> None:
    book = Owned()
    first, second = order(7, 1), order(7, 1, perm_id=9)
    book.add(first)
    book.end(second)
    assert book.live(7, 1) is first


def test_an_id_means_the_second_order_once_the_first_has_ended() -> None:
    """INC-085."""
    book = Owned()
    first, second, third = (order(7, 1, perm_id=number) for number in (1, 2, 3))
    book.add(first)
    book.add_beside(second)
    book.add_beside(third)
    assert book.live(7, 1) is first
    book.end(second)
    assert book.live(7, 1) is first
    book.end(first)
    assert book.live(7, 1) is third
    book.end(third)
    assert book.live(7, 1) is None
    assert book.ended(7, 1) is third


def test_a_family_goes_parents_first() -> None:
    book = Owned()
    child, parent, other = order(7, 5, parent_id=6), order(7, 6), order(7, 7, parent_id=6)
    stranger, sent = order(7, 8), order(7, 9, parent_id=6)
    for one in (child, parent, other, stranger, sent):
        one.is_staged = one is not sent
        book.add(one)
    assert book.family(other) == [parent, child, other]
    assert book.family(parent) == [parent, child, other]
    assert book.family(stranger) == [stranger]


def test_what_nobody_owns_gets_a_negative_id_once() -> None:
    book = Owned()
    first, second = order(0, 0, perm_id=1), order(0, 0, perm_id=2)
    book.add(first)
    book.add(second)
    assert book.of_client(0) == []
    assert [one.order_id for one in book.bind()] == [-1, -2]
    assert book.bind() == []
    assert book.live(0, -2) is second


def test_ended_orders_are_remembered_up_to_a_limit() -> None:
    book = Owned()
    for number in range(1, owned.ENDED_MAX + 3):
        book.end(order(7, number))
    assert book.ended(7, 2) is None
    assert book.ended(7, 3) is not None


def test_what_is_sent_is_kept_back_no_longer() -> None:
    book, parent, child = Owned(), order(7, 1), order(7, 2, parent_id=1)
    for one in (parent, child):
        one.is_staged = True
        book.add(one)
    book.send(parent)
    assert book.family(child) == [child]
    assert not parent.is_staged
