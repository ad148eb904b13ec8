"""The steps of the drill: what is done, and what must be seen then.

Two plays on one stage. In the first the daemon is healthy, carries the kill switch's word out
itself and is released again; in the second it is dead, and the kill switch acts alone. In both,
what counts is the simulator's truth, not what anybody says.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trader.drill_stage import (
    DrillStopped,
    Heard,
    Stage,
    crossings,
    held,
    metric,
    open_orders,
)
from trader.kill_drill.report import Recorder, StepRecord
from trader.ops.emergency_record import EMERGENCY_FILE_NAME, read_orders
from trader.ops.halt_record import HALT_FILE_NAME, read_bounded, verdict
from trader.ops.kill import HALT_PHRASE, RESUME_PHRASE, running_strategies

_QUANTITY = 20
_BUY = {"side": "BUY", "type": "MARKET", "quantity": _QUANTITY}
# Within the collar of the policy, and far enough away to rest.
_BELOW = 0.98


@dataclass(slots=True)
class Drill:
    """A drill under way: the stage, the record, and what one step must tell the next."""

    stage: Stage
    recorder: Recorder
    by: str
    count: int = 0
    # Frames of orders that the broker had received when the kill switch had returned.
    frames: int = 0
    # Lines of the log that were there before it was pressed.
    log_lines: int = 0

    def check(
        self, what: str, expected: object, observed: object, *, is_met: bool | None = None
    ) -> None:
        """Hold what was seen against what was expected."""
        self.recorder.check(what, expected, observed, is_met=is_met)

    @property
    def reason(self) -> str:
        """Return the reason that stands in every record of it."""
        return f"kill switch drill by {self.by}"

    def key(self) -> str:
        """Return a key that no other order of this drill has."""
        self.count += 1
        return f"drill-{self.count}"


# ---- steps


def trades(drill: Drill) -> None:
    """Wait for a daemon that is armed, ready and runs its strategy."""
    stage = drill.stage
    stage.until("an armed daemon that lacks nothing", lambda: _is_well(stage))
    drill.check("GET /healthz", 200, stage.get("/healthz").status)
    drill.check("GET /readyz", 200, stage.get("/readyz").status)
    answer = stage.get("/ops/status")
    drill.check("GET /ops/status", 200, answer.status)
    drill.check("posture", "armed", answer.body.get("posture"))
    running = running_strategies(answer.body)
    drill.check("strategies RUNNING", "1 or more", running, is_met=running > 0)
    endpoint = stage.endpoint()
    halt_file = None if endpoint is None else endpoint.halt_file
    is_inside = halt_file is not None and halt_file.is_relative_to(stage.folder)
    drill.check("its halt file", f"below {stage.folder}", halt_file, is_met=is_inside)


def holds(drill: Drill) -> None:
    """Buy at the market and leave a limit order working, so that there is something to undo."""
    stage = drill.stage
    bought = stage.order(drill.key(), **_BUY)
    _approved(drill, "POST of a market order", bought)
    stage.until("a position of AAPL", lambda: _quantity(stage))
    bid = stage.until("a quote of AAPL", lambda: _bid(stage.status()))
    price = f"{bid * _BELOW:.2f}"
    resting = stage.order(drill.key(), side="BUY", type="LIMIT", quantity=10, price=price)
    _approved(drill, "POST of an order that rests", resting)
    stage.until("an order that works", lambda: open_orders(stage.truth()))
    truth = stage.truth()
    drill.check("held at the broker", "a position", held(truth), is_met=bool(held(truth)))
    works = open_orders(truth)
    drill.check("works at the broker", "an order", works, is_met=bool(works))


def kills(drill: Drill) -> None:
    """Press the kill switch with --cancel-orders --liquidate, through the daemon."""
    told = _press(drill, acted="daemon")
    drill.check("kill switch: code", "done", told.get("code"))


def kills_alone(drill: Drill) -> None:
    """Press the kill switch with --cancel-orders --liquidate, without a daemon."""
    report = _press(drill, acted="alone").get("report") or {}
    for name in ("remaining_orders", "remaining_positions"):
        drill.check(f"kill switch: {name}", [], report.get(name))
    promised = read_orders(drill.stage.state / EMERGENCY_FILE_NAME)
    drill.check("orders promised on disk", "1 or more", len(promised), is_met=bool(promised))


def is_halted(drill: Drill) -> None:
    """See the halt in the file, over HTTP, in the metrics and in the log; no order leaves."""
    stage = drill.stage
    _halt_record(drill)
    drill.check("GET /healthz (halted, alive)", 200, stage.get("/healthz").status)
    ready = stage.get("/readyz")
    drill.check("GET /readyz", 503, ready.status)
    drill.check(
        "its reasons", "halt_file named", ready.text.strip(), is_met="halt_file" in ready.text
    )
    status = stage.get("/ops/status")
    drill.check("GET /ops/status", 503, status.status)
    drill.check("posture", "halted", status.body.get("posture"))
    drill.check("strategies RUNNING", 0, running_strategies(status.body))
    _refused(drill)
    exposition = stage.get("/metrics").text
    for name, expected in (
        ('trader_posture{posture="halted"}', "1.0"),
        ('trader_halt_cause{cause="halt_file"}', "1.0"),
        ("trader_ready", "0.0"),
    ):
        drill.check(f"metric {name}", expected, metric(exposition, name))
    causes = stage.until("the posture to be logged", lambda: _logged_causes(drill))
    drill.check(
        "log: posture halted, because of", "halt_file", causes, is_met="halt_file" in causes
    )


def is_gone(drill: Drill) -> None:
    """See the halt record stand while nobody answers any more."""
    stage = drill.stage
    _halt_record(drill)
    for path in ("/healthz", "/readyz", "/ops/status"):
        drill.check(f"GET {path}", "no answer", _or_none(stage.get(path)))
    drill.check("POST of an order", "no answer", _or_none(stage.order(drill.key(), **_BUY)))


def is_flat(drill: Drill) -> None:
    """Ask the simulator what really happened: nothing works, nothing is held, nothing flipped."""
    truth = drill.stage.truth()
    drill.check("orders working at the broker", [], open_orders(truth))
    drill.check("positions at the broker", [], held(truth))
    drill.check("executions across zero", [], crossings(truth))
    frames = len(truth["place_frames"])
    drill.check("orders received since the kill switch returned", 0, frames - drill.frames)


def needs_proof(drill: Drill) -> None:
    """Ask for a resume without the phrase, without a reason, and while the broker is away."""
    stage = drill.stage
    _no_phrase(drill)
    stage.tell("/upstream", up=False)
    stage.until("the loss of the broker to be seen", lambda: "upstream" in _causes(stage))
    done = _clear(drill)
    said = done.stdout + done.stderr
    drill.check("resume while the broker is away: exit code", 1, done.returncode)
    drill.check("it names what is missing", "upstream", said, is_met="upstream" in said)
    _halt_record(drill)
    stage.tell("/upstream", up=True)
    stage.until("the broker to be back", lambda: "upstream" not in _causes(stage))


def needs_a_daemon(drill: Drill) -> None:
    """Ask for a resume while no daemon runs that could prove that it is safe."""
    _no_phrase(drill)
    done = _clear(drill)
    drill.check("resume without a daemon: exit code", 1, done.returncode)
    said = done.stderr.strip()
    drill.check("it says why", "no daemon is running", said, is_met="no daemon is running" in said)
    _halt_record(drill)


def dies(drill: Drill) -> None:
    """Kill the daemon as a crash would, with a position held and an order working."""
    drill.check("exit code of the daemon", -9, drill.stage.kill_daemon())


def starts_halted(drill: Drill) -> None:
    """Start the daemon again: it comes up, compares, books what was done, and stays halted."""
    stage = drill.stage
    stage.start_daemon()
    stage.until("the daemon to have compared", lambda: _has_compared(stage))
    status = stage.status()
    drill.check("posture", "halted", status.get("posture"))
    drill.check("tickets", [], status.get("tickets"))
    books = [row["symbol"] for row in status["positions"] if float(row["quantity"])]
    drill.check("positions in its book", [], books)
    drill.check("emergency orders it knows", "1 or more", len(status["emergency"]),
                is_met=bool(status["emergency"]))  # fmt: skip


def is_cleared(drill: Drill) -> None:
    """Resume with the phrase and a reason, which the halt record then carries."""
    done = _clear(drill)
    drill.check("resume: exit code", 0, done.returncode)
    halts, text = verdict(read_bounded(drill.stage.state / HALT_FILE_NAME))
    drill.check("the halt record halts", False, halts)
    drill.check("its reason", drill.reason, text, is_met=drill.reason in text)
    rows = drill.stage.log_rows()[drill.log_lines :]
    told = [row.get("reason") for row in rows if row.get("message") == "resumed"]
    drill.check("log: resumed, because of", [drill.reason], told)


def is_armed(drill: Drill) -> None:
    """Wait until it may trade again."""
    stage = drill.stage
    stage.until("an armed daemon that lacks nothing", lambda: _is_well(stage))
    drill.check("GET /readyz", 200, stage.get("/readyz").status)
    exposition = stage.get("/metrics").text
    drill.check('metric trader_posture{posture="armed"}', "1.0",
                metric(exposition, 'trader_posture{posture="armed"}'))  # fmt: skip


def passes(drill: Drill) -> None:
    """Place an order, and see it arrive at the broker and fill."""
    stage = drill.stage
    placed = stage.order(drill.key(), **_BUY)
    _approved(drill, "POST of an order", placed)
    stage.until("the fill at the broker", lambda: _quantity(stage) == _QUANTITY)
    drill.check("held of AAPL at the broker", _QUANTITY, _quantity(stage))


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a play; its text is what the function that plays it says of itself."""

    name: str
    act: Callable[[Drill], None]

    @property
    def text(self) -> str:
        """Return what it is for, in a line."""
        return " ".join((self.act.__doc__ or "").split("\n\n")[0].split())


