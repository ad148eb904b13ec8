"""Run the mutants of the gate: every rule must have a test that turns red when it is changed.

`scripts/mutate` runs all of them (a soak, taken up again where it was stopped), `scripts/mutate
PATH...` those of some files, `scripts/mutate --changed BASE` those of the lines touched since BASE.

Why not a tool of the trade: mutmut 3 changes nothing outside functions and no function with a
decorator, so it would leave out the tables, the policy's defaults and every property, which here
are the rules themselves; cosmic-ray starts pytest anew for each mutant (half a minute, thousands
of times) and writes the mutant into the checkout. This one forks: see warm.py and cold.py.

Exit code 0 when at least 90 % are killed and every survivor is argued in survivors.yaml.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

import pytest
import pytest_asyncio  # noqa: F401 - loaded once, before the forks
from hypothesis import Phase, settings

from tests.mutation import cold
from tests.mutation.operators import Mutant, mutants_of
from tests.mutation.results import SURVIVORS, TESTS, Results, arguments, digest_of
from tests.mutation.warm import Baseline, Forks, Outcome, Warm

ROOT = Path(__file__).resolve().parents[2]
TARGETS = (
    "trader/core/risk",
    "trader/core/breakers",
    "trader/core/halts.py",
    "trader/core/orders.py",
)
CORE = "trader/core"
KILLED_MIN = 0.90
# The same examples as ever, and no search for the smallest one that fails: any will do.
settings.register_profile(
    "mutants", derandomize=True, deadline=None, phases=(Phase.explicit, Phase.generate)
)
# Seconds of the processor for a mutant's tests, and how many times what they take unchanged.
WARM_LIMIT = (20.0, 10.0)
COLD_LIMIT_S, COLD_ALL_LIMIT_S = 90.0, 900.0


def target_files(names: Iterable[str] = TARGETS) -> list[str]:
    """Return every file below the given names."""
    found: list[str] = []
    for name in names:
        path = (ROOT / name).resolve()
        files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
        found += [file.relative_to(ROOT).as_posix() for file in files]
    return found


def all_mutants(files: Iterable[str]) -> list[Mutant]:
    """Return the mutants of files, in their order."""
    return [row for name in files for row in mutants_of(name, (ROOT / name).read_text("utf-8"))]


def mirrored(path: str) -> str:
    """Return the test file that belongs to a module."""
    module = Path(path)
    return (Path("tests/unit", *module.parts[1:-1]) / f"test_{module.name}").as_posix()


def near(path: str) -> str:
    """Return the tests of a module's package, or its own where it stands right in the core."""
    file = Path(mirrored(path))
    return file.as_posix() if file.parent == Path(TESTS) else file.parent.as_posix()


