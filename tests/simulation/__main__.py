"""`scripts/simulate`: plays seeds and says what was found.

Exit code 1 if anything was, 2 where this Python cannot be simulated on.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from argparse import Namespace
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.simulation import document, growth
from tests.simulation.day import Plan
from tests.simulation.faults import KINDS, WEATHER
from tests.simulation.planted import PLANTS
from tests.simulation.reached import table
from tests.simulation.run import Wish, load_configuration, played, replay, unfit
from tests.simulation.search import search_all
from tests.simulation.shrink import shrink
from tests.simulation.soak import LEDGER, ROOT, code_digest, soak
from tests.simulation.sweep import Sweeping, keep, sweep

_SHRINK_S = 60.0
_SWEPT = ROOT / "state" / "simulation" / "sweep.jsonl"
NOT_MODELLED = (
    "not modelled: uvloop, TCP's buffers and TCP_USER_TIMEOUT, any file but the journal under "
    "power loss or a full disk, threads, the kill switch's own process, the sentinel, systemd"
)


def main(arguments: Sequence[str]) -> int:
    """Play, report, return the exit code."""
    given = _parser().parse_args(arguments)
    if given.document:
        document.write()
        growth.write()
        return 0
    problem = unfit()
    if problem:
        print(f"scripts/simulate: {problem}", file=sys.stderr)
        return 2
    trace_to = given.trace.absolute() if given.trace else None
    without = frozenset(given.without)
    if given.only:
        without |= frozenset((WEATHER, *KINDS)) - frozenset(given.only)
    wish = Wish(load_configuration(), without, given.plant, trace_to)
    if given.day is not None:
        plan = Plan(hours=given.day, sample_s=60 * given.sample_minutes)
        is_good = growth.play(plan, growth.LEDGER, _say)
    elif given.search_plants:
        is_good = search_all(wish, [given.plant] if given.plant else list(PLANTS), _say)
    elif given.soak is not None:
        count = given.seeds or sys.maxsize - given.first_seed
        is_good = soak(wish, given.soak, given.first_seed, given.jobs, count, _say)
    elif given.sweep is not None:
        how = Sweeping(given.sweep, code_digest(), given.jobs, given.seconds)
        swept = sweep(wish, how, _say)
        if given.sweep == _SWEPT:
            keep(swept)
        is_good = not swept.violations
    else:
        is_good = _play(wish, given)
    return 0 if is_good else 1


def _say(text: str) -> None:
    print(text, flush=True)


def _play(wish: Wish, given: Namespace) -> bool:
    """Play the seeds that were asked for; return whether no rule was broken."""
    kinds: Counter[str] = Counter()
    reached: Counter[str] = Counter()
    simulated_s, count, problems, started_s = 0.0, 0, 0, time.monotonic()
    seeds = range(given.first_seed, given.first_seed + (given.seeds or 20))
    for seed, result in played(wish, seeds, given.jobs):
        kinds.update(result.faults)
        reached.update(result.reached)
        simulated_s += result.seconds
        count += 1
        if given.hashes:
            _say(f"{seed} {result.digest}")
        if given.verbose:
            _say(str(result))
        if result.problem:
            problems += 1
            _say(f"seed {seed}: {result.problem}\n  replay: {replay(seed, wish)}")
            if problems <= given.shrink:
                smaller = shrink(seed, wish, result.rule, _SHRINK_S)
                _say(f"  {smaller or 'it does not fail again: that is a fault of the play'}")
            if given.stop:
                break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s, took_s = used.ru_utime + used.ru_stime, time.monotonic() - started_s
    _say(f"{count} seeds, {problems} with a violation, {simulated_s / 3600:.2f} simulated hours")
    _say(table(reached))
    _say(
        f"{cpu_s:.0f} s of CPU in {took_s:.0f} s: {60 * count / cpu_s:.0f} seeds a minute of CPU, "
        f"{simulated_s / cpu_s:.0f} times real time"
    )
    _say("faults: " + ", ".join(f"{name} {number}" for name, number in sorted(kinds.items())))
    _say(NOT_MODELLED)
    return not problems


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description=__doc__)
    parser.add_argument(
        "--seeds", type=int, default=0, help="how many (default: 20; a soak: without end)"
    )
    parser.add_argument("--first-seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time (default: 1)")
    kinds = (WEATHER, *KINDS)
    parser.add_argument(
        "--without", action="append", default=[], choices=kinds, metavar="KIND",
        help=f"a kind of fault to leave out: {', '.join(kinds)}",
    )  # fmt: skip
    parser.add_argument(
        "--only", action="append", default=[], choices=(*kinds, "nothing"), metavar="KIND",
        help="leave out all that the seed draws but this",
    )  # fmt: skip
    parser.add_argument(
        "--shrink", type=int, default=3, metavar="COUNT",
        help="leave out kinds of fault as long as the same rule is broken, for so many "
        f"violations, {_SHRINK_S:g} s each (default: 3; 0 for none)",
    )  # fmt: skip
    parser.add_argument("--plant", default="", choices=("", *PLANTS), help="put a mistake in")
    _add_long_runs(parser)
    parser.add_argument("--stop", action="store_true", help="end at the first violation")
    parser.add_argument("--hashes", action="store_true", help="print the hash of each trace")
    parser.add_argument("--trace", type=Path, help="write the trace of the last seed there")
    parser.add_argument("--verbose", action="store_true", help="print every result")
    return parser


def _add_long_runs(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("long runs, each of which goes on where it was stopped")
    group.add_argument(
        "--soak", type=Path, nargs="?", const=LEDGER, metavar="LEDGER",
        help="play on from where the ledger ends, until Ctrl-C",
    )  # fmt: skip
    group.add_argument(
        "--sweep", type=Path, nargs="?", const=_SWEPT, metavar="LEDGER",
        help="crash one canonical day at every boundary that the ledger does not have",
    )  # fmt: skip
    group.add_argument(
        "--seconds", type=float, default=float("inf"), help="end a sweep after so long"
    )
    group.add_argument(
        "--search-plants", action="store_true",
        help="search anew for the seeds that find the planted mistakes, or the one of --plant",
    )  # fmt: skip
    group.add_argument(
        "--document", action="store_true",
        help="write docs/simulation.md and docs/long-day.md from their ledgers",
    )  # fmt: skip
    day = parser.add_argument_group("one long day with heavy flow, to see what grows")
    day.add_argument(
        "--day", type=float, nargs="?", const=24.0, metavar="HOURS",
        help="play it, so many simulated hours (default: 24); Ctrl-C ends it and keeps what was",
    )  # fmt: skip
    day.add_argument("--sample-minutes", type=float, default=15.0, help="(default: 15)")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
