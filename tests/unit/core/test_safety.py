"""What outlives a process: trips with their day, the measure of losses, overrides that expire."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from trader.core import breaker_events as be
from trader.core import events as ev
from trader.core import reduction_events as rd
from trader.core.baselines import change_of_day
from trader.core.book import Book
from trader.core.breakers.machine import Phase
from trader.core.breakers.rules import BreakerName
from trader.core.checkpoint import restored, state_of
from trader.core.halts import Posture
from trader.core.ids import Seq
from trader.core.policy import Regime
from trader.core.reduction_events import POLICY
from trader.core.safety import OVERRIDE_MAX, Flow, Safety, Standing, after, after_flow

T0 = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
TODAY, TOMORROW = "2026-03-02", "2026-03-03"
LOSS = BreakerName.DAILY_LOSS
D = Decimal


def fold(*events: be.BreakerEvent, safety: Safety | None = None) -> Safety:
    safety = safety or Safety()
    for event in events:
        safety = after(safety, event, T0)
    return safety


def tripped(name: BreakerName = LOSS, inputs: str = "-0.03") -> be.BreakerTripped:
    return be.BreakerTripped(name, inputs, "at or below -0.02", "hash", "reduce_only", TODAY)


def test_a_trip_stands_with_its_day_until_it_is_reset() -> None:
    safety = fold(tripped())
    limit = "at or below -0.02"
    standing = Standing(LOSS, Phase.TRIPPED, TODAY, "-0.03", limit, "reduce_only")
    assert safety.standing_of(LOSS) == standing
    safety = fold(be.BreakerProbing(LOSS, "0"), safety=safety)
    assert safety.standing_of(LOSS) == replace(standing, phase=Phase.PROBING)
    safety = fold(be.BreakerReset(LOSS, "ops", "seen"), safety=safety)
    assert safety.standing_of(LOSS) is None
    assert safety.reset_utc_of(LOSS) == T0
    assert safety.reset_utc_of(BreakerName.DRIFT) is None


def test_a_plan_of_reductions_stands_until_it_is_replaced_or_over() -> None:
    plan = rd.ReductionPlanned(Regime.STORM, D(1_000), (), (), ())
    safety = fold(plan)
    assert (safety.reduction, safety.reduction_utc) == (plan, T0)
    later = replace(plan, regime=Regime.NORMAL)
    safety = after(safety, later, T0 + timedelta(seconds=60))
    assert (safety.reduction, safety.reduction_utc) == (later, T0 + timedelta(seconds=60))
    assert fold(rd.ReductionOrdered((), "why", "me"), safety=safety) == safety
    safety = fold(rd.ReductionEnded("all inside"), safety=safety)
    assert (safety.reduction, safety.reduction_utc) == (None, None)


def test_rounds_that_nobody_asked_for_are_counted_as_long_as_a_plan_stands() -> None:
    plan = rd.ReductionPlanned(Regime.STORM, D(1_000), (), (), ())
    own, asked = (rd.ReductionOrdered((), "why", by) for by in (POLICY, "me"))
    safety = fold(plan, own, asked, plan, own)
    assert safety.reduction_rounds == 2
    assert fold(rd.ReductionEnded("all inside"), plan, safety=safety).reduction_rounds == 0


def test_a_second_trip_of_a_breaker_replaces_the_first_and_no_other() -> None:
    safety = fold(tripped(BreakerName.DRIFT), tripped(), tripped(inputs="-0.04"))
    assert [row.reason for row in safety.standings] == ["-0.03", "-0.04"]
    assert [row.name for row in safety.standings] == [BreakerName.DRIFT, LOSS]


def test_a_breaker_that_had_not_tripped_cannot_probe() -> None:
    with pytest.raises(AssertionError):
        fold(be.BreakerProbing(LOSS, "0"))


def test_the_first_mark_of_a_day_opens_it_and_later_ones_do_not() -> None:
    safety = fold(be.EquityMarked(TODAY, D(100)), be.EquityMarked(TODAY, D(97)))
    assert safety.baseline is not None
    assert (safety.baseline.opened, safety.baseline.last) == (D(100), D(97))
    safety = fold(be.EquityMarked(TOMORROW, D(98)), safety=safety)
    assert safety.baseline is not None
    assert safety.baseline.opened == D(98)


def test_a_deposit_waits_to_be_taken_in_and_hides_no_loss() -> None:
    safety = fold(be.EquityMarked(TODAY, D(100)), be.EquityMarked(TODAY, D(97)))
    safety = after_flow(safety, "USD", D(50))
    assert safety.flows == (Flow("USD", D(50)),)
    safety = fold(be.FlowSeen("USD", D(50), D(50)), safety=safety)
    assert safety.flows == ()
    assert safety.baseline is not None
    assert change_of_day(safety.baseline) == D("-0.03")


def test_a_flow_of_unknown_value_makes_the_measure_doubtful() -> None:
    safety = after_flow(fold(be.EquityMarked(TODAY, D(100))), "EUR", D(50))
    safety = fold(be.FlowSeen("EUR", D(50), None), safety=safety)
    assert safety.baseline is not None
    assert change_of_day(safety.baseline) is None


def test_a_flow_before_any_measure_is_in_the_first_one() -> None:
    safety = fold(be.FlowSeen("USD", D(50), D(50)), safety=after_flow(Safety(), "USD", D(50)))
    assert safety == Safety()


@pytest.mark.parametrize(
    ("asked", "after_s", "holds"),
    [
        (timedelta(minutes=5), 0, True),
        (timedelta(minutes=5), 299, True),
        (timedelta(minutes=5), 300, False),
        (timedelta(days=1), 899, True),
        (timedelta(days=1), 900, False),
        # A clock that stepped back proves nothing.
        (timedelta(minutes=5), -1, False),
    ],
)
def test_an_override_ends_by_itself_after_a_quarter_of_an_hour_at_most(
    asked: timedelta, after_s: int, holds: bool
) -> None:
    safety = fold(be.OverrideGranted(LOSS, "why", "ops", T0 + asked))
    now = T0 + timedelta(seconds=after_s)
    assert (safety.override_of(LOSS, now) is not None) is holds
    assert safety.override_of(BreakerName.DRIFT, now) is None
    assert timedelta(minutes=15) == OVERRIDE_MAX


def test_a_later_override_replaces_the_earlier_one() -> None:
    five, ten = T0 + timedelta(minutes=5), T0 + timedelta(minutes=10)
    safety = fold(
        be.OverrideGranted(LOSS, "a", "ops", ten), be.OverrideGranted(LOSS, "b", "ops", five)
    )
    assert [row.until_utc for row in safety.overrides] == [five]


def test_the_posture_is_the_last_one_told() -> None:
    safety = fold(
        be.PostureChanged(Posture.HALTED, ("link",)), be.PostureChanged(Posture.ARMED, ())
    )
    assert (safety.posture, safety.causes) == (Posture.ARMED, ())


def test_a_book_keeps_all_of_it_over_a_checkpoint_and_learns_of_flows_from_cash() -> None:
    """INC-020: loss, trip, kill, restart the same day."""
    book = Book()
    events: tuple[ev.Event, ...] = (
        be.EquityMarked(TODAY, D(100_000)),
        tripped(),
        ev.CashAdjusted("USD", D(10), D(60), "seen"),
        be.OverrideGranted(LOSS, "why", "ops", T0 + timedelta(minutes=5)),
    )
    for number, event in enumerate(events, 1):
        book.apply(ev.Recorded(Seq(number), T0, event))
    assert book.safety.flows == (Flow("USD", D(50)),)
    again = restored(state_of(book))
    assert again.safety == book.safety
    standing = again.safety.standing_of(LOSS)
    assert standing is not None
    assert (standing.phase, standing.day) == (Phase.TRIPPED, TODAY)
    assert again.safety.baseline is not None
    assert again.safety.baseline.opened == D(100_000)
