"""Clients that nobody here wrote play the same scenario against the simulator, and believe it.

Each step holds what the client told against the simulator's own truth. Over the whole run there is
no error that a step did not provoke, and nothing that a decoder could not digest.
"""

from __future__ import annotations

import pytest
from _pytest.mark.structures import ParameterSet

from tests.clients.environments import or_skip
from tests.clients.runs import RUNS, Outcome, Run, steps_of

# The first test of the session plays every run.
pytestmark = [pytest.mark.process, pytest.mark.slow, pytest.mark.timeout(900)]


every_run = pytest.mark.parametrize("run", RUNS, ids=[run.name for run in RUNS])


def outcome_of(run: Run, outcomes: dict[str, Outcome]) -> Outcome:
    outcome = outcomes[run.name]
    if outcome.missing is not None:
        or_skip(outcome.missing)
    assert not outcome.no_start, outcome.no_start
    return outcome


def cases() -> list[ParameterSet]:
    """Give each run with each of its steps."""
    return [
        pytest.param(run, name, id=f"{run.name}-{name}") for run in RUNS for name in steps_of(run)
    ]


@pytest.mark.parametrize(("run", "step"), cases())
def test_the_client_plays_the_step_and_believes_the_truth(
    run: Run, step: str, outcomes: dict[str, Outcome]
) -> None:
    failure = outcome_of(run, outcomes).failures.get(step)
    assert failure is None, failure


@every_run
def test_the_client_gets_no_error_that_nobody_provoked(
    run: Run, outcomes: dict[str, Outcome]
) -> None:
    assert outcome_of(run, outcomes).unexpected == []


@every_run
def test_the_client_digests_every_message_whole(run: Run, outcomes: dict[str, Outcome]) -> None:
    outcome = outcome_of(run, outcomes)
    assert outcome.problems == []
    assert outcome.exit_code == 0
