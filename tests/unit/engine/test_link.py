"""The connection: one attempt at a time, for ever, to the right account, and never blindly up."""

from __future__ import annotations

import asyncio
from datetime import UTC, time
from decimal import Decimal
from itertools import pairwise
from typing import NoReturn

import pytest

from tests.unit.engine.world import (
    CON,
    OTHER_CON,
    World,
    a_link,
    a_reading,
    a_status,
    an_intent,
    running,
    turns,
)
from trader.core import events as ev
from trader.core.halts import HaltCause, Mode
from trader.core.ids import AccountId, OrderId
from trader.core.instruments import Instrument, InstrumentSpec
from trader.core.orders import OrderState
from trader.engine.link import FIRST_CONNECT, account_problem
from trader.engine.sessions import SessionSettings
from trader.ports import (
    ConnectRefused,
    DataProblem,
    LinkDown,
    LinkWord,
    QuoteTick,
    ServerTime,
    SnapshotUnavailable,
    WorldError,
)


def disconnected(**changes: object) -> World:
    world = World(is_armed=False, **changes)  # type: ignore[arg-type]
    for cause in tuple(world.book.halts):
        world.ledger.record(ev.HaltCleared(cause, "test", "test"))
    world.broker.is_connected = False
    return world


def proven(world: World) -> None:
    """Have a farm answer, which proves the upstream."""
    world.upstream(2104)


# ---- coming up


async def test_a_connect_proves_subscribes_reconciles_and_arms() -> None:
    world = disconnected(symbols=("AAA", "BBB"))
    order: list[str] = []
    world.broker.on_snapshot = lambda: order.append(
        f"snapshot after {len(world.broker.subscribed)} subscriptions"
    )

    async def told() -> None:
        order.append("told")

    world.link.on_connected = told
    with running(world.link.run):
        await asyncio.sleep(1)
        proven(world)
    assert world.broker.subscribed == [CON, OTHER_CON]
    assert order == ["snapshot after 2 subscriptions", "told"]
    assert world.guard.causes().keys() <= {HaltCause.NOT_RECONCILED}
    assert world.link.connect_count == 1
    assert world.link.problem == ""


async def test_order_ids_go_on_above_the_highest_in_the_journal() -> None:
    # INC-006
    world = World()
    world.broker.next_id = 41
    await world.working()
    with running(world.link.run):
        await asyncio.sleep(1)
    assert world.broker.order_id_highs == [OrderId(42)]


@pytest.mark.parametrize("phase", ["tcp", "handshake", "client id", "account"])
async def test_after_an_error_in_any_phase_it_tries_again_for_ever(phase: str) -> None:
    # INC-008, INC-010, INC-117
    world = disconnected()
    world.broker.connects = [a_link()]
    with running(world.link.run):
        await asyncio.sleep(60)
        errors: list[Exception] = [ConnectRefused(phase, "no")] * 200
        world.broker.connects = [*errors, a_link()]
        world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        await asyncio.sleep(30)
        assert phase in world.link.problem
        assert HaltCause.LINK in world.guard.causes()
        await asyncio.sleep(200 * 30)
    assert world.broker.connect_count == 202
    assert world.broker.connects_at_once_max == 1
    assert world.broker.is_connected


async def test_waits_between_attempts_grow_to_a_ceiling_and_never_beyond() -> None:
    world = disconnected()
    world.broker.connects = [ConnectRefused("tcp", "no")]
    at_s: list[float] = []
    connect = world.broker.connect

    async def noted(order_id_high: OrderId) -> object:
        at_s.append(world.clock.monotonic())
        return await connect(order_id_high)

    world.broker.connect = noted  # type: ignore[method-assign, assignment]
    with running(world.link.run):
        await asyncio.sleep(1_000)
    waits = [later - before for before, later in pairwise(at_s)]
    assert 0.5 <= waits[0] <= 1.1
    assert max(waits) <= 30.1
    assert min(waits[8:]) >= 15.0
    assert len(set(waits[8:])) > 5, "without chance in it, everybody comes back at once"


async def test_a_daemon_that_never_had_a_link_ends_for_whoever_supervises_it() -> None:
    world = disconnected()
    world.broker.connects = [ConnectRefused("tcp", "no")]
    with running(world.link.run):
        await asyncio.sleep(3_500)
        assert not world.supervisor.root_ended.done()
        await asyncio.sleep(150)
        ended = world.supervisor.root_ended.result()
    assert (ended.name, ended.problem) == (FIRST_CONNECT, "tcp: no")
    assert world.pager.titles() == ["no link to the broker"]


