"""Goal: incidents of orders, fills, ids and connections cost the daemon neither order nor fill.

Method: as in test_incidents_link.py, each shipped scenario is played unchanged beside a daemon that
trades heavily. What is only noise must not halt it, what blinds it must halt it until it is over,
and what only a person can judge must leave it halted with nothing sent since.
"""

from __future__ import annotations

import time
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import halt_and_compare, read_story
from tests.process.harness import Daemon, Simulator, until, world
from tests.process.orders_api import cancel, order, place
from tests.process.recovery import recovery
from tests.process.replay import (
    ON_THE_WAY_S,
    Replay,
    act_and_trade_on,
    compare_at_rest,
    end_by_sigterm,
    playing,
    rows,
    stays_halted,
)

pytestmark = [pytest.mark.process, pytest.mark.slow]

SEED = 20261124
# A greeting that goes wrong is given up soon, so that dozens fit into a test.
QUICK = {"broker.version_deadline_s": 2, "broker.start_deadline_s": 2}
# The strategy enters nothing: the order is the client's.
QUIET = {"strategies.momentum.entry_fraction": 0.9}


def quote(daemon: Daemon) -> float | None:
    """Return what AAPL is bid, once somebody says."""
    rows_ = (daemon.status() or {"quotes": []})["quotes"]
    bids = [row["bid"] for row in rows_ if row["symbol"] == "AAPL" and row["bid"]]
    return float(bids[0]) if bids else None


def rests(daemon: Daemon) -> int:
    """Place an order below the market; returns its id once it works."""
    price = until("a quote", lambda: quote(daemon))
    placed = place(daemon, "rests", price=f"{price * 0.98:.2f}")
    until("it works", lambda: order(daemon, placed.order_id)["state"] == "WORKING")
    return placed.order_id


def was_unanswered(simulator: Simulator, daemon: Daemon) -> None:
    """INC-017: what got no answer was asked about, and is decided."""
    until("it is asked about", lambda: read_story(daemon.journal).kinds["OrderUnanswered"])
    daemon.await_armed()


def was_connected_again(simulator: Simulator, daemon: Daemon) -> None:
    """Hold that the link was lost and came back."""
    status = until("a status", daemon.status)
    assert status["link"]["connect_count"] >= 2