class Run:
    """One run over what is not known yet."""

    def __init__(self, known: Results, jobs: int, seconds: float | None, folder: Path) -> None:
        self._known = known
        self._jobs = jobs
        self._until = None if seconds is None else time.monotonic() + seconds
        self._folder = folder
        self._out = os.fdopen(os.dup(1), "w", encoding="utf-8")
        self._done = 0

    def try_all(self, mutants: list[Mutant], *, only_own: bool) -> None:
        """Try every mutant of which nothing is known: on its own tests, then on all that fit."""
        known = self._known
        todo = [row for row in mutants if known.killer(row) is None]
        self._say(f"{len(mutants)} mutants, {len(todo)} to try")
        own = sorted({folder for row in todo if (ROOT / (folder := near(row.path))).exists()})
        for files in [own] if only_own else [own, [TESTS]]:
            inside = [row for row in todo if row.function and not known.killer(row)]
            if inside and not self._is_late():
                # The daemon is imported in a child: mutants of tables need a process without it.
                pid = os.fork()
                if pid == 0:
                    self._leave(inside, files)
                os.waitpid(pid, 0)
                known.read()
        # Values that a test file works out while it is imported: seen only by a fresh import.
        self._try_cold([row for row in todo if not known.killer(row)], known, only_own=only_own)

    def _leave(self, mutants: list[Mutant], files: list[str]) -> None:
        """Run the mutants of functions in this child, and end it."""
        code = 1
        try:
            self._try_warm(mutants, self._known, files)
            code = 0
        finally:
            self._out.flush()
            os._exit(code)

    def _try_warm(self, mutants: list[Mutant], results: Results, files: list[str]) -> None:
        recent: dict[tuple[str, str], list[str]] = {}

        def choose(mutant: Mutant, baseline: Baseline) -> list[str]:
            if self._is_late():
                return []
            likely = [results.last_killer(mutant)]
            likely += reversed(recent.get((mutant.path, mutant.function), []))
            chosen = self._chosen(mutant, baseline, likely)
            if not chosen and files == [TESTS]:
                note(Outcome(mutant, "", 0.0))
            return chosen

        def note(outcome: Outcome) -> None:
            mutant, killer = outcome.mutant, outcome.killer
            if killer == "not placed" or (not killer and files != [TESTS]):
                self._say(f"  its own tests do not notice: {mutant.key}")
                return
            results.put(mutant, killer, outcome.seconds)
            if killer:
                recent.setdefault((mutant.path, mutant.function), []).append(killer)
            self._told(mutant, killer)

        # Which tests execute which lines: good as long as neither they nor the core change.
        seen = digest_of(ROOT, CORE, TESTS) + digest_of(ROOT, *files)
        kept = results.file.with_name(f"{results.file.stem}-baseline-{seen}.json")
        plugin = Warm(ROOT, mutants, Forks(self._folder, self._jobs), WARM_LIMIT, kept)
        plugin.choose, plugin.on_outcome = choose, note
        nothing = os.open(os.devnull, os.O_RDWR)
        os.dup2(nothing, 1)
        pytest.main([*cold.QUIET, *files], plugins=[plugin])

    def _chosen(self, mutant: Mutant, baseline: Baseline, likely: list[str]) -> list[str]:
        """Return the tests that execute the mutant's lines, the likeliest to notice it first."""
        lines = range(mutant.first_line, mutant.last_line + 1)
        own = mirrored(mutant.path)
        ranks = {name: rank for rank, name in reversed(list(enumerate(likely)))}
        found = [
            name
            for name, seen in baseline.lines.items()
            if any(line in lines for line in seen.get(mutant.path, ()))
            and name not in baseline.failing
        ]
        return sorted(
            found,
            key=lambda name: (
                ranks.get(name, len(ranks)),
                not name.startswith(own),
                baseline.seconds[name],
            ),
        )

    def _try_cold(self, mutants: list[Mutant], results: Results, *, only_own: bool) -> None:
        """Run who noticed a mutant last, then its module's tests, then all: fresh imports each."""
        mutants = self._stage(mutants, results, results.last_killer, COLD_LIMIT_S)
        mutants = self._stage(mutants, results, lambda row: mirrored(row.path), COLD_LIMIT_S)
        # What survived every test that executes it is known to live.
        mutants = [row for row in mutants if results.killer(row) is None]
        if only_own:
            for row in mutants:
                self._say(f"  its own tests do not notice: {row.key}")
            return
        self._stage(mutants, results, lambda row: TESTS, COLD_ALL_LIMIT_S)

    def _stage(
        self,
        mutants: list[Mutant],
        results: Results,
        choose: Callable[[Mutant], str],
        limit_s: float,
    ) -> list[Mutant]:
        """Run what is chosen for each mutant; returns those that lived on."""
        forks = Forks(self._folder, self._jobs)
        left: list[Mutant] = []

        def note(mutant: Mutant, chosen: str, killer: str, seconds: float) -> None:
            if killer or chosen == TESTS:
                results.put(mutant, killer, seconds)
                self._told(mutant, killer)
            if not killer:
                left.append(mutant)

        for mutant in mutants:
            chosen = choose(mutant)
            is_there = chosen != "" and (ROOT / chosen.partition("::")[0]).exists()
            if self._is_late() or not is_there:
                left.append(mutant)
                continue
            tried = partial(cold.tried, ROOT, mutant, [chosen])
            forks.run(tried, limit_s, partial(note, mutant, chosen))
        forks.finish()
        return left

    def _is_late(self) -> bool:
        return self._until is not None and time.monotonic() > self._until

    def _told(self, mutant: Mutant, killer: str) -> None:
        self._done += 1
        if not killer:
            self._say(f"  survived: {mutant.key}")
        if self._done % 100 == 0:
            self._say(f"  {self._done} tried")

    def _say(self, text: str) -> None:
        print(text, file=self._out, flush=True)


