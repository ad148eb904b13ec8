"""Order ids grow for each client; an announcement changes what is told and nothing else."""

from __future__ import annotations

from trader.sim.gateway.orders.order_ids import OrderIds


def test_ids_grow_for_each_client_alone() -> None:
    ids = OrderIds()
    ids.use(7, 12)
    assert (ids.next(7), ids.next(8)) == (13, 1)
    assert ids.is_used(7, 12)
    assert not ids.is_used(7, 13)
    ids.use(7, 3)
    assert ids.next(7) == 13


def test_an_announced_id_frees_no_used_one() -> None:
    ids = OrderIds()
    ids.use(7, 12)
    ids.announced[7] = 5
    assert ids.next(7) == 5
    assert ids.is_used(7, 5)
    ids.use(7, 13)
    assert ids.next(7) == 14


def test_an_id_that_waits_with_its_order_may_be_used_once_although_others_passed_it() -> None:
    ids = OrderIds()
    ids.keep(7, 12)
    ids.use(7, 13)
    assert not ids.redeem(8, 12)
    assert not ids.redeem(7, 13)
    assert ids.redeem(7, 12)
    assert not ids.redeem(7, 12)
