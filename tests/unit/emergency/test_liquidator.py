"""Cancels by id where it can, globally where it must and says so, and ends with a proof."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.emergency.exchange import AAPL, FAST, IBM, Resting, Scene, scene
from trader.core.ids import Lineage, StrategyName, intent_id, leg_id, order_ref
from trader.emergency.liquidator import Liquidator, Wanted
from trader.emergency.report import ExitCode, Report


async def run(found: Scene, **wanted: object) -> Report:
    asked: dict[str, object] = {
        "must_cancel": True, "must_liquidate": True, "is_everything": False, "by": "desk",
        "reason": "drill", "wait_s": 0.2, **wanted,
    }  # fmt: skip
    liquidator = Liquidator(
        found.settings, found.state, wanted=Wanted(**asked),  # type: ignore[arg-type]
        clock=found.clock, say=found.said.append, chance=random.Random(1),
    )  # fmt: skip
    return await liquidator.run()


async def test_everything_of_ours_goes_and_the_broker_shows_it(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions |= {AAPL: 10, IBM: -5}
        found.exchange.orders.append(Resting(5, 7, AAPL, "SELL", 10, "STP"))
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert (found.exchange.positions, found.exchange.orders) == ({AAPL: 0, IBM: 0}, [])
        assert [words.split(":")[0] for words in report.cancelled] == ["client 7 order 5"]
        assert len(report.closed) == 2
        assert report.is_verified
        assert not found.exchange.frames("58"), "a global cancel was not needed"
        # One after the other: the second leaves when the first is flat.
        assert len(found.exchange.frames("3")) == 2


async def test_without_liquidation_what_protects_stays(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        entry, stop = Resting(5, 7, AAPL, "BUY", 10), Resting(6, 7, AAPL, "SELL", 10, "STP")
        found.exchange.orders += [entry, stop]
        report = await run(found, must_liquidate=False)
        assert found.exchange.orders == [stop]
        assert report.exit_code is ExitCode.PROTECTED
        assert report.kept[0].startswith("client 7 order 6: SELL 10 AAPL STP")
        assert not found.exchange.frames("3")


ENTRY = intent_id(Lineage("abc123"), StrategyName("alpha"), 4)


def a_bracket(*, named: bool = True, parent: bool = True) -> list[Resting]:
    """Return an entry and its legs, told by our references, by the broker's parent, or by both."""
    refs = [order_ref(one) for one in (ENTRY, leg_id(ENTRY, "p"), leg_id(ENTRY, "s"))]
    entry, profit, stop = refs if named else ("", "", "")
    by = 5 if parent else 0
    return [
        Resting(5, 7, AAPL, "BUY", 10, ref=entry),
        Resting(6, 7, AAPL, "SELL", 10, ref=profit, parent=by, status="PreSubmitted"),
        Resting(7, 7, AAPL, "SELL", 10, "STP", ref=stop, parent=by, status="PreSubmitted"),
    ]


def cancelled_ids(found: Scene) -> list[int]:
    return [int(frame[2]) for frame in found.exchange.frames("4")]


@pytest.mark.parametrize(("named", "parent"), [(True, True), (True, False), (False, True)])
async def test_a_brackets_legs_are_left_to_their_entry(
    tmp_path: Path, named: bool, parent: bool
) -> None:
    """INC-064: the broker takes them along."""
    async with scene(tmp_path) as found:
        found.exchange.orders += a_bracket(named=named, parent=parent)
        if not parent:
            found.exchange.orders[1].parent = found.exchange.orders[2].parent = 0
            found.exchange.takes_children = False
        report = await run(found, must_liquidate=False)
        assert report.exit_code is ExitCode.DONE
        assert found.exchange.orders == []
        # Without the broker's help they follow, once it is certain that the entry brought nothing.
        assert cancelled_ids(found) == ([5] if parent else [5, 7, 6])
        assert sum(line.startswith("left to its entry") for line in found.said) == 2


