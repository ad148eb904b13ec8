"""What a client sees of its orders when an incident of orders is played.

Each test plays one shipped scenario against a bare client in memory and checks the frames on the
wire and the broker's truth. The seed is given, so a failure comes again.
"""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sim.script.stages import Wire, act_on, played
from tests.unit.sim.support import place_fields
from trader.sim.host.memory import MemoryHost

SEEDS = [1, 2, 3, 4]


def statuses(frames: list[list[str]], order_id: int) -> list[str]:
    return [f[2] for f in frames if f[0] == "3" and f[1] == str(order_id)]


def errors(frames: list[list[str]], ident: int) -> list[str]:
    return [f[3] for f in frames if f[0] == "4" and f[2] == str(ident)]


def orders(host: MemoryHost) -> dict[int, str]:
    return {o.order_id: str(o.status) for o in host.exchange.orders.values()}


def resting(order_id: int, limit: int = 50, **more: Any) -> list[object]:
    return place_fields(order_id, kind="LMT", limit=limit, **more)


def test_a_note_on_the_id_comes_before_any_status_and_the_order_fills() -> None:
    host, _ = played("inc-001-note-on-the-order")
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.wait(1)
    frames = wire.frames(3, 4, 11)
    assert frames[0][:4] == ["4", "2", "1", "10349"]
    assert "Cancelled" not in statuses(frames, 1)
    assert statuses(frames, 1)[-1] == "Filled"
    assert orders(host) == {1: "Filled"}


@pytest.mark.parametrize("seed", SEEDS)
def test_orders_of_the_last_moment_are_lost_without_a_word(seed: int) -> None:
    host, _ = played("inc-002-orders-lost-before-the-restart", seed=seed)
    wire = Wire(host)
    for number in (1, 2, 3, 4):
        wire.send(*resting(number))
    wire.wait(0.3)
    assert {f[1] for f in wire.frames(3, 5)} == {"1"}
    assert not wire.peer.is_open
    assert not host.is_listening
    with pytest.raises(ConnectionRefusedError):
        host.connect()
    host.clock.advance(79.5)
    again = Wire(host, greet=False)
    again.hello()
    again.send(71, 2, 7, "")
    assert ["9", "1", "2"] in again.frames(9)
    assert orders(host) == {1: "Submitted"}
    # The truth keeps what had come, whatever became of it.
    assert [f.order_id for f in host.gateway.place_frames] == [1, 2, 3, 4]


def test_ids_of_before_are_announced_again() -> None:
    host, _ = played("inc-006-order-ids-roll-back")
    wire = Wire(host)
    for number in (1, 2, 3):
        wire.send(*resting(number))
    wire.wait()
    assert not wire.peer.is_open
    host.clock.advance(61)
    again = Wire(host, greet=False)
    again.hello()
    again.send(71, 2, 7, "")
    assert again.frames(9) == [["9", "1", "2"]]
    assert sorted(orders(host)) == [1, 2, 3]


@pytest.mark.parametrize("seed", SEEDS)
def test_an_order_is_acknowledged_long_after_it_was_sent(seed: int) -> None:
    host, _ = played("inc-007-acknowledged-after-the-deadline", seed=seed)
    wire = Wire(host)
    wire.send(*resting(1))
    wire.wait(19.9)
    assert wire.frames(3, 4, 5) == []
    wire.wait(20.2)
    assert statuses(wire.frames(3), 1)[-1] == "Submitted"


def test_a_fill_is_told_without_any_status() -> None:
    host, _ = played("inc-013-filled-without-any-status")
    wire = Wire(host)
    wire.send(*place_fields(1))
    frames = wire.frames(3, 11, 59)
    assert {f[0] for f in frames} == {"11", "59"}
    assert orders(host) == {1: "Filled"}


def test_an_old_status_comes_after_the_fill() -> None:
    host, engine = played("inc-014-status-goes-back")
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.wait(0.3)
    found = [f for f in wire.frames(3) if f[1] == "1"]
    assert found[-2][2] == "Filled"
    assert found[-1][2:5] == ["Submitted", "0", "100"]
    assert found[-1][6] == found[-2][6]
    assert orders(host) == {1: "Filled"}
    assert engine.failures == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_refused_change_leaves_the_order_as_it_was(seed: int) -> None:
    host, _ = played("inc-015-change-refused-order-lives", seed=seed)
    wire = Wire(host)
    wire.send(*resting(1))
    wire.frames()
    wire.send(*resting(1, limit=51))
    frames = wire.frames(3, 4, 5)
    assert len(frames) == 1
    assert errors(frames, 1)[0] in ("105", "110", "321", "329")
    wire.send(5, 1)
    assert wire.frames(5)[0][16] == "50.0"
    assert orders(host) == {1: "Submitted"}


