"""``trader shadow parity`` judges days of a journal and a shadow's record, and reports them."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.unit.engine.world import (
    ACCOUNT,
    STRATEGY,
    VirtualLoop,
    World,
    a_status,
    an_execution,
    an_exit,
    an_intent,
)
from tests.unit.store.support import journal_of
from trader import cli
from trader.core import events as ev
from trader.core.decisions import Row
from trader.core.executions import Commission
from trader.core.halts import Mode
from trader.core.ids import ExecId
from trader.engine.strategy.decision_log import DecisionLog
from trader.ops.report_files import body_of, found_in

COUNT = 12
Capture = pytest.CaptureFixture[str]


@dataclass(frozen=True)
class Lived:
    """What a daemon recorded, and its decisions as a shadow writes them."""

    events: list[ev.Recorded]
    rows: list[Row]

    @property
    def day(self) -> str:
        return f"{datetime.fromtimestamp(int(self.rows[0]['at_us']) / 1e6, UTC):%Y-%m-%d}"


async def _lived() -> Lived:
    world, told = World(), list[Row]()
    world.ledger.record(ev.DaemonStarted("1", Mode.PAPER, ACCOUNT, (STRATEGY,)))
    world.ledger.observe(DecisionLog(world.services, told.append).on_recorded)
    for number in range(1, COUNT + 1):
        await world.gateway.submit(an_intent(number) if number % 2 else an_exit(number))
        order = list(world.book.orders.values())[-1]
        world.ledger.record(a_status(order))
        name = ExecId(f"0001.{number:02}.01.01")
        world.ledger.record(ev.ExecutionSeen(an_execution(order, exec_id=name)))
        world.ledger.record(ev.CommissionSeen(Commission(name, Decimal(1), "USD")))
        await asyncio.sleep(30)
        world.quote()
    return Lived(world.journal.rows, told)


@pytest.fixture(scope="module")
def lived() -> Lived:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(_lived())


@pytest.fixture(scope="module")
def journal(lived: Lived, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    with asyncio.Runner() as runner:
        runner.run(journal_of(lived.events, path))
    return path


@pytest.fixture
def state(tmp_path: Path, journal: Path) -> Path:
    folder = tmp_path / "state"
    folder.mkdir()
    shutil.copy(journal, folder / "journal.db")
    return folder


def shadowed(state: Path, lived: Lived, change: Callable[[list[Row]], list[Row]] = list) -> Path:
    """Write what a shadow would have that decided the same, and was changed a little."""
    first_us, last_us = (int(lived.rows[place]["at_us"]) for place in (0, -1))
    begin: Row = {
        "kind": "begin", "at_us": first_us, "program": "1", "mode": "paper",
        "account": str(ACCOUNT), "strategies": str(STRATEGY),
    }  # fmt: skip
    rows = [
        row | {"intent_id": str(row["intent_id"]).replace("abc123", "shadow", 1)}
        if "intent_id" in row else row
        for row in change(lived.rows)
    ]  # fmt: skip
    end: Row = {"kind": "alive", "at_us": last_us}
    path = state / "shadow" / "decisions.jsonl"
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in [begin, *rows, end]))
    return path


def parity(state: Path, *words: str) -> int:
    return cli.main(["shadow", "parity", "--state", str(state), *words])


def without(number: int) -> Callable[[list[Row]], list[Row]]:
    """Leave out a decision with all that came of it."""

    def change(rows: list[Row]) -> list[Row]:
        gone = f"abc123-alpha-{number}"
        return [row for row in rows if row.get("intent_id") != gone]

    return change


def test_the_same_is_within_and_a_report_says_so(
    state: Path, lived: Lived, capsys: Capture
) -> None:
    shadowed(state, lived)
    assert parity(state) == 0
    out = capsys.readouterr().out
    assert "verdict     within" in out
    assert "evidence: paper" in out
    path = state / "reports/parity/shadow_latest.json"
    head = found_in(path)
    assert (str(head.status), head.evidence, head.problem) == ("pass", "paper", "")
    body = body_of(path)
    assert body is not None
    assert (body["verdict"], body["total"]["pairs"], body["findings"]) == ("within", COUNT, [])
    assert len(list(path.parent.iterdir())) == 2, "the newest, and one that keeps its name"
    assert not (path.parent / "latest.json").exists(), "that one is the daemon's"


def test_a_decision_that_only_one_made_is_outside_and_named(
    state: Path, lived: Lived, capsys: Capture
) -> None:
    shadowed(state, lived, without(3))
    assert parity(state, "--json") == 1
    body: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert body["reasons"][0] == "unpaired_share is 0.0833, allowed is at most 0.05"
    (first, *_) = body["findings"]
    assert (first["kind"], first["b"]["intent_id"]) == ("only_b", "abc123-alpha-3")
    on_disk = body_of(state / "reports/parity/shadow_latest.json")
    assert on_disk == body
    # What the report names, `why` tells.
    why = ["why", first["b"]["intent_id"], "--journal", str(state / "journal.db")]
    assert cli.main(why) == 0


def test_limits_are_those_that_are_given(state: Path, lived: Lived) -> None:
    shadowed(state, lived, without(12))
    assert parity(state, "--no-report") == 1
    wide = ["--unpaired-share-max", "0.1", "--result-bps-max", "1000"]
    assert parity(state, "--no-report", *wide) == 0
    assert parity(state, "--no-report", *wide, "--decisions-min", "13") == 2
    assert not (state / "reports").exists()


def test_too_little_is_never_green_and_its_report_says_so(
    state: Path, lived: Lived, capsys: Capture
) -> None:
    shadowed(state, lived)
    assert parity(state, "--decisions-min", "100") == 2
    assert f"{COUNT} decisions, needed are 100" in capsys.readouterr().out
    head = found_in(state / "reports/parity/shadow_latest.json")
    assert str(head.status) == "insufficient_data"


@pytest.mark.parametrize(
    ("words", "code"), [(["--strategy", "alpha"], 0), (["--strategy", "beta"], 2)]
)
def test_one_strategy_can_be_judged_alone(
    state: Path, lived: Lived, words: list[str], code: int
) -> None:
    shadowed(state, lived)
    assert parity(state, "--no-report", *words) == code


def test_only_the_days_that_are_asked_for_are_judged(
    state: Path, lived: Lived, capsys: Capture
) -> None:
    shadowed(state, lived)
    assert parity(state, "--from", lived.day, "--to", lived.day) == 0
    assert parity(state, "--from", "2031-01-01") == 2
    assert "was not there then" in capsys.readouterr().err
    assert parity(state, "--from", lived.day, "--to", "2001-01-01") == 2
    assert "--from lies behind --to" in capsys.readouterr().err


def test_evidence_about_a_simulator_is_none_about_paper(
    state: Path, lived: Lived, capsys: Capture
) -> None:
    path = shadowed(state, lived)
    assert parity(state, "--evidence", "paper") == 0
    text = path.read_text()
    path.write_text(text.replace(f'"{ACCOUNT}"', '"DUSIM0001"', 1))
    assert parity(state) == 0
    assert "evidence: paper/simulator" in capsys.readouterr().out
    for kind, told in (("paper", "simulator"), ("simulator", "paper")):
        assert parity(state, "--evidence", kind) == 2
        assert f"it is evidence about {told}, asked for is {kind}" in capsys.readouterr().err


def test_a_shadow_can_be_of_another_daemon_and_another_journal_can_take_its_place(
    state: Path, lived: Lived, journal: Path, tmp_path: Path, capsys: Capture
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shadowed(other, lived)
    assert parity(state, "--against", str(other / "shadow"), "--no-report") == 0
    assert parity(state, "--against", str(journal), "--no-report") == 0
    assert "other and daemon" in capsys.readouterr().out


def broken(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize(
    ("harm", "problem"),
    [
        (broken, "cut off in the middle of a row"),
        (lambda path: path.write_text(""), "it is empty"),
        (lambda path: path.unlink(), "there is no record of a shadow"),
        (lambda path: (path.parents[1] / "journal.db").unlink(), "there is no journal"),
        (lambda path: (path.parents[1] / "journal.db").write_text("no"), "is the journal of a"),
    ],
)
def test_input_that_cannot_be_used_is_named_and_no_report_is_written(
    state: Path, lived: Lived, harm: Callable[[Path], object], problem: str, capsys: Capture
) -> None:
    harm(shadowed(state, lived))
    assert parity(state) == 2
    told = capsys.readouterr()
    assert "trader: not compared: " in told.err
    assert problem in told.err
    assert told.out == ""
    assert not (state / "reports").exists()


def moved(rows: list[Row], by_us: int) -> list[Row]:
    return [row | {"at_us": int(row["at_us"]) + by_us} for row in rows]


def test_runs_of_other_times_or_other_strategies_are_refused(
    state: Path, lived: Lived, capsys: Capture
) -> None:
    path = shadowed(state, lived)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    later = moved(rows, 86_400_000_000)
    path.write_text("".join(json.dumps(row) + "\n" for row in later))
    assert parity(state) == 2
    err = capsys.readouterr().err
    assert "there is no time to compare: the shadow has" in err
    assert "the daemon was down" in err
    rows[0]["strategies"] = "gamma"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert parity(state) == 2
    assert "the shadow has gamma, the daemon has alpha" in capsys.readouterr().err


def test_nothing_is_held_against_itself(state: Path, capsys: Capture) -> None:
    assert parity(state, "--against", str(state / "journal.db")) == 2
    assert "held against itself" in capsys.readouterr().err


def test_a_report_that_cannot_be_written_is_no_success(
    state: Path, lived: Lived, capsys: Capture
) -> None:
    shadowed(state, lived)
    (state / "reports").write_text("a file where the folder should be")
    assert parity(state) == 2
    assert "no report" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--from", "22.11.2026"], "allowed is a day as 2026-11-22"),
        (["--price-bps-max", "-1"], "allowed is a number, 0 to"),
        (["--price-bps-max", "nan"], "allowed is a number, 0 to"),
        (["--fills-min", "1.5"], "allowed is a whole number"),
    ],
)
def test_arguments_say_what_is_allowed(words: list[str], problem: str, capsys: Capture) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["shadow", "parity", *words])
    assert ended.value.code == 2
    assert problem in capsys.readouterr().err
