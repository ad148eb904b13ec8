"""Fence, lock, liquidate; and a standing order that is left, kept or taken away as is true."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.unit.emergency.exchange import AAPL, Resting, Scene, scene
from tests.unit.ops.test_fence import holder
from tests.unit.ops.test_standing_order import LEFT
from trader.emergency.act import act
from trader.emergency.liquidator import Wanted
from trader.emergency.report import ExitCode, Report
from trader.ops.instance_lock import LIQUIDATOR, InstanceLock
from trader.ops.standing_order import STANDING_FILE_NAME, StandingOrder, leave, standing


async def run(found: Scene, **wanted: object) -> Report:
    asked: dict[str, object] = {
        "must_cancel": True, "must_liquidate": True, "is_everything": False, "by": "desk",
        "reason": "drill", "wait_s": 0.1, **wanted,
    }  # fmt: skip
    return await act(
        found.settings, found.state, wanted=Wanted(**asked),  # type: ignore[arg-type]
        clock=found.clock, say=found.said.append, busy_s=0.2,
    )  # fmt: skip


def is_free(path: Path) -> bool:
    lock = InstanceLock(path)
    lock.take(1)
    lock.release()
    return True


async def test_a_daemon_is_fenced_first_and_the_lock_is_held_while_it_acts(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        seen: list[str] = []

        def on_place(order: Resting) -> None:
            seen.append((tmp_path / "lock").read_text())
            found.exchange.fill(order)

        found.exchange.on_place = on_place
        with holder(tmp_path / "lock") as daemon:
            report = await run(found)
            assert daemon.wait(5) < 0
        assert (report.exit_code, report.fenced_pid) == (ExitCode.DONE, daemon.pid)
        assert seen[0].endswith("liquidator\n")
        assert is_free(tmp_path / "lock")


async def test_another_liquidator_is_left_to_its_work(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.positions[AAPL] = 10
        with holder(tmp_path / "lock", LIQUIDATOR) as other:
            report = await run(found)
            assert other.poll() is None
        assert report.exit_code is ExitCode.BUSY
        assert not found.exchange.frames("71"), "it connected without the lock"


async def test_without_a_fence_nothing_is_sent(tmp_path: Path) -> None:
    async with scene(tmp_path / "missing") as found:
        report = await run(found)
        assert report.exit_code is ExitCode.CANNOT_ACT
        assert "not fenced" in report.problems[0]
        assert not found.exchange.frames("71")


async def test_without_a_link_a_standing_order_is_left(tmp_path: Path) -> None:
    async with scene(tmp_path) as found:
        found.exchange.served.replies["71"] = lambda f: []
        report = await run(found)
        assert report.exit_code is ExitCode.NO_LINK
        left = standing(tmp_path / STANDING_FILE_NAME)
        assert left is not None
        assert (left.must_liquidate, left.is_everything, left.by) == (True, False, "desk")
        assert report.standing_order == str(tmp_path / STANDING_FILE_NAME)


@pytest.mark.parametrize("is_everything", [False, True])
async def test_a_standing_order_goes_when_all_of_it_is_done(
    tmp_path: Path, is_everything: bool
) -> None:
    path = tmp_path / STANDING_FILE_NAME
    async with scene(tmp_path) as found:
        leave(path, LEFT._replace(is_everything=is_everything))
        assert (await run(found)).exit_code is ExitCode.DONE
        # Less than what was left was done: the rest of it stands.
        assert path.exists() == is_everything
        await run(found, is_everything=True)
        assert not path.exists()


async def test_one_that_cannot_be_understood_is_told_and_left(tmp_path: Path) -> None:
    path = tmp_path / STANDING_FILE_NAME
    path.write_text("{")
    async with scene(tmp_path) as found:
        report = await run(found)
        assert any("is not a standing order" in text for text in report.problems)
        assert path.exists()


WEAKER = LEFT._replace(must_liquidate=False)


@pytest.mark.parametrize("before", [None, WEAKER])
async def test_a_run_that_is_cut_off_has_left_a_standing_order(
    tmp_path: Path, before: StandingOrder | None
) -> None:
    # Between the stops that it has cancelled and the close there is nobody else.
    path = tmp_path / STANDING_FILE_NAME
    async with scene(tmp_path) as found:
        if before is not None:
            leave(path, before)
        found.exchange.positions[AAPL] = 10
        found.exchange.orders.append(Resting(0, 0, AAPL, "SELL", 4, "STP", perm_id=777))
        seen: list[StandingOrder | None] = []

        def on_place(order: Resting) -> None:
            seen.append(standing(path))
            found.exchange.fill(order)

        found.exchange.on_place = on_place
        assert (await run(found)).exit_code is ExitCode.REMAINS
        assert seen[0] is not None
        assert (seen[0].must_liquidate, seen[0].by, seen[0].reason) == (True, "desk", "drill")
        # It came to its end: what remains is told, and the person decides.
        assert standing(path) == before


@pytest.mark.parametrize(
    ("error", "is_left"), [(AssertionError("broken"), True), (asyncio.CancelledError(), False)]
)
async def test_what_broke_off_is_carried_on_and_what_was_called_off_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, is_left: bool
) -> None:
    async def broken(_: object) -> Report:
        raise error

    monkeypatch.setattr("trader.emergency.act.Liquidator.run", broken)
    async with scene(tmp_path) as found:
        with pytest.raises(type(error)):
            await run(found)
        assert (tmp_path / STANDING_FILE_NAME).exists() == is_left
        assert is_free(tmp_path / "lock")
