"""A drill passes only when everything that could speak against it was looked at."""

from __future__ import annotations

from dataclasses import replace

import pytest

from trader.chaos_drill.judgement import RECOVERY_S_MAX, Observed, Outcome, judged

WELL = Observed(
    calm_orders=2,
    noticed_s=0.4,
    looks=20,
    recovery_s=4.0,
    orders_after=1,
    sent_twice=(),
    differences=(),
    verify_findings=(),
    exit_code=0,
)


def test_a_drill_in_which_all_was_well_passes_without_a_reason() -> None:
    verdict = judged(WELL, 15.0)
    assert verdict.outcome is Outcome.PASSED
    assert verdict.reasons == ()
    assert judged(replace(WELL, exit_code=3), 15.0).outcome is Outcome.PASSED


@pytest.mark.parametrize(
    ("seen", "reason"),
    [
        (replace(WELL, calm_orders=0), "no order had left before the fault"),
        (replace(WELL, noticed_s=None), "the fault was not noticed"),
        (replace(WELL, noticed_s=15.1), "noticed after 15.1 s, allowed is 15 s"),
        (replace(WELL, noticed_s=float("nan")), "noticed after nan s"),
        (replace(WELL, looks=0), "nobody looked"),
        (replace(WELL, ready_looks=1), "READY in 1 of 20 looks"),
        (replace(WELL, risk_added=("order 7 (BUY 20 IBM, x)",)), "left while impaired: order 7"),
        (replace(WELL, uncompared_orders=2), "2 orders left before book and broker"),
        (replace(WELL, recovery_s=None), "not READY and reconciled again"),
        (replace(WELL, recovery_s=RECOVERY_S_MAX + 0.1), "READY 30.1 s after the fault"),
        (replace(WELL, recovery_s=float("nan")), "READY nan s after the fault"),
        (replace(WELL, orders_after=0), "no order left after the recovery"),
        (replace(WELL, sent_twice=("reference a, 2 times",)), "sent twice: reference a"),
        (replace(WELL, differences=("execution e",)), "differs from the truth: execution e"),
        (replace(WELL, verify_findings=("altered 7",)), "trader verify: altered 7"),
        (replace(WELL, exit_code=4), "the daemon ended with 4"),
        (replace(WELL, exit_code=None), "the daemon ended with None"),
        (replace(WELL, problem="no answer"), "stopped: no answer"),
    ],
)
def test_one_thing_that_is_not_well_fails_the_drill_and_is_named(
    seen: Observed, reason: str
) -> None:
    verdict = judged(seen, 15.0)
    assert verdict.outcome is Outcome.FAILED
    assert len(verdict.reasons) == 1
    assert reason in verdict.reasons[0]


@pytest.mark.parametrize("name", ["sent_twice", "differences", "verify_findings"])
def test_what_was_not_compared_is_not_equal(name: str) -> None:
    seen = replace(WELL)
    setattr(seen, name, None)
    verdict = judged(seen, 15.0)
    assert verdict.reasons == ("journal and truth were not compared",)


def test_a_recovery_at_the_limit_passes() -> None:
    assert judged(replace(WELL, recovery_s=RECOVERY_S_MAX), 15.0).outcome is Outcome.PASSED


def test_a_drill_that_saw_nothing_fails_by_everything_that_was_not_seen() -> None:
    verdict = judged(Observed(), 15.0)
    assert verdict.outcome is Outcome.FAILED
    assert len(verdict.reasons) == 6


def test_a_drill_that_cannot_be_made_is_skipped_with_the_reason_and_never_passed() -> None:
    verdict = judged(replace(WELL, lacks="no mount namespace"), 15.0)
    assert verdict.outcome is Outcome.SKIPPED
    assert verdict.reasons == ("no mount namespace",)
