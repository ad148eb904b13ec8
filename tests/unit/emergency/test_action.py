"""Halt first, then the standing order, then the liquidator: in this order and whatever fails."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.unit.emergency.exchange import AAPL, Resting, Scene, scene
from tests.unit.emergency.test___main__ import left_by_a_daemon
from tests.unit.ops.test_fence import holder
from tests.unit.ops.test_standing_order import LEFT
from trader.emergency.action import Action, ActionSettings
from trader.ops.clock import SystemClock
from trader.ops.halt_file import HaltFile
from trader.ops.instance_lock import LIQUIDATOR
from trader.ops.standing_order import STANDING_FILE_NAME, leave, standing


@dataclass
class Pages:
    """A pager that keeps what it was given."""

    sent: list[tuple[str, str]] = field(default_factory=list)

    def page(self, severity: str, title: str, text: str) -> None:
        self.sent.append((title, text))


def an_action(state: Path, pages: Pages, **changes: object) -> Action:
    settings = ActionSettings(
        state=state, config=state / "missing.yaml", halt_file=state / "HALT",
        second_client_id=1008, must_flatten=False, link_wait_s=0.5,
    )  # fmt: skip
    settings = replace(settings, **changes)  # type: ignore[arg-type]
    return Action(settings, SystemClock(), pages)


def halted(state: Path) -> str:
    reading = HaltFile(state / "HALT").reading()
    assert reading.is_active
    return reading.reason


def with_orders(found: Scene) -> None:
    """Give the account a position, its protective stop, and an order that adds to it."""
    found.exchange.positions[AAPL] = 10
    found.exchange.orders += [
        Resting(1, 7, AAPL, "BUY", 5),
        Resting(2, 7, AAPL, "SELL", 10, kind="STP"),
    ]
    left_by_a_daemon(found)


async def test_a_stopped_daemon_is_fenced_and_only_what_adds_risk_goes(tmp_path: Path) -> None:
    pages = Pages()
    async with scene(tmp_path) as found:
        with_orders(found)
        with holder(tmp_path / "lock") as daemon:
            outcome = await an_action(tmp_path, pages).run("silent")
            assert daemon.wait(5) < 0
        assert outcome.is_done, outcome
        assert outcome.text.startswith(f"daemon {daemon.pid} fenced, protected")
        assert [row.order_id for row in found.exchange.orders] == [2]
        assert not found.exchange.frames("3"), "nothing may be closed"
        assert "halted by sentinel" in halted(tmp_path)
        assert not (tmp_path / STANDING_FILE_NAME).exists()
        assert [title for title, _ in pages.sent] == ["sentinel acts", "sentinel: done"]


async def test_a_standing_order_of_a_person_is_carried_on_as_it_was_given(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        with_orders(found)
        leave(tmp_path / STANDING_FILE_NAME, LEFT._replace(must_liquidate=True))
        outcome = await an_action(tmp_path, Pages()).run("silent")
        assert outcome.is_done, outcome
        assert found.exchange.positions[AAPL] == 0
        assert not (tmp_path / STANDING_FILE_NAME).exists()


async def test_without_a_link_halt_and_standing_order_stay(tmp_path: Path) -> None:
    pages = Pages()
    async with scene(tmp_path) as found:
        with_orders(found)
        found.exchange.served.replies["71"] = lambda f: []
        action = an_action(tmp_path, pages, must_flatten=True)
        assert not (await action.run("silent")).is_done
        left = standing(tmp_path / STANDING_FILE_NAME)
        assert left is not None
        assert (left.must_liquidate, left.by) == (True, "sentinel")
        first = halted(tmp_path)
        assert not (await action.run("again")).is_done
        # The first reason stands, and is not wrapped into the second.
        assert halted(tmp_path) == first
        assert pages.sent[1][0] == "sentinel: NOT done"


async def test_a_locked_id_is_waited_for_rather_than_taking_protection_off(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        with_orders(found)
        usual = found.exchange.served.replies["71"]
        locked = ["4|2|-1|326|Unable to connect as the client id is already in use|"]
        found.exchange.served.replies["71"] = lambda f: locked if f[2] == "7" else usual(f)
        outcome = await an_action(tmp_path, Pages()).run("silent")
        assert not outcome.is_done
        assert not found.exchange.frames("58"), "a global cancel takes the stop off as well"
        assert {row.order_id for row in found.exchange.orders} == {1, 2}


async def test_an_operators_halt_keeps_its_reason(tmp_path: Path) -> None:
    record = {"active": True, "reason": "lunch", "activatedAt": "now", "activatedBy": "ann"}
    (tmp_path / "HALT").write_text(json.dumps(record))
    await an_action(tmp_path, Pages()).run("silent")
    assert "silent (before: halted by ann at now: lunch)" in halted(tmp_path)


async def test_without_any_address_it_says_so_and_stays_halted(tmp_path: Path) -> None:
    outcome = await an_action(tmp_path, Pages()).run("silent")
    assert not outcome.is_done
    assert outcome.text.startswith("cannot act")
    assert "missing.yaml" in " ".join(outcome.details)
    assert halted(tmp_path)


async def test_a_liquidator_that_hangs_is_ended(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        with_orders(found)
        with holder(tmp_path / "lock", LIQUIDATOR) as other:
            outcome = await an_action(tmp_path, Pages(), lifetime_s=1.0).run("silent")
            assert other.poll() is None
        assert not outcome.is_done
        assert "it was killed" in outcome.text
        # It was on disk before the liquidator began: somebody carries it on.
        left = standing(tmp_path / STANDING_FILE_NAME)
        assert left is not None
        assert (left.by, left.must_liquidate) == ("sentinel", False)


async def test_a_halt_that_cannot_be_written_is_paged_and_the_rest_goes_on(tmp_path: Path) -> None:
    pages = Pages()
    async with scene(tmp_path) as found:
        with_orders(found)
        action = an_action(tmp_path, pages, halt_file=tmp_path / "no" / "such" / "HALT")
        assert (await action.run("silent")).is_done
        assert "the halt file could not be written" in [title for title, _ in pages.sent]
