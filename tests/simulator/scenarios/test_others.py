"""What a client sees of other programs, corporate actions, combinations and reused ids."""

from __future__ import annotations

from tests.unit.sim.script.stages import Wire, played
from tests.unit.sim.support import contract, place_fields
from trader.sim.oracle import truth


def test_the_order_of_another_program_is_listed_and_cannot_be_cancelled() -> None:
    host, engine = played("inc-077-an-order-of-somebody-else")
    wire = Wire(host)
    wire.wait(3)
    wire.frames()
    wire.send(5, 1)
    assert wire.ids() == [53]
    wire.send(16, 1)
    (order,) = wire.frames(5)
    assert order[4:6] != []
    assert order[24] == "55"
    wire.send(4, 1, 1, "")
    assert [f[3] for f in wire.frames(4)] == ["10147"]
    assert len(host.exchange.working()) == 1
    assert engine.failures == []


def test_ids_of_before_are_refused_and_nothing_else_happens() -> None:
    host, _ = played("inc-150-ids-of-before")
    wire = Wire(host)
    wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    wire.wait(2)
    wire.frames()
    wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    wire.send(2, 2, 5)
    assert [(f[2], f[3]) for f in wire.frames(4)] == [("5", "322"), ("5", "300")]
    wire.wait(10)
    assert wire.frames(1, 2)


def test_one_leg_of_a_combination_stands_alone() -> None:
    host, _ = played("inc-052-one-leg-only")
    wire = Wire(host)
    wire.send(*combination(1))
    wire.wait(5)
    frames = wire.frames(3, 4, 11)
    assert "201" in [f[3] for f in frames if f[0] == "4"]
    held = {e.instrument.symbol: e.quantity for e in host.exchange.bank.main.held()}
    assert held == {"AAPL": 10}


def test_a_limit_off_its_step_is_refused_and_the_order_keeps_its_old_one() -> None:
    host, engine = played("inc-081-steps-that-depend-on-the-price")
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=30.01))
    wire.send(*place_fields(2, kind="LMT", limit=30.02))
    wire.wait(1)
    assert [(f[2], f[3]) for f in wire.frames(4)] == [("1", "110")]
    wire.send(*place_fields(2, kind="LMT", limit=60.02))
    assert [(f[2], f[3]) for f in wire.frames(4)] == [("2", "110")]
    (order,) = host.exchange.working()
    assert float(order.limit_price or 0) == 30.02
    assert engine.failures == []


def test_details_name_the_magnifier() -> None:
    host, engine = played("inc-101-prices-in-hundredths")
    wire = Wire(host)
    wire.send(9, 8, 5, *contract(), 0, "", "", "")
    (details,) = wire.frames(10)
    normal = Wire(host, 8)
    normal.send(9, 8, 5, *contract("IBM"), 0, "", "", "")
    (other,) = normal.frames(10)
    place = other.index("1", 14)
    assert (details[place], other[place]) == ("100", "1")
    assert engine.failures == []


def test_fills_are_in_the_currency_and_quotes_in_hundredths_of_it() -> None:
    host, _ = played("inc-101-prices-in-hundredths")
    wire = Wire(host)
    wire.send(1, 11, 5, *contract(), 0, "", 0, 0, "")
    wire.wait(2)
    bids = [float(f[4]) for f in wire.frames(1) if f[3] == "1"]
    wire.send(*place_fields(1, quantity=1))
    wire.wait(2)
    frames = wire.frames(3, 11, 59)
    (price,) = [float(f[20]) for f in frames if f[0] == "11"]
    assert abs(price - bids[-1] / 100) < 0.01 * price
    assert {float(f[5]) for f in frames if f[0] == "3" and f[2] == "Filled"} == {price}
    (fill,) = truth.report(host.world, frames_out=0)["executions"]
    assert float(fill["price"]) == price


def test_an_order_outside_the_session_waits_for_its_opening() -> None:
    host, _ = played("inc-082-queued-until-the-open")
    wire = Wire(host)
    wire.wait(1)
    wire.frames()
    wire.send(*place_fields(1, quantity=1))
    wire.wait(60)
    frames = wire.frames(3, 4, 11)
    (note,) = [f for f in frames if f[0] == "4" and f[2] == "1"]
    assert note[3] == "399"
    assert "will not be placed at the exchange until" in note[4]
    assert {f[2] for f in frames if f[0] == "3"} == {"PreSubmitted"}
    wire.wait(15 * 3600)
    assert [str(o.status) for o in host.exchange.orders.values()] == ["Filled"]


