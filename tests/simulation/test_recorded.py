"""Goal: strategies that need a run of bars decide in the replay of a record as they did live.

Method: the whole daemon under virtual time trades for two hours on generated prices, without
faults, with a mean reversion and an ensemble whose windows the broker's history fills at once. What
it recorded is played three times. Every wish must be there again: who, what, which way, how many,
why (the reason has the figures that the bars gave) and with which verdict, in the order of its
strategy and half a second apart at most. Times differ by how the looks of both processes fall, and
so does which of two strategies is first where both wish something at one instant.

What may differ is what became of the orders: live the simulated exchange fills at its own prices in
its own parts, in the replay the local market does. Stops are out of reach here, so that no price of
a fill decides anything, and `is in position` comes out the same.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from tests.simulation.recorded import (
    bar_strategies,
    events_below,
    lived,
    replay_configuration,
    replayed,
    text_of,
)
from tests.simulation.run import Child
from trader.core.decisions import Row
from trader.core.history_pacing import HistoryAnswer
from trader.engine.market.recording import Head
from trader.replay.play import Played, play

HOURS = 2.0
# As long as the windows of the strategies are.
WARM_UP_S = 20 * 15
_SAME = ("strategy", "symbol", "side", "quantity", "order_type", "reason", "verdict", "code")


@pytest.fixture(name="live", scope="module")
def live_of(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Row]]:
    """Live once for all tests here; returns where the record is, and what was decided."""
    folder = tmp_path_factory.mktemp("lived")

    def say() -> str:
        here = Path.cwd()
        found = lived("recorded/1", here, HOURS)
        shutil.copytree(here / "state" / "market", folder / "market")
        return json.dumps([found.problem, found.rows])

    said, status = Child(say).said()
    assert said, f"the child ended without a word, status {status}"
    problem, rows = json.loads(said)
    assert not problem, problem
    return folder, rows


def intents(rows: list[Row]) -> list[Row]:
    """Return what was wished for, strategy by strategy, each in its order."""
    found = [row for row in rows if row["kind"] == "intent"]
    return sorted(found, key=lambda row: str(row["strategy"]))


def wishes(rows: list[Row]) -> list[tuple[str, ...]]:
    return [tuple(str(row[key]) for key in _SAME) for row in intents(rows)]


def times_s(rows: list[Row]) -> list[float]:
    return [int(row["at_us"]) / 1e6 for row in intents(rows)]


def once(folder: Path, state: Path) -> tuple[Played, list[Row]]:
    rows: list[Row] = []
    return replayed(folder, state, rows.append), rows


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_was_decided_live_is_decided_in_three_replays_of_the_same_bytes(
    live: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    folder, decided = live
    played, rows = once(tmp_path, folder)
    assert (played.lost, played.problems, played.lacks_history) == (0, (), False)
    others = [text_of(once(tmp_path, folder)[1]) for _ in range(2)]
    assert others == [text_of(rows)] * 2

    assert len(wishes(decided)) >= 40
    assert {wish[0] for wish in wishes(decided)} == {"reversion", "ensemble"}
    # In the warm-up too: without history nothing could have been decided there.
    assert min(times_s(decided)) - played.began_utc.timestamp() < WARM_UP_S
    assert wishes(rows) == wishes(decided)
    apart = [abs(a - b) for a, b in zip(times_s(rows), times_s(decided), strict=True)]
    print(f"{len(apart)} decisions, at most {max(apart):.6f} s apart")
    assert max(apart) <= 0.5


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_without_the_history_the_warm_up_is_waited_for(
    live: tuple[Path, list[Row]], tmp_path: Path
) -> None:
    """As a record of before history was recorded is played."""
    folder, decided = live
    events = (
        replace(event, fact=replace(event.fact, version=1)) if type(event.fact) is Head else event
        for event in events_below(folder)
        if not isinstance(event.fact, HistoryAnswer)
    )
    rows: list[Row] = []
    played = play(replay_configuration(tmp_path), bar_strategies(), events, rows.append)
    assert played.lacks_history
    began_s = played.began_utc.timestamp()
    assert any(at_s < began_s + WARM_UP_S for at_s in times_s(decided))
    assert all(at_s >= began_s + WARM_UP_S for at_s in times_s(rows))
    assert wishes(rows)
