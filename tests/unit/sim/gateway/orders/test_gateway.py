"""Client ids, order ids, ownership, and what happens while the broker link is cut."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.unit.sim.support import Bench, request
from trader.sim.gateway.orders.gateway import CLIENTS_MAX
from trader.sim.gateway.orders.validation import Refusal
from trader.sim.model.instruments import ContractQuery, Leg
from trader.sim.model.orders import Order, Status

RESTING: dict[str, Any] = {"order_type": "LMT", "limit_price": Decimal(50)}


def code(refusal: Refusal | None) -> int | None:
    return None if refusal is None else refusal.code


def test_the_next_order_id_is_the_highest_used_plus_one_for_each_client() -> None:
    bench = Bench()
    assert bench.gateway.next_order_id(7) == 1
    bench.gateway.place(7, request(12, **RESTING))
    assert (bench.gateway.next_order_id(7), bench.gateway.next_order_id(8)) == (13, 1)


def test_a_used_or_lower_order_id_is_a_duplicate() -> None:
    bench = Bench()
    bench.gateway.place(7, request(5))
    assert code(bench.gateway.place(7, request(5))) == 103
    assert code(bench.gateway.place(7, request(4))) == 103
    assert code(bench.gateway.place(8, request(4))) is None


def test_an_announced_lower_id_does_not_free_used_ones() -> None:
    bench = Bench()
    bench.gateway.place(7, request(5))
    bench.gateway.announced_id[7] = 3
    assert bench.gateway.next_order_id(7) == 3
    assert code(bench.gateway.place(7, request(3))) == 103
    assert code(bench.gateway.place(7, request(6))) is None
    assert bench.gateway.next_order_id(7) == 7


def test_a_live_order_is_changed_by_its_own_id() -> None:
    bench = Bench()
    bench.gateway.place(7, request(1, **RESTING))
    bench.gateway.place(7, request(1, order_type="LMT", limit_price=Decimal(60)))
    (order,) = bench.exchange.working()
    assert order.limit_price == Decimal(60)
    assert [frame.is_change for frame in bench.gateway.place_frames] == [False, True]


def test_a_combination_may_be_kept_with_its_legs_in_another_order() -> None:
    bench = Bench()
    bench.gateway.rules.rewrites_combos = True
    legs = (Leg(265598, 1, "BUY", "SMART"), Leg(8314, 1, "SELL", "SMART"))
    asked: dict[str, Any] = {
        "contract": ContractQuery(sec_type="BAG", exchange="SMART", currency="USD", legs=legs),
        "order_type": "LMT", "limit_price": Decimal(-400), "quantity": Decimal(1),
    }  # fmt: skip
    prices = (Decimal(1), Decimal(2))
    bench.gateway.place(7, request(1, **asked, leg_prices=prices))
    (order,) = bench.exchange.working()
    assert (order.instrument.legs, order.terms.leg_prices) == (legs[::-1], prices[::-1])
    assert code(bench.gateway.place(7, request(1, **asked))) == 105


def test_a_client_cancels_only_its_own_orders() -> None:
    bench = Bench()
    bench.gateway.place(7, request(1, **RESTING))
    assert code(bench.gateway.cancel(8, 1)) == 10147
    assert bench.exchange.working()
    assert code(bench.gateway.cancel(7, 1)) is None
    assert code(bench.gateway.cancel(7, 1)) == 10148
    assert not bench.exchange.working()


def test_a_cancel_that_crosses_the_fill_is_answered_161() -> None:
    bench = Bench(ack_s=(0.01, 0.01))
    peer = bench.client(7)
    bench.pin("AAPL", "200.00")
    bench.gateway.place(7, request(1, order_type="LMT", limit_price=Decimal(190)))
    bench.clock.advance(0.02)
    bench.gateway.cancel(7, 1)
    bench.pin("AAPL", "180.00")
    bench.clock.advance(0.02)
    errors = [fields[3] for fields in peer.frames() if fields[0] == "4" and fields[2] == "1"]
    assert errors == ["161"]


def test_requests_reach_the_broker_in_the_order_they_came() -> None:
    bench = Bench(ack_s=(0.001, 0.100))
    for number in range(1, 30):
        bench.gateway.place(7, request(number, **RESTING))
    bench.clock.advance(1)
    assert [order.order_id for order in bench.exchange.working()] == list(range(1, 30))


def test_a_global_cancel_takes_every_client_s_orders() -> None:
    bench = Bench()
    first, second = bench.client(7), bench.client(8)
    bench.gateway.place(7, request(1, **RESTING))
    bench.gateway.place(8, request(1, **RESTING))
    bench.gateway.cancel_all(7)
    assert not bench.exchange.working()
    for peer in (first, second):
        assert peer.frames()[-1][3] == "202"


def test_a_cut_link_holds_both_directions_and_lets_go_in_order() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.pin("AAPL", "200.00")
    bench.gateway.place(7, request(1, order_type="LMT", limit_price=Decimal(190)))
    peer.frames()
    bench.faults.is_upstream_down = True
    bench.gateway.place(7, request(2, **RESTING))
    bench.pin("AAPL", "180.00")
    assert [order.order_id for order in bench.exchange.orders.values()] == [1]
    assert next(iter(bench.exchange.orders.values())).status is Status.FILLED
    assert peer.frames() == []
    bench.gateway.restore_link(data_lost=False)
    assert peer.ids()[0] == 11
    assert [order.order_id for order in bench.exchange.orders.values()] == [1, 2]


def test_fills_can_be_delivered_although_the_link_is_flagged_as_lost() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.pin("AAPL", "200.00")
    bench.gateway.place(7, request(1, order_type="LMT", limit_price=Decimal(190)))
    peer.frames()
    bench.faults.is_upstream_down = bench.faults.is_delivering = True
    bench.pin("AAPL", "180.00")
    assert 11 in peer.ids()


def test_a_swallowed_order_is_recorded_and_never_answered() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.faults.swallow["placeOrder"].count = 1
    bench.gateway.place(7, request(1))
    assert (peer.frames(), len(bench.exchange.orders)) == ([], 0)
    assert len(bench.gateway.place_frames) == 1
    assert bench.gateway.next_order_id(7) == 1


def test_a_swallowed_order_may_be_in_the_book_all_the_same() -> None:
    bench = Bench()
    peer = bench.client(7)
    swallow = bench.faults.swallow["placeOrder"]
    swallow.count, swallow.register = 1, True
    bench.gateway.place(7, request(1))
    assert peer.frames() == []
    assert [order.status for order in bench.exchange.orders.values()] == [Status.FILLED]
    bench.gateway.place(7, request(2))
    assert peer.ids()[:2] == [5, 3]


def test_commission_reports_can_be_withheld() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.faults.commissions = "never"
    bench.gateway.place(7, request(1))
    assert 59 not in peer.ids()


def test_a_read_only_gateway_refuses_orders_with_321() -> None:
    bench = Bench()
    bench.gateway.is_read_only = True
    assert code(bench.gateway.place(7, request(1))) == 321
    assert len(bench.gateway.place_frames) == 1
    assert not bench.exchange.orders


def test_the_thirty_third_client_is_refused() -> None:
    bench = Bench()
    for number in range(CLIENTS_MAX):
        bench.client(number + 1)
    assert len(bench.gateway.clients) == CLIENTS_MAX
    client = next(iter(bench.gateway.clients.values()))
    assert code(bench.gateway.admit(99, client)) == 507


def test_a_busy_client_id_is_refused_until_its_time() -> None:
    bench = Bench()
    client = bench.client(1).session
    bench.faults.busy_until_s[5] = bench.clock.monotonic() + 10
    assert code(bench.gateway.admit(5, client)) == 326
    bench.clock.advance(11)
    assert code(bench.gateway.admit(5, client)) is None


def test_an_order_without_tif_is_live_with_10349() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.gateway.place(7, request(1, tif="", **RESTING))
    assert peer.frames()[0][3] == "10349"
    assert bench.exchange.working()[0].tif == "DAY"


# -- orders kept back, families ------------------------------------------------------------------


def test_an_order_that_is_not_transmitted_is_not_heard_of() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.gateway.place(7, request(1, transmit=False, **RESTING))
    assert (peer.frames(), bench.exchange.working(), bench.gateway.orders_of(7)) == ([], [], [])
    assert bench.gateway.next_order_id(7) == 2
    bench.gateway.place(7, request(1, order_type="LMT", limit_price=Decimal(51)))
    (order,) = bench.exchange.working()
    assert order.limit_price == 51
    assert peer.ids()[:2] == [5, 3]


def test_the_last_child_sends_the_whole_bracket() -> None:
    bench = Bench()
    bench.pin("AAPL", "200.00")
    bench.gateway.place(7, request(1, transmit=False, **RESTING))
    exit_terms: dict[str, Any] = {"action": "SELL", "parent_id": 1}
    bench.gateway.place(
        7, request(2, transmit=False, order_type="LMT", limit_price=Decimal(300), **exit_terms)
    )
    assert bench.exchange.working() == []
    bench.gateway.place(7, request(3, order_type="STP", aux_price=Decimal(40), **exit_terms))
    parent, target, stop = bench.exchange.working()
    assert [o.order_id for o in (parent, target, stop)] == [1, 2, 3]
    assert (target.why_held, stop.why_held) == ("child", "child,trigger")
    assert {o.terms.oca_group for o in (target, stop)} == {str(parent.perm_id)}
    assert {o.parent_perm_id for o in (target, stop)} == {parent.perm_id}


def test_a_child_without_its_parent_is_refused() -> None:
    bench = Bench()
    assert code(bench.gateway.place(7, request(2, parent_id=1, **RESTING))) == 10006


def test_an_order_that_never_left_is_discarded_with_its_children() -> None:
    bench = Bench()
    peer = bench.client(7)
    bench.gateway.place(7, request(1, transmit=False, **RESTING))
    bench.gateway.place(7, request(2, transmit=False, parent_id=1, action="SELL", **RESTING))
    bench.gateway.cancel(7, 1)
    frames = peer.frames()
    assert [f[2] for f in frames if f[0] == "3"] == ["ApiCancelled", "ApiCancelled"]
    assert [f[3] for f in frames if f[0] == "4"] == ["202", "202"]
    assert bench.exchange.orders == {}


def test_a_change_of_a_child_may_be_refused_because_its_parent_is_gone() -> None:
    bench = Bench()
    bench.pin("AAPL", "200.00")
    bench.gateway.place(7, request(1))
    bench.gateway.place(
        7, request(2, parent_id=1, action="SELL", order_type="STP", aux_price=Decimal(40))
    )
    again = request(2, parent_id=1, action="SELL", order_type="STP", aux_price=Decimal(41))
    bench.gateway.rules.refuses_gone_parent = True
    assert code(bench.gateway.place(7, again)) == 135
    (stop,) = bench.exchange.working()
    assert stop.aux_price == 40
    bench.gateway.rules.refuses_gone_parent = False
    assert bench.gateway.place(7, again) is None
    assert stop.aux_price == 41


def test_a_change_that_cannot_be_paid_for_leaves_the_order_as_it_was() -> None:
    bench = Bench(cash=Decimal(10_000))
    peer = bench.client(7)
    bench.gateway.place(7, request(1, **RESTING))
    peer.frames()
    more = request(1, order_type="LMT", limit_price=Decimal(50), quantity=Decimal(10**6))
    bench.gateway.place(7, more)
    (error,) = peer.frames()
    assert error[2:4] == ["1", "201"]
    (order,) = bench.exchange.working()
    assert order.quantity == 100


def test_an_ended_id_may_come_back_as_a_new_order() -> None:
    bench = Bench()
    bench.gateway.place(7, request(1))
    assert code(bench.gateway.place(7, request(1))) == 103
    bench.gateway.rules.revives_ended_ids = True
    assert bench.gateway.place(7, request(1)) is None
    assert len(bench.exchange.orders) == 2


# -- other people's orders ---------------------------------------------------------------------


def test_a_foreign_cancel_may_work_and_is_told_to_both() -> None:
    bench = Bench()
    bench.gateway.rules.allows_foreign_cancel = True
    owner, stranger = bench.client(7), bench.client(8)
    bench.gateway.place(7, request(1, **RESTING))
    owner.frames()
    assert bench.gateway.cancel(8, 1) is None
    for peer, client_id in ((owner, "7"), (stranger, "8")):
        status, error = peer.frames()
        assert (status[2], status[9], error[3]) == ("Cancelled", client_id, "202")


def test_foreign_ids_may_be_hidden() -> None:
    bench = Bench()
    bench.gateway.place(7, request(1, **RESTING))
    assert [o.order_id for o in bench.gateway.orders_of_all(8)] == [1]
    bench.gateway.rules.hides_foreign_ids = True
    assert [o.order_id for o in bench.gateway.orders_of_all(8)] == [0]
    assert [o.order_id for o in bench.gateway.orders_of_all(7)] == [1]


def by_hand(bench: Bench) -> Order:
    item = bench.market.catalogue.symbol("AAPL")
    assert item is not None
    return bench.gateway.order_by_hand(item, request(0, **RESTING).terms)


def test_what_is_entered_by_hand_is_nobody_s_until_client_0_binds_it() -> None:
    bench = Bench()
    zero, other = bench.client(0), bench.client(7)
    order = by_hand(bench)
    assert (zero.frames(), other.frames(), order.order_id) == ([], [], 0)
    assert [o.perm_id for o in bench.gateway.orders_of_all(7)] == [order.perm_id]
    assert code(bench.gateway.cancel(7, 0)) == 10147
    zero.send(15, 1, 1)
    assert zero.frames() == [["100", str(order.perm_id), "0", "-1"]]
    assert bench.gateway.cancel(0, -1) is None
    assert not bench.exchange.working()
    zero.frames()
    second = by_hand(bench)
    assert second.order_id == -2
    assert zero.ids()[:3] == [100, 5, 3]


def test_only_client_0_can_bind() -> None:
    bench = Bench()
    peer = bench.client(7)
    peer.send(15, 1, 1)
    (error,) = peer.frames()
    assert error[3] == "321"


def test_an_order_kept_back_can_be_sent_by_hand() -> None:
    bench = Bench()
    bench.gateway.place(7, request(1, transmit=False, **RESTING))
    order = bench.gateway.live(7, 1)
    assert order is not None
    bench.gateway.transmit_by_hand(order)
    assert bench.exchange.working() == [order]


def test_precautions_of_the_terminal_refuse_an_order() -> None:
    bench = Bench()
    bench.gateway.rules.size_max = Decimal(10)
    assert code(bench.gateway.place(7, request(1, **RESTING))) == 383