async def test_a_link_that_there_was_is_waited_for_as_long_as_it_takes() -> None:
    # INC-042: over a weekend nobody logs in again.
    world = disconnected()
    world.broker.connects = [a_link()]
    with running(world.link.run):
        await asyncio.sleep(60)
        world.broker.connects = [ConnectRefused("tcp", "no")]
        world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        await asyncio.sleep(200_000)
        assert not world.supervisor.root_ended.done()


async def test_a_long_outage_pages_once_and_the_next_one_again() -> None:
    world = disconnected()
    world.broker.connects = [ConnectRefused("tcp", "no")]
    with running(world.link.run):
        await asyncio.sleep(100)
        assert world.pager.sent == []
        await asyncio.sleep(1_000)
        assert world.pager.titles() == ["no link to the broker"]
        world.broker.connects = [a_link()]
        # Thirty until the next attempt, and then until the link is a steady one.
        await asyncio.sleep(100)
        assert world.broker.is_connected
        world.broker.connects = [ConnectRefused("tcp", "no")]
        world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        await asyncio.sleep(1_000)
    assert world.pager.titles() == ["no link to the broker"] * 2


async def _flapping(world: World, count: int, every_s: float = 50.0) -> None:
    """Lose the link again and again; it is back within half a minute."""
    for _ in range(count):
        world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        await asyncio.sleep(every_s)


def _cut_off_pages(world: World) -> list[str]:
    return [title for _, title, _ in world.pager.sent if "cut off" in title]


async def test_a_gateway_without_a_broker_pages_once_until_it_has_one_again() -> None:
    # INC-042: the socket stands, and nobody has logged in again.
    world = disconnected()
    world.broker.connects = [a_link()]
    with running(world.link.run):
        await asyncio.sleep(10)
        proven(world)
        await asyncio.sleep(100)
        world.upstream(1100)
        await asyncio.sleep(100)
        assert _cut_off_pages(world) == []
        # Back for a moment, and told again and again (INC-033): the same outage.
        world.upstream(1102)
        world.upstream(1100)
        await asyncio.sleep(5_000)
        assert _cut_off_pages(world) == ["the gateway is cut off from the broker"]
        world.upstream(1102)
        await asyncio.sleep(100)
        world.upstream(1100)
        await asyncio.sleep(200)
    assert len(_cut_off_pages(world)) == 2


async def test_a_gateway_that_never_had_a_broker_is_paged_as_well() -> None:
    # INC-132: it accepts the connection and says nothing of a farm.
    world = disconnected()
    world.broker.connects = [a_link()]
    with running(world.link.run):
        await asyncio.sleep(200)
    assert _cut_off_pages(world) == ["the gateway is cut off from the broker"]


@pytest.mark.parametrize("what", ["socket", "upstream"])
async def test_a_planned_restart_wakes_nobody_unless_it_takes_longer(what: str) -> None:
    sessions = SessionSettings(UTC, restart_at=time(15, 2), restart_s=600.0)
    world = disconnected(sessions=sessions)
    world.broker.connects = [a_link()]
    with running(world.link.run):
        await asyncio.sleep(10)
        proven(world)
        await asyncio.sleep(105)
        if what == "socket":
            world.broker.connects = [ConnectRefused("tcp", "no")]
            world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        else:
            world.upstream(1100)
        await asyncio.sleep(590)
        assert (_link_pages(world), _cut_off_pages(world)) == ([], [])
        await asyncio.sleep(60)
    assert len(_link_pages(world)) + len(_cut_off_pages(world)) == 1


def _link_pages(world: World) -> list[str]:
    return [text for _, title, text in world.pager.sent if title == "no link to the broker"]


async def test_a_link_that_falls_again_and_again_pages_once_until_it_holds() -> None:
    # INC-117: every connect succeeds, and nobody can trade all the same.
    world = disconnected()
    world.broker.connects = [a_link()]
    with running(world.link.run):
        await asyncio.sleep(1_000)
        await _flapping(world, 2)
        assert _link_pages(world) == []
        await _flapping(world, 20)
        assert _link_pages(world) == ["it does not hold: reset"]
        # What comes on top is the same outage.
        world.broker.connects = [ConnectRefused("tcp", "no")]
        world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        await asyncio.sleep(1_000)
        assert len(_link_pages(world)) == 1
        world.broker.connects = [a_link()]
        await asyncio.sleep(1_000)
        await _flapping(world, 20)
    assert _link_pages(world) == ["it does not hold: reset"] * 2