def test_a_change_of_a_finished_order_is_refused_and_nothing_new_lives() -> None:
    host, _ = played("inc-112-a-change-of-a-finished-order")
    wire = Wire(host)
    wire.send(*place_fields(1, quantity=1))
    wire.wait(1)
    wire.frames()
    wire.send(*place_fields(1, kind="LMT", limit=50))
    wire.wait(1)
    assert [f[3] for f in wire.frames(4)] == ["104"]
    assert len(host.exchange.orders) == 1


def test_the_position_contains_what_the_open_order_has_filled() -> None:
    for seed in range(1, 30):
        host, _ = played("inc-053-a-part-filled-order-and-its-position", seed=seed)
        wire = Wire(host)
        wire.send(*place_fields(1, quantity=100))
        # As soon as a part has filled, the connection is gone.
        for _ in range(200):
            if not wire.peer.is_open:
                break
            wire.wait(0.01)
        again = Wire(host)
        again.send(61, 1)
        again.send(5, 1)
        frames = again.frames(3, 11, 61)
        working = host.exchange.working()
        if not working:
            continue
        (order,) = working
        assert 0 < order.filled < 100
        (position,) = [f for f in frames if f[0] == "61"]
        assert position[14] == str(order.filled) == [f[3] for f in frames if f[0] == "3"][-1]
        assert not [f for f in frames if f[0] == "11"]
        again.wait(25)
        assert again.frames(11), "in the end the executions come"
        return
    raise AssertionError("no seed filled the order in parts")


def test_an_exit_after_hours_fills_at_the_opening() -> None:
    host, engine = played("inc-068-an-exit-outside-the-session")
    wire = Wire(host)
    wire.send(*place_fields(1, action="SELL", quantity=100))
    wire.wait(12 * 3600)
    assert "399" in [f[3] for f in wire.frames(4)]
    assert len(host.exchange.executions) == 0
    wire.wait(4 * 3600)
    assert {54 < float(item.price) < 56 for item in host.exchange.executions} == {True}
    assert host.exchange.bank.main.held() == []
    assert engine.failures == []


def test_the_same_history_twice_is_refused() -> None:
    host, _ = played("inc-130-history-asked-for-too-often")
    wire = Wire(host)
    ask = [*contract(), 0, "", "30 secs", "1800 S", 1, "TRADES", 1, 0, ""]
    wire.send(20, 5, *ask)
    wire.send(20, 6, *ask)
    frames = wire.frames(4, 17)
    assert [(f[0], f[2] if f[0] == "4" else f[1]) for f in frames] == [("17", "5"), ("4", "6")]
    assert frames[1][3] == "162"
    wire.wait(16)
    wire.send(20, 7, *ask)
    assert wire.frames(4, 17)[0][0] == "17"


def test_an_order_left_behind_is_transmitted_by_somebody() -> None:
    host, engine = played("inc-146-an-order-left-behind")
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50, transmit=0))
    wire.wait(3599)
    assert wire.frames(3, 5) == []
    assert len(host.exchange.orders) == 0
    wire.wait(2)
    assert wire.frames(3)[-1][2] == "Submitted"
    assert engine.failures == []


def test_the_permanent_id_of_an_order_comes_late() -> None:
    host, _ = played("permanent-ids-come-late")
    wire = Wire(host)
    wire.send(*place_fields(1, kind="LMT", limit=50))
    wire.wait(1)
    assert wire.frames(3)[0][6] == "0"
    wire.send(5, 1)
    (order,) = host.exchange.working()
    assert wire.frames(3)[-1][6] == str(order.perm_id)


def test_precautions_refuse_an_exit() -> None:
    host, _ = played("precautions-of-the-terminal")
    wire = Wire(host)
    wire.send(*place_fields(1, action="SELL", quantity=100))
    wire.wait(1)
    assert [f[2] for f in wire.frames(3, 4, 5)] == ["1"]
    assert len(host.exchange.executions) == 0
    wire.send(*place_fields(2, action="SELL", quantity=50))
    wire.wait(1)
    assert sum(item.quantity for item in host.exchange.executions) == 50


def combination(order_id: int) -> list[object]:
    """Return a placeOrder of one AAPL bought and one IBM sold, as one order."""
    words = place_fields(order_id, quantity=10, symbol="AAPL")
    place = 16 + 19
    words[2:14] = [0, "AAPL,IBM", "BAG", "", 0.0, "", "", "SMART", "", "USD", "", ""]
    leg_a = [265598, 1, "BUY", "SMART", 0, 0, "", -1]
    leg_b = [8314, 1, "SELL", "SMART", 0, 0, "", -1]
    return [*words[:place], 2, *leg_a, *leg_b, 0, 0, *words[place:]]
