"""Stopped, wedged, dead, starting, ended: each is told from the others, and doubt means alive."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from trader.emergency.vital import Condition, Facts, Health, diagnose
from trader.ops.fence import Holder
from trader.ops.heartbeat import Beat, Phase, Process
from trader.ops.instance_lock import DAEMON, LIQUIDATOR

BOOT = "boot-1"
BEAT = Beat(7, BOOT, 99, 5, Phase.RUNNING)
WELL = Facts(
    holder=Holder(7, DAEMON), beat=BEAT, is_beating=True, health=Health.WELL,
    process=Process("S", 99), boot_id=BOOT,
)  # fmt: skip
QUIET = replace(WELL, is_beating=False, health=Health.SILENT)
GONE = replace(QUIET, holder=None, process=None)
ENDED = BEAT._replace(phase=Phase.ENDED)


@pytest.mark.parametrize(
    ("facts", "condition", "is_alive"),
    [
        (WELL, Condition.HEALTHY, True),
        (replace(WELL, health=Health.UNWELL), Condition.ODD, True),
        (replace(WELL, health=Health.SILENT), Condition.ODD, True),
        (replace(WELL, is_beating=False), Condition.ODD, True),
        # Its beats are another process's: they prove nothing of it.
        (replace(QUIET, is_beating=True, beat=BEAT._replace(pid=8)), Condition.STARTING, False),
        (replace(QUIET, is_beating=True, boot_id="boot-2"), Condition.STARTING, False),
        (QUIET, Condition.WEDGED, False),
        (replace(QUIET, process=None), Condition.WEDGED, False),
        (replace(QUIET, process=Process("T", 99)), Condition.STOPPED, False),
        (replace(QUIET, process=Process("t", 99)), Condition.STOPPED, False),
        (replace(QUIET, beat=None), Condition.STARTING, False),
        (replace(QUIET, beat=BEAT._replace(phase=Phase.STARTING)), Condition.STARTING, False),
        (GONE, Condition.DEAD, False),
        (replace(GONE, boot_id="boot-2"), Condition.DEAD, False),
        (replace(GONE, beat=BEAT._replace(phase=Phase.STARTING)), Condition.DEAD, False),
        (replace(GONE, beat=ENDED._replace(exit_code=0)), Condition.ENDED, False),
        (replace(GONE, beat=ENDED._replace(exit_code=3)), Condition.ENDED, False),
        (replace(GONE, beat=ENDED._replace(exit_code=4)), Condition.DEAD, False),
        (replace(GONE, beat=ENDED._replace(exit_code=1)), Condition.DEAD, False),
        (replace(GONE, beat=None), Condition.ABSENT, False),
        (replace(GONE, is_beating=True), Condition.ODD, True),
        (replace(WELL, holder=Holder(9, LIQUIDATOR)), Condition.LIQUIDATING, False),
        (replace(QUIET, holder=None, holder_problem="no"), Condition.UNPROVEN, False),
        (replace(WELL, holder=None, holder_problem="no"), Condition.ODD, True),
    ],
)
def test_each_set_of_facts_has_its_condition(
    facts: Facts, condition: Condition, is_alive: bool
) -> None:
    found = diagnose(facts)
    assert (found.condition, found.is_alive) == (condition, is_alive), found.text
    assert found.text


def test_whatever_the_facts_a_daemon_that_answers_or_beats_is_alive() -> None:
    beats = (None, BEAT, BEAT._replace(phase=Phase.STARTING), ENDED._replace(exit_code=0))
    for beat, is_beating, health in product(beats, (True, False), Health):
        found = diagnose(replace(WELL, beat=beat, is_beating=is_beating, health=health))
        has_life = health is not Health.SILENT or (is_beating and beat == BEAT)
        assert found.is_alive == has_life, found
