"""It acts once, in order, tells what it does, and never stops showing that it lives."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from tests.unit.emergency.test_action import Pages
from tests.unit.emergency.test_vital import GONE, QUIET, WELL
from tests.unit.ops.support import FakeClock
from trader.emergency.action import Outcome
from trader.emergency.deadman import Deadman, Risk, Rules, State
from trader.emergency.sentinel import Sentinel, Shown, Surroundings
from trader.emergency.vital import Facts, Health
from trader.ops.fence import Holder
from trader.ops.heartbeat import Phase
from trader.ops.instance_lock import LIQUIDATOR

RULES = Rules(
    check_s=1.0, silence_s=5.0, start_s=5.0, open_risk_grace_s=20.0, retry_s_min=2.0,
    retry_s_max=8.0,
)  # fmt: skip
ENDED = GONE.__class__(
    holder=None, beat=GONE.beat._replace(phase=Phase.ENDED, exit_code=0) if GONE.beat else None,
    is_beating=False, health=Health.SILENT, boot_id=GONE.boot_id,
)  # fmt: skip


@dataclass
class Scene:
    """A daemon as a test wants it seen."""

    facts: Facts = WELL
    risk: tuple[Risk, str] = (Risk.OPEN, "one order")
    outcomes: list[Outcome] = field(default_factory=lambda: [Outcome(True, "done")])
    rules: Rules = RULES
    clock: FakeClock = field(default_factory=FakeClock)
    pages: Pages = field(default_factory=Pages)
    shown: list[Shown] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    pets: int = 0
    asked: int = 0
    order: str = ""

    def sentinel(self, deadman: Deadman | None = None) -> Sentinel:
        around = Surroundings(
            clock=self.clock, pager=self.pages, look=lambda: self.facts, read_risk=self._ask,
            act=self._act, asleep_s=lambda: 0.0, pet=self._pet, show=self.shown.append,
            order=lambda: self.order, chance=random.Random(1),
        )  # fmt: skip
        return Sentinel(self.rules, around, deadman or Deadman())

    def _ask(self) -> tuple[Risk, str]:
        self.asked += 1
        return self.risk

    async def _act(self, reason: str) -> Outcome:
        self.reasons.append(reason)
        return self.outcomes[min(len(self.reasons), len(self.outcomes)) - 1]

    def _pet(self) -> None:
        self.pets += 1

    async def looks(self, sentinel: Sentinel, count: int) -> None:
        for _ in range(count):
            self.clock.now_s += 1.0
            await sentinel.look_once()


async def test_a_silent_daemon_with_open_risk_is_acted_on_once() -> None:
    scene = Scene()
    sentinel = scene.sentinel()
    await scene.looks(sentinel, 5)
    scene.facts = QUIET
    await scene.looks(sentinel, 40)
    assert len(scene.reasons) == 1
    assert "runs and gives no sign of life" in scene.reasons[0]
    assert "open risk: open (one order)" in scene.reasons[0]
    assert [row.deadman.state for row in scene.shown] == [
        State.WATCHING, State.SUSPECT, State.ACTING, State.DONE,
    ]  # fmt: skip
    scene.facts = WELL
    await scene.looks(sentinel, 2)
    assert sentinel.deadman.state is State.WATCHING


async def test_what_is_not_done_is_tried_again_until_it_is() -> None:
    scene = Scene(facts=GONE, outcomes=[Outcome(False, "no link")] * 2 + [Outcome(True, "done")])
    sentinel = scene.sentinel()
    await scene.looks(sentinel, 40)
    assert len(scene.reasons) == 3
    assert sentinel.deadman.state is State.DONE
    # What has begun is finished without asking again what is open.
    assert scene.asked == 1


async def test_a_silence_without_open_risk_calls_somebody_once_and_touches_nothing() -> None:
    scene = Scene(facts=GONE, risk=(Risk.NONE, "nothing"))
    await scene.looks(scene.sentinel(), 100)
    assert scene.reasons == []
    assert [title for title, _ in scene.pages.sent] == ["daemon silent"]
    assert 2 <= scene.asked <= 5


async def test_a_mode_that_sends_nothing_is_only_told() -> None:
    scene = Scene(facts=GONE, rules=Rules(1.0, 5.0, 5.0, 20.0, 2.0, 8.0, may_act=False))
    await scene.looks(scene.sentinel(), 30)
    assert scene.reasons == []
    ((title, text),) = scene.pages.sent
    assert (title, "this mode sends no orders" in text) == ("daemon silent", True)


async def test_an_operators_stop_is_no_news_until_its_grace_is_over() -> None:
    scene = Scene(facts=ENDED)
    sentinel = scene.sentinel()
    await scene.looks(sentinel, 20)
    assert (scene.reasons, scene.pages.sent) == ([], [])
    await scene.looks(sentinel, 5)
    assert len(scene.reasons) == 1


@pytest.mark.parametrize(
    "facts",
    [
        WELL.__class__(WELL.holder, WELL.beat, True, Health.SILENT, boot_id=WELL.boot_id),
        WELL.__class__(Holder(9, LIQUIDATOR), WELL.beat, False, Health.SILENT),
    ],
    ids=["odd", "liquidating"],
)
async def test_what_is_odd_for_long_is_told_once(facts: Facts) -> None:
    scene = Scene(facts=facts)
    await scene.looks(scene.sentinel(), 30)
    assert scene.reasons == []
    assert len(scene.pages.sent) == 1


async def test_however_seldom_it_looks_it_shows_that_it_lives() -> None:
    scene = Scene(rules=Rules(60.0, 240.0, 5.0, 300.0, 2.0, 8.0))
    stopped = asyncio.Event()
    running = asyncio.ensure_future(scene.sentinel().run(stopped))
    await asyncio.sleep(2.5)
    assert scene.pets >= 3
    stopped.set()
    await asyncio.wait_for(running, 5)


async def test_it_shows_that_it_lives_while_it_acts_and_ends_when_told() -> None:
    scene = Scene(facts=GONE, rules=Rules(0.01, 0.05, 0.05, 0.2, 1.0, 1.0))
    stopped, acting = asyncio.Event(), asyncio.Event()

    async def slow(reason: str) -> Outcome:
        acting.set()
        await asyncio.sleep(2.5)
        return Outcome(True, "done")

    sentinel = scene.sentinel(Deadman(State.SUSPECT, 10.0))
    sentinel._around = Surroundings(
        clock=scene.clock, pager=scene.pages, look=lambda: scene.facts,
        read_risk=lambda: scene.risk, act=slow, asleep_s=lambda: 0.0, pet=scene._pet,
        show=scene.shown.append, chance=random.Random(1),
    )  # fmt: skip
    running = asyncio.ensure_future(sentinel.run(stopped))
    await asyncio.wait_for(acting.wait(), 5)
    before = scene.pets
    stopped.set()
    await asyncio.wait_for(running, 10)
    assert scene.pets >= before + 3
    assert sentinel.deadman.state is State.DONE, "what has begun is finished first"


async def test_what_a_person_orders_after_it_has_acted_is_carried_out_too() -> None:
    # The kill switch found no link and said that the sentinel carries it on.
    scene = Scene(facts=GONE)
    sentinel = scene.sentinel()
    await scene.looks(sentinel, 20)
    assert (len(scene.reasons), sentinel.deadman.state) == (1, State.DONE)
    scene.order = "close every position, left by desk"
    await scene.looks(sentinel, 2)
    assert (len(scene.reasons), sentinel.deadman.state) == (2, State.DONE)
    # It waits at the broker: to send it again would cost its place.
    await scene.looks(sentinel, 200)
    assert len(scene.reasons) == 2
    scene.order = ""
    await scene.looks(sentinel, 200)
    assert len(scene.reasons) == 2