async def test_a_link_that_is_lost_after_steady_hours_is_a_new_outage() -> None:
    world = disconnected()
    world.broker.connects = [a_link()]
    with running(world.link.run):
        await asyncio.sleep(1)
        await _flapping(world, 20, every_s=100)
    assert _link_pages(world) == []


async def test_an_attempt_can_be_cancelled() -> None:
    # SIGTERM while connecting.
    world = disconnected()
    world.broker.connect_s = 1_000.0
    world.supervisor.start("link-watch", world.link.run)
    await asyncio.sleep(1)
    await world.supervisor.stop("link-watch")
    assert world.clock.monotonic() == 1_001.0
    assert world.broker.connects_at_once == 0
    assert not world.supervisor.root_ended.done()


async def test_a_socket_that_dies_while_the_proof_is_awaited_does_not_come_up() -> None:
    world = disconnected(symbols=())
    heartbeat = world.broker.heartbeat

    async def dies() -> object:
        answer = await heartbeat()
        world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        return answer

    world.broker.heartbeat = dies  # type: ignore[method-assign, assignment]
    world.broker.connects = [a_link(), ConnectRefused("tcp", "no")]
    with running(world.link.run):
        await asyncio.sleep(0.2)
        assert HaltCause.LINK in world.guard.causes()
        assert HaltCause.HEARTBEAT in world.guard.causes()
        await asyncio.sleep(60)
        assert HaltCause.LINK in world.guard.causes()


@pytest.mark.parametrize(
    "error", [LinkDown("reset"), SnapshotUnavailable("no end"), WorldError("pacing")]
)
async def test_a_failure_after_the_handshake_is_a_failed_attempt_too(error: Exception) -> None:
    world = disconnected()
    world.broker.subscribe_error = error
    with running(world.link.run):
        await asyncio.sleep(20)
        assert world.broker.connect_count > 3
        assert HaltCause.LINK in world.guard.causes()
        assert world.broker.snapshot_count == 0


async def test_one_instrument_that_cannot_be_resolved_does_not_keep_the_daemon_offline() -> None:
    """With a delisted symbol in the settings the other positions still need their exits."""
    world = disconnected(symbols=("AAA", "BBB"))
    world.broker.resolve_errors = {"AAA": WorldError("AAA: 0 matches")}
    world.hub.open_for_s = lambda _con_id: None
    with running(world.link.run):
        await asyncio.sleep(1)
        proven(world)
        await asyncio.sleep(1)
        assert world.broker.is_connected
        assert HaltCause.LINK not in world.guard.causes()
        assert world.broker.subscribed == [OTHER_CON]
        await asyncio.sleep(200)
        assert world.pager.titles() == ["instrument AAA missing"]
        assert world.hub.undescribed == {"AAA"}
        world.broker.resolve_errors = {}
        await asyncio.sleep(310)
    assert world.hub.undescribed == frozenset()
    assert world.broker.subscribed == [OTHER_CON, CON]
    assert world.broker.connect_count == 1


async def test_what_somebody_needs_now_is_asked_for_now_and_before_the_rest() -> None:
    world = disconnected(symbols=("AAA", "BBB"))
    world.broker.resolve_errors = {name: WorldError("no answer") for name in ("AAA", "BBB")}
    asked, resolve = [], world.broker.resolve

    async def noted(spec: InstrumentSpec) -> Instrument:
        asked.append(spec.symbol)
        return await resolve(spec)

    world.broker.resolve = noted  # type: ignore[method-assign]
    with running(world.link.run):
        await asyncio.sleep(1)
        proven(world)
        await asyncio.sleep(10)
        assert asked == ["AAA", "BBB"]
        world.hub.describe_now(frozenset({"BBB"}))
        await asyncio.sleep(1)
        assert asked[2:] == ["BBB", "AAA"]
        await asyncio.sleep(10)
        assert len(asked) == 4, "once for each time that somebody asks"
        world.broker.resolve_errors.clear()
        world.hub.describe_now(frozenset({"BBB"}))
        await asyncio.sleep(1)
        world.hub.describe_now(frozenset({"BBB"}))
        await asyncio.sleep(1)
    assert len(asked) == 6, "what is described is not asked for"


