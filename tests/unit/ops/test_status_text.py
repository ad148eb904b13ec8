"""The status in a few lines: everything an operator asks first, and no raw data."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.unit.engine.test_bar_status import ROW
from tests.unit.engine.test_output_status import FRESH
from tests.unit.ops.support import LINK, MONEY, NOW, ORDER, READY, RESULT, status
from trader.core.halts import HaltCause, Posture
from trader.engine.emergency_rows import EmergencyStatus
from trader.engine.exposure_status import (
    BlindStatus,
    ConcentrationStatus,
    ExposureStatus,
    ReductionStatus,
    UsageStatus,
)
from trader.engine.host import HeadroomStatus, HostStatus, TimeServiceStatus
from trader.engine.quarantine_status import LetterStatus, QuarantineStatus
from trader.engine.recording_status import RecordingStatus
from trader.engine.report_rows import ReportRow
from trader.engine.shadow_status import ShadowStatus
from trader.engine.status import (
    AccountStatus,
    ActionsStatus,
    ActionStatus,
    BreakerStatus,
    ConsumerStatus,
    ResultStatus,
    SentinelStatus,
    Status,
    StreamStatus,
)
from trader.ops.status_json import plain
from trader.ops.status_text import breaker_lines, one_line, status_lines


def body(given: Status) -> dict[str, Any]:
    """Return a status as a client reads it, JSON and back."""
    served: dict[str, Any] = json.loads(json.dumps(plain(given)))
    return served


def text(given: Status) -> str:
    return "\n".join(status_lines(body(given)))


def test_a_daemon_that_trades_is_told_in_nine_lines() -> None:
    assert status_lines(body(READY)) == [
        "posture     ARMED (paper)",
        "connection  up as client 7 of DU1234567, upstream up, heartbeat 1.2 s ago",
        "money       P&L 249.75 USD after commissions of 9.50, equity 100,250.75",
        "positions   AAPL 40",
        "orders      1 working, 3 sent, 1 of 4 intents refused",
        "            order 1001 BUY 100 AAPL LMT 187.25 WORKING, 40 filled (abc123-momentum-4)",
        "            1 of others at the broker, which are left alone",
        "fills       2 executions",
        "reconciled  12 s ago (timer): 1 drifts, 5 drifts so far",
    ]


def test_values_of_the_account_that_do_not_count_are_told_as_unavailable_with_their_age() -> None:
    """CAP-29."""
    told = AccountStatus("USD", "", Decimal(1_000), None, None, None, None, age_s=3_600.4)
    assert "account " not in text(status(told_account=told))
    old = replace(told, source="journal", is_usable=False)
    shown = text(status(told_account=old))
    assert "account     unavailable (last told: 1,000.00 USD net liquidation" in shown
    assert "by the journal, 3600 s old)" in shown
    unknown = replace(old, net_liquidation=None)
    assert "last told: ? USD" in text(status(told_account=unknown)), "not told is no zero"


def day_line(given: ResultStatus) -> list[str]:
    lines = status_lines(body(status(result=given)))
    place = next(i for i, line in enumerate(lines) if line.startswith("day "))
    return lines[place : place + 2]


def test_the_brokers_result_stands_beside_ours_with_what_came_of_it() -> None:
    line, _ = day_line(RESULT)
    told = "day         12.50 by the broker, 10.25 by us: agrees (apart by -0.50 since "
    assert line.startswith(told)
    assert line.endswith(", allowed 25.00)")


def test_a_result_that_is_not_compared_says_why_and_what_is_not_known_is_no_zero() -> None:
    """CAP-31."""
    bare = replace(
        RESULT,
        verdict="not compared",
        problem="told 70 s ago, allowed 60 s",
        told_daily=None,
        own_daily=None,
        difference=None,
    )
    line, _ = day_line(bare)
    assert line == (
        "day         ? by the broker, ? by us: not compared (told 70 s ago, allowed 60 s)"
    )


def test_a_result_that_differs_is_a_warning() -> None:
    _, warning = day_line(replace(RESULT, verdict="differs", finding="moved by 60.00"))
    assert warning == "WARNING     moved by 60.00"


def test_each_cause_of_a_halt_stands_right_below_the_posture() -> None:
    causes = ((HaltCause.OPERATOR, "lunch"), (HaltCause.LINK, "not connected yet"))
    lines = status_lines(body(status(posture=Posture.HALTED, causes=causes)))
    assert lines[:3] == [
        "posture     HALTED (paper)",
        "            operator: lunch",
        "            link: not connected yet",
    ]


def test_an_order_that_settles_is_named_because_it_counts() -> None:
    over = replace(ORDER, state="CANCELLED", is_settling=True)
    assert (
        "settling    order 1001 BUY 100 AAPL CANCELLED, 40 filled: the rest counts until its "
        "executions are proven"
    ) in text(status(orders=(over,)))
    assert "settling" not in text(status(orders=(replace(over, is_settling=False),)))


def test_a_link_that_is_down_says_why() -> None:
    down = replace(LINK, is_connected=False, problem="tcp: refused")
    assert "connection  down: tcp: refused" in text(status(link=down))


def test_an_upstream_that_is_down_is_loud_and_an_open_socket_does_not_hide_it() -> None:
    lost = replace(LINK, is_upstream_up=False, heartbeat_age_s=None)
    assert "UPSTREAM DOWN, no heartbeat yet" in text(status(link=lost))


def test_what_is_unknown_is_told_as_unknown_and_never_as_zero() -> None:
    assert "money       unknown" in text(status(money=None))
    no_marks = replace(MONEY, pnl=None, equity=None)
    assert "P&L ? USD after commissions of 9.50, equity ?" in text(status(money=no_marks))
    assert "reconciled  not yet" in text(status(reconcile=None))


def test_a_reconciliation_that_failed_shows_its_problem_in_place_of_a_count() -> None:
    assert READY.reconcile is not None
    failed = replace(READY.reconcile, problem="no end marker", drift_count=0)
    assert "12 s ago (timer): no end marker" in text(status(reconcile=failed))


def test_a_flat_account_is_flat() -> None:
    flat = replace(READY.positions[0], quantity=Decimal(0))
    assert "positions   flat" in text(status(positions=(flat,)))


def test_an_order_without_an_answer_counts_as_working() -> None:
    unknown = replace(ORDER, state="UNKNOWN")
    assert "orders      2 working" in text(status(orders=(ORDER, unknown)))


def test_each_order_that_works_is_named_and_many_are_counted() -> None:
    stop = replace(ORDER, order_id=1002, order_type="STP", limit_price=None, state="UNKNOWN",
                   stop_price=Decimal(180), filled=Decimal(0))  # fmt: skip
    market = replace(stop, order_id=1003, order_type="MKT", stop_price=None)
    told = text(status(orders=(stop, market, replace(ORDER, state="FILLED"))))
    assert "order 1002 BUY 100 AAPL STP 180 UNKNOWN, 0 filled (abc123-momentum-4)" in told
    assert "order 1003 BUY 100 AAPL MKT UNKNOWN, 0 filled" in told
    assert "order 1001" not in told
    lines = status_lines(body(status(orders=(ORDER,) * 12)))
    assert sum("order 1001" in line for line in lines) == 10
    assert "            and 2 more: the page, or --json" in lines


def test_orders_of_others_are_counted() -> None:
    assert "            2 of others at the broker" in text(status(foreign_order_count=2))
    assert "of others" not in text(status(foreign_order_count=0))


def test_each_ticket_has_a_line_of_its_own() -> None:
    lines = status_lines(body(status(tickets=(("position:AAPL", "book 5, broker 7"),))))
    assert lines[-1] == "TICKET      position:AAPL: book 5, broker 7"


def test_each_letter_has_a_line_and_what_is_lost_a_warning() -> None:
    now = READY.now_utc
    letter = LetterStatus("abc", 11, "message 11 execDetails", 178, "side 'B'", 4, now, now)
    seen = QuarantineStatus(3, 5, ((5, 8), (11, 2)), ((11, 40),), (letter,))
    lines = status_lines(body(status(quarantine=seen)))
    assert lines[-3:] == [
        "LETTER      abc: message 11 execDetails (4 times or more): side 'B'",
        "            3 to decide about: trader quarantine list",
        "WARNING     10 broken messages or more were not kept: there are too many",
    ]
    once = replace(seen, rows=(replace(letter, count=1),))
    assert "LETTER      abc: message 11 execDetails: side 'B'" in text(status(quarantine=once))
    empty = replace(seen, open_count=0, not_kept=(), rows=())
    assert "LETTER" not in text(status(quarantine=empty))


def test_a_mark_that_is_not_our_own_quote_says_whose_it_is_and_how_old() -> None:
    row = READY.positions[0]
    told = replace(row, mark_source="broker", mark_age_s=63.4)
    assert "positions   AAPL 40 (mark: broker, 63 s old)" in text(status(positions=(told,)))
    quoted = replace(row, mark_source="quote", mark_age_s=1.0)
    assert "positions   AAPL 40\n" in text(status(positions=(quoted,)))


def test_one_line_holds_posture_orders_positions_money_and_reconciliation() -> None:
    line = one_line(body(status(posture=Posture.HALTED, causes=((HaltCause.OPERATOR, "x"),))))
    assert line == (
        "halted (operator) | 1 working, 3 sent, 2 fills | AAPL 40 | P&L 249.75 USD after "
        "commissions of 9.50, equity 100,250.75 | 12 s ago (timer): 1 drifts"
    )
    assert one_line(body(READY)).startswith("armed | ")


def test_what_was_sent_without_the_daemon_has_a_line_of_its_own() -> None:
    row = EmergencyStatus(
        "kill-abc123-1", 7, 12, "AAPL", "SELL", Decimal(40), Decimal(30), "2026-03-02T15:00Z", "ann"
    )
    shown = text(replace(READY, emergency=(row,)))
    assert "emergency   SELL 40 AAPL, 30 filled, without the daemon, by ann" in shown
    assert "(kill-abc123-1)" in shown


def test_what_new_risk_waits_for_is_said() -> None:
    waiting = replace(READY, inputs_missing=("account values: the broker has not told them",))
    line = "new risk    waits for account values: the broker has not told them"
    assert line in status_lines(body(waiting))
    assert "new risk" not in text(READY)


DRIFT = BreakerStatus(
    name="drift",
    is_enabled=True,
    phase="closed",
    finding="good",
    text="0 (at or above 1 is bad)",
    limit="at or above 1",
    action="reduce_only",
    reset="probe",
    reason="",
    overridden_until_utc=None,
    overridden_by="",
)


def test_each_breaker_has_a_line_with_its_state_and_reading() -> None:
    rows = (
        DRIFT,
        replace(DRIFT, name="daily_loss", phase="tripped", reason="-0.03", text="-0.01"),
        replace(DRIFT, name="psr", finding="evaluation_failed", text="no value"),
        replace(DRIFT, name="vix", is_enabled=False, text=""),
    )
    lines = breaker_lines(body(status(breakers=rows, allocation=Decimal("0.5"))))
    assert [line.split()[:2] for line in lines[1:3]] == [
        ["drift", "closed"],
        ["daily_loss", "tripped"],
    ]
    assert lines[1].endswith("0 (at or above 1 is bad)")
    assert lines[3].strip() == "tripped by: -0.03"
    assert lines[4].split()[:2] == ["psr", "unknown"]
    assert lines[5].split()[:2] == ["vix", "off"]
    assert lines[-1] == "new risk may have 0.5 of its usual size"


def test_an_override_is_not_overlooked() -> None:
    until = datetime(2026, 3, 2, 15, 5, tzinfo=UTC)
    row = replace(DRIFT, overridden_until_utc=until, overridden_by="ops: known")
    lines = breaker_lines(body(status(breakers=(row,))))
    assert lines[1].split()[:2] == ["drift", "OVERRIDDEN"]
    assert lines[2].strip() == "until 2026-03-02T15:05:00.000Z by ops: known"


def test_what_restricts_stands_below_the_posture() -> None:
    shown = status(posture=Posture.REDUCE_ONLY, restrictions=(("daily_loss", "-0.03"),))
    assert status_lines(body(shown))[1].strip() == "daily_loss: -0.03"
    assert one_line(body(shown)).startswith("reduce_only (daily_loss) | ")


WATCHED = SentinelStatus(
    is_running=True,
    state="watching",
    text="the daemon lives",
    since="2026-03-02T15:00:00Z",
    outcome="",
    look_age_s=1.0,
    silence_s_max=30.0,
    warning="",
)


def test_the_sentinel_is_told_with_its_last_look_and_what_it_did() -> None:
    line = "sentinel    watching, last look 1 s ago, acts after 30 s of silence"
    assert line in status_lines(body(replace(READY, sentinel=WATCHED)))
    acted = replace(WATCHED, state="done", outcome="2 orders cancelled")
    assert "acted: 2 orders cancelled (2026-03-02T15:00:00Z)" in text(
        replace(READY, sentinel=acted)
    )
    gone = replace(WATCHED, is_running=False, look_age_s=None, warning="no sentinel is running")
    lines = status_lines(body(replace(READY, sentinel=gone)))
    assert lines[-2:] == ["sentinel    not running", "WARNING     no sentinel is running"]


def test_each_consumer_of_the_outbox_is_told_with_what_keeps_it() -> None:
    streams = (
        StreamStatus("exec_reports", 3, 1.5, 40, 2),
        StreamStatus("order_intents", 1, 0, 9, 0),
    )
    works = ConsumerStatus("files", "running", "", 120, 118, streams)
    stands = replace(works, state="failing", problem="state/outbox: No space left on device")
    lines = status_lines(body(replace(READY, outbox=(works, stands))))
    assert "outbox      files running at 120, 4 wait" in lines
    at = lines.index("outbox      files failing at 120, 4 wait")
    assert lines[at + 1] == "            state/outbox: No space left on device"
    assert not [line for line in status_lines(body(READY)) if "outbox" in line]


def test_a_halted_strategy_is_told_with_why() -> None:
    row = replace(
        DRIFT, name="psr:alpha", phase="tripped", action="strategy", reason="0.1: 64 days"
    )
    assert "HALTED      strategy alpha: 0.1: 64 days" in status_lines(body(status(breakers=(row,))))
    assert "HALTED " not in text(status(breakers=(replace(row, phase="closed"),)))
    long = replace(row, name="psr:a_strategy_of_16")
    assert breaker_lines(body(status(breakers=(long,))))[1].startswith(
        "psr:a_strategy_of_16 tripped"
    )


def test_what_nobody_has_reviewed_is_told_with_its_number_and_time() -> None:
    row = ActionStatus(
        number=812,
        at_utc=datetime(2026, 3, 2, 15, 0, tzinfo=UTC),
        kind="halt",
        name="reject_rate",
        text="0.6",
        due_utc=datetime(2026, 3, 2, 15, 5, tzinfo=UTC),
        is_overdue=True,
        verdict="",
        reviewed_by="",
    )
    done = replace(row, number=700, is_overdue=False, verdict="false positive")
    told = ActionsStatus(1, 1, 4, 3, "2026-03", (row, done))
    lines = breaker_lines(body(status(actions=told)))
    assert lines[-3] == (
        "risk actions: 1 not reviewed, 1 overdue; false positives in 2026-03: 4 of 3"
    )
    assert lines[-2].split() == ["812", "halt", "reject_rate", "OVERDUE:", "0.6"]
    assert "false positive: 0.6" in lines[-1]
    shown = text(status(actions=told))
    assert "WARNING     1 risk actions not reviewed in time" in shown
    assert "WARNING     4 false positives in 2026-03" in shown
    calm = replace(told, overdue_count=0, false_count=3)
    assert "WARNING" not in text(status(actions=calm))


EXPOSED = ExposureStatus(
    status="ok",
    warnings=(),
    regime="calm",
    gross=Decimal("1.204"),
    net=Decimal("-0.5"),
    gross_max=Decimal("2.0"),
    net_max=Decimal("0.8"),
    box_max=Decimal("0.25"),
    hold_max=Decimal("0.20"),
    concentrations=(ConcentrationStatus("AAPL", 101, Decimal(-210), Decimal("0.2104"), "hold"),),
)


def test_what_a_strategy_uses_is_told_where_it_has_a_limit() -> None:
    row = replace(
        READY.strategies[0],
        usage=UsageStatus(
            Decimal(700), Decimal(50), Decimal(1_000), Decimal(250), "0.5 of the account, 1000"
        ),
    )
    assert (
        "strategy    momentum uses 750.00 (working 50.00) of at most 1000.00 "
        "(0.5 of the account, 1000), 250.00 left"
    ) in status_lines(body(replace(READY, strategies=(row,))))
    blind = replace(row, usage=UsageStatus(limits="1000", problem="AAPL (1): no mark"))
    assert (
        "strategy    momentum adds no risk, its usage is unknown: AAPL (1): no mark"
    ) in status_lines(body(replace(READY, strategies=(blind,))))
    free = replace(row, usage=UsageStatus(Decimal(700), Decimal(50)))
    for shown in (free, READY.strategies[0]):
        lines = status_lines(body(replace(READY, strategies=(shown,))))
        assert not [line for line in lines if line.startswith("strategy")]


def test_the_exposure_is_told_with_its_limits_and_what_exceeds_them() -> None:
    """BRK-04: a breach that nobody ordered is a warning."""
    line = (
        "exposure    gross 1.20, net -0.50 of the account (at most 2.0 and 0.8 in calm); "
        "largest AAPL 21.0%"
    )
    assert line in status_lines(body(replace(READY, exposure=EXPOSED)))
    warned = replace(EXPOSED, status="warning", warnings=("AAPL is 21.04% of the account",))
    lines = status_lines(body(replace(READY, exposure=warned)))
    assert "WARNING     AAPL is 21.04% of the account" in lines
    unknown = replace(EXPOSED, status="unknown", warnings=("no mark",), gross=None)
    lines = status_lines(body(replace(READY, exposure=unknown)))
    assert "WARNING     no mark" in lines
    assert not [row for row in lines if row.startswith("exposure")]
    off = replace(EXPOSED, status="off")
    assert status_lines(body(replace(READY, exposure=off))) == status_lines(body(READY))


def test_a_plan_of_reductions_is_told_order_by_order() -> None:
    """CAP-24."""
    plan = ReductionStatus(
        NOW,
        "storm",
        ("net 9.00, at most 8.00",),
        ("SELL 1 of 9 AAPL",),
        (),
        "goes by itself in 9 s",
    )
    shown = replace(EXPOSED, reduction=plan, problem="AAPL (101): no mark")
    lines = status_lines(body(replace(READY, exposure=shown)))
    at = lines.index(
        "PLAN        net 9.00, at most 8.00, since 2025-03-14T14:30:05.000Z (storm). To end it:"
    )
    assert lines[at + 1 : at + 4] == [
        "            SELL 1 of 9 AAPL",
        "            it goes by itself in 9 s; trader reduce sends it now",
        "            cannot be made anew: AAPL (101): no mark",
    ]
    helpless = replace(plan, orders=(), remains=("AAPL box 9.00, at most 8.00",))
    lines = status_lines(body(replace(READY, exposure=replace(EXPOSED, reduction=helpless))))
    assert "            no order can" in lines
    assert "            still exceeded then: AAPL box 9.00, at most 8.00" in lines


def test_the_machines_clock_and_its_warnings_are_told() -> None:
    room = HeadroomStatus(*[None] * 9)
    time = TimeServiceStatus(True, 0.001, 0.2, "")
    host = HostStatus(time, room, (), (), ("files: 900 of 1000 files open",))
    lines = status_lines(body(replace(READY, host=host)))
    assert "clock       synchronised, off by 0.001 s, 0.200 at most" in lines
    assert "WARNING     files: 900 of 1000 files open" in lines
    for is_kept, word in ((False, "NOT synchronised"), (None, "unknown")):
        time = TimeServiceStatus(is_kept, None, None, "why")
        host = HostStatus(time, room, (), (), ())
        assert f"clock       {word}" in status_lines(body(replace(READY, host=host)))


def test_only_reports_that_somebody_should_look_at_are_told() -> None:
    rows = (
        ReportRow("reconciliation", "r", "ok", 1.0, 600.0, False, "", ()),
        ReportRow("parity", "p", "insufficient_data", 1.0, 600.0, False, "", ("no data",)),
        ReportRow("event_store", "e", "fail", 700.0, 900.0, False, "", ("event 3 is missing",)),
        ReportRow("portfolio_risk", "k", "critical", 301.4, 300.0, True, "", ("gross",)),
        ReportRow("ops_db", "o", "", None, 1800.0, True, "No space left", ()),
    )
    lines = status_lines(body(replace(READY, reports=rows)))
    assert [line for line in lines if line.startswith("REPORT")] == [
        "REPORT      event_store says fail: event 3 is missing",
        "REPORT      portfolio_risk is 301 s old, allowed 300 s",
        "REPORT      portfolio_risk says critical: gross",
        "REPORT      ops_db was never written, allowed 1800 s",
        "REPORT      ops_db cannot be written: No space left",
    ]


def test_bars_are_told_in_a_line_and_each_series_that_lacks_some_in_another() -> None:
    whole = replace(ROW, symbol="MSFT", held=120, part=0, received=30, is_warm=True, problem="")
    lines = status_lines(body(replace(READY, bars=(ROW, whole))))
    at = lines.index("bars        1 of 2 series complete, 58 of 60 of this session")
    assert lines[at + 1] == (
        "            AAPL of 60 s: 118 of 120 held, 1 not whole, 2 missing of this session: "
        "pacing: Historical data request pacing violation"
    )
    assert not any("MSFT of 60 s" in line for line in lines)
    held = status_lines(body(replace(READY, bars=(whole.held_back("0.5, MSFT 60 s: 60 of 120"),))))
    assert "            MSFT of 60 s: new risk waits: 0.5, MSFT 60 s: 60 of 120" in held
    assert not any(line.startswith("bars") for line in status_lines(body(READY)))


def test_the_risk_is_told_with_what_is_blind_of_it() -> None:
    """CAP-27."""
    seen = BlindStatus(
        predicted=Decimal("0.213"),
        realised=Decimal("0.05"),
        covered=Decimal("0.75"),
        cluster=("AAA", "BBB"),
        cluster_share=Decimal("0.412"),
        short_minutes=30,
        lacking=(("ZZZ", "no price for 10 minutes"),),
        waiting=("CCC",),
    )
    lines = status_lines(body(replace(READY, blind=seen)))
    assert (
        "risk        21.3% of the account a year predicted; covers 75% of gross; "
        "5.0% in the last 30 minutes; one bet: AAA, BBB 41.2%"
    ) in lines
    assert "BLIND       ZZZ: no price for 10 minutes" in lines
    assert "            waits for its first minutes: CCC" in lines
    nothing = status_lines(body(replace(READY, blind=BlindStatus(problem="no value"))))
    assert nothing == status_lines(body(READY))
    early = BlindStatus(covered=Decimal(0), waiting=("CCC",))
    assert "risk        covers 0% of gross" in status_lines(body(replace(READY, blind=early)))


def test_the_record_of_the_market_is_told_with_what_keeps_it() -> None:
    works = RecordingStatus("running", "", "state/market/a.gz", 100, 0, 900, 0.3)
    line = "market      running, 100 rows and 900 bytes in state/market/a.gz"
    assert line in status_lines(body(replace(READY, recording=works)))
    lossy = replace(works, lost_count=7)
    lines = status_lines(body(replace(READY, recording=lossy)))
    assert lines[lines.index(line) + 1] == "            7 rows were lost"
    stands = replace(works, state="failing", problem="no room", place="")
    lines = status_lines(body(replace(READY, recording=stands)))
    assert "market      failing, 100 rows and 900 bytes in no file yet" in lines
    assert "WARNING     the market is not recorded: no room" in lines
    assert not [one for one in status_lines(body(READY)) if one.startswith("market")]


def test_a_shadow_is_told_with_what_it_has_and_what_keeps_it() -> None:
    shadow = ShadowStatus(
        is_beside=True,
        strategies=("alpha",),
        problem="",
        decisions=(("approved", 3), ("fill", 2)),
        working_count=1,
        positions=(("AAPL", Decimal(20)),),
        value=Decimal("100012.5"),
        began_with=Decimal(100_000),
        place="state/shadow/decisions.jsonl",
    )
    lines = status_lines(body(replace(READY, shadow=shadow)))
    at = lines.index("shadow      3 approved, 2 fill, 1 working; AAPL 20")
    assert lines[at + 1] == ("            worth 100012.5 of 100000; state/shadow/decisions.jsonl")
    broken = replace(shadow, problem="swinger: broke", decisions=(), positions=(), value=None)
    lines = status_lines(body(replace(READY, shadow=broken)))
    assert "shadow      no decision, 1 working; flat" in lines
    assert "WARNING     shadow: swinger: broke" in lines
    assert not [line for line in status_lines(body(READY)) if line.startswith("shadow")]


def test_a_strategy_whose_output_is_stale_is_named() -> None:
    """DAT-09."""
    stale = replace(FRESH, problem="no quote or bar answered for 301 s, allowed 300 s")
    rows = (replace(READY.strategies[0], output=stale),)
    lines = status_lines(body(replace(READY, strategies=rows)))
    assert (
        "STALE       strategy momentum: no quote or bar answered for 301 s, allowed 300 s" in lines
    )
    assert "output      momentum 0.4 s ago; risk decided on not yet" in lines
    assert not any(line.startswith("STALE") for line in status_lines(body(READY)))
    decided = replace(READY, strategies=rows, risk_decision_age_s=7.46)
    assert "output      momentum 0.4 s ago; risk decided on 7.5 s ago" in status_lines(
        body(decided)
    )
