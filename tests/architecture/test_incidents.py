"""Each incident has its row, its tests or a reason, and the page is the one the script writes."""

from __future__ import annotations

from tests.incidents.found import SCENARIOS, found
from tests.incidents.table import COUNT, PAGE, incidents, measured, page, worst
from tests.requirements.table import names_in


def test_there_is_one_row_for_each_incident_and_for_each_scenario() -> None:
    names = {row.name for row in incidents()}
    assert len(names) == len(incidents()) == COUNT
    assert set(found()) <= names
    assert {path.stem[:7].upper() for path in SCENARIOS.glob("inc-*.yaml")} <= names


def test_what_does_not_meet_the_real_process_has_a_reason_and_nothing_else_has() -> None:
    silent = [row.name for row in incidents() if row.layer != "process" and not row.apart]
    assert silent == []
    needless = [row.name for row in incidents() if row.layer == "process" and row.apart]
    assert needless == []


def test_every_row_says_what_goes_wrong_and_what_is_done() -> None:
    short = [row.name for row in incidents() for text in (row.what, row.safe)
             if len(text.split()) < 4 or not text.endswith(".")]  # fmt: skip
    assert short == []


def test_the_fifteen_worst_have_a_test_on_real_processes_and_a_measured_recovery() -> None:
    assert len(worst()) == 15
    for one in worst():
        file, _, name = f"process/{one.test}".partition("::")
        assert name.partition("[")[0] in names_in(file), one
    told = measured(PAGE.read_text("utf-8"))
    late = {one.name: told.get(one.name) for one in worst()
            if not told.get(one.name, one.bound_s + 1) <= one.bound_s}  # fmt: skip
    assert late == {}, "scripts/make_incident_table.py --run measures them"


def test_the_page_is_the_one_that_the_script_would_write() -> None:
    text = PAGE.read_text("utf-8")
    assert text == page(measured(text))