def touched_lines(base: str, files: list[str]) -> dict[str, set[int]]:
    """Return the lines of files that differ from a revision."""
    told = subprocess.run(
        ["git", "diff", "-U0", "--no-color", "--no-ext-diff", base, "--", *files],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    found: dict[str, set[int]] = {}
    name = ""
    for line in told.splitlines():
        if line.startswith("+++ "):
            name = line[4:].removeprefix("b/")
        elif hunk := re.match(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@", line):
            first, count = int(hunk[1]), int(hunk[2] or 1)
            found.setdefault(name, set()).update(range(first, first + count))
    return found


def report(mutants: list[Mutant], results: Results, *, is_whole: bool) -> int:
    """Print what became of the mutants; returns the exit code."""
    argued = arguments(ROOT)
    counts: dict[str, Counter[str]] = {}
    unargued: list[str] = []
    for row in mutants:
        killer = results.killer(row)
        count = counts.setdefault(row.path, Counter())
        if killer:
            count["killed"] += 1
        elif row.key in argued:
            count["argued"] += 1
        elif killer is None:
            count["not tried"] += 1
        else:
            count["survived"] += 1
            unargued.append(row.key)
    total: Counter[str] = Counter()
    columns = ("killed", "argued", "survived", "not tried")
    print(f"{'file':42}" + "".join(f"{name:>11}" for name in columns))
    for path, count in counts.items():
        total += count
        print(f"{path:42}" + "".join(f"{count[name]:11}" for name in columns))
    print(f"{'all':42}" + "".join(f"{total[name]:11}" for name in columns))
    tried = sum(total.values()) - total["not tried"]
    share = total["killed"] / tried if tried else 1.0
    print(f"{share:.1%} of {tried} killed")
    for key in unargued:
        print(f"survivor without an argument in {SURVIVORS}:\n  {key}")
    return 1 if unargued or (is_whole and share < KILLED_MIN) else 0


def main(argv: list[str]) -> int:
    """Run what the arguments ask for."""
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("paths", nargs="*", help="files or folders; all of the gate without")
    parser.add_argument("--changed", metavar="BASE", help="only lines that differ from BASE")
    parser.add_argument("--seconds", type=float, help="begin no further mutant after so long")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="at the same time")
    parser.add_argument("--results", type=Path, default=ROOT / "state/mutation/results.jsonl")
    parser.add_argument("--own", action="store_true", help="ask the modules' own tests alone")
    parser.add_argument("--trust", action="store_true", help="believe arguments and earlier kills")
    parser.add_argument("--report", action="store_true", help="try nothing, tell what is known")
    options = parser.parse_args(argv)
    files = target_files(options.paths or TARGETS)
    mutants = all_mutants(files)
    if options.changed is not None:
        touched = touched_lines(options.changed, files)
        mutants = [
            row
            for row in mutants
            if touched.get(row.path, set()) & set(range(row.first_line, row.last_line + 1))
        ]
    is_whole = options.changed is None
    os.environ["HYPOTHESIS_PROFILE"] = "mutants"
    known = Results(ROOT, options.results, is_trusting=options.trust)
    if not options.report and mutants:
        # What is argued is settled until somebody runs all of it again.
        argued = arguments(ROOT) if options.trust or not is_whole else {}
        todo = [row for row in mutants if row.key not in argued]
        with tempfile.TemporaryDirectory() as folder:
            run = Run(known, options.jobs, options.seconds, Path(folder))
            run.try_all(todo, only_own=options.own)
    return report(mutants, known, is_whole=is_whole)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