async def test_one_that_nobody_describes_does_not_put_off_the_hours_of_the_others() -> None:
    """It is asked for again every few minutes; the others' hours run out in some days."""
    world = disconnected(symbols=("AAA", "BBB"))
    world.broker.resolve_errors = {"AAA": WorldError("AAA: 0 matches")}
    asked, resolve = [], world.broker.resolve

    async def noted(spec: InstrumentSpec) -> Instrument:
        asked.append(spec.symbol)
        return await resolve(spec)

    world.broker.resolve = noted  # type: ignore[method-assign]
    with running(world.link.run):
        await asyncio.sleep(1)
        proven(world)
        await asyncio.sleep(20 * 3600)
    assert asked.count("AAA") > 100
    assert asked.count("BBB") >= 3


async def test_many_instruments_that_nobody_describes_are_no_task_that_stands_still() -> None:
    """A definition farm that is down (2157) must not halt the exits: the task does move."""
    world = disconnected(symbols=("AAA", "BBB") * 10)

    async def silent(spec: object) -> NoReturn:
        await world.clock.sleep(15)
        raise WorldError(f"{spec}: no contract details within 15 s")

    world.broker.resolve = silent  # type: ignore[method-assign]
    world.supervisor.start("link-watch", world.link.run)
    for _ in range(12):
        await world.clock.sleep(50)
        assert world.supervisor.stalled({"link-watch": 20.0}) == ""
    await world.supervisor.stop()


async def test_a_link_lost_while_instruments_are_resolved_starts_over() -> None:
    world = disconnected(symbols=("AAA", "BBB"))
    world.broker.resolve_errors = {"AAA": LinkDown("reset")}
    with running(world.link.run):
        await asyncio.sleep(5)
        assert world.broker.subscribed == []
        world.broker.resolve_errors = {}
        await asyncio.sleep(20)
    assert world.broker.subscribed == [CON, OTHER_CON]


# ---- the account


@pytest.mark.parametrize(
    ("mode", "configured", "reported", "is_refused"),
    [
        (Mode.PAPER, "DU1", ("DU1",), False),
        (Mode.PAPER, "DU1", ("DU2",), True),
        (Mode.PAPER, "DU1", (), True),
        (Mode.PAPER, "U1", ("U1",), True),
        (Mode.PAPER, "DF1", ("DF1", "DU7"), False),
        (Mode.LIVE, "U1", ("U1",), False),
        (Mode.LIVE, "U1", ("U1", "U2"), False),
        (Mode.LIVE, "U1", ("U2",), True),
        (Mode.LIVE, "DU1", ("DU1",), True),
        (Mode.DEMO, "DUSIM1", ("DUSIM1",), False),
        (Mode.DEMO, "DUSIM1", ("DUSIM2",), True),
        (Mode.DEMO, "U1", ("U1",), True),
        (Mode.SHADOW, "U1", ("U1",), False),
        (Mode.DRY_RUN, "U1", ("U2",), True),
    ],
)
async def test_each_mode_refuses_the_accounts_it_must(
    mode: Mode, configured: str, reported: tuple[str, ...], is_refused: bool
) -> None:
    facts = a_link(*reported) if reported else type(a_link())((), 178, OrderId(1))
    assert bool(account_problem(mode, AccountId(configured), facts)) is is_refused


async def test_the_wrong_account_is_refused_until_the_right_one_answers() -> None:
    world = disconnected()
    world.broker.connects = [a_link("DU2"), a_link("DU1")]
    with running(world.link.run):
        await asyncio.sleep(0.3)
        assert "DU2" in world.guard.causes()[HaltCause.ACCOUNT]
        assert not world.broker.is_connected
        assert world.broker.snapshot_count == 0
        await asyncio.sleep(5)
        assert HaltCause.ACCOUNT not in world.guard.causes()
        assert world.broker.is_connected


async def test_a_connect_says_nothing_of_the_currency_that_an_account_is_kept_in() -> None:
    """It cleared the halt without a look, and until the next values new risk left."""
    world = World()
    world.say(a_reading(world.clock.monotonic(), currency="EUR"))
    world.broker.tell_account = lambda: None
    with running(world.link.run):
        await asyncio.sleep(1)
        proven(world)
        world.quote()
        assert world.broker.is_connected
        assert "EUR" in world.guard.causes()[HaltCause.ACCOUNT]
        assert (await world.gateway.submit(an_intent())).code == "HALTED"
        world.say(a_reading(world.clock.monotonic(), currency="USD"))
        assert not world.guard.has(HaltCause.ACCOUNT)