HEALTHY = (
    Step("the daemon trades", trades),
    Step("something to undo", holds),
    Step("the kill switch", kills),
    Step("the halt is seen", is_halted),
    Step("the account is flat", is_flat),
    Step("no resume without proof", needs_proof),
    Step("cleared with a reason", is_cleared),
    Step("armed again", is_armed),
    Step("an order passes", passes),
)
DEAD = (
    Step("something to undo", holds),
    Step("the daemon dies", dies),
    Step("the kill switch alone", kills_alone),
    Step("the halt stands", is_gone),
    Step("the account is flat", is_flat),
    Step("no resume without a daemon", needs_a_daemon),
    Step("started again, halted", starts_halted),
    Step("the halt is seen", is_halted),
    Step("cleared with a reason", is_cleared),
    Step("armed again", is_armed),
    Step("an order passes", passes),
)
PLAYS = (("daemon healthy", HEALTHY), ("daemon dead", DEAD))


def play(drill: Drill) -> None:
    """Play every step in turn; what cannot go on ends the drill, and is in the record."""
    plan: list[tuple[Step, StepRecord]] = [
        (step, drill.recorder.plan(name, step.name, step.text))
        for name, steps in PLAYS
        for step in steps
    ]
    for step, record in plan:
        drill.recorder.begin(record)
        try:
            step.act(drill)
        except (DrillStopped, OSError, KeyError, ValueError) as error:
            drill.recorder.stop(f"{type(error).__name__}: {error}")
            return


