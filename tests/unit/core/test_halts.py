"""Any cause stops new risk; cancels always leave; the operator's exits need a way to the broker."""

from __future__ import annotations

from enum import StrEnum

import pytest

from trader.core.halts import (
    BLOCKS_EVERY_ORDER,
    BOOK_MAY_LACK,
    LATCHED,
    REFUSAL_CODES,
    Gate,
    HaltCause,
    Lane,
    Mode,
    Posture,
    posture,
    refusal_of,
)


def gate(*causes: HaltCause) -> Gate:
    return Gate(Mode.PAPER, {cause: f"because of {cause}" for cause in causes})


@pytest.mark.parametrize("lane", list(Lane))
def test_without_a_cause_every_lane_is_open(lane: Lane) -> None:
    assert refusal_of(gate(), lane) is None


@pytest.mark.parametrize("lane", [Lane.NEW, Lane.REDUCE, Lane.DATA])
@pytest.mark.parametrize("cause", list(HaltCause))
def test_any_cause_stops_the_orders_of_strategies(cause: HaltCause, lane: Lane) -> None:
    assert refusal_of(gate(cause), lane) == f"{cause}: because of {cause}"


@pytest.mark.parametrize("cause", list(HaltCause))
def test_a_cancel_leaves_under_every_cause(cause: HaltCause) -> None:
    assert refusal_of(gate(cause), Lane.CANCEL) is None


@pytest.mark.parametrize("cause", list(HaltCause))
def test_the_operator_is_stopped_only_where_nobody_could_promise_arrival(cause: HaltCause) -> None:
    refusal = refusal_of(gate(cause), Lane.OPERATOR)
    assert (refusal is not None) == (cause in BLOCKS_EVERY_ORDER)


@pytest.mark.parametrize(
    "cause", [HaltCause.HALT_FILE, HaltCause.OPERATOR, HaltCause.ENVIRONMENT, HaltCause.TICKET]
)
def test_the_kill_switch_leaves_liquidation_possible(cause: HaltCause) -> None:
    assert cause not in BLOCKS_EVERY_ORDER


def test_on_the_way_down_the_operator_sends_nothing_either() -> None:
    """The exit code tells what is left open; an order after it would make it a lie."""
    assert HaltCause.DRAINING in BLOCKS_EVERY_ORDER


def test_each_posture_refuses_with_the_code_that_the_reference_names() -> None:
    assert {posture.value: code for posture, code in REFUSAL_CODES.items()} == {
        "halted": "HALTED",
        "reduce_only": "BREAKER",
        "armed": "STRATEGY_HALTED",
    }


# What else holds follows a reading, and ends with it.
FOR_A_PERSON = {
    "fresh_install", "operator", "invariant", "decode_error", "liquidation", "breaker",
    "journal_unproven",
}  # fmt: skip
# Each keeps an order from arriving, or from being written down.
FOR_THE_OPERATOR_TOO = {
    "journal", "link", "upstream", "read_only_api", "account", "starting", "draining",
}  # fmt: skip


# What the broker may know by then and the book does not.
WHILE_NOBODY_COMPARES = {"starting", "link", "upstream", "not_reconciled"}


@pytest.mark.parametrize("cause", list(HaltCause))
def test_each_cause_waits_for_whom_it_has_to(cause: HaltCause) -> None:
    assert (cause in LATCHED) == (cause.value in FOR_A_PERSON)
    assert (cause in BLOCKS_EVERY_ORDER) == (cause.value in FOR_THE_OPERATOR_TOO)
    assert (cause in BOOK_MAY_LACK) == (cause.value in WHILE_NOBODY_COMPARES)


def test_every_cause_that_blocks_is_named_and_no_other() -> None:
    many = gate(HaltCause.OPERATOR, HaltCause.LINK, HaltCause.JOURNAL)
    new, operator = refusal_of(many, Lane.NEW), refusal_of(many, Lane.OPERATOR)
    assert new is not None
    assert operator is not None
    assert [part.split(":")[0] for part in new.split("; ")] == ["operator", "link", "journal"]
    assert [part.split(":")[0] for part in operator.split("; ")] == ["link", "journal"]


@pytest.mark.parametrize("cause", list(HaltCause))
def test_any_cause_halts(cause: HaltCause) -> None:
    assert posture({cause: "why"}) is Posture.HALTED


def test_a_restriction_keeps_new_risk_out_and_lets_everything_else_leave() -> None:
    """BRK-03: no scaling into a loss; exits, cancels and the operator stay free."""
    restricted = Gate(Mode.PAPER, {}, {"daily_loss": "-0.03", "drift": "1"})
    assert refusal_of(restricted, Lane.NEW) == "daily_loss: -0.03; drift: 1"
    for lane in (Lane.REDUCE, Lane.OPERATOR, Lane.CANCEL, Lane.DATA):
        assert refusal_of(restricted, lane) is None
    assert posture({}, {"daily_loss": "-0.03"}) is Posture.REDUCE_ONLY


@pytest.mark.parametrize("lane", [Lane.NEW, Lane.REDUCE])
def test_a_halt_is_stronger_than_a_restriction(lane: Lane) -> None:
    both = Gate(Mode.PAPER, {HaltCause.BREAKER: "-0.06"}, {"daily_loss": "-0.06"})
    assert refusal_of(both, lane) == "breaker: -0.06"
    assert posture(both.causes, both.restrictions) is Posture.HALTED


def test_each_posture_that_refuses_has_a_code_of_its_own() -> None:
    """Armed, it is the strategy that is refused."""
    assert set(REFUSAL_CODES) == set(Posture)
    assert len(set(REFUSAL_CODES.values())) == len(Posture)


@pytest.mark.parametrize("lane", list(Lane))
def test_a_halted_strategy_keeps_everything_but_new_risk_and_harms_no_other(lane: Lane) -> None:
    """BRK-12."""
    gate = Gate(Mode.PAPER, {}, {}, {"alpha": "psr: 0.1"})
    expected = "strategy alpha: psr: 0.1" if lane is Lane.NEW else None
    assert refusal_of(gate, lane, "alpha") == expected
    assert refusal_of(gate, lane, "beta") is None
    assert refusal_of(gate, lane) is None
    assert len(set(REFUSAL_CODES.values())) == len(REFUSAL_CODES)


def test_no_cause_is_armed() -> None:
    assert posture({}) is Posture.ARMED


def test_what_follows_a_reading_is_not_latched() -> None:
    """A latched level cause would need a person after every reconnection."""
    levels = {
        HaltCause.LINK,
        HaltCause.UPSTREAM,
        HaltCause.HEARTBEAT,
        HaltCause.NOT_RECONCILED,
        HaltCause.STARTING,
        HaltCause.DRAINING,
        HaltCause.LOOP_LAG,
        HaltCause.STALLED,
        HaltCause.HALT_FILE,
        HaltCause.JOURNAL,
    }
    assert not levels & LATCHED
    assert {HaltCause.FRESH_INSTALL, HaltCause.OPERATOR, HaltCause.INVARIANT} <= LATCHED


@pytest.mark.parametrize("mode", list(Mode))
def test_dry_run_and_shadow_never_send(mode: Mode) -> None:
    assert mode.may_send == (mode not in (Mode.DRY_RUN, Mode.SHADOW))


@pytest.mark.parametrize("kind", [HaltCause, Mode, Posture, Lane])
def test_a_word_is_its_name_and_stays(kind: type[StrEnum]) -> None:
    """Journals, halt files, metrics, the environment and the runbook hold these words."""
    assert [row.value for row in kind] == [row.name.lower() for row in kind]