async def test_the_journal_of_another_account_is_never_traded_on() -> None:
    """Its positions, cash and order ids are not this account's."""
    world = disconnected()
    world.book.account = AccountId("DU9")
    with running(world.link.run):
        await asyncio.sleep(10)
    assert "DU9" in world.guard.causes()[HaltCause.ACCOUNT]
    assert world.broker.snapshot_count == 0
    assert not world.broker.is_connected


# ---- going down


async def connected(world: World) -> None:
    world.broker.is_connected = False
    await asyncio.sleep(1)
    proven(world)
    await world.reconciler.run_once("test")
    assert world.guard.causes() == {}
    world.quote()


async def test_a_lost_socket_makes_orders_in_flight_unknown_and_halts_at_once() -> None:
    world = World()
    with running(world.link.run):
        await connected(world)
        await world.gateway.submit(an_intent())
        working = await world.working(an_intent(2))
        world.broker.connects = [ConnectRefused("tcp", "no")]
        world.say(LinkWord("socket", is_up=False, code=0, text="reset by peer"))
        assert world.order().state is OrderState.UNKNOWN
        assert world.state(working.order_id) is OrderState.WORKING
        assert (await world.gateway.submit(an_intent(3))).code == "HALTED"
        assert world.link.problem == "reset by peer"
        await asyncio.sleep(60)
        assert world.broker.connect_count > 1
        assert len(world.broker.placed) == 2


async def test_after_a_reconnect_nothing_is_sent_again() -> None:
    # INC-007
    world = World()
    with running(world.link.run):
        await connected(world)
        await world.gateway.submit(an_intent())
        world.say(LinkWord("socket", is_up=False, code=0, text="reset by peer"))
        await asyncio.sleep(30)
    assert world.link.connect_count == 2
    assert len(world.broker.placed) == 1


async def test_quotes_that_were_refused_are_asked_for_again_and_somebody_is_told() -> None:
    # INC-150
    world = World(symbols=("AAA", "BBB"))
    with running(world.link.run, world.inbox.run):
        await connected(world)
        world.say(DataProblem(OTHER_CON, 322, "duplicate ticker id"))
        await asyncio.sleep(50)
        assert world.broker.subscribed == [CON, OTHER_CON]
        assert world.pager.titles() == ["no quotes of BBB"]
        await asyncio.sleep(30)
        assert world.broker.subscribed == [CON, OTHER_CON, OTHER_CON]
        world.say(QuoteTick(OTHER_CON, "data_type", Decimal(1), world.clock.monotonic()))
        world.say(QuoteTick(OTHER_CON, "bid", Decimal(10), world.clock.monotonic()))
        world.say(QuoteTick(CON, "bid", Decimal(10), world.clock.monotonic()))
        await asyncio.sleep(50)
        world.say(DataProblem(OTHER_CON, 322, "duplicate ticker id"))
        await asyncio.sleep(20)
        assert world.pager.titles() == ["no quotes of BBB"] * 2
    assert world.broker.connect_count == 1


async def test_after_another_session_all_quotes_are_asked_for_again_with_the_first() -> None:
    # INC-133, QUA-06
    world = World(symbols=("AAA", "BBB"))
    with running(world.link.run, world.inbox.run):
        await connected(world)
        for con_id in (CON, OTHER_CON):
            world.say(DataProblem(con_id, 10197, "competing session"))
        await asyncio.sleep(300)
        asked = len(world.broker.subscribed)
        # Whatever their own pauses have become, one of them was asked for every few seconds.
        assert 30 <= asked <= 80
        for field, value in (("data_type", 1), ("bid", 10)):
            world.say(QuoteTick(CON, field, Decimal(value), world.clock.monotonic()))
        await asyncio.sleep(0.1)
        assert world.broker.subscribed[asked:] == [OTHER_CON]


async def test_no_room_to_ask_for_quotes_again_does_not_cost_the_link() -> None:
    world = World(symbols=("AAA", "BBB"))
    with running(world.link.run, world.inbox.run):
        await connected(world)
        world.say(DataProblem(OTHER_CON, 354, "not subscribed"))
        world.broker.subscribe_error = WorldError("no room for a request within 5 s")
        await asyncio.sleep(100)
        assert HaltCause.LINK not in world.guard.causes()
        world.broker.subscribe_error = LinkDown("reset")
        await asyncio.sleep(200)
        assert HaltCause.LINK in world.guard.causes()


