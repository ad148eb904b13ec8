"""One instrument to flat, one order at a time, and stopped by everything unexpected."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.emergency.exchange import AAPL, Exchange, Resting, Scene, on_line
from trader.core.ids import Lineage
from trader.emergency.closer import Closed, Closer, Ending
from trader.emergency.line import Line
from trader.emergency.settling import Settling
from trader.ops.emergency_history import executions_of
from trader.ops.emergency_record import EMERGENCY_FILE_NAME, read_orders


async def close(found: Scene, line: Line, **bounds: float) -> Closed:
    instrument = await line.broker.resolve_id(AAPL)
    closer = Closer(
        line, instrument, settings=found.quick(**bounds), memory=found.memory(),
        clock=found.clock, say=found.said.append,
    )  # fmt: skip
    return await closer.run()


def sold(exchange: Exchange) -> list[int]:
    """Return the sizes of the closing orders that left."""
    return [int(f[f.index("SELL") + 1]) for f in exchange.frames("3")]


def soon(seconds: float, what: object, *arguments: object) -> None:
    asyncio.get_running_loop().call_later(seconds, what, *arguments)  # type: ignore[arg-type]


async def test_a_position_is_closed_and_promised_before_it_leaves(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.positions[AAPL] = 10
        promised: list[int] = []

        def on_place(order: Resting) -> None:
            promised.append(len(read_orders(tmp_path / EMERGENCY_FILE_NAME)))
            soon(0.01, found.exchange.fill, order)

        found.exchange.on_place = on_place
        assert (await close(found, line)).ending is Ending.FLAT
        assert (sold(found.exchange), promised) == ([10], [1])
        (frame,) = found.exchange.frames("3")
        assert {"MKT", "DAY", "DU1"} <= set(frame)
        assert any(field.startswith("kill-abc123-") for field in frame)


async def test_what_a_first_order_leaves_is_closed_by_a_second(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            if len(exchange.frames("3")) > 1:
                soon(0.01, exchange.fill, order)
                return
            exchange.fill(order, 4)
            exchange.orders.remove(order)
            exchange.served.say(exchange._status(order, "Cancelled"))

        exchange.on_place = on_place
        assert (await close(found, line)).ending is Ending.FLAT
        assert sold(exchange) == [10, 6]


async def test_a_position_that_lags_behind_its_fill_is_not_sold_again(tmp_path: Path) -> None:
    # INC-032
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            exchange.shown = {AAPL: 10}
            exchange.fill(order)
            soon(0.3, setattr, exchange, "shown", None)

        exchange.on_place = on_place
        assert (await close(found, line)).ending is Ending.FLAT
        assert sold(exchange) == [10]


async def test_somebody_else_at_work_stops_it_and_takes_our_order_back(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            exchange.positions[AAPL] = 0
            exchange.executed(AAPL, "SELL", 10, client_id=0)

        exchange.on_place = on_place
        closed = await close(found, line)
        assert closed.ending is Ending.STOPPED
        assert "somebody else traded it: client 0: SELL 10" in closed.text
        assert exchange.orders == []
        assert len(exchange.frames("4")) == 1
        assert sold(exchange) == [10]


async def test_a_correction_of_what_was_traded_before_is_nobody_at_work(tmp_path: Path) -> None:
    # INC-048
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        exchange.executed(AAPL, "BUY", 10, client_id=9)

        def on_place(order: Resting) -> None:
            row = exchange.executions[0] = exchange.executions[0].replace(".01|2020", ".02|2020")
            exchange.served.say(row.replace("REQ", "-1"))
            soon(0.1, exchange.fill, order)

        exchange.on_place = on_place
        assert (await close(found, line)).ending is Ending.FLAT


async def test_an_order_is_known_without_its_reference(tmp_path: Path) -> None:
    # INC-096: it comes back empty, in lists and in executions.
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            order.ref = ""
            soon(0.1, exchange.fill, order, 4)
            soon(0.2, exchange.fill, order)

        exchange.on_place = on_place
        closed = await close(found, line)
        assert (closed.ending, closed.text) == (Ending.FLAT, "AAPL: 10 closed with 1 order(s)")
        # The next start books them, on another day too.
        booked = executions_of(tmp_path / EMERGENCY_FILE_NAME, Lineage("abc123"))
        assert [row.quantity for row in booked] == [4, 6]


async def test_an_order_without_an_answer_is_never_followed_by_another(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        exchange.on_place = exchange.orders.remove
        closed = await close(found, line, close_s=0.3)
        assert closed.ending is Ending.STOPPED
        assert "has no answer: nothing more is sent" in closed.text
        assert sold(exchange) == [10]


@pytest.mark.parametrize("code", [399, 404])
async def test_an_order_that_waits_for_the_open_is_not_flat(tmp_path: Path, code: int) -> None:
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            order.status = "PreSubmitted"
            text = "Warning: your order will not be placed\nat the exchange until Monday"
            exchange.served.say(f"4|2|{order.order_id}|{code}|{text}|")

        exchange.on_place = on_place
        closed = await close(found, line)
        assert closed.ending is Ending.WAITS
        assert f"{code} Warning: your order will not be placed at the exchange" in closed.text
        assert "\n" not in closed.text


async def test_a_refused_order_is_told_and_given_up_after_a_few(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            exchange.orders.remove(order)
            exchange.served.say(f"4|2|{order.order_id}|201|Order rejected - reason:CLOSED|")

        exchange.on_place = on_place
        closed = await close(found, line)
        assert closed.ending is Ending.STOPPED
        assert "4 closing orders were sent, 10 is left" in closed.text
        assert sold(exchange) == [10, 10, 10, 10]
        assert any("201 Order rejected" in line for line in found.said)


async def test_a_refused_order_that_filled_after_all_is_not_followed_by_another(
    tmp_path: Path,
) -> None:
    # INC-024
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        line.settling = Settling(1.0)

        def on_place(order: Resting) -> None:
            exchange.orders.remove(order)
            exchange.served.say(f"4|2|{order.order_id}|201|Order rejected - reason:CLOSED|")
            soon(0.4, exchange.fill, order)

        exchange.on_place = on_place
        assert (await close(found, line, close_s=3.0)).ending is Ending.FLAT
        assert (sold(exchange), exchange.positions[AAPL]) == ([10], 0)


async def test_exits_of_others_are_left_their_share(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.positions[AAPL] = 10
        found.exchange.orders.append(Resting(1, 9, AAPL, "SELL", 4, "STP"))
        closed = await close(found, line)
        assert closed.ending is Ending.STOPPED
        assert sold(found.exchange) == [6]
        assert "other orders may still take 4 of 4 off" in closed.text


async def test_a_full_disk_is_told_and_does_not_stop_an_exit(tmp_path: Path) -> None:
    async with on_line(tmp_path) as (found, line):
        found.exchange.positions[AAPL] = 10
        # A directory in the file's place fails like a disk that takes nothing.
        (tmp_path / EMERGENCY_FILE_NAME).mkdir()
        assert (await close(found, line)).ending is Ending.FLAT
        assert sold(found.exchange) == [10]
        assert sum("NOT WRITTEN DOWN" in line for line in found.said) == 1


@pytest.mark.parametrize(("filled", "sizes"), [(0, [10]), (4, [])])
async def test_legs_count_as_soon_as_their_entry_has_filled_anything(
    tmp_path: Path, filled: int, sizes: list[int]
) -> None:
    """INC-032, INC-064: before that they close nothing of what is held."""
    async with on_line(tmp_path) as (found, line):
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        entry = Resting(5, 7, AAPL, "BUY", 10)
        legs = [
            Resting(6, 7, AAPL, "SELL", 10, parent=5),
            Resting(7, 7, AAPL, "SELL", 10, parent=5),
        ]
        exchange.orders += [entry, *legs]
        if filled:
            exchange.fill(entry, filled)
        closed = await close(found, line, close_s=0.3)
        assert sold(exchange) == sizes
        assert (closed.ending is Ending.FLAT) is bool(sizes)
        assert exchange.positions == {AAPL: 14 if filled else 0}
