"""Goal: no order that adds risk leaves on bad data, and what heals by itself needs nobody.

Method: the whole daemon under virtual time with a strategy that wants to buy on any quote. Every
line of it is spoilt in one way; while that lasts nothing may leave, and once it is over orders must
leave again without a person. The broker is the simulator, whose faults know nothing of our rules.
"""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest

from tests.simulation.data_faults import FAULTS, DataFault, DataFaultPlay, MissingBarsPlay
from tests.simulation.incident_play import Seen
from tests.simulation.plant import put
from tests.simulation.run import Child, load_configuration
from tests.simulation.settings import USUAL_TARGETS
from trader.core import bars
from trader.core.risk import case
from trader.sim.oracle.findings import Kind

RULES = USUAL_TARGETS["breaker"]["rules"]
# The gate alone: without the breaker that would stop everything a little later.
TARGETS = {
    **USUAL_TARGETS,
    # As shipped: the bands are what is tried here.
    "price": {**USUAL_TARGETS["price"], "jump_fraction_max": 0.1, "gap_fraction_max": 0.25},
    "breaker": {"rules": {**RULES, "quote_staleness": {"is_enabled": False}}},
}


def played(fault: DataFault, *, is_credulous: bool = False) -> Seen:
    """Play one fault in a child, perhaps with a gate that finds nothing wrong with any quote."""
    config = load_configuration((), TARGETS)

    def say() -> str:
        if is_credulous:
            put(case, "quote_fault", lambda *_: None)
        return json.dumps(asdict(DataFaultPlay(fault, f"{fault.name}/1", config).told()))

    said, status = Child(say).said()
    return Seen(**json.loads(said)) if said else Seen(fault.name, problem=f"ended with {status}")


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_nothing_leaves_while_the_data_are_bad_and_then_it_trades_on(fault: DataFault) -> None:
    seen = played(fault)
    print(json.dumps(asdict(seen)))
    assert not seen.problem, seen.problem


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", ["silent", "prices from nowhere that do not stay"])
def test_a_gate_that_believes_every_quote_turns_the_fault_red(name: str) -> None:
    """Of the others the loss breakers keep new risk out as well: what is held has no value then."""
    fault = next(one for one in FAULTS if one.name == name)
    seen = played(fault, is_credulous=True)
    assert seen.rule == Kind.ORDER_SENT_WHILE_HALTED, seen


def bars_played(*, is_credulous: bool = False) -> Seen:
    """Play missing bars in a child, perhaps with a gate that finds enough of them always."""
    config = load_configuration((), TARGETS)

    def say() -> str:
        if is_credulous:
            put(bars.BarsView, "lack", lambda *_: "")
        return json.dumps(asdict(MissingBarsPlay("missing bars/1", config).told()))

    said, status = Child(say).said()
    return Seen(**json.loads(said)) if said else Seen("missing bars", problem=f"ended {status}")


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_missing_bars_take_no_new_risk_until_history_has_filled_them() -> None:
    """DAT-05: exits leave all the time, and nobody resumes anything."""
    seen = bars_played()
    print(json.dumps(asdict(seen)))
    assert not seen.problem, seen.problem


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_a_gate_that_takes_any_bars_turns_it_red() -> None:
    assert bars_played(is_credulous=True).rule == "bought_on_a_hole"