async def test_a_silence_ends_the_link_and_a_shorter_one_does_not() -> None:
    # INC-004, INC-093
    world = World(heartbeat_age_s_max=10.0)
    with running(world.link.run, world.link.beat):
        await connected(world)
        world.broker.is_mute = True
        await asyncio.sleep(25)
        assert world.broker.disconnect_count == 0
        assert HaltCause.HEARTBEAT in world.guard.causes()
        world.broker.is_mute = False
        await asyncio.sleep(10)
        assert HaltCause.HEARTBEAT not in world.guard.causes()
        world.broker.connect_s = 100.0
        world.broker.is_mute = True
        await asyncio.sleep(35)
        assert world.broker.disconnect_count == 1
        assert "nothing was heard for 3" in world.guard.causes()[HaltCause.LINK]


async def test_a_slow_gateway_keeps_its_link_and_gets_nothing_new() -> None:
    """INC-093: the answer takes longer than its budget, for ever."""
    world = World(heartbeat_age_s_max=10.0)
    with running(world.link.run, world.link.beat):
        await connected(world)
        world.broker.heartbeat_s = 12.0
        late = 0
        for _ in range(300):
            await asyncio.sleep(1)
            late += HaltCause.HEARTBEAT in world.guard.causes()
        assert (world.broker.disconnect_count, world.link.connect_count) == (0, 1)
        assert 50 < late < 300


async def test_ticks_alone_keep_a_link_for_a_while_only() -> None:
    world = World(heartbeat_age_s_max=10.0)
    with running(world.link.run, world.link.beat):
        await connected(world)
        world.broker.is_mute = True
        for _ in range(80):
            await asyncio.sleep(1)
            world.broker.heard_s = world.clock.monotonic()
        assert world.broker.disconnect_count == 0
        assert HaltCause.HEARTBEAT in world.guard.causes()
        world.broker.connect_s = 100.0
        for _ in range(15):
            await asyncio.sleep(1)
            world.broker.heard_s = world.clock.monotonic()
        assert world.broker.disconnect_count == 1
        assert "does not answer" in world.guard.causes()[HaltCause.LINK]


async def test_a_gateway_that_is_slow_from_the_start_is_waited_for() -> None:
    world = disconnected()
    world.broker.heartbeat_s = 5.0
    answers = world.broker.heartbeat
    tries = 0

    async def late() -> ServerTime:
        nonlocal tries
        tries += 1
        if tries <= 2:
            await asyncio.sleep(3)
            raise LinkDown("no answer to the heartbeat within 3 s")
        return await answers()

    world.broker.heartbeat = late  # type: ignore[method-assign]
    with running(world.link.run):
        await asyncio.sleep(20)
        assert HaltCause.LINK not in world.guard.causes()
    assert world.link.connect_count == 1


async def test_a_link_that_does_not_hold_is_tried_again_ever_later() -> None:
    world = World()
    counts = []
    with running(world.link.run, world.link.beat):
        await connected(world)
        for _ in range(6):
            world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
            await asyncio.sleep(10)
            counts.append(world.link.connect_count)
    # 1, 2, 4, 8 and 16 s at most: within ten seconds it comes back, and later it does not.
    assert counts[:2] == [2, 3]
    assert counts[-1] < 7


async def test_a_heartbeat_keeps_the_guards_reading_fresh() -> None:
    world = World(heartbeat_age_s_max=5.0)
    with running(world.link.run, world.link.beat):
        await connected(world)
        await asyncio.sleep(60)
        assert HaltCause.HEARTBEAT not in world.guard.causes()


async def test_no_heartbeat_is_asked_for_without_a_link() -> None:
    world = disconnected()
    world.broker.connects = [ConnectRefused("tcp", "no")]
    with running(world.link.run, world.link.beat):
        await asyncio.sleep(60)
    assert world.broker.heartbeat_count == 0


async def test_1101_subscribes_again_and_drops_the_old_quotes() -> None:
    # INC-012
    world = World()
    with running(world.link.run):
        await connected(world)
        world.upstream(1100)
        world.upstream(1101)
        await asyncio.sleep(1)
        assert world.broker.subscribed == [CON, CON]
        assert world.hub.quotes == {}
        assert world.broker.connect_count == 1