def test_one_of_a_batch_is_swallowed_with_or_without_the_broker() -> None:
    outcomes = set()
    for seed in range(1, 9):
        host, _ = played("inc-017-one-of-a-batch-is-swallowed", seed=seed)
        wire = Wire(host)
        for number in (1, 2, 3):
            wire.send(*resting(number))
        assert {f[1] for f in wire.frames(3, 4, 5)} == {"1", "3"}
        outcomes.add(tuple(sorted(orders(host))))
    assert outcomes == {(1, 3), (1, 2, 3)}


def test_each_frame_of_an_order_comes_several_times() -> None:
    host, _ = played("inc-034-every-frame-several-times")
    wire = Wire(host)
    wire.send(*place_fields(1))
    frames = wire.frames(3, 5, 11, 59)
    times = len([f for f in frames if f[0] == "59"]) // len(host.exchange.executions)
    assert times in (2, 3, 4)
    assert all(frames.count(f) % times == 0 for f in frames)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_cancel_of_a_filled_order_is_answered_by_an_error(seed: int) -> None:
    host, _ = played("inc-036-cancel-of-a-filled-order", seed=seed)
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.frames()
    wire.send(4, 1, 1, "")
    frames = wire.frames(3, 4)
    assert errors(frames, 1)[0] in ("10147", "10148")
    assert "state: Filled" in frames[0][4]
    assert statuses(frames, 1) == []
    assert orders(host) == {1: "Filled"}


@pytest.mark.parametrize("terms", [{"kind": "LMT", "limit": 50}, {"kind": "MKT"}])
def test_a_live_order_is_left_out_of_one_list(terms: dict[str, Any]) -> None:
    host, engine = played("inc-045-a-live-order-is-not-listed")
    wire = Wire(host)
    wire.send(*place_fields(1, **terms))
    wire.wait(5)
    wire.frames()
    wire.send(5, 1)
    assert wire.ids() == [53]
    wire.send(5, 1)
    assert wire.ids() == [5, 3, 53]
    assert engine.failures == []


def test_the_first_order_waits_behind_the_dialog_and_the_others_are_lost() -> None:
    host, _ = played("inc-046-a-dialog-stands-in-the-way")
    wire = Wire(host)
    for number in (1, 2, 3):
        wire.send(*resting(number))
    wire.wait(599)
    assert wire.frames(3, 4, 5) == []
    assert orders(host) == {}
    # The order is transmitted by the click though its client has gone.
    wire.peer.close()
    host.clock.advance(2)
    assert orders(host) == {1: "Submitted"}
    again = Wire(host)
    again.send(*resting(4))
    again.wait()
    assert orders(host)[4] == "Submitted"


def test_an_order_of_size_zero_is_shown() -> None:
    host, _ = played("inc-054-an-order-of-size-zero")
    wire = Wire(host)
    wire.send(*place_fields(1))
    assert "0" in [f[14] for f in wire.frames(5)]
    assert orders(host) == {1: "Filled"}


def test_a_warning_comes_after_the_fill_and_changes_nothing() -> None:
    host, _ = played("inc-060-a-warning-after-the-fill")
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.wait(0.2)
    frames = wire.frames(3, 4)
    assert errors(frames, 1) == ["399"]
    assert frames[-1][0] == "4"
    assert orders(host) == {1: "Filled"}


@pytest.mark.parametrize("seed", SEEDS)
def test_a_global_cancel_leaves_some_orders(seed: int) -> None:
    host, _ = played("inc-069-global-cancel-leaves-some", seed=seed)
    wire = Wire(host)
    for number in (1, 2, 3, 4):
        wire.send(*resting(number))
    wire.wait()
    wire.send(58, 1)
    wire.wait(1)
    left = [n for n, status in orders(host).items() if status == "Submitted"]
    assert left in ([4], [3, 4])
    wire.send(58, 1)
    wire.wait(1)
    assert set(orders(host).values()) == {"Cancelled"}


def test_ids_an_earlier_session_used_are_refused() -> None:
    host, _ = played("inc-076-duplicate-order-id")
    wire = Wire(host, greet=False)
    wire.hello()
    wire.send(71, 2, 7, "")
    assert wire.frames(9) == [["9", "1", "1"]]
    wire.send(*resting(40))
    wire.send(*resting(41))
    frames = wire.frames(3, 4)
    assert errors(frames, 40) == ["103"]
    assert orders(host) == {41: "Submitted"}


