"""Play one drill: calm, fault, recovery, rest; what is seen goes into an ``Observed``.

The order of the looks is what makes the judgement sound. From the first look at which the daemon
is not READY, nothing that adds risk may reach the broker until the fault is taken away; the bytes
that were on their way at that moment have ``ON_THE_WAY_S`` to be read.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from trader.chaos_drill import small_disk, views
from trader.chaos_drill.drills import ChaosDrill
from trader.chaos_drill.isolation import Live, target_of, target_problems
from trader.chaos_drill.judgement import RECOVERY_S_MAX, Observed
from trader.chaos_drill.scene import Scene
from trader.config import JOURNAL_FILE_NAME
from trader.drill_stage import DrillStopped, Json, Stage

# What was written before a look may be read so long after it, on a machine that is busy.
ON_THE_WAY_S = 1.0
# Before it counts as never: a drill over the limit shall still say how long it took.
_RECOVERY_PATIENCE_S = 3 * RECOVERY_S_MAX
_CALM_ORDERS = 2
_ORDERS_AFTER = 1
_PATIENCE_S = 90.0
_KEEP_S = 0.05
_LINES_MAX = 5

Say = Callable[[str], None]


@dataclass(slots=True)
class _Impaired:
    """The span from the first look that was not READY to the end of the fault."""

    since_s: float
    positions: list[Json]
    orders_before: int
    # The run of the last comparison before the fault.
    run: str
    until_s: float = 0.0
    last: Json = field(default_factory=dict)


def stage_of(
    folder: Path, environment: dict[str, str], seed: int, config: Path, settings: dict[str, object]
) -> Stage:
    """Return the stage of one drill below a new folder."""
    folder.mkdir(parents=True)
    journal = folder / "state" / JOURNAL_FILE_NAME
    market = ("--speed", "60", "--tick-interval", "0.1", "--lockable", f"journal={journal}")
    return Stage(folder, environment, seed, market=market, settings=settings, config=config)


def play(drill: ChaosDrill, stage: Stage, live: Live, say: Say) -> Observed:
    """Play a drill to its end, or to what stops it; its processes are ended in any case."""
    seen = Observed()
    try:
        _play(drill, Scene(stage), live, seen, say)
    except (DrillStopped, OSError) as error:
        seen.problem = str(error)
    except (ValueError, LookupError, TypeError) as error:
        # Whatever answers in another form than expected has failed the drill, and not ended it.
        seen.problem = f"what was told could not be read: {type(error).__name__}: {error}"
    finally:
        stage.end()
    return seen


def _play(drill: ChaosDrill, scene: Scene, live: Live, seen: Observed, say: Say) -> None:
    stage = scene.stage
    if drill.needs_small_disk:
        try:
            small_disk.mount(stage.state)
        except small_disk.NoSmallDisk as error:
            seen.lacks = str(error)
            return
    stage.start_simulator()
    assert stage.simulator is not None
    problems = target_problems(target_of(stage.announced), stage.simulator.pid, live)
    if problems:
        raise DrillStopped("; ".join(problems))
    stage.start_daemon()
    say("calm: waiting for orders")
    seen.calm_orders = _calm(scene)
    say("fault")
    span = _strike(drill, scene, seen)
    if span is None:
        return
    say(f"noticed after {seen.noticed_s:.1f} s; impaired")
    _hold(drill, scene, span, seen)
    say("fault taken away; recovering")
    if not _recover(drill, scene, span, seen):
        return
    say(f"READY after {seen.recovery_s:.1f} s; waiting for an order")
    before = views.orders_sent(scene.look())
    seen.orders_after = _await_orders(scene, before, _ORDERS_AFTER) - before
    say("halted, bringing all to rest")
    _rest(scene, seen)


def _calm(scene: Scene) -> int:
    """Wait until the daemon is READY and trades; returns how many orders it has sent."""
    if scene.await_well(_PATIENCE_S) is None:
        raise DrillStopped(f"not READY before the fault: {views.complaint(scene.look())}")
    return _await_orders(scene, views.orders_sent(scene.look()), _CALM_ORDERS)


def _await_orders(scene: Scene, before: int, count: int) -> int:
    """Wait until it has sent so many orders more; returns how many it has."""

    def more(status: Json) -> int | None:
        sent = views.orders_sent(status)
        return sent if sent >= before + count else None

    sent = scene.watch(_PATIENCE_S, more)
    return before if sent is None else sent


def _strike(drill: ChaosDrill, scene: Scene, seen: Observed) -> _Impaired | None:
    run = views.run_of(scene.look())
    struck_s = time.monotonic()
    drill.strike(scene)

    def notices(status: Json) -> tuple[float, Json] | None:
        drill.keep(scene)
        return (time.monotonic(), status) if drill.is_noticed(status) else None

    found = scene.watch(drill.noticed_s_max + 5.0, notices)
    if found is None:
        return None
    at_s, status = found
    if scene.has_ended() and not drill.is_fatal:
        raise DrillStopped(f"the daemon has ended: {scene.stage.log_end('daemon')}")
    seen.noticed_s = at_s - struck_s
    positions = scene.stage.truth()["positions"]
    return _Impaired(at_s, positions, views.orders_sent(status), run, last=status)


def _hold(drill: ChaosDrill, scene: Scene, span: _Impaired, seen: Observed) -> None:
    """Look on while the fault lasts, then take it away."""
    middle_s = span.since_s + drill.lasts_s / 2
    end_s = span.since_s + max(drill.lasts_s, ON_THE_WAY_S)
    is_midway = False
    while time.monotonic() < end_s:
        if not is_midway and time.monotonic() >= middle_s:
            is_midway = True
            drill.midway(scene)
        drill.keep(scene)
        status = scene.look()
        if not drill.is_fatal and scene.has_ended():
            raise DrillStopped(f"the daemon has ended: {scene.stage.log_end('daemon')}")
        seen.looks += 1
        seen.ready_looks += views.is_well(status)
        if status:
            span.last = status
        time.sleep(_KEEP_S)
    span.until_s = time.monotonic()
    if drill.is_wire_late:
        count = views.orders_sent(span.last) - span.orders_before
        seen.risk_added = (f"{count} orders by the daemon's own count",) if count else ()
    else:
        truth = scene.stage.truth()
        since_s = span.since_s + ON_THE_WAY_S
        seen.risk_added = views.risk_added(truth, span.positions, since_s, span.until_s)
    drill.clear(scene)


def _recover(drill: ChaosDrill, scene: Scene, span: _Impaired, seen: Observed) -> bool:
    """Wait until it is READY and reconciled; returns whether it is."""
    cleared_s = time.monotonic()
    # Each life counts for itself what left before it had compared.
    lives = {span.last["started_utc"]: views.orders_sent(span.last)} if span.last else {}
    drill.repair(scene)

    def ready(status: Json) -> float | None:
        if not status:
            return None
        if drill.must_compare and views.run_of(status) in ("", span.run):
            sent = views.orders_sent(status)
            early = sent - lives.setdefault(status["started_utc"], sent)
            seen.uncompared_orders = max(seen.uncompared_orders, early)
            return None
        return time.monotonic() if views.is_well(status) else None

    ready_s = scene.watch(_RECOVERY_PATIENCE_S, ready)
    if ready_s is None:
        seen.problem = f"not READY again: {views.complaint(scene.look())}"
        return False
    seen.recovery_s = ready_s - cleared_s
    return True


def _rest(scene: Scene, seen: Observed) -> None:
    """Halt, wait until nothing moves, compare, and end the daemon in order."""
    scene.halt()
    truth: Json = {}

    def at_rest(status: Json) -> Json | None:
        truth.update(scene.stage.truth())
        return status if not views.unrest(status, truth) else None

    status = scene.watch(_PATIENCE_S, at_rest)
    if status is None:
        seen.problem = f"no rest: {views.unrest(scene.look(), scene.stage.truth())}"
        return
    seen.sent_twice = views.sent_twice(truth["place_frames"])
    port, journal = scene.stage.announced["control_port"], scene.stage.state / JOURNAL_FILE_NAME
    compared = scene.tool("sim", "diff", "--control", str(port), str(journal))
    differences = _lines(compared.stdout + compared.stderr) if compared.returncode else ()
    seen.differences = (*views.position_differences(status, truth), *differences)
    seen.exit_code = scene.end_daemon()
    verified = scene.tool("verify", "--state", str(scene.stage.state), "--json")
    seen.verify_findings = _findings(verified.returncode, verified.stdout, verified.stderr)


def _findings(code: int, stdout: str, stderr: str) -> tuple[str, ...]:
    if code == 0 and json.loads(stdout)["is_whole"] is True:
        return ()
    return _lines(stdout + stderr) or (f"exit code {code}",)


def _lines(text: str) -> tuple[str, ...]:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return tuple(lines[:_LINES_MAX])