async def test_1102_keeps_the_subscriptions_and_is_reconciled() -> None:
    world = World()
    with running(world.link.run, world.reconciler.run_on_demand):
        await connected(world)
        snapshots = world.broker.snapshot_count
        world.upstream(1102)
        assert HaltCause.NOT_RECONCILED in world.guard.causes()
        await asyncio.sleep(1)
        assert world.broker.snapshot_count == snapshots + 1
        assert world.broker.subscribed == [CON]
        assert world.guard.causes() == {}


async def test_1100_over_and_over_is_asked_about_once() -> None:
    # INC-033
    world = World()
    with running(world.link.run, world.reconciler.run_on_demand):
        await connected(world)
        snapshots = world.broker.snapshot_count
        for _ in range(30):
            world.upstream(1100)
            await asyncio.sleep(4)
        assert world.broker.snapshot_count <= snapshots + 1
        assert HaltCause.UPSTREAM in world.guard.causes()
        world.upstream(1102)
        await asyncio.sleep(1)
        assert world.guard.causes() == {}
        assert world.pager.sent == []


async def test_subscribing_again_that_fails_ends_the_link() -> None:
    world = World()
    with running(world.link.run):
        await connected(world)
        world.broker.subscribe_error = LinkDown("reset")
        world.upstream(1101)
        await turns()
        assert "could not subscribe again" in world.link.problem
        world.broker.subscribe_error = None
        await asyncio.sleep(30)
        assert world.link.connect_count == 2


async def test_1300_pages_and_ends_the_link() -> None:
    world = World()
    with running(world.link.run):
        await connected(world)
        world.say(LinkWord("socket", is_up=False, code=1300, text="port 4005"))
        assert world.pager.sent == [("critical", "the broker moved its API port", "port 4005")]
        await asyncio.sleep(30)
        assert world.link.connect_count == 2


async def test_words_after_the_end_change_nothing_twice() -> None:
    # INC-116: a callback that only sets a flag cannot start a second attempt.
    world = World()
    with running(world.link.run):
        await connected(world)
        for _ in range(5):
            world.say(LinkWord("socket", is_up=False, code=0, text="reset"))
        await asyncio.sleep(30)
        assert world.broker.connects_at_once_max == 1
        assert world.link.connect_count == 2


async def test_orders_that_wait_too_long_are_asked_about() -> None:
    world = World()
    await world.gateway.submit(an_intent())
    await asyncio.sleep(3.9)
    world.link.check_answers()
    assert world.order().state is OrderState.SENT
    await asyncio.sleep(0.2)
    world.link.check_answers()
    assert world.order().state is OrderState.UNKNOWN
    assert HaltCause.NOT_RECONCILED in world.guard.causes()
    world.say(a_status(world.order()))
    assert world.order().state is OrderState.WORKING


async def test_account_values_are_asked_for_at_every_connect_and_anew_when_they_stop() -> None:
    # INC-148
    world = World()
    world.hub.open_for_s = lambda _con_id: None
    told: list[float] = []
    with running(world.link.run, world.inbox.run):
        await connected(world)
        started_s = world.broker.account_asked_s[0]
        assert world.valuer.account is not None
        await asyncio.sleep(200)
        assert len(world.broker.account_asked_s) == 1
        world.broker.tell_account = lambda: told.append(world.clock.monotonic())
        await asyncio.sleep(130)
        asked = [at - started_s for at in world.broker.account_asked_s]
        assert len(asked) == 3
        assert asked[1] == pytest.approx(245, abs=6)
        # A minute at most, and chance takes up to half of it away.
        assert 30 <= asked[2] - asked[1] <= 66
        assert world.pager.titles() == ["no account values"]
        world.broker.tell_account = lambda: world.inbox.put(a_reading(world.clock.monotonic()))
        await asyncio.sleep(100)
        assert len(world.broker.account_asked_s) == 4
        world.upstream(1101)
        await asyncio.sleep(1)
        assert len(world.broker.account_asked_s) == 5


async def test_account_values_that_are_refused_do_not_keep_the_daemon_offline() -> None:
    world = World()
    world.broker.account_error = WorldError("no room for a request")
    with running(world.link.run):
        await connected(world)
        assert world.valuer.account is None
        assert world.broker.connect_count == 1