# ---- what steps share


def _press(drill: Drill, *, acted: str) -> dict[str, Any]:
    words = ("--cancel-orders", "--liquidate", "--json", "--reason", drill.reason)
    drill.log_lines = len(drill.stage.log_rows())
    done = drill.stage.kill_switch("--confirm", HALT_PHRASE, *words)
    drill.frames = len(drill.stage.truth()["place_frames"])
    drill.check("kill switch: exit code", 0, done.returncode)
    try:
        told: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        raise DrillStopped(f"the kill switch gave no account: {done.stderr}") from None
    expected = {
        "is_halted": True,
        "is_confirmed": True,
        "acted": acted,
        "strategies_running": 0,
    }
    for name, value in expected.items():
        drill.check(f"kill switch: {name}", value, told.get(name))
    return told


def _halt_record(drill: Drill) -> None:
    halts, text = verdict(read_bounded(drill.stage.state / HALT_FILE_NAME))
    drill.check("the halt record halts", True, halts)
    drill.check("its reason", drill.reason, text, is_met=drill.reason in text)


def _approved(drill: Drill, what: str, answer: Heard) -> None:
    drill.check(what, 202, answer.status)
    is_met = answer.body.get("is_approved") is True
    drill.check(f"{what}: verdict", "approved", answer.body.get("text"), is_met=is_met)


def _refused(drill: Drill) -> None:
    before = len(drill.stage.truth()["place_frames"])
    answer = drill.stage.order(drill.key(), **_BUY)
    drill.check("POST of an order", 202, answer.status)
    drill.check("its verdict: is_approved", False, answer.body.get("is_approved"))
    drill.check("its verdict: code", "HALTED", answer.body.get("code"))
    after = len(drill.stage.truth()["place_frames"])
    drill.check("orders that reached the broker by it", 0, after - before)


def _no_phrase(drill: Drill) -> None:
    done = drill.stage.kill_switch("--clear", "--reason", drill.reason)
    drill.check("resume without the phrase: exit code", 2, done.returncode)
    heard = drill.stage.resume_without_reason()
    if heard.status:
        drill.check("POST /ops/resume without a reason", 400, heard.status)


def _clear(drill: Drill) -> Any:
    words = ("--clear", "--confirm", RESUME_PHRASE, "--reason", drill.reason)
    return drill.stage.kill_switch(*words)


def _or_none(heard: Heard) -> str:
    return f"HTTP {heard.status}" if heard.status else "no answer"


def _causes(stage: Stage) -> dict[str, str]:
    return dict(stage.status().get("causes", ()))


def _is_well(stage: Stage) -> bool:
    status = stage.status()
    return status.get("posture") == "armed" and not status.get("inputs_missing")


def _has_compared(stage: Stage) -> bool:
    status = stage.status()
    known = {"halt_file", "operator"}
    return bool(status) and status.get("reconcile") is not None and set(_causes(stage)) <= known


def _quantity(stage: Stage) -> float:
    rows = stage.truth()["positions"]
    return sum(float(row["quantity"]) for row in rows if row["symbol"] == "AAPL")


def _logged_causes(drill: Drill) -> list[str]:
    """Return what has halted since the kill switch was pressed, by the daemon's log."""
    rows = drill.stage.log_rows()[drill.log_lines :]
    told = [row["causes"] for row in rows if row.get("posture") == "halted"]
    return sorted({cause for causes in told for cause in causes})


def _bid(status: dict[str, Any]) -> float:
    quote = next((row for row in status.get("quotes", ()) if row["symbol"] == "AAPL"), None)
    return float(quote["bid"] or 0) if quote is not None else 0.0
