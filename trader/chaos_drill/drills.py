"""The drills as a table: which fault, how it ends, what the operator does then, what is noticed.

``strike`` puts the fault in, ``keep`` holds it, ``clear`` takes it away, and there the clock of
the recovery starts; ``repair`` is what the runbook asks of a person afterwards, and is timed too.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trader.chaos_drill.scene import Scene
from trader.chaos_drill.views import faulty_quotes, is_well
from trader.drill_stage import Json

Act = Callable[[Scene], object]
# Ticks of prices and sizes, and the texts and numbers beside them.
_TICKS = ["tickPrice", "tickSize", "tickString", "tickGeneric"]
_TIME = ["currentTime"]
# How far the gateway's clock goes ahead, and how late a slow gateway answers.
_SKEW_S = 30
_LATE_MS = 14_000
# Longer than any drill.
_LONG_S = 3_600


def nothing(_: Scene) -> None:
    """Do nothing."""


def is_not_well(status: Json) -> bool:
    """Tell whether it is not READY any more."""
    return not is_well(status)


@dataclass(frozen=True, slots=True)
class ChaosDrill:
    """One fault and everything that belongs to it."""

    name: str
    text: str
    strike: Act
    clear: Act
    repair: Act = nothing
    # Done at each look while the fault lasts.
    keep: Act = nothing
    # Done once, in the middle.
    midway: Act = nothing
    # For so long after it was noticed.
    lasts_s: float = 4.0
    noticed_s_max: float = 15.0
    is_noticed: Callable[[Json], bool] = is_not_well
    # What was written before the fault may be read long after it: the wire says nothing about when
    # it left, and the daemon's own count is what is held.
    is_wire_late: bool = False
    # The daemon dies by the fault.
    is_fatal: bool = False
    # Book and broker have to be compared before anything may leave again.
    must_compare: bool = True
    needs_small_disk: bool = False


def _cut(scene: Scene) -> None:
    scene.tell("upstream", up=False, repeat=3, every_s=1)


def _expire(scene: Scene) -> None:
    # 1100 first, then the socket ends, as a gateway does whose session has run out.
    scene.tell("upstream", up=False)
    scene.tell("logout")


def _log_in(scene: Scene) -> None:
    scene.tell("login")
    scene.tell("upstream", up=True)


def _compete(scene: Scene) -> None:
    scene.tell("competing-session", on=True)
    text = "Historical Market Data Service error message:Trading TWS session is connected from a "
    scene.tell("inject", req_id=-1, code=162, text=f"{text}different IP address")


DRILLS = (
    ChaosDrill(
        "gateway-restart", "The gateway ends every connection and listens again 8 s later.",
        strike=lambda scene: scene.tell("restart", down_s=8),
        clear=lambda scene: scene.await_listening(), lasts_s=1.0,
    ),
    ChaosDrill(
        "half-open-link", "The sockets stay open and nothing is read or written any more.",
        strike=lambda scene: scene.tell("mute", on=True),
        clear=lambda scene: scene.tell("mute", on=False),
        # Until the link is given up, and a while longer.
        lasts_s=28.0, is_wire_late=True,
    ),
    ChaosDrill(
        "upstream-1102", "The gateway loses the broker (1100) and has it back, data too (1102).",
        strike=_cut, clear=lambda scene: scene.tell("upstream", up=True),
    ),
    ChaosDrill(
        "upstream-1101", "The gateway loses the broker (1100) and every subscription (1101).",
        strike=_cut, clear=lambda scene: scene.tell("upstream", up=True, data_lost=True),
    ),
    ChaosDrill(
        "kill-mid-order", "kill -9 while an order is at the broker and unanswered; then a start.",
        strike=lambda scene: scene.kill_with_an_order_unanswered(),
        clear=lambda scene: scene.tell("ack", lo_ms=1, hi_ms=20),
        repair=lambda scene: scene.start_daemon(), lasts_s=2.0, is_fatal=True,
    ),
    ChaosDrill(
        "disk-full", "The disk of the state is full; then space, and a restart.",
        strike=lambda scene: scene.fill_disk(), keep=lambda scene: scene.fill_disk(),
        clear=lambda scene: scene.empty_disk(), repair=lambda scene: scene.restart_daemon(),
        needs_small_disk=True,
    ),
    ChaosDrill(
        "journal-io-error", "Writes of the journal fail with an I/O error; then a restart.",
        strike=lambda scene: scene.limit_files(), clear=lambda scene: scene.unlimit_files(),
        repair=lambda scene: scene.restart_daemon(),
    ),
    ChaosDrill(
        "journal-locked", "Another program holds the journal's write lock; then a restart.",
        strike=lambda scene: scene.tell("file-lock", seconds=_LONG_S),
        clear=lambda scene: scene.tell("file-unlock"),
        repair=lambda scene: scene.restart_daemon(),
    ),
    ChaosDrill(
        "clock-skew", f"The gateway's clock goes {_SKEW_S} s ahead of ours, and back.",
        strike=lambda scene: scene.tell("frame-edit", messages=_TIME, add={"time": _SKEW_S}),
        clear=lambda scene: scene.tell("frame-clear"), must_compare=False,
    ),
    ChaosDrill(
        "session-expired", "The login runs out: 1100, the socket ends, nobody is let in; 10 s "
        "later somebody logs in again.",
        strike=_expire, clear=_log_in, lasts_s=10.0,
    ),
    ChaosDrill(
        "session-not-renewed", "The login runs out and nobody renews it for a minute, over a "
        "restart of the daemon.",
        strike=_expire, midway=lambda scene: scene.restart_daemon(), clear=_log_in, lasts_s=60.0,
    ),
    ChaosDrill(
        "competing-session", "Another session of the same user takes the data: 10197 and 162.",
        strike=_compete, clear=lambda scene: scene.tell("competing-session", on=False),
        is_noticed=lambda status: bool(faulty_quotes(status)), must_compare=False,
    ),
    ChaosDrill(
        "quotes-frozen", "No tick arrives any more on any line; later they flow again.",
        strike=lambda scene: scene.tell("frame-drop", messages=_TICKS),
        clear=lambda scene: scene.tell("frame-clear"), must_compare=False,
    ),
    ChaosDrill(
        "slow-gateway", f"The gateway tells the time {_LATE_MS / 1000:g} s after it was asked.",
        strike=lambda scene: scene.tell("frame-delay", messages=_TIME, ms=_LATE_MS),
        clear=lambda scene: scene.tell("frame-clear"), noticed_s_max=20.0, must_compare=False,
    ),
    ChaosDrill(
        "kill-switch", "The kill switch is thrown while orders flow, and released with a reason.",
        strike=lambda scene: scene.halt(), clear=nothing, repair=lambda scene: scene.resume(),
        noticed_s_max=5.0,
    ),
    ChaosDrill(
        "halt-file-lost", "The halt file is gone; then an operator resumes.",
        strike=lambda scene: scene.lose_halt_file(), clear=nothing,
        repair=lambda scene: scene.resume(), noticed_s_max=5.0,
    ),
    ChaosDrill(
        "halt-file-corrupt", "The halt file is torn; then an operator resumes.",
        strike=lambda scene: scene.spoil_halt_file(), clear=nothing,
        repair=lambda scene: scene.resume(), noticed_s_max=5.0,
    ),
)  # fmt: skip
