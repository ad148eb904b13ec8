"""The ``trader`` command: the daemon, the demo, the simulator, and the operator's verbs.

Exit codes of ``run``: 0 clean, 1 failed, 3 drained with open orders, 4 halted by invariant,
5 could not start, 6 no broker. Of the others: 0 done, 1 not done, 2 wrong usage; check: 0 or 5;
verify: 0 whole, 1 not as written, 2 nothing to look at.
backup, restore and archive: 0 done, 1 nothing was changed. reports: 0 all pass, 1 one does not.
reconcile replay: 0 the same verdict, 1 another one, 2 nothing to replay. doctor: 0 all looked at
and well, 1 something found or not seen, 2 could not run; config show: 0 or 5.
shadow parity: 0 within the limits, 1 outside, 2 unusable or too little to judge by.
"""

import argparse
import contextlib
import importlib
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Protocol, cast

from trader import __version__
from trader.imports import kept
from trader.terminal import unheard

_EXIT_CODES = """\
exit codes of run: 0 clean, 1 failed, 3 drained with open orders, 4 halted by invariant,
5 could not start, 6 no broker. Of the others: 0 done, 1 not done, 2 wrong usage; check: 0 or 5;
verify: 0 whole, 1 not as written, 2 nothing to look at.
backup, restore and archive: 0 done, 1 nothing was changed. reports: 0 all pass, 1 one does not.
reconcile replay: 0 the same verdict, 1 another one, 2 nothing to replay. doctor: 0 all looked at
and well, 1 something found or not seen, 2 could not run; config show: 0 or 5.
shadow parity: 0 within the limits, 1 outside, 2 unusable or too little to judge by.
"""
_SIMULATOR = "sim"
# It tells of every command's words, so it is the one that loads them all.
_COMPLETION = "completion"
# These print for as long as they run: nobody there to read is a reason to end.
_LASTING = ("run", "demo", "sentinel")
# Each command, the module below trader.commands that is it, and what it does.
COMMANDS = {
    "run": ("run", "run the daemon"),
    "demo": ("demo", "trade against an own simulator, no account needed"),
    "sentinel": ("sentinel", "watch the daemon from a process of its own; acts when it is gone"),
    "status": ("status", "show the running daemon"),
    "orders": ("listing", "show the orders that may still fill, or all; no daemon is needed"),
    "positions": ("listing", "show what the book holds; no daemon is needed"),
    "fills": ("listing", "show the newest executions; no daemon is needed"),
    "strategies": (
        "strategies",
        "show what each strategy does and has earned; no daemon is needed",
    ),
    "tail": ("tail", "show what happens, event by event, from the journal"),
    "breakers": ("status", "show every circuit breaker and its reading"),
    "strategy": ("strategy", "begin a strategy of your own, and see what one takes"),
    "replay": ("replay", "play a recorded market to strategies; nothing can be sent"),
    "shadow": ("shadow", "hold a shadow against what traded: shadow parity, shadow diff A B"),
    "why": ("why", "tell the whole story of one intent, from the journal"),
    "check": ("check", "say everything that would keep the daemon from starting; touch nothing"),
    "doctor": ("doctor", "look for what keeps a set-up from trading; sends no order"),
    "config": ("config", "show every setting in force and its source; or check them"),
    "migrate": ("migrate", "copy and upgrade the journal of an older version"),
    "verify": ("verify", "say whether the journal is what was written, and where it is not"),
    "tickets": ("tickets", "what only a person may decide: list, show, decide"),
    "quarantine": ("quarantine", "messages that could not be read: list, show, retry"),
    "sessions": ("sessions", "show the week ahead: sessions, half days, restarts and logins"),
    "reports": ("reports", "say which of the daemon's reports are of now and good"),
    "backup": ("backup", "copy the journal, verified; the daemon may run"),
    "restore": ("restore", "put a backup in the journal's place; starts halted"),
    "archive": ("archive", "move the journal's older events into an archive; the daemon is down"),
    "token": ("token", "who may use the control port, in which role"),
    "policy": ("policy", "show or sign the risk policy"),
    "halt": ("halt", "halt now (see also scripts/kill_switch.py)"),
    "resume": ("verbs", "clear the halt, if reconciliation is clean and nothing else objects"),
    "baseline": ("verbs", "accept the broker's holdings as the starting point, once"),
    "reconcile": ("reconcile", "compare book and broker now"),
    "cancel-orders": ("verbs", "cancel every working order of ours"),
    "reduce": ("verbs", "carry out the plan of reductions: a round of exits, none across zero"),
    "reset": ("verbs", "close a tripped breaker whose reading is good again"),
    "override": ("verbs", "make a breaker not count for at most 15 minutes"),
    "review": ("verbs", "say whether an automatic risk action was right (true) or in vain (false)"),
    "completion": ("completion", "print a script that completes these words in bash, zsh or fish"),
}


class Command(Protocol):
    """What the module of a command has."""

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Add its arguments; the default of ``command`` is what was typed."""

    def run(self, given: argparse.Namespace, environment: Mapping[str, str]) -> int:
        """Do it; returns the exit code."""


def command_of(name: str) -> Command:
    """Load the module of a command: nobody who asks for a status waits for the whole daemon."""
    with kept():
        return cast(Command, importlib.import_module(f"trader.commands.{COMMANDS[name][0]}"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == [_SIMULATOR]:
        # A process of its own: the daemon's packages never import the simulator.
        os.execv(sys.executable, [sys.executable, "-m", "trader.sim", *words[1:]])  # noqa: S606
    asked = words[0] if words else ""
    command = command_of(asked) if asked in COMMANDS else None
    with contextlib.nullcontext() if asked in _LASTING else unheard():
        given = _parser({asked: command} if command else {}).parse_args(words)
        assert command is not None, "without one the parser has refused"
        if asked == _COMPLETION:
            given.whole = _parser({name: command_of(name) for name in COMMANDS})
        return command.run(given, dict(os.environ))


def _parser(loaded: Mapping[str, Command]) -> argparse.ArgumentParser:
    """Return a parser that lists every command and knows the arguments of those that are loaded."""
    parser = argparse.ArgumentParser(
        prog="trader",
        description="Trade one Interactive Brokers account; everything starts halted.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"trader {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (_, text) in COMMANDS.items():
        one = commands.add_parser(name, help=text)
        if name in loaded:
            one.set_defaults(command=name)
            loaded[name].add_arguments(one)
        if name == "demo":
            commands.add_parser(_SIMULATOR, help="run the simulator alone, or compare it: sim diff")
    return parser