def test_a_what_if_is_not_answered_or_refused() -> None:
    host, _ = played("inc-080-what-if-without-an-answer")
    wire = Wire(host)
    wire.send(*place_fields(1, what_if=1))
    assert wire.frames(3, 4, 5) == []
    wire.send(*place_fields(2, what_if=1))
    assert errors(wire.frames(), 2) == ["201"]
    assert orders(host) == {}


@pytest.mark.parametrize("client_id", [7, 55])
def test_a_change_under_a_bad_link_becomes_a_second_order(client_id: int) -> None:
    host, engine = played("inc-085-a-change-becomes-a-second-order")
    wire = Wire(host)
    wire.send(*resting(1))
    wire.wait(2.5)
    wire.frames()
    wire.send(*resting(1, limit=51))
    wire.wait(6)
    assert "1102" in errors(wire.frames(4), -1)
    wire.send(16, 1)
    assert len([f for f in wire.frames(5) if (f[1], f[24]) == ("1", str(client_id))]) == 2
    both = [o for o in host.exchange.working() if o.client_id == client_id]
    assert [(o.order_id, str(o.status)) for o in both] == [(1, "Submitted")] * 2
    assert both[0].perm_id != both[1].perm_id
    assert engine.failures == []


def test_a_cancel_ends_one_of_two_orders_under_one_id() -> None:
    host, _ = played("inc-085-a-change-becomes-a-second-order")
    wire = Wire(host)
    wire.send(*resting(77))
    wire.wait(2.5)
    wire.send(*resting(77, limit=51))
    wire.wait(6)
    first, second = (o for o in host.exchange.working() if o.client_id == 7)
    wire.send(4, 1, 77, "")
    wire.wait(1)
    assert [str(o.status) for o in (first, second)] == ["Cancelled", "Submitted"]
    act_on(host, "price", symbol="AAPL", price=40)
    wire.wait(2)
    assert str(second.status) == "Filled"


def test_200_is_the_only_answer_an_order_gets() -> None:
    host, _ = played("inc-089-no-security-definition-for-an-order")
    wire = Wire(host)
    wire.send(*resting(1))
    wire.wait(60)
    frames = wire.frames(3, 4, 5)
    assert errors(frames, 1) == ["200"]
    assert len(frames) == 1
    assert orders(host) == {}


def test_an_order_is_listed_before_it_has_given_any_sign() -> None:
    host, _ = played("inc-097-no-word-before-the-auction")
    wire = Wire(host)
    wire.send(*resting(1))
    wire.wait(10)
    assert wire.frames(3, 5) == []
    wire.send(5, 1)
    assert wire.ids() == [5, 3, 53]
    wire.wait(3600)
    assert statuses(wire.frames(), 1)


def test_a_change_is_applied_only_at_the_open() -> None:
    host, _ = played("inc-098-a-change-waits-for-the-open")
    wire = Wire(host)
    wire.send(*resting(1))
    wire.send(*resting(1, limit=51))
    wire.wait(3600)
    (order,) = host.exchange.working()
    assert order.limit_price == 50
    wire.wait(3601)
    assert order.limit_price == 51


def test_a_change_that_names_a_gone_order_is_refused() -> None:
    host, _ = played("inc-134-a-change-names-an-order-that-is-gone")
    wire = Wire(host)
    wire.send(*resting(1))
    wire.frames()
    wire.send(*resting(1, limit=52))
    frames = wire.frames(3, 4, 5)
    assert errors(frames, 1) == ["135"]
    assert len(frames) == 1
    assert host.exchange.working()[0].limit_price == 50


def test_another_contract_is_echoed_than_was_sent() -> None:
    host, _ = played("inc-156-another-contract-is-echoed")
    wire = Wire(host)
    wire.send(*place_fields(1))
    frames = wire.frames(5, 11)
    assert {f[2] for f in frames if f[0] == "5"} == {"999000222"}
    assert {f[4] for f in frames if f[0] == "11"} == {"HOOD"}
    assert {o.instrument.symbol for o in host.exchange.orders.values()} == {"AAPL"}


def test_a_second_filled_status_has_no_price() -> None:
    host, _ = played("inc-158-filled-at-nothing")
    wire = Wire(host)
    wire.send(*place_fields(1))
    wire.wait(0.2)
    found = [f for f in wire.frames(3) if f[2] == "Filled"]
    assert float(found[0][5]) > 0
    assert found[-1][5] == "0.0"
