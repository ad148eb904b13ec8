"""The documents say what the code does: causes, codes, the order machine, names and links."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from scripts import make_order_diagram
from trader.core.halts import BLOCKS_EVERY_ORDER, LATCHED, HaltCause
from trader.core.orders import TABLE, OrderEvent, OrderState
from trader.doctor.round import NAMES
from trader.engine.acts.drain import ExitCode

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ("README.md", "RUNBOOK.md", "ARCHITECTURE.md", "CHANGELOG.md")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def section(name: str, heading: str) -> str:
    """Return one section of a document, without its subsections' end."""
    level = heading.split(maxsplit=1)[0]
    _, found, rest = text_of(name).partition(f"\n{heading}\n")
    assert found, f"{name} has no section {heading!r}"
    return re.split(rf"^{level} ", rest, maxsplit=1, flags=re.M)[0]


def rows(table: str) -> list[list[str]]:
    """Return the cells of a table's rows, head and rule left out."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_runbook_explains_every_halt_cause_and_no_other() -> None:
    told = [cells[0].strip("`") for cells in rows(section("RUNBOOK.md", "## Halts"))]
    assert sorted(told) == sorted(cause.value for cause in HaltCause)


def test_each_cause_has_a_meaning_and_a_next_step() -> None:
    table = rows(section("RUNBOOK.md", "## Halts"))
    assert [row for row in table if len(row) != 3 or len(row[1]) < 10 or len(row[2]) < 10] == []


def test_a_latched_cause_tells_how_to_resume() -> None:
    steps = {cells[0].strip("`"): cells[2] for cells in rows(section("RUNBOOK.md", "## Halts"))}
    assert [cause for cause in LATCHED if "trader resume" not in steps[cause]] == []


def test_the_runbook_names_what_stops_even_a_liquidation() -> None:
    (sentence,) = re.findall(r"unless one of (.*?) holds", section("RUNBOOK.md", "## Halts"), re.S)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(BLOCKS_EVERY_ORDER)


def test_the_runbook_has_every_exit_code() -> None:
    told = {
        int(cells[0]) for cells in rows(section("RUNBOOK.md", "### Exit codes of `trader run`"))
    }
    assert told == {1, *map(int, ExitCode)}


def test_the_runbook_has_every_check_of_the_doctor_in_its_order() -> None:
    told = [cells[0].strip("`") for cells in rows(section("RUNBOOK.md", "### Doctor"))]
    assert told == list(NAMES)


def test_the_picture_of_the_order_machine_is_that_of_the_table() -> None:
    document = text_of("ARCHITECTURE.md")
    assert document == make_order_diagram.with_diagram(document)


def test_the_picture_shows_every_pair_once() -> None:
    drawn: set[tuple[OrderState, OrderEvent, OrderState]] = set()
    for line in make_order_diagram.diagram().splitlines():
        arrow = re.fullmatch(r"  (\w+) --> (\w+): (.*)", line)
        stay = re.fullmatch(r"- (\w+): (.*)", line)
        if arrow:
            one, two, names = OrderState(arrow[1]), OrderState(arrow[2]), arrow[3]
        elif stay:
            one, two, names = OrderState(stay[1]), OrderState(stay[1]), stay[2]
        else:
            continue
        for name in names.split(", "):
            row = (one, OrderEvent(name), two)
            assert row not in drawn
            drawn.add(row)
    assert drawn == {(state, event, after) for (state, event), after in TABLE.items()}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_file_that_a_document_names_exists(name: str) -> None:
    """Paths in backticks and links; what a run writes and what a user makes is left out."""
    made = (
        "state/", "config/mine.yaml", "/", "http", "audit_logs/", "results/", "reports/",
        "data/", ".venv-clients/",
    )  # fmt: skip
    named = {
        *re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", text_of(name)),
        *re.findall(r"\]\(([^)#]+)\)", text_of(name)),
    }
    places = (ROOT, ROOT / "trader")
    missing = [
        path
        for path in named
        if not path.startswith(made) and not any((place / path).exists() for place in places)
    ]
    assert missing == []


def test_every_command_that_is_named_exists() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "trader", "--help"],
        capture_output=True, text=True, check=True, cwd=ROOT,
    )  # fmt: skip
    commands = set(re.findall(r"^    ([a-z-]+)(?: |$)", done.stdout, re.M))
    named = set(
        re.findall(r"(?:bin/|`)trader ([a-z][a-z-]*)", text_of("README.md") + text_of("RUNBOOK.md"))
    )
    assert {"run", "status", "baseline", "resume", "sim"} <= named
    assert named - commands == set()


def test_environment_names_of_the_readme_are_those_the_code_reads() -> None:
    code = text_of("trader/config/environment.py")
    named = set(re.findall(r"\b(?:EXEC\w*|AGENT_MODE|DATABASE_URL)\b", text_of("README.md")))
    assert len(named) >= 6
    assert [name for name in named if name not in code] == []


def test_ports_of_the_readme_are_those_of_the_configuration() -> None:
    paper = yaml.safe_load(text_of("config/paper.yaml"))
    assert f"TWS paper {paper['broker']['port']}" in text_of("README.md")
    assert f"127.0.0.1:{paper['control']['port']}/" in text_of("README.md")
