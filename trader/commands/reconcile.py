"""``trader reconcile``, and ``trader reconcile replay RUN``: decide a recorded run again, offline.

A replay needs no daemon: nothing is sent, asked or changed. Exit codes: 0 the same verdict, 1
another one, 2 nothing to replay.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from trader import __version__
from trader.commands import verbs
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.comparison import Decision
from trader.core.drifts import Drift
from trader.store.replay import Replay, replayed
from trader.store.rows import JournalUnusable
from trader.store.runs import LATEST, RUNS_FOLDER, StoredRun, stored_run

SAME = 0
ANOTHER = 1
NOTHING = 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "replay", nargs="*", metavar="replay RUN",
        help=f"decide a recorded run again instead, offline; RUN is its id, or {LATEST}",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="of a replay: everything, as JSON")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="of a replay: another journal than the state's"
    )
    verbs.add_arguments(parser)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Have the daemon compare, or replay one run and say whether its verdict is reproduced."""
    if not given.replay:
        return verbs.run(given, environment)
    if len(given.replay) != 2 or given.replay[0] != "replay":
        return _nothing(f"reconcile {' '.join(given.replay)}: allowed is replay RUN, or no word")
    try:
        stored = stored_run(given.state / RUNS_FOLDER, given.replay[1])
        decision = stored.run.decision
        if decision is None:
            problem = stored.run.finished.problem
            return _nothing(f"run {stored.run.finished.run_id} was incomplete: {problem}")
        journal = journal_asked_for(given, environment)
        (found,) = replayed(journal, (decision,))
    except (ConfigError, JournalUnusable) as error:
        return _nothing(str(error))
    if given.json:
        print(json.dumps(_body(stored, decision, found), indent=1))
    else:
        print("\n".join(_lines(stored, decision, found)))
    return SAME if found.is_same else ANOTHER


def _body(stored: StoredRun, decision: Decision, found: Replay) -> dict[str, object]:
    finished = stored.run.finished
    return {
        "run_id": finished.run_id,
        "trigger": finished.trigger,
        "trader": stored.trader,
        "asked_seq": decision.asked_seq,
        "decided_seq": decision.decided_seq,
        "drifts": [_drift(row) for row in decision.answer.drifts],
        "tickets": [row.text for row in decision.answer.plan.tickets],
        "in_doubt": [_drift(row) for row in decision.plan.open],
        "is_same": found.is_same,
        "differences": found.differences,
        "missing": found.missing,
    }


def _lines(stored: StoredRun, decision: Decision, found: Replay) -> list[str]:
    finished, snapshot = stored.run.finished, decision.question.snapshot
    records = len(decision.answer.records)
    lines = [
        f"run         {finished.run_id} ({finished.trigger}), by trader {stored.trader}",
        f"book        of event {decision.asked_seq}; {records} records, up to event "
        f"{decision.decided_seq}",
        f"broker      {len(snapshot.positions)} positions, {len(snapshot.open_orders)} open "
        f"orders, {len(snapshot.completed_orders)} completed, {len(snapshot.executions)} "
        f"executions since {snapshot.window_utc:%Y-%m-%dT%H:%M:%SZ}",
    ]
    lines += [f"drift       {_drift(row)}" for row in decision.answer.drifts]
    lines += [f"ticket      {row.text}" for row in decision.answer.plan.tickets]
    lines += [f"in doubt    {_drift(row)}" for row in decision.plan.open]
    if stored.trader != __version__:
        lines.append(f"note        decided again by trader {__version__}")
    lines += [f"DIFFERENT   {text}" for text in found.differences]
    lines += [f"MISSING     the journal does not hold {text}" for text in found.missing]
    lines.append(f"verdict     {'the same' if found.is_same else 'ANOTHER than was recorded'}")
    return lines


def _drift(drift: Drift) -> str:
    does = ", ".join(type(event).__name__ for event in drift.repair)
    text = f"{drift.kind} {drift.key}: expected {drift.expected}, observed {drift.observed}"
    return f"{text} ({does})" if does else text


def _nothing(problem: str) -> int:
    print(f"trader: not replayed: {problem}", file=sys.stderr)
    return NOTHING
