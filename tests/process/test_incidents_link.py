"""Goal: incidents of the link, of feeds, lists and answers cost the daemon nothing.

Method: as in test_incidents.py, each shipped scenario is played unchanged beside a daemon that
trades heavily. What it never does itself a scripted client does beside it. Noise must not halt it;
what blinds it must halt it, with nothing sent, and let it arm by itself afterwards. Every row ends
with books that agree and a clean end.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest

from tests.process.agreement import read_story
from tests.process.harness import Daemon, Json, Simulator, until
from tests.process.replay import (
    ON_THE_WAY_S,
    OURS,
    STRANGER,
    Replay,
    act_and_trade_on,
    compare_at_rest,
    end_by_sigterm,
    of_daemon,
    playing,
    rows,
)
from tests.process.test_incidents_data import (
    CALM,
    CALMLY,
    changes_an_order,
    stranger_leaves,
    the_order_keeps_its_terms,
    traded_since,
)
from tests.simulator.scenarios.test_others import combination

pytestmark = [pytest.mark.process, pytest.mark.slow]

HOUR_S = 3600
# Ticks so far apart that days pass in seconds.
SLOW = ("--tick-interval", "1")
SLOWLY = {"strategies.momentum.sample_s": 1.0, "strategies.momentum.look_interval_s": 0.2}
# Every instrument of the configuration.
LINES = 5


# ---- what is done beside the daemon


def strangers(simulator: Simulator) -> list[Json]:
    """Return the orders of the scripted client."""
    return [row for row in simulator.truth()["orders"] if row["client_id"] == STRANGER]


def cancels_its_orders(simulator: Simulator) -> None:
    """Cancel every order of the scripted client."""

    def look() -> bool:
        live = [row for row in strangers(simulator) if row["status"] != "Cancelled"]
        for row in live:
            simulator.tell("/client-cancel", client_id=STRANGER, order_id=row["order_id"])
        return not live

    until("all are cancelled", look)


def places(simulator: Simulator, order_id: int, limit: str) -> None:
    """Let the scripted client place an order."""
    simulator.tell(
        "/client-place", client_id=STRANGER, order_id=order_id, symbol="AAPL", side="BUY",
        quantity=1, order_type="LMT", limit=limit,
    )  # fmt: skip


def places_off_the_step(simulator: Simulator, _: Daemon) -> None:
    """Let the scripted client name a limit between two steps."""
    simulator.tell("/client-join", client_id=STRANGER)
    places(simulator, 1, "1.005")


def cancels_globally(simulator: Simulator, daemon: Daemon) -> None:
    """INC-069: three orders rest while nothing else works, and a global cancel leaves some."""
    simulator.tell("/client-join", client_id=STRANGER)
    for number in (1, 2, 3):
        places(simulator, number, "1")
    daemon.halt()
    until("nothing else works", lambda: _live(simulator) == 3)
    simulator.tell("/client-send", client_id=STRANGER, fields=[58, 1])
    until("some are cancelled", lambda: _live(simulator) < 3)
    assert 1 <= _live(simulator) <= 2
    cancels_its_orders(simulator)
    daemon.resume()


def _live(simulator: Simulator) -> int:
    done = ("Filled", "Cancelled", "Inactive")
    return len([row for row in simulator.truth()["orders"] if row["status"] not in done])


def buys_a_combination(simulator: Simulator, _: Daemon) -> None:
    """Let the scripted client buy AAPL and sell IBM as one order."""
    simulator.tell("/client-join", client_id=STRANGER)
    simulator.tell("/client-send", client_id=STRANGER, fields=combination(1))
    until("it is over", lambda: [row["status"] for row in strangers(simulator)] == ["Inactive"])


# ---- what is to be seen


def the_leg_is_booked(simulator: Simulator, daemon: Daemon) -> None:
    """INC-052: the leg that traded is a position at once, whoever asked for it."""
    legs = {
        row["exec_id"] for row in simulator.truth()["executions"] if row["client_id"] == STRANGER
    }
    assert legs, "no leg has traded"
    until("it is booked", lambda: legs <= set(read_story(daemon.journal).exec_ids))


def the_silent_symbol_is_left_alone(simulator: Simulator, daemon: Daemon) -> None:
    """INC-011: a farm is said to be back, and one line of it never ticks again."""
    until("AAPL is stale", lambda: _faults(daemon).get("AAPL", "").startswith("age"))
    time.sleep(ON_THE_WAY_S)
    before = len(of_daemon(simulator.truth())["orders"])
    until("the others are traded", lambda: len(traded_since(simulator, before)) == 3)
    assert "AAPL" not in traded_since(simulator, before)


def delayed_data_is_not_traded_on(simulator: Simulator, daemon: Daemon) -> None:
    """INC-058: neither a refused line is traded nor one that has become delayed."""
    assert _faults(daemon)["AAPL"].startswith("354 ")
    until("IBM is delayed", lambda: _faults(daemon)["IBM"] == "data type 3 is not live")
    time.sleep(ON_THE_WAY_S)
    before = len(of_daemon(simulator.truth())["orders"])
    until("the others are traded", lambda: traded_since(simulator, before) == {"MSFT", "GOOG"})
    daemon.await_orders(4)
    assert traded_since(simulator, before) == {"MSFT", "GOOG"}
    assert "AAPL" not in traded_since(simulator, 0)


def _faults(daemon: Daemon) -> dict[str, str]:
    status = until("a status", daemon.status)
    return {row["symbol"]: row["fault"] for row in status["quotes"]}


def the_order_is_found_again(simulator: Simulator, daemon: Daemon) -> None:
    """INC-045: absent from one list is a question, and the second list answers it."""
    until("it was missed", lambda: read_story(daemon.journal).kinds["OrderAbsentSeen"])
    daemon.await_armed()
    assert not read_story(daemon.journal).kinds["OrderProvenAbsent"]


def nothing_was_reconnected(simulator: Simulator, daemon: Daemon) -> None:
    """INC-074: farms are not the link."""
    status = until("a status", daemon.status)
    assert status["link"]["connect_count"] == 1


def the_strangers_order_works(simulator: Simulator, _: Daemon) -> None:
    """INC-077: it is not ours, and nobody touched it."""
    (order,) = strangers(simulator)
    assert order["status"] == "Submitted"
    stranger_leaves(simulator)


def both_of_one_id_work(simulator: Simulator, _: Daemon) -> None:
    """INC-085: two orders under one id, of somebody else."""
    both = strangers(simulator)
    assert [(row["order_id"], row["status"]) for row in both] == [(1, "Submitted")] * 2
    assert both[0]["perm_id"] != both[1]["perm_id"]
    # By its id a client reaches only one of them.
    simulator.tell("/client-send", client_id=STRANGER, fields=[58, 1])
    until("both are gone", lambda: {row["status"] for row in strangers(simulator)} == {"Cancelled"})


def the_warned_order_stays_filled(simulator: Simulator, daemon: Daemon) -> None:
    """INC-060: a warning on a finished order is written down and changes nothing."""
    assert read_story(daemon.journal).kinds["OrderErrorSeen"] == 1


NOISE = (
    Replay("inc-011-farm-flap-kills-one-feed", steps=3, witness=the_silent_symbol_is_left_alone),
    Replay(
        "inc-015-change-refused-order-lives", provoke=changes_an_order,
        witness=the_order_keeps_its_terms,
    ),
    Replay("inc-021-two-lists-overlap"),
    Replay(
        "inc-052-one-leg-only", provoke=buys_a_combination, said="|201|", witness=the_leg_is_booked,
        is_rare=True,
    ),
    Replay("inc-045-a-live-order-is-not-listed", witness=the_order_is_found_again),
    Replay("inc-058-delayed-data-taken-for-live", steps=2, witness=delayed_data_is_not_traded_on),
    Replay(
        "inc-060-a-warning-after-the-fill", said="|399|", witness=the_warned_order_stays_filled
    ),
    Replay("inc-069-global-cancel-leaves-some", provoke=cancels_globally),
    Replay(
        "inc-074-a-storm-of-farms", steps=40, advance_s=320, said="|2103|",
        options=CALM, changes=CALMLY, witness=nothing_was_reconnected, is_rare=True,
    ),
    Replay("inc-077-an-order-of-somebody-else", steps=2, witness=the_strangers_order_works),
    Replay("inc-080-what-if-without-an-answer", steps=2, said="|201|"),
    Replay(
        "inc-081-steps-that-depend-on-the-price", provoke=places_off_the_step, said="|110|",
    ),
    Replay("inc-085-a-change-becomes-a-second-order", steps=7, witness=both_of_one_id_work),
)  # fmt: skip


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows(NOISE))
def test_noise_neither_halts_nor_costs(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        story = compare_at_rest(simulator, daemon)
        assert set(story.book.halts) <= {"operator"}, "something but the operator halted it"
        assert not story.kinds["TicketOpened"]
        end_by_sigterm(daemon)


DEAD_LINE = Replay("inc-011-farm-flap-kills-one-feed", steps=3, is_rare=True)
# A line that has been silent for a minute is asked for again a minute later.
RENEWED_S = 180.0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("replay", rows((DEAD_LINE,)))
def test_a_line_that_has_died_is_asked_for_again(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        until("AAPL is stale", lambda: _faults(daemon).get("AAPL", "").startswith("age"))
        until("its quotes are back", lambda: not _faults(daemon)["AAPL"], RENEWED_S)
        assert replay.acted(simulator)
        before = len(simulator.truth()["orders"])
        until("AAPL is traded again", lambda: "AAPL" in traded_since(simulator, before))
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


HELD = Replay(
    "inc-016-inactive-but-alive", steps=3, advance_s=3 * HOUR_S, options=CALM, changes=CALMLY
)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows((HELD,)))
def test_an_order_that_is_inactive_is_waited_for_and_not_sent_again(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        (held,) = until("it is held", lambda: _inactive(daemon))
        assert held["state"] == "WORKING", "neither dead nor forgotten"
        assert held["side"] == "SELL"
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        until("it is let go", lambda: not _inactive(daemon))
        story = compare_at_rest(simulator, daemon)
        assert story.book.orders[held["order_id"]].state == "FILLED"
        again = [row for row in simulator.truth()["orders"] if row["order_id"] == held["order_id"]]
        assert len(again) == 1
        end_by_sigterm(daemon)


def _inactive(daemon: Daemon) -> list[Json]:
    status = daemon.status() or {"orders": []}
    return [row for row in status["orders"] if row["broker_status"] == "Inactive"]


# ---- account values of before


LATE_VALUES = Replay("inc-037-values-lag-behind-the-orders", changes={"reconcile.cash_lag_s": 200})


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows((LATE_VALUES,)))
def test_values_of_before_hold_new_risk_back_until_they_are_fresh(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        daemon.await_orders(6)
        until("cash differs", lambda: "cash" in _causes(daemon).get("not_reconciled", ""))
        holds_still(simulator)
        simulator.tell("/advance", seconds=180)
        with suppress(AssertionError):
            daemon.await_armed(20)
        # What filled behind those values is in the next ones.
        simulator.tell("/advance", seconds=180)
        daemon.await_armed()
        daemon.halt()
        # The very last fills are in the values by then.
        simulator.tell("/advance", seconds=180)
        story = compare_at_rest(simulator, daemon)
        assert not story.kinds["TicketOpened"]
        assert not story.kinds["CashAdjusted"], "cash of before was taken over"
        end_by_sigterm(daemon)


def _causes(daemon: Daemon) -> dict[str, str]:
    return daemon.causes() or {}


def holds_still(simulator: Simulator) -> None:
    """Hold that nothing is sent from now on."""
    time.sleep(ON_THE_WAY_S)
    sent = len(simulator.frame_times())
    time.sleep(ON_THE_WAY_S)
    assert len(simulator.frame_times()) == sent, "sent while halted"


# ---- what blinds it


QUICK = {"broker.version_deadline_s": 2, "broker.start_deadline_s": 2, "broker.page_after_s": 1}
UNANSWERED = Replay("inc-010-handshake-never-answered", changes=QUICK)
CUT = (
    Replay("inc-012-market-data-lost", steps=2, said="|1101|", advance_s=30),
    Replay(
        "inc-041-nightly-reset", advance_s=1800, said="|1100|", options=SLOW, changes=SLOWLY,
        is_rare=True,
    ),
)  # fmt: skip
LOCKED_OUT = Replay("inc-022-id-locked-others-are-taken", steps=2, changes=QUICK)
LOGGED_OUT = Replay(
    "inc-042-weekly-login-waits-for-a-person", steps=2, options=SLOW,
    changes={**SLOWLY, **QUICK}, is_rare=True,
)  # fmt: skip


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows((UNANSWERED,)))
def test_a_greeting_that_is_never_answered_is_given_up_told_and_tried_again(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        until("it gives up", lambda: "handshake: " in _causes(daemon).get("link", ""))
        assert not simulator.frame_times()
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        assert "no link to the broker" in daemon.log.read_text(), "nobody was paged"
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows(CUT))
def test_a_lost_link_to_the_broker_is_waited_out(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        daemon.await_orders(2)
        if replay.is_rare:
            simulator.tell("/advance", seconds=300)
        daemon.await_cause("upstream")
        holds_still(simulator)
        # Ends the outage and begins no other one.
        act_again(tmp_path, simulator, daemon, replay)
        end_by_sigterm(daemon)


def act_again(folder: Path, simulator: Simulator, daemon: Daemon, replay: Replay) -> None:
    """Let the fault pass, and the daemon trade on with every line asked for anew."""
    simulator.tell("/advance", seconds=replay.advance_s)
    until("the scenario has acted", lambda: replay.acted(simulator))
    until(f"{replay.said} was written", lambda: replay.has_said(folder))
    daemon.await_armed()
    daemon.await_orders(4)
    compare_at_rest(simulator, daemon)
    if replay.said == "|1101|":
        asked = [line.split("|")[3] for line in _lines(folder) if " > 1|" in line]
        assert len(asked) == 2 * LINES, "asked for more or less often than once more"
        assert len(set(asked)) == LINES


def _lines(folder: Path) -> list[str]:
    return (folder / "transcript.txt").read_text().splitlines()


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows((LOCKED_OUT,)))
def test_a_locked_client_id_is_waited_for_and_no_other_one_taken(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        until("it is locked out", lambda: "326" in _causes(daemon).get("link", ""))
        holds_still(simulator)
        until("somebody is paged", lambda: "no link to the broker" in daemon.log.read_text())
        assert replay.acted(simulator)
        simulator.tell("/restart", down_s=1)
        daemon.await_armed()
        daemon.await_orders(4)
        assert {row["client_id"] for row in simulator.truth()["place_frames"]} == {OURS}
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows((LOGGED_OUT,)))
def test_a_login_that_nobody_confirms_is_paged_and_outlived(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        daemon.await_orders(1)
        simulator.tell("/advance", seconds=600)
        daemon.await_cause("link")
        holds_still(simulator)
        until("somebody is paged", lambda: "no link to the broker" in daemon.log.read_text())
        for _ in range(4):
            simulator.tell("/advance", seconds=8 * HOUR_S)
        until("the login is confirmed", lambda: replay.acted(simulator))
        daemon.await_armed()
        daemon.await_orders(2)
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


# ---- the night


NIGHT = Replay(
    "inc-082-queued-until-the-open", steps=0, said="|399|", is_rare=True,
    # Hours pass at once beside it: an answer may be late without being missing.
    changes={"broker.ack_deadline_s": 10, "reconcile.absence_s": 20},
)  # fmt: skip
EXIT = Replay("inc-068-an-exit-outside-the-session", said="|399|")


def trades_at_night(simulator: Simulator, side: str, quantity: int, symbol: str) -> None:
    """Let the scripted client send a market order that waits for the open."""
    simulator.tell("/client-join", client_id=STRANGER)
    simulator.tell(
        "/client-place", client_id=STRANGER, order_id=1, symbol=symbol, side=side,
        quantity=quantity, order_type="MKT",
    )  # fmt: skip
    until("it waits", lambda: [row["status"] for row in strangers(simulator)] == ["PreSubmitted"])


def opens(folder: Path, simulator: Simulator, replay: Replay) -> None:
    """Let the night pass, and the queued order fill."""
    assert not of_daemon(simulator.truth())["place_frames"], "sent while the market was closed"
    simulator.tell("/advance", seconds=15 * HOUR_S)
    until("it fills", lambda: [row["status"] for row in strangers(simulator)] == ["Filled"])
    assert replay.acted(simulator)
    assert replay.has_said(folder)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows((NIGHT,)))
def test_nothing_is_queued_overnight_and_the_open_is_traded(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        trades_at_night(simulator, "BUY", 1, "IBM")
        holds_still(simulator)
        opens(tmp_path, simulator, replay)
        daemon.await_armed()
        until("the open is traded", lambda: of_daemon(simulator.truth())["place_frames"])
        daemon.halt()
        # What works still fills with the next tick, and ticks are half a minute apart.
        simulator.tell("/advance", seconds=120)
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


@pytest.mark.timeout(150)
@pytest.mark.parametrize("replay", rows((EXIT,)))
def test_an_exit_at_night_waits_at_the_broker_and_is_said_to_be_open_still(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        until("it is resumed", lambda: until("a status", daemon.status)["posture"] != "halted")
        daemon.halt()
        # An order that was taken is no position that is closed. Asked again, it takes the first
        # one back and sends another once that has settled: there are never two.
        text = "not flat: AAPL 100; the closing orders wait at the broker"
        for count in (1, 2):
            reply = daemon.verb("liquidate")
            assert not reply.is_done
            assert reply.text.startswith(text)
            orders = simulator.truth()["orders"]
            assert [(row["side"], row["quantity"]) for row in orders] == [("SELL", "100")] * count
            assert [row["status"] for row in orders].count("PreSubmitted") == 1
        simulator.tell("/advance", seconds=15 * HOUR_S)
        until("it is booked", lambda: not _held(daemon))
        assert replay.acted(simulator)
        assert replay.has_said(tmp_path)
        assert daemon.verb("liquidate").is_done
        compare_at_rest(simulator, daemon)
        assert len(simulator.truth()["place_frames"]) == 2
        end_by_sigterm(daemon)


def _held(daemon: Daemon) -> list[Json]:
    status = until("a status", daemon.status)
    return [row for row in status["positions"] if row["quantity"] != "0"]
