"""Each kind of event that a person reads has its line."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from tests.unit.core.factories import (
    ACCOUNT,
    CLIENT,
    CON,
    SELL,
    T0,
    an_error,
    an_execution,
    an_intent,
    planned,
    reviewed,
)
from trader.core import account_events as ae
from trader.core import breaker_events as be
from trader.core import emergency_events as em
from trader.core import events as ev
from trader.core import quarantine_events as qe
from trader.core import reduction_events as rd
from trader.core import ticket_events as te
from trader.core.breakers.rules import BreakerName
from trader.core.changes import ChangeTerms
from trader.core.halts import HaltCause, Posture
from trader.core.ids import (
    Lineage,
    OrderId,
    OrderRef,
    PermId,
    RunId,
    Seq,
    StrategyName,
    TicketId,
)
from trader.core.journal_events import JournalArchived, JournalRestored
from trader.core.policy import Regime
from trader.core.strategy_events import StrategyFailed
from trader.core.words import words

RESTORED = JournalRestored(
    Lineage("new001"), (), OrderId(9), f"81:{'ab' * 32}", "copy.db", "", "the disk died", "ann"
)
ARCHIVED = JournalArchived("a.gz", Seq(1), Seq(81), "", "", "", Lineage("abc123"), (), "ann")
ORDER = OrderId(7)
RUN = RunId("r")
WANTED = ChangeTerms(Decimal(12), Decimal("99.5"), None, Decimal("99.5"))
LOSS = BreakerName.DAILY_LOSS
CHECKED = ev.IntentReviewed(
    an_intent(), "d", True, "", "approved", (ev.Check("INSTRUMENT_UNKNOWN", "AAA", "x", True),)
)


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (reviewed(an_intent()), "abc123-alpha-1 BUY 10 101 LMT: approved"),
        (CHECKED, "abc123-alpha-1 BUY 10 AAA LMT: approved"),
        (reviewed(an_intent(), "TOO_MUCH"), "abc123-alpha-1 BUY 10 101 LMT: TOO_MUCH"),
        (planned(an_intent(), 7), "7 BUY 10 AAA LMT 100"),
        (ev.ExecutionSeen(an_execution()), "BUY 10 AAA at 100"),
        (ev.ExecutionSeen(an_execution(), RUN), "BUY 10 AAA at 100 (recovered)"),
        (ev.HaltRaised(HaltCause.OPERATOR, "stop", "me"), "operator: stop"),
        (ev.HaltCleared(HaltCause.OPERATOR, "fine", "me"), "operator: fine"),
        (ev.ReconcileFinished(RUN, "timed", "", 3, 2, 1, 0.1), "timed: 3 drifts"),
        (ev.ReconcileFinished(RUN, "timed", "no end", 0, 0, 0, 0.1), "timed: no end"),
        (be.BreakerTripped(LOSS, "-0.03", "x", "h", "halt", "d"), "daily_loss: -0.03, halt"),
        (be.BreakerProbing(LOSS, "0 again"), "daily_loss: 0 again"),
        (be.BreakerReset(LOSS, "me", "seen"), "daily_loss by me: seen"),
        (be.OverrideGranted(LOSS, "why", "me", T0), "daily_loss by me until 15:00:00 UTC: why"),
        (be.PostureChanged(Posture.HALTED, ("link", "journal")), "halted: link, journal"),
        (be.PostureChanged(Posture.ARMED, ()), "armed"),
        (
            rd.ReductionPlanned(
                Regime.STORM,
                Decimal(1_000),
                (rd.Excess("gross", None, "", Decimal(1_500), Decimal(1_000)),),
                (rd.Reduction(CON, "AAA", SELL, Decimal(5), Decimal(15), Decimal(500)),),
                (),
            ),
            "gross 1500.00, at most 1000.00 (storm). To end it: SELL 5 of 15 AAA",
        ),
        (rd.ReductionEnded("all inside"), "all inside"),
        (
            rd.ReductionOrdered(
                (rd.Reduction(CON, "AAA", SELL, Decimal(5), Decimal(15), Decimal(500)),),
                "why",
                "me",
            ),
            "SELL 5 of 15 AAA, by me: why",
        ),
        (
            ae.ResultDisputed("2026-03-01 23:55", Decimal(100), Decimal("-1.5"), Decimal(25), T0),
            "moved by 100.00 at the broker and by -1.50 here since 15:00:00 UTC, allowed 25.00",
        ),
        (ae.ResultAgreed("2026-03-01 23:55", "together again"), "together again"),
        (
            em.EmergencyOrderKnown(
                OrderRef("kill-abc123-1"),
                CLIENT,
                OrderId(9),
                ACCOUNT,
                CON,
                "AAA",
                SELL,
                Decimal(5),
                T0,
                "desk",
            ),
            "kill-abc123-1 SELL 5 AAA, by desk at 15:00:00 UTC",
        ),
        (
            em.EmergencyCancelKnown(
                OrderRef(""), CLIENT, ORDER, PermId(3), "AAA", True, T0, "desk"
            ),
            "client 7 order 7 AAA with everything, by desk at 15:00:00 UTC",
        ),
        (StrategyFailed(StrategyName("alpha"), "KeyError"), "alpha: KeyError"),
        (ARCHIVED, "events 1 to 81 are in a.gz, by ann"),
        (RESTORED, "from copy.db, 81:ababababababababababa, by ann: the disk died"),
        (
            be.OutlookChanged(Regime.STORM, Decimal("0.5")),
            "storm, new risk may have 0.5 of its usual size",
        ),
        (
            be.StrategyMarked(StrategyName("alpha"), "2026-03-02", Decimal(-7), Decimal(100)),
            "alpha: -7 on 2026-03-02",
        ),
        (
            be.StrategyHalted(StrategyName("alpha"), BreakerName.PSR, "0.1", "0.2", "h", "d"),
            "alpha: psr 0.1",
        ),
        (be.ActionReviewed(Seq(9), True, "ops", "seen"), "9 right, by ops: seen"),
        (be.ActionReviewed(Seq(9), False, "ops", "feed"), "9 false positive, by ops: feed"),
        (be.StrategyReleased(StrategyName("alpha"), "ops", "seen"), "alpha by ops: seen"),
        (be.EquityMarked("2026-03-02", Decimal("1.50")), "1.50 on 2026-03-02"),
        (be.FlowSeen("USD", Decimal(-5), None), "-5 USD"),
        (ev.TicketOpened(TicketId("t"), "position", None, "10 or 0", RUN), "10 or 0"),
        (an_error(ev.Evidence.REJECTS_NEW, 7, 201, "margin"), "7: 201 margin"),
        (ev.OrderSent(ORDER), "7"),
        (ev.OrderAbsentSeen(ORDER, RUN), "7"),
        (ev.OrderWithheld(ORDER, "halted"), "7: halted"),
        (ev.OrderUnanswered(ORDER, "silence"), "7: silence"),
        (ev.OrderSettled(ORDER, Decimal(3), "listed"), "7: listed"),
        (ev.CancelSent(ORDER, "drain"), "7: drain"),
        (ev.ModifyPlanned(ORDER, 2, WANTED, "moved"), "7: change 2 to 12 99.5: moved"),
        (ev.ModifyRefused(ORDER, "CHURN", "too often", "x", (), "h"), "7: too often"),
        (ev.ModifySent(ORDER, 2), "7: change 2"),
        (ev.ModifyWithheld(ORDER, 2, "halted"), "7: change 2: halted"),
        (ev.ModifyUnanswered(ORDER, 2, "silence"), "7: change 2: silence"),
        (ev.ModifyRefuted(ORDER, 2, RUN), "7: change 2: run r"),
        (ev.TicketClosed(TicketId("t"), "r", "me"), ""),
        (te.TicketCounted(TicketId("t"), "over"), "t: over"),
        (
            qe.MessageQuarantined("k1", 11, 178, ("11",), False, "side 'B'"),
            "k1 (message 11 execDetails): side 'B'",
        ),
        (qe.MessageRepeated("k1", 4), "k1 has come 4 times"),
        (qe.MessageNotKept(11, 8), "8 of message 11 execDetails: there are too many"),
        (
            qe.MessageRetried("k1", True, "booked: x", "upgraded", "ann"),
            "k1: booked: x, by ann: upgraded",
        ),
        (qe.MessageDismissed("k1", "seen", "ann"), "k1 by ann: seen"),
        (
            te.TicketIgnored(TicketId("t"), T0, "asked", "me"),
            "t by me until 2026-03-02 15:00:00 UTC: asked",
        ),
        (
            te.TradeBooked(
                TicketId("t"),
                CON,
                "AAA",
                Decimal(-5),
                Decimal("9.5"),
                Decimal(1),
                Decimal(1),
                "USD",
                "by hand",
                "me",
            ),
            "-5 AAA at 9.5 by me: by hand",
        ),
        (
            te.CashBooked(TicketId("t"), "USD", Decimal(7), "interest", "me"),
            "+7 USD by me: interest",
        ),
    ],
    ids=lambda value: type(value).__name__ if not isinstance(value, str) else None,
)
def test_an_event_is_told_in_words(event: ev.Event, told: str) -> None:
    assert words(event) == told


def test_a_promise_says_until_when_it_is_good() -> None:
    promise = planned(an_intent(), ORDER)
    ending = replace(promise, terms=replace(promise.terms, good_till_utc=T0))
    assert words(ending) == f"{words(promise)} until 15:00:00 UTC"
