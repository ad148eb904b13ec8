"""Goal: incidents of data, of other programs and of the calendar cost the daemon nothing.

Method: as in test_incidents.py, each shipped scenario is played unchanged beside a daemon that
trades heavily. Beyond orders and money, each row holds what its incident is about: which symbol is
traded, what a price is worth, what another client's order has become. A daemon that is told to end
afterwards ends clean.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections import Counter
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import pytest

from tests.process.agreement import assert_nothing_sent_twice, read_story, settled
from tests.process.harness import SYMBOLS, Daemon, Simulator, until, world
from tests.process.replay import (
    ON_THE_WAY_S,
    OURS,
    STRANGER,
    Replay,
    act_and_trade_on,
    compare_at_rest,
    differences,
    end_by_sigterm,
    of_daemon,
    playing,
    rows,
    stays_halted,
)

pytestmark = [pytest.mark.process, pytest.mark.slow]

# The assets file says what the broker says of an instrument, or it is not traded.
IN_PENCE = Path(__file__).with_name("assets_in_pence.csv")
# Ticks so far apart that hours pass in seconds, and samples that fit them.
CALM = ("--tick-interval", "0.25")
CALMLY = {"strategies.momentum.sample_s": 0.25, "strategies.momentum.look_interval_s": 0.1}
HISTORY = [20, 900, 265598, "AAPL", "STK", "", "", "", "", "SMART", "", "USD", "", "", 0, "",
           "30 secs", "3600 S", 1, "TRADES", 1, 0, ""]  # fmt: skip
COMBINATION = [9, 8, 900, 0, "AAPL", "BAG", "", "", "", "", "SMART", "", "USD", "", "", 0, "", "",
               ""]  # fmt: skip


# ---- what a scripted client does beside the daemon


def sends(simulator: Simulator, *messages: list[object]) -> None:
    """Let a scripted client join and send."""
    simulator.tell("/client-join", client_id=STRANGER)
    for fields in messages:
        simulator.tell("/client-send", client_id=STRANGER, fields=fields)


def changes_an_order(simulator: Simulator, _: Daemon) -> None:
    """Let a scripted client place an order that rests, and change it."""
    simulator.tell("/client-join", client_id=STRANGER)
    for limit in ("1", "2"):
        simulator.tell(
            "/client-place", client_id=STRANGER, order_id=1, symbol="IBM", side="BUY",
            quantity=1, order_type="LMT", limit=limit, tif="GTC",
        )  # fmt: skip
        until("the order works", lambda: strangers_order(simulator)["status"] == "Submitted")


def strangers_order(simulator: Simulator) -> dict[str, str]:
    """Return the order of the scripted client."""
    rows = [row for row in simulator.truth()["orders"] if row["client_id"] == STRANGER]
    return rows[0] if rows else {"status": ""}


def stranger_leaves(simulator: Simulator) -> None:
    """Cancel the order of the scripted client: nothing must work when all is compared."""
    simulator.tell("/client-cancel", client_id=STRANGER, order_id=1)
    until("it is gone", lambda: strangers_order(simulator)["status"] == "Cancelled")


# ---- what is to be seen


def traded_since(simulator: Simulator, count: int) -> set[str]:
    """Return the symbols of the orders after the first ``count``."""
    return {row["symbol"] for row in of_daemon(simulator.truth())["orders"][count:]}


def pages(daemon: Daemon) -> set[str]:
    """Return the titles of what somebody was woken for."""
    told = daemon.state / "audit_logs" / "pages.jsonl"
    lines = told.read_text().splitlines() if told.exists() else []
    return {json.loads(line)["title"] for line in lines}


def shows_the_price_of_one(simulator: Simulator, daemon: Daemon) -> None:
    """INC-088: the average cost of a future contains its multiplier, its price does not."""
    status = until("a status", daemon.status)
    (held,) = [row for row in status["positions"] if row["symbol"] == "ES"]
    (real,) = [row for row in simulator.truth()["positions"] if row["symbol"] == "ES"]
    assert Decimal(held["quantity"]) == 1
    assert Decimal(held["average_price"]) * 50 == Decimal(real["average_cost"])


def the_change_has_come_at_last(simulator: Simulator, _: Daemon) -> None:
    """INC-098: the broker holds the old terms until the opening."""
    until("the change", lambda: strangers_order(simulator).get("limit_price") == "2")
    stranger_leaves(simulator)


def the_order_keeps_its_terms(simulator: Simulator, _: Daemon) -> None:
    """INC-134: a refused change leaves the order as it was."""
    assert strangers_order(simulator)["status"] == "Submitted"
    assert strangers_order(simulator)["limit_price"] == "1"
    stranger_leaves(simulator)


def reckons_in_the_currency(simulator: Simulator, daemon: Daemon) -> None:
    """INC-101: quotes in hundredths are held against executions in the currency."""
    status = until("a status", daemon.status)
    (quote,) = [row for row in status["quotes"] if row["symbol"] == "AAPL"]
    fills = [row for row in simulator.truth()["executions"] if row["symbol"] == "AAPL"]
    assert fills, "nothing of it was traded"
    assert abs(Decimal(quote["bid"]) / Decimal(fills[-1]["price"]) - 1) < Decimal("0.2")


def the_refused_is_not_sent_again(simulator: Simulator, daemon: Daemon) -> None:
    """INC-112: one order is refused as a change of a finished one; it never lived."""
    # The truth first: every frame in it has its promise in the journal that is read after it.
    truth = simulator.truth()
    assert_nothing_sent_twice(read_story(daemon.journal), truth)
    sent = {row["order_id"] for row in truth["place_frames"]}
    lost = sent - {row["order_id"] for row in truth["orders"]}
    assert len(lost) == 1
    until("it is proven absent", lambda: read_story(daemon.journal).kinds["OrderProvenAbsent"])


def every_symbol_is_traded(simulator: Simulator, daemon: Daemon) -> None:
    """INC-126: ticks follow the remark, and the symbol it was about is traded."""
    until("four symbols", lambda: len(traded_since(simulator, 0)) == 4)


def one_symbol_is_traded(simulator: Simulator, daemon: Daemon) -> None:
    """INC-149: a symbol whose line was refused is never traded blind."""
    (symbol,) = traded_since(simulator, 0)
    status = until("a status", daemon.status)
    assert [row["symbol"] for row in status["quotes"] if not row["fault"]] == [symbol]
    without = {f"no quotes of {row['symbol']}" for row in status["quotes"] if row["fault"]}
    assert len(without) >= 3
    until("somebody is told", lambda: without <= pages(daemon))


def one_symbol_less_is_traded(simulator: Simulator, daemon: Daemon) -> None:
    """INC-150: only the symbol whose request was refused goes without, for now."""
    until("three symbols", lambda: len(traded_since(simulator, 0)) == 3)
    (missing,) = {"AAPL", "IBM", "MSFT", "GOOG"} - traded_since(simulator, 0)
    until("somebody is told", lambda: f"no quotes of {missing}" in pages(daemon))


# The answer takes five seconds, which is longer than the patience for it and within its budget.
IMPATIENT = {
    "broker.heartbeat_deadline_s": 2,
    "broker.heartbeat_interval_s": 1,
    "broker.heartbeat_age_s_max": 12,
    "broker.silence_s_max": 12,
}


def is_slow_and_stays(simulator: Simulator, daemon: Daemon) -> None:
    """INC-093: an answer after five seconds is an answer; the link is not given up for it."""
    beats: set[float] = set()
    while len(beats) < 4:
        status = until("a status", daemon.status)
        assert (status["posture"], status["link"]["connect_count"]) == ("armed", 1)
        beats.add(status["link"]["round_trip_s"])
        time.sleep(0.05)
    # Each answer is as old as its own question, whoever has lost patience meanwhile.
    assert max(beats) > 4.9


def the_clock_is_off(simulator: Simulator, daemon: Daemon) -> None:
    """INC-154: the skew is shown, and nothing else depends on the gateway's clock."""
    status = until("a status", daemon.status)
    assert status["link"]["clock_skew_s"] > 1
    assert "the clocks differ" in pages(daemon)