async def test_an_entry_that_fills_before_its_cancel_keeps_its_legs(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        bracket = a_bracket()
        found.exchange.orders += bracket
        found.exchange.fills_first = 1
        report = await run(found, must_liquidate=False)
        assert report.exit_code is ExitCode.PROTECTED
        assert found.exchange.positions == {AAPL: 10}
        assert found.exchange.orders == bracket[1:]
        assert cancelled_ids(found) == [5]
        assert [words.split(":")[0] for words in report.kept] == [
            "client 7 order 7", "client 7 order 6",
        ]  # fmt: skip


async def test_what_it_brought_may_be_shown_late(tmp_path: Path) -> None:
    """The positions lag behind the fill: a leg that seems to close nothing is not taken off."""
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.orders += a_bracket()
        exchange.fills_first, exchange.shown = 1, {}
        usual, looks = exchange.served.replies["61"], [0]

        def late(fields: list[str]) -> list[str]:
            # Three looks after the fill the position is there.
            looks[0] += bool(exchange.positions)
            if looks[0] > 3:
                exchange.shown = None
            return usual(fields)

        exchange.served.replies["61"] = late
        found.settings = found.quick(ended_s=0.3)
        report = await run(found, must_liquidate=False)
        assert report.exit_code is ExitCode.PROTECTED
        assert cancelled_ids(found) == [5]


async def test_an_entry_that_fills_is_closed_where_all_is_to_be(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.orders += a_bracket()
        found.exchange.fills_first = 1
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert (found.exchange.positions, found.exchange.orders) == ({AAPL: 0}, [])
        # The legs protect until the entry is known to be over, and go at once then.
        assert cancelled_ids(found) == [5, 7, 6]


async def test_an_entry_that_cannot_be_cancelled_remains_with_its_legs(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.orders += a_bracket()
        found.exchange.cancels_refused = 1_000
        report = await run(found, must_liquidate=False)
        assert report.exit_code is ExitCode.REMAINS
        assert len(report.remaining_orders) == 3
        assert set(cancelled_ids(found)) == {5}
        assert report.remaining_orders[1].endswith(": stays as long as its entry does")


async def test_what_is_held_is_closed_beside_an_entry_that_cannot_be_cancelled(
    tmp_path: Path,
) -> None:
    """INC-064: its legs close what it brings, and take nothing off what is held already."""
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        bracket = a_bracket()
        exchange.orders += bracket
        usual = exchange.served.replies["4"]
        stuck = ["4|2|5|10148|OrderId 5 cannot be cancelled|"]
        exchange.served.replies["4"] = lambda f: stuck if f[2] == "5" else usual(f)
        report = await run(found)
        assert exchange.positions == {AAPL: 0}
        assert exchange.orders == bracket
        assert report.exit_code is ExitCode.REMAINS
        # Should it fill after all, its legs are there.
        assert set(cancelled_ids(found)) == {5}


async def test_legs_that_wait_for_nothing_go_while_others_trade_beside_us(tmp_path: Path) -> None:
    """What a stranger trades says nothing of whether an entry of ours has filled."""
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.orders += a_bracket()[1:]
        found.settings = found.quick(settle_s=3_600.0, close_s=0.2)
        now = f"{found.clock.utc():%Y%m%d-%H:%M:%S}"
        exchange.executed(AAPL, "BUY", 1, 0, at=now, is_told=False)
        report = await run(found, must_liquidate=False)
        assert exchange.orders == []
        assert sorted(cancelled_ids(found)) == [6, 7]
        assert report.remaining_orders == []


async def test_a_locked_id_takes_a_global_cancel_and_says_what_that_means(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        found.exchange.orders.append(Resting(5, 7, AAPL, "BUY", 10))
        usual = found.exchange.served.replies["71"]
        locked = ["4|2|-1|326|Unable to connect as the client id is already in use|"]
        found.exchange.served.replies["71"] = lambda f: locked if f[2] == "7" else usual(f)
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert report.used_global_cancel
        assert len(found.exchange.frames("58")) == 1
        (warning,) = [line for line in found.said if line.startswith("GLOBAL CANCEL")]
        assert "protective stops and orders entered by hand included" in warning


async def test_a_locked_id_without_orders_needs_no_global_cancel(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        usual = found.exchange.served.replies["71"]
        locked = ["4|2|-1|326|Unable to connect as the client id is already in use|"]
        found.exchange.served.replies["71"] = lambda f: locked if f[2] == "7" else usual(f)
        assert (await run(found)).exit_code is ExitCode.DONE
        assert not found.exchange.frames("58")


async def test_an_id_that_is_free_on_the_next_link_needs_no_global_cancel(tmp_path: Path) -> None:
    # It would take off a stop that somebody has entered by hand.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        stop = Resting(0, 0, AAPL, "SELL", 10, "STP", perm_id=777)
        exchange.orders += [Resting(5, 1007, AAPL, "BUY", 10, ref="kill-abc123-1"), stop]
        connects, lists = exchange.served.replies["71"], exchange.served.replies["61"]
        locked = ["4|2|-1|326|Unable to connect as the client id is already in use|"]

        def first_locked(fields: list[str]) -> list[str]:
            was_second = any(frame[2] == "1007" for frame in exchange.frames("71"))
            return connects(fields) if was_second else locked

        def first_lost(fields: list[str]) -> list[str]:
            is_first = len(exchange.frames("61")) == 1
            return ["4|2|-1|1100|lost|"] * is_first + lists(fields)

        exchange.served.replies |= {"71": first_locked, "61": first_lost}
        report = await run(found, must_liquidate=False, wait_s=3.0)
        assert report.exit_code is ExitCode.PROTECTED
        assert exchange.orders == [stop]
        assert not exchange.frames("58")


async def test_all_takes_everybodys_orders_and_unmanaged_positions(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.settings = found.settings.__class__(
            **{
                name: getattr(found.settings, name)
                for name in found.settings.__dataclass_fields__
                if name != "instruments"
            },
            instruments=(),
        )
        found.exchange.positions[AAPL] = 10
        found.exchange.orders.append(Resting(0, 0, AAPL, "SELL", 10, "STP", perm_id=777))
        left = await run(found)
        assert left.left_alone == [
            "order 777 entered by hand: SELL 10 AAPL STP (Submitted)",
            "AAPL 10",
        ]
        assert left.exit_code is ExitCode.DONE, "what is not managed was not asked for"
        report = await run(found, is_everything=True)
        assert report.exit_code is ExitCode.DONE
        assert (found.exchange.positions[AAPL], found.exchange.orders) == (0, [])
        assert len(found.exchange.frames("58")) == 1


async def test_the_order_of_a_stranger_remains_and_is_named(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        found.exchange.orders.append(Resting(0, 0, AAPL, "SELL", 4, "STP", perm_id=777))
        report = await run(found)
        assert report.exit_code is ExitCode.REMAINS
        assert found.exchange.positions[AAPL] == 4
        (order,) = report.remaining_orders
        assert order.startswith("order 777 entered by hand: SELL 4 AAPL STP")
        assert report.remaining_positions == ["AAPL 4"]


async def test_a_refused_cancel_is_tried_again_and_told_if_it_stays(tmp_path: Path) -> None:
    # INC-036, INC-069
    async with scene(tmp_path) as found:
        found.exchange.orders.append(Resting(5, 7, AAPL, "BUY", 10))
        found.exchange.cancels_refused = 1
        assert (await run(found)).exit_code is ExitCode.DONE
        assert len(found.exchange.frames("4")) == 2

        found.exchange.orders.append(Resting(6, 7, AAPL, "BUY", 10))
        found.exchange.cancels_refused = 1000
        report = await run(found)
        assert report.exit_code is ExitCode.REMAINS
        assert "the cancel did not work: 10148" in report.remaining_orders[0]


@pytest.mark.parametrize("is_gone", [True, False])
async def test_a_closing_order_waits_only_while_the_broker_lists_it(
    tmp_path: Path, is_gone: bool
) -> None:
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions |= {AAPL: 10, IBM: 5}

        def on_place(order: Resting) -> None:
            if order.con_id == IBM:
                # While the next one is closed the broker gives the first one up.
                exchange.orders[:] = [row for row in exchange.orders if row is order or not is_gone]
                exchange.fill(order)
                return
            order.status = "PreSubmitted"
            order.ref = ""  # INC-096
            exchange.served.say(f"4|2|{order.order_id}|399|not before the open|")
            exchange.served.say(exchange._status(order, "PreSubmitted"))

        exchange.on_place = on_place
        report = await run(found)
        if is_gone:
            assert report.exit_code is ExitCode.REMAINS
            assert report.remaining_positions == ["AAPL 10: its closing order is not listed"]
        else:
            assert report.exit_code is ExitCode.WAITS
            assert report.remaining_positions == []


async def test_many_orders_are_cancelled_no_faster_than_the_broker_reads(tmp_path: Path) -> None:
    # INC-061: more than 50 messages in a second, and it ends the connection.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.orders += [Resting(number, 7, AAPL, "BUY", 10) for number in range(1, 91)]
        usual = exchange.served.replies["4"]
        at_s: list[float] = []

        def cancelled(fields: list[str]) -> list[str]:
            at_s.append(found.clock.monotonic())
            return usual(fields)

        exchange.served.replies["4"] = cancelled
        bounds = replace(FAST, cancel_s=10.0, cancel_again_s=5.0)
        found.settings = replace(
            found.settings, bounds=bounds, messages_per_s=30.0, messages_burst=15.0
        )
        report = await run(found, must_liquidate=False)
        assert report.exit_code is ExitCode.DONE
        assert max(sum(0 <= one - first < 1 for one in at_s) for first in at_s) <= 50


async def test_what_filled_before_its_cancel_is_not_told_as_cancelled(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.orders.append(Resting(5, 7, AAPL, "BUY", 10))

        def too_late(fields: list[str]) -> list[str]:
            exchange.fill(exchange.orders[0])
            return [f"4|2|{fields[2]}|10148|OrderId {fields[2]} cannot be cancelled|"]

        exchange.served.replies["4"] = too_late
        report = await run(found, must_liquidate=False)
        assert report.exit_code is ExitCode.DONE
        assert (report.cancelled, report.positions) == ([], ["AAPL 10"])
        assert report.lines()[0].startswith("filled before its cancel: client 7 order 5: BUY 10")


async def test_an_order_of_an_earlier_emergency_goes_by_its_own_id(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.orders.append(Resting(5, 1007, AAPL, "BUY", 10, ref="kill-abc123-1"))
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert [f[2] for f in found.exchange.frames("71")] == ["7", "1007"]
        assert not found.exchange.frames("58")


async def test_what_was_on_its_way_is_dealt_with_as_well(tmp_path: Path) -> None:
    # The last orders of a daemon that was killed reach the broker after the first look.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            if order.con_id == AAPL:
                exchange.positions[IBM] = 5
                exchange.orders.append(Resting(6, 7, IBM, "BUY", 10))
            exchange.fill(order)

        exchange.on_place = on_place
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert (exchange.positions, exchange.orders) == ({AAPL: 0, IBM: 0}, [])
        assert "more has come in: once more" in found.said


async def test_without_a_link_nothing_is_claimed(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.served.replies["71"] = lambda f: []
        report = await run(found)
        assert report.exit_code is ExitCode.NO_LINK
        assert not report.is_verified
        assert any("no link to the broker" in text for text in report.problems)


async def test_another_account_is_refused_at_once(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.served.replies["71"] = lambda f: ["15|1|U5", "9|1|1"]
        report = await run(found, wait_s=60.0)
        assert report.exit_code is ExitCode.CANNOT_ACT
        assert "account DU1 is configured, the link reports U5" in report.problems[0]


@pytest.mark.parametrize("late", [10, 4, 0])
async def test_what_a_cancelled_stop_sold_late_is_not_sold_again(tmp_path: Path, late: int) -> None:
    # INC-024, INC-032
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        exchange.orders.append(Resting(5, 7, AAPL, "SELL", 10, "STP"))
        usual = exchange.served.replies["4"]

        def sold_late() -> None:
            exchange.positions[AAPL] -= late
            exchange.executed(AAPL, "SELL", late, 7, 5)

        def cancelled(fields: list[str]) -> list[str]:
            if late:
                asyncio.get_running_loop().call_later(0.4, sold_late)
            return usual(fields)

        exchange.served.replies["4"] = cancelled
        found.settings = replace(found.settings, bounds=replace(FAST, close_s=3.0, ended_s=1.0))
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert exchange.positions[AAPL] == 0
        assert len(exchange.frames("3")) == (late < 10)


async def test_it_is_not_called_flat_while_a_cancelled_entry_may_have_filled(
    tmp_path: Path,
) -> None:
    # INC-024
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.orders.append(Resting(5, 7, AAPL, "BUY", 10))
        usual = exchange.served.replies["4"]

        def bought_late() -> None:
            exchange.positions[AAPL] = 10
            exchange.executed(AAPL, "BUY", 10, 7, 5)

        def cancelled(fields: list[str]) -> list[str]:
            asyncio.get_running_loop().call_later(0.4, bought_late)
            return usual(fields)

        exchange.served.replies["4"] = cancelled
        found.settings = replace(found.settings, bounds=replace(FAST, close_s=3.0, ended_s=1.0))
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert exchange.positions[AAPL] == 0
        assert len(exchange.frames("3")) == 1


async def test_after_a_daemon_that_was_at_work_nothing_is_closed_at_once(tmp_path: Path) -> None:
    # INC-024: what it has cancelled is in no list any more, and may have filled.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def sold_late() -> None:
            exchange.positions[AAPL] = 0
            exchange.executed(AAPL, "SELL", 10, 7, 5)

        asyncio.get_running_loop().call_later(0.4, sold_late)
        found.settings = replace(found.settings, bounds=replace(FAST, ended_s=1.0))
        report = await run(found, settles_first=True)
        assert report.exit_code is ExitCode.DONE
        assert (exchange.positions[AAPL], exchange.frames("3")) == (0, [])


@pytest.mark.parametrize("shown", [0, 4])
async def test_a_position_that_is_shown_late_is_closed_as_well(tmp_path: Path, shown: int) -> None:
    # INC-032: the daemon bought a moment ago, and the positions do not hold it yet.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        exchange.shown = {AAPL: shown}
        now = datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S")
        exchange.executed(AAPL, "BUY", 10 - shown, 7, 5, at=now, is_told=False)
        asyncio.get_running_loop().call_later(0.8, setattr, exchange, "shown", None)
        found.settings = replace(found.settings, bounds=replace(FAST, close_s=5.0, settle_s=2.5))
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert exchange.positions[AAPL] == 0
        assert len(exchange.frames("3")) == 1


async def test_a_stop_whose_position_is_gone_protects_nothing(tmp_path: Path) -> None:
    # INC-032: sold a moment ago, and shown as held; the stop would open a short position.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL], exchange.shown = 0, {AAPL: 10}
        now = datetime.now(UTC).strftime("%Y%m%d-%H:%M:%S")
        exchange.executed(AAPL, "SELL", 10, 7, 5, at=now, is_told=False)
        exchange.orders.append(Resting(6, 7, AAPL, "SELL", 10, "STP"))
        asyncio.get_running_loop().call_later(0.8, setattr, exchange, "shown", None)
        found.settings = replace(found.settings, bounds=replace(FAST, close_s=5.0, settle_s=2.5))
        report = await run(found, must_liquidate=False)
        assert report.exit_code is ExitCode.DONE
        assert exchange.orders == []


async def test_a_list_that_never_comes_to_rest_proves_nothing(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        exchange = found.exchange
        usual = exchange.served.replies["61"]

        def moving(fields: list[str]) -> list[str]:
            exchange.shown = {IBM: len(exchange.frames("61")) % 2}
            return usual(fields)

        exchange.served.replies["61"] = moving
        exchange.unknown = (IBM,)
        found.settings = replace(found.settings, instruments=())
        report = await run(found)
        assert report.exit_code is ExitCode.REMAINS
        assert report.unproven == ["no two looks at the broker agreed"]


async def test_a_link_that_is_lost_once_more_has_come_in_leaves_it_unproven(
    tmp_path: Path,
) -> None:
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10

        def on_place(order: Resting) -> None:
            if order.con_id == AAPL:
                exchange.positions[IBM] = 5
            exchange.fill(order)

        def say(line: str) -> None:
            if line.startswith("more has come in"):
                exchange.served.replies["71"] = lambda f: []
                exchange.served.replies["61"] = lambda f: ["4|2|-1|1100|lost|", "62|1"]

        exchange.on_place = on_place
        wanted = Wanted(
            must_cancel=True, must_liquidate=True, is_everything=False, by="desk", reason="drill",
            wait_s=0.3,
        )  # fmt: skip
        liquidator = Liquidator(
            found.settings, found.state, wanted=wanted, clock=found.clock, say=say,
            chance=random.Random(1),
        )  # fmt: skip
        report = await liquidator.run()
        assert report.exit_code is ExitCode.NO_LINK
        assert exchange.positions[IBM] == 5


@pytest.mark.parametrize("is_everything", [False, True])
async def test_a_contract_that_is_not_described_remains_and_holds_nothing_up(
    tmp_path: Path, is_everything: bool
) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions |= {AAPL: 10, IBM: 5}
        found.exchange.unknown = (AAPL,)
        report = await run(found, is_everything=is_everything)
        assert report.exit_code is ExitCode.REMAINS
        assert report.left_alone == []
        (text,) = report.remaining_positions
        assert text == f"AAPL 10: contract {AAPL}: the broker does not know it"
        assert found.exchange.positions[IBM] == 0


async def test_a_contract_that_is_never_answered_holds_nothing_up(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions |= {AAPL: 10, IBM: 5}
        usual = found.exchange.served.replies["9"]
        found.exchange.served.replies["9"] = lambda f: [] if f[3] == str(AAPL) else usual(f)
        report = await run(found)
        assert report.exit_code is ExitCode.REMAINS
        assert report.remaining_positions == [f"AAPL 10: contract {AAPL}: no details within 5 s"]
        assert found.exchange.positions[IBM] == 0


async def test_a_global_cancel_that_did_nothing_is_sent_again(tmp_path: Path) -> None:
    # INC-069; the second one on another link.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.orders.append(Resting(0, 0, AAPL, "BUY", 10, "LMT", perm_id=777))
        usual = exchange.served.replies["58"]

        def twice_nothing(fields: list[str]) -> list[str]:
            sent = len(exchange.frames("58"))
            return ["4|2|-1|1100|lost|"] if sent == 1 else [] if sent == 2 else usual(fields)

        exchange.served.replies["58"] = twice_nothing
        report = await run(found, is_everything=True, wait_s=3.0)
        assert report.exit_code is ExitCode.DONE
        assert exchange.orders == []
        assert len(exchange.frames("58")) == 3


async def test_everything_takes_what_a_stranger_enters_meanwhile(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        exchange.orders.append(Resting(0, 0, AAPL, "BUY", 10, "LMT", perm_id=777))

        def on_place(order: Resting) -> None:
            exchange.orders.append(Resting(0, 0, IBM, "BUY", 10, "LMT", perm_id=778))
            exchange.fill(order)

        exchange.on_place = on_place
        report = await run(found, is_everything=True)
        assert report.exit_code is ExitCode.DONE
        assert exchange.orders == []


async def test_an_order_without_a_size_goes_as_well(tmp_path: Path) -> None:
    # For an amount of cash: its size is told as 0.
    async with scene(tmp_path) as found:
        found.exchange.orders.append(Resting(5, 7, AAPL, "BUY", 0, "MKT"))
        report = await run(found)
        assert report.exit_code is ExitCode.DONE
        assert found.exchange.orders == []


async def test_a_link_that_comes_back_within_the_wait_is_used(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        usual = found.exchange.served.replies["61"]
        answers = [lambda f: ["4|2|-1|1100|lost|", *usual(f)], usual]
        found.exchange.served.replies["61"] = lambda f: (
            answers.pop(0) if len(answers) > 1 else answers[0]
        )(f)
        report = await run(found, wait_s=5.0)
        assert report.exit_code is ExitCode.DONE
        assert any("trying for another" in line for line in found.said)


async def test_a_link_that_is_lost_after_long_work_is_waited_for_as_long_as_was_asked(
    tmp_path: Path,
) -> None:
    # What the run has worked on a link is no time without one.
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        exchange.orders.append(Resting(5, 7, AAPL, "BUY", 10))
        usual = exchange.served.replies["61"]

        def lost_once(fields: list[str]) -> list[str]:
            if len(exchange.frames("61")) != 2:
                return usual(fields)
            found.clock.added_s += 60.0
            return ["4|2|-1|1100|lost|", "62|1"]

        exchange.served.replies["61"] = lost_once
        report = await run(found, wait_s=5.0)
        assert report.exit_code is ExitCode.DONE
        assert exchange.positions[AAPL] == 0


@pytest.mark.parametrize("looks", [0, 1])
async def test_a_link_that_comes_and_goes_ends_when_it_was_missing_for_the_wait(
    tmp_path: Path, looks: int
) -> None:
    async with scene(tmp_path) as found:
        exchange = found.exchange
        exchange.positions[AAPL] = 10
        usual = exchange.served.replies["61"]
        connects: list[int] = []

        def lost(fields: list[str]) -> list[str]:
            number = len(exchange.frames("71"))
            connects.append(number)
            is_whole = connects.count(number) <= looks
            return usual(fields) if is_whole else ["4|2|-1|1100|lost|", "62|1"]

        exchange.served.replies["61"] = lost
        async with asyncio.timeout(10.0):
            report = await run(found, wait_s=0.5)
        assert report.exit_code is ExitCode.NO_LINK
        assert max(connects) > 2