NOISE = (
    Replay("inc-014-status-goes-back", is_rare=True),
    Replay("inc-017-one-of-a-batch-is-swallowed", witness=was_unanswered),
    Replay("inc-048-an-execution-is-corrected"),
    Replay("inc-050-filled-while-away", steps=2, witness=was_connected_again),
    Replay("inc-122-a-position-in-something-unknown", is_rare=True),
    Replay("inc-064-a-bracket-without-its-client", steps=2, is_rare=True),
    Replay("inc-073-the-socket-is-reset-under-live-orders", witness=was_connected_again),
    Replay("inc-078-commission-before-the-execution", is_rare=True),
    Replay("inc-096-the-reference-comes-back-changed", steps=2, is_rare=True),
    Replay("inc-118-a-length-without-a-frame", is_rare=True, witness=was_connected_again),
    Replay("inc-137-the-same-fill-for-every-account", steps=2, is_rare=True),
    Replay("inc-008-client-id-in-use-after-a-restart", steps=2, witness=was_connected_again),
    Replay("inc-116-connections-fail-in-every-way", steps=4, is_rare=True, changes=QUICK),
    Replay("inc-108-bytes-in-drops", steps=2, is_rare=True),
    Replay("inc-019-prices-that-are-none", steps=2, is_rare=True, advance_s=60),
    Replay("inc-092-restored-though-never-lost", steps=4, is_rare=True),
    Replay("inc-076-duplicate-order-id", is_rare=True),
    Replay("inc-089-no-security-definition-for-an-order", is_rare=True),
)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("replay", rows(NOISE))
def test_noise_neither_halts_nor_costs(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        story = compare_at_rest(simulator, daemon)
        assert set(story.book.halts) <= {"operator"}, "something but the operator halted it"
        assert not story.kinds["TicketOpened"]
        end_by_sigterm(daemon)


ENDLESS = Replay("inc-005-snapshot-without-its-end")


@pytest.mark.timeout(180)
def test_a_list_without_its_end_trades_nothing_until_it_is_whole(tmp_path: Path) -> None:
    """INC-005: what the first list held back, the next one tells; until then nothing is sent."""
    with playing(tmp_path, ENDLESS) as (simulator, daemon):
        until("the end is held back", lambda: ENDLESS.acted(simulator))
        with recovery(ENDLESS.name):
            daemon.await_armed()
        # Where it is the account's end, its values are asked for again after 30 to 60 s.
        daemon.await_orders(4, deadline_s=100)
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


UNREADABLE = Replay("inc-025-execution-times-nobody-can-read")


@pytest.mark.timeout(180)
@pytest.mark.parametrize("seed", [20240371, 20240372, 20240375])
def test_a_fill_whose_time_cannot_be_read_is_booked(tmp_path: Path, seed: int) -> None:
    """INC-025: the seed draws how the time is written."""
    replay = Replay(UNREADABLE.name, seed=seed)
    with playing(tmp_path, replay) as (simulator, daemon):
        until("times are unreadable", lambda: replay.acted(simulator))
        daemon.await_armed()
        daemon.await_orders(6)
        with recovery(replay.name):
            story = compare_at_rest(simulator, daemon)
        assert story.exec_ids
        end_by_sigterm(daemon)


BLIND = (
    (Replay("inc-033-lost-dozens-of-times", steps=2, advance_s=62, is_rare=True), "upstream"),
    (
        Replay("inc-038-cancelled-while-the-link-is-down", steps=3, advance_s=11, is_rare=True),
        "upstream",
    ),
)


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    ("replay", "cause"),
    [pytest.param(row.values[0], cause, id=row.id, marks=row.marks)  # type: ignore[attr-defined]
     for (_, cause), row in zip(BLIND, rows(tuple(one for one, _ in BLIND)), strict=True)],
)  # fmt: skip
def test_what_blinds_it_halts_it_until_it_is_over(
    tmp_path: Path, replay: Replay, cause: str
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        until("the fault is there", lambda: "upstream {" in simulator.log.read_text())
        daemon.await_cause(cause)
        time.sleep(ON_THE_WAY_S)
        sent = len(simulator.frame_times())
        time.sleep(ON_THE_WAY_S)
        assert len(simulator.frame_times()) == sent, "sent while blind"
        simulator.tell("/advance", seconds=replay.advance_s)
        until("the scenario has acted", lambda: replay.acted(simulator))
        daemon.await_armed()
        daemon.await_orders(4)
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


FOR_A_PERSON = (
    Replay("inc-156-another-contract-is-echoed"),
    Replay("inc-053-a-part-filled-order-and-its-position", steps=3, is_rare=True),
    Replay("inc-138-split-overnight", advance_s=61, is_rare=True),
)
CAUSES = {
    "inc-053": "ticket",
    "inc-138": "ticket",
    "inc-156": "invariant",
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("replay", rows(FOR_A_PERSON))
def test_what_only_a_person_can_judge_stops_everything(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        if replay.advance_s:
            daemon.await_armed()
            daemon.await_orders(4)
            simulator.tell("/advance", seconds=replay.advance_s)
        cause = CAUSES[replay.name[:7]]
        stays_halted(simulator, daemon, (cause,))
        assert replay.acted(simulator)


NOWHERE = Replay("inc-132-a-gateway-without-a-broker", is_rare=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((NOWHERE,)))
def test_a_gateway_without_a_broker_is_never_traded_through(tmp_path: Path, replay: Replay) -> None:
    """INC-132: a gateway that answers everything by itself proves no upstream."""
    with playing(tmp_path, replay) as (simulator, daemon):
        until(
            "it is connected", lambda: (daemon.status() or {}).get("link", {}).get("connect_count")
        )
        daemon.await_cause("upstream")
        time.sleep(5 * ON_THE_WAY_S)
        assert "upstream" in until("causes", daemon.causes)
        assert not simulator.frame_times()
        end_by_sigterm(daemon)


MOVED = Replay("inc-157-the-port-has-been-moved", steps=5, is_rare=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((MOVED,)))
def test_a_port_that_has_moved_is_not_followed(tmp_path: Path, replay: Replay) -> None:
    """INC-157: halted, told, and no order until somebody has looked."""
    with playing(tmp_path, replay) as (simulator, daemon):
        until("the port has gone", lambda: replay.acted(simulator))
        daemon.await_cause("link")
        sent = len(simulator.frame_times())
        time.sleep(3 * ON_THE_WAY_S)
        assert len(simulator.frame_times()) == sent
        assert "link" in until("causes", daemon.causes)


REFUSED_CANCEL = Replay("inc-036-cancel-of-a-filled-order", changes=QUIET, is_rare=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((REFUSED_CANCEL,)))
def test_an_answer_to_a_cancel_is_no_end_of_the_order(tmp_path: Path, replay: Replay) -> None:
    """INC-036: told that there is nothing to cancel, the order works on until it really ends."""
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        price = until("a quote", lambda: quote(daemon))
        filled = place(daemon, "fills", price=f"{price * 1.02:.2f}")
        until("it fills", lambda: order(daemon, filled.order_id)["state"] == "FILLED")
        order_id = rests(daemon)
        cancel(daemon, "first", order_id)
        until("the cancel was refused", lambda: replay.acted(simulator))
        until("it works", lambda: order(daemon, order_id)["state"] == "WORKING")
        cancel(daemon, "second", order_id)
        until("it is cancelled", lambda: order(daemon, order_id)["state"] == "CANCELLED")
        compare_at_rest(simulator, daemon)


RACE = Replay("inc-044-filled-while-pending-cancel", steps=2, changes=QUIET, is_rare=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((RACE,)))
def test_what_fills_while_it_is_being_cancelled_is_booked(tmp_path: Path, replay: Replay) -> None:
    """INC-044: a cancel that loses the race leaves a fill."""
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        order_id = rests(daemon)
        cancel(daemon, "race", order_id)
        until("it is over", lambda: order(daemon, order_id)["state"] in ("FILLED", "CANCELLED"))
        assert replay.acted(simulator)
        compare_at_rest(simulator, daemon)


@pytest.mark.timeout(120)
def test_what_was_closed_by_hand_while_it_was_down_is_gone(tmp_path: Path) -> None:
    """INC-009, INC-056: no row is a position of zero; nothing is opened the other way."""
    with world(tmp_path, SEED, changes=QUIET) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        price = until("a quote", lambda: quote(daemon))
        bought = place(daemon, "bought", price=f"{price * 1.02:.2f}")
        until("it fills", lambda: order(daemon, bought.order_id)["state"] == "FILLED")
        daemon.kill()
        simulator.tell("/manual-trade", symbol="AAPL", side="SELL", quantity=5)
        daemon.start()
        status = daemon.await_armed()
        assert not [row for row in status["positions"] if Decimal(row["quantity"])]
        story = halt_and_compare(simulator, daemon)
        assert not story.kinds["TicketOpened"]
        assert len(simulator.frame_times()) == 1