def costs_are_those_of_the_fills(simulator: Simulator, daemon: Daemon) -> None:
    """INC-158: a status at an average of zero changes no price."""
    with closing(sqlite3.connect(f"file:{daemon.journal}?mode=ro", uri=True)) as db:
        prices = [Decimal(row[0]) for row in db.execute("SELECT price FROM v_executions")]
    assert prices, "nothing was traded"
    assert min(prices) > 0


NOISE = (
    Replay(
        "inc-093-quiet-but-alive", is_rare=True, changes=IMPATIENT, witness=is_slow_and_stays,
    ),
    Replay(
        "inc-098-a-change-waits-for-the-open", is_rare=True, steps=2, provoke=changes_an_order,
        advance_s=7200, witness=the_change_has_come_at_last, options=CALM, changes=CALMLY,
    ),
    Replay(
        "inc-101-prices-in-hundredths", witness=reckons_in_the_currency,
        changes={"assets_file": str(IN_PENCE)},
    ),
    Replay("inc-104-an-account-without-positions", is_rare=True),
    Replay("inc-105-rows-of-unset-numbers", is_rare=True),
    Replay("inc-109-a-zone-nobody-knows"),
    Replay(
        "inc-112-a-change-of-a-finished-order", said="|104|Can't modify",
        witness=the_refused_is_not_sent_again,
    ),
    Replay(
        "inc-124-a-question-nobody-answers", is_rare=True,
        provoke=lambda simulator, _: sends(simulator, COMBINATION),
    ),
    Replay(
        "inc-126-data-though-an-error-was-said", said="|10090|", witness=every_symbol_is_traded,
    ),
    Replay(
        "inc-128-one-code-with-many-meanings", is_rare=True, said="|162|Historical",
        provoke=lambda simulator, _: sends(simulator, HISTORY),
    ),
    Replay(
        "inc-130-history-asked-for-too-often", is_rare=True, said="|162|Historical",
        provoke=lambda simulator, _: sends(simulator, HISTORY, [20, 901, *HISTORY[2:]]),
    ),
    Replay(
        "inc-134-a-change-names-an-order-that-is-gone", said="|135|Can't find order",
        provoke=changes_an_order, witness=the_order_keeps_its_terms,
    ),
    Replay("inc-140-yesterdays-price-first", witness=every_symbol_is_traded),
    Replay("inc-144-noise-in-the-first-values"),
    Replay(
        "inc-148-one-cancel-stops-every-summary", is_rare=True,
        provoke=lambda simulator, _: sends(
            simulator, [62, 1, 5, "All", "NetLiquidation"], [62, 1, 6, "All", "NetLiquidation"],
            [63, 1, 5],
        ),
    ),
    Replay("inc-149-one-line-too-many", said="|101|", witness=one_symbol_is_traded),
    Replay("inc-150-ids-of-before", steps=2, said="|322|", witness=one_symbol_less_is_traded),
    Replay("inc-154-two-clocks", witness=the_clock_is_off),
    Replay(
        "inc-158-filled-at-nothing", said="|Filled|100|0|0", witness=costs_are_those_of_the_fills,
    ),
    Replay("permanent-ids-come-late"),
)  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows(NOISE))
def test_noise_neither_halts_nor_costs(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        story = compare_at_rest(simulator, daemon)
        assert story.kinds["HaltRaised"] == 1, "something but the operator halted it"
        assert not story.kinds["TicketOpened"]
        end_by_sigterm(daemon)


COSTS = Replay("inc-088-costs-that-contain-the-multiplier", witness=shows_the_price_of_one)


@pytest.mark.timeout(120)
def test_a_cost_that_contains_its_multiplier_is_read_as_a_price(tmp_path: Path) -> None:
    """The future is none of the configured assets: it counts at the broker's mark, untouched."""
    with world(tmp_path, COSTS.seed, options=("--scenario", COSTS.name)) as (simulator, daemon):
        daemon.start()
        daemon.await_armed()
        shows_the_price_of_one(simulator, daemon)
        daemon.await_orders(3)
        placed = {row["symbol"] for row in simulator.truth()["orders"]}
        assert placed <= set(SYMBOLS)
        status = until("a status", daemon.status)
        (held,) = [row for row in status["positions"] if row["symbol"] == "ES"]
        assert held["mark_source"] == "broker"
        end_by_sigterm(daemon)


REFUSED = Replay("inc-150-ids-of-before", steps=2, is_rare=True)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("replay", rows((REFUSED,)))
def test_quotes_that_were_refused_come_back_without_a_reconnect(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        # They are asked for again after a minute.
        until("four symbols", lambda: len(traded_since(simulator, 0)) == 4, 90)
        assert until("a status", daemon.status)["link"]["connect_count"] == 1
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


SILENT = Replay(
    "inc-097-no-word-before-the-auction", is_rare=True, steps=2, advance_s=3600, options=CALM,
    changes=CALMLY,
)  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((SILENT,)))
def test_an_order_without_a_word_is_looked_up_and_not_sent_again(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        until("an order is unanswered", lambda: _kinds(daemon)["OrderUnanswered"])
        until("it has traded", lambda: all_filled(simulator))
        daemon.await_armed()
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        story = compare_at_rest(simulator, daemon)
        assert not story.kinds["OrderProvenAbsent"], "a listed order was taken for lost"
        end_by_sigterm(daemon)


HALTED = Replay(
    "inc-141-a-halt-and-its-reopening", steps=2, advance_s=600, options=CALM, changes=CALMLY,
)  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((HALTED,)))
def test_a_halted_symbol_is_left_alone_until_it_is_reopened(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        until("AAPL is traded", lambda: "AAPL" in traded_since(simulator, 0))
        until("the halt", lambda: "line 8: halt" in simulator.log.read_text())
        time.sleep(ON_THE_WAY_S)
        before = len(simulator.truth()["orders"])
        daemon.await_orders(4)
        assert "AAPL" not in traded_since(simulator, before), "an order for a halted symbol"
        assert until("causes", lambda: [daemon.causes()]) == [{}], "one symbol halted them all"
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        before = len(simulator.truth()["orders"])
        until("AAPL is traded again", lambda: "AAPL" in traded_since(simulator, before))
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


PRECAUTIONS = Replay(
    "precautions-of-the-terminal", said="|383|", changes={"strategies.momentum.quantity": 60}
)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((PRECAUTIONS,)))
def test_what_the_terminal_refuses_is_refused_and_the_operator_is_told(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        daemon.halt()
        # The exit of what the account held before is larger than the terminal allows.
        reply = daemon.verb("liquidate")
        assert not reply.is_done
        truth = simulator.truth()
        assert {row["status"] for row in truth["orders"]} <= {"Inactive"}
        (held,) = [row for row in truth["positions"] if row["symbol"] == "AAPL"]
        assert Decimal(held["quantity"]) == 100
        story = read_story(daemon.journal)
        assert_nothing_sent_twice(story, truth)
        assert not story.book.live_orders
        assert not differences(simulator, daemon)
        end_by_sigterm(daemon)


# ---- what blinds it, and what a person must look at

CUT = Replay("inc-090-the-id-is-free-a-little-later")
RESTARTED = Replay(
    "inc-153-restart-at-the-gateways-own-hour", is_rare=True, options=CALM, changes=CALMLY,
)  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((CUT,)))
def test_an_id_that_is_still_in_use_is_waited_for(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        daemon.await_orders(6)
        simulator.tell("/drop", how="rst")
        until("it was refused", lambda: "326" in daemon.log.read_text())
        daemon.await_armed()
        assert {row["client_id"] for row in simulator.truth()["place_frames"]} == {OURS}
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows((RESTARTED,)))
def test_a_gateway_that_restarts_every_night_is_come_back_to(
    tmp_path: Path, replay: Replay
) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        daemon.await_orders(4)
        simulator.tell("/advance", seconds=300)
        daemon.await_cause("link")
        sent = len(simulator.frame_times())
        time.sleep(ON_THE_WAY_S)
        assert len(simulator.frame_times()) == sent, "sent while the gateway was away"
        simulator.tell("/advance", seconds=75)
        act_and_trade_on(tmp_path, simulator, daemon, replay)
        compare_at_rest(simulator, daemon)
        end_by_sigterm(daemon)


FOR_A_PERSON = (
    Replay("inc-121-refused-and-yet-a-position", steps=2, different=("position",)),
    Replay(
        "inc-100-assigned-overnight", is_rare=True, advance_s=7 * 3600,
        different=("cash", "position"), options=("--tick-interval", "0.5"),
        changes={**CALMLY, "strategies.momentum.sample_s": 0.5},
    ),
)  # fmt: skip


@pytest.mark.timeout(120)
@pytest.mark.parametrize("replay", rows(FOR_A_PERSON))
def test_a_position_out_of_nothing_stops_everything(tmp_path: Path, replay: Replay) -> None:
    with playing(tmp_path, replay) as (simulator, daemon):
        daemon.await_armed()
        if replay.advance_s:
            daemon.await_orders(4)
            # Nothing may be on its way when the day of executions ends.
            daemon.halt()
            settled(simulator, daemon)
            simulator.tell("/advance", seconds=replay.advance_s)
        stays_halted(simulator, daemon, ("ticket",))
        assert replay.acted(simulator)
        assert differences(simulator, daemon) == set(replay.different)
        assert not daemon.verb("resume").is_done, "resumed over an open ticket"
        end_by_sigterm(daemon)


def _kinds(daemon: Daemon) -> Counter[str]:
    """Count the journal's events, once there is one."""
    return read_story(daemon.journal).kinds if daemon.journal.exists() else Counter()


def all_filled(simulator: Simulator) -> bool:
    """Tell whether some order has come through."""
    return any(row["status"] == "Filled" for row in simulator.truth()["orders"])
