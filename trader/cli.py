"""The ``trader`` command: the daemon, the demo, the simulator, and the operator's verbs.

Exit codes of ``run``: 0 clean, 1 failed, 3 drained with open orders, 4 halted by invariant,
5 could not start, 6 no broker. Of the others: 0 done, 1 not done, 2 wrong usage; check: 0 or 5;
verify: 0 whole, 1 not as written, 2 nothing to look at.
backup, restore and archive: 0 done, 1 nothing was changed. reports: 0 all pass, 1 one does not.
reconcile replay: 0 the same verdict, 1 another one, 2 nothing to replay.
"""

import argparse
import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from pathlib import Path

import uvloop

from trader import __version__
from trader.app import real_world, run_daemon
from trader.archive import add_archive_arguments, run_archive
from trader.arguments import add_settings_arguments
from trader.asking import DONE, NOT_DONE, USAGE, add_state, ask, endpoint_of, timeout
from trader.backup import add_backup_arguments, run_backup
from trader.checkup import add_check_arguments, run_check
from trader.config import ConfigError, Configuration, load
from trader.config import process_environment as environment_of
from trader.config.signature import policy_lines, sign, sound_policy
from trader.core.emergency_story import emergency_story_of
from trader.core.story import NoStory, story_of
from trader.demo import add_demo_arguments, run_demo
from trader.engine.drain import ExitCode
from trader.journal_place import journal_asked_for
from trader.migrate import add_migrate_arguments, run_migrate
from trader.ops.clock import SystemClock
from trader.ops.control_client import NoReply, ask_status
from trader.ops.control_token import ENDPOINT_FILE_NAME
from trader.ops.kill import Order, World, halt, operator_name
from trader.ops.logs import configure_logs
from trader.ops.roles import (
    TOKENS_FILE_NAME,
    Role,
    TokensUnusable,
    added,
    load_entries,
    save_entries,
    without,
)
from trader.ops.status_text import breaker_lines, status_lines
from trader.ops.why_emergency import emergency_json, emergency_lines
from trader.ops.why_text import story_json, story_lines
from trader.ports import WorldError
from trader.quarantine import add_quarantine_arguments, run_quarantine
from trader.replay import add_replay_arguments, run_replay
from trader.report_list import add_reports_arguments, run_reports
from trader.restore import add_restore_arguments, run_restore
from trader.sentinel import run_sentinel, show_sentinel
from trader.store.story import NameUnknown, related, related_emergency
from trader.tickets import add_tickets_arguments, run_tickets
from trader.verify import add_verify_arguments, run_verify

_EXIT_CODES = """\
exit codes of run: 0 clean, 1 failed, 3 drained with open orders, 4 halted by invariant,
5 could not start, 6 no broker. Of the others: 0 done, 1 not done, 2 wrong usage; check: 0 or 5;
verify: 0 whole, 1 not as written, 2 nothing to look at.
backup, restore and archive: 0 done, 1 nothing was changed. reports: 0 all pass, 1 one does not.
reconcile replay: 0 the same verdict, 1 another one, 2 nothing to replay.
"""
_VERBS = {
    "resume": "clear the halt, if reconciliation is clean and nothing else objects",
    "baseline": "accept the broker's holdings as the starting point, once",
    "reconcile": "compare book and broker now",
    "cancel-orders": "cancel every working order of ours",
    "reset": "close a tripped breaker whose reading is good again",
    "override": "make a breaker not count for at most 15 minutes",
    "review": "say whether an automatic risk action was right (true) or in vain (false)",
}

# Nobody does one of these without saying why.
_WITH_REASON = ("resume", "reset", "override", "review")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words[:1] == ["sim"]:
        # A process of its own: the daemon's packages never import the simulator.
        os.execv(sys.executable, [sys.executable, "-m", "trader.sim", *words[1:]])  # noqa: S606
    given = _parser().parse_args(words)
    environment = environment_of()
    match given.command:
        case "run":
            return _run(given, environment)
        case "sentinel":
            watch = show_sentinel if given.show else run_sentinel
            return watch(given.config, environment)
        case "status":
            return _status(given, status_lines)
        case "breakers":
            return _status(given, breaker_lines)
        case "why" | "verify":
            return (_why if given.command == "why" else run_verify)(given, environment)
        case "reports":
            return run_reports(given)
        case "token":
            return _token(given)
        case "policy":
            return _policy(given, environment)
        case (
            "check"
            | "migrate"
            | "demo"
            | "tickets"
            | "quarantine"
            | "backup"
            | "restore"
            | "archive"
        ):
            acts = {
                "check": run_check,
                "migrate": run_migrate,
                "demo": run_demo,
                "tickets": run_tickets,
                "quarantine": run_quarantine,
                "backup": run_backup,
                "restore": run_restore,
                "archive": run_archive,
            }
            return acts[given.command](given, environment)
        case "halt":
            return _halt(given, environment)
        case _:
            return _verb(given, environment)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="trader",
        description="Trade one Interactive Brokers account; everything starts halted.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"trader {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    run = commands.add_parser("run", help="run the daemon")
    add_settings_arguments(run)
    demo = commands.add_parser("demo", help="trade against an own simulator, no account needed")
    add_demo_arguments(demo)
    commands.add_parser("sim", help="run the simulator alone, or compare it: sim diff")
    sentinel = commands.add_parser(
        "sentinel", help="watch the daemon from a process of its own; acts when it is gone"
    )
    sentinel.add_argument("--config", type=Path, required=True, help="the daemon's settings")
    sentinel.add_argument("--show", action="store_true", help="only say what it said last")
    status = commands.add_parser("status", help="show the running daemon")
    status.add_argument("--json", action="store_true", help="everything, as JSON")
    add_state(status)
    breakers = commands.add_parser("breakers", help="show every circuit breaker and its reading")
    breakers.add_argument("--json", action="store_true", help="the whole status, as JSON")
    add_state(breakers)
    why = commands.add_parser("why", help="tell the whole story of one intent, from the journal")
    why.add_argument(
        "name", help="an intent id, orderRef (kill-... too), order id, permId or execution id"
    )
    why.add_argument("--json", action="store_true", help="everything, as JSON")
    why.add_argument(
        "--journal", type=Path, metavar="FILE", help="another journal than the state's"
    )
    add_state(why)
    add_check_arguments(
        commands.add_parser(
            "check", help="say everything that would keep the daemon from starting; touch nothing"
        )
    )
    add_migrate_arguments(
        commands.add_parser("migrate", help="copy and upgrade the journal of an older version")
    )
    add_verify_arguments(
        commands.add_parser(
            "verify", help="say whether the journal is what was written, and where it is not"
        ),
        add_state,
    )
    add_tickets_arguments(
        commands.add_parser("tickets", help="what only a person may decide: list, show, decide")
    )
    add_quarantine_arguments(
        commands.add_parser("quarantine", help="messages that could not be read: list, show, retry")
    )
    add_reports_arguments(
        commands.add_parser("reports", help="which are of now and good"), add_state
    )
    _add_keeping(commands)
    _add_token(commands.add_parser("token", help="who may use the control port, in which role"))
    _add_policy(commands.add_parser("policy", help="show or sign the risk policy"))
    halt_command = commands.add_parser("halt", help="halt now (see also scripts/kill_switch.py)")
    halt_command.add_argument("--reason", default="manual")
    add_state(halt_command)
    for name, text in _VERBS.items():
        _add_verb(name, commands.add_parser(name, help=text))
    return parser


def _add_verb(name: str, verb: argparse.ArgumentParser) -> None:
    if name == "reconcile":
        add_replay_arguments(verb)
    if name in ("reset", "override"):
        verb.add_argument("breaker", help="its name, as trader breakers shows it")
    if name == "review":
        verb.add_argument("action", help="its number, as trader breakers shows it")
        verb.add_argument("--verdict", required=True, choices=("true", "false"))
        verb.add_argument("--by", help="who reviewed it (default: who is logged in)")
    if name == "override":
        verb.add_argument("--minutes", type=int, required=True, metavar="N", help="1 to 15")
    verb.add_argument("--reason", required=name in _WITH_REASON, default="manual")
    verb.add_argument("--timeout", type=timeout, default=60.0, metavar="S")
    add_state(verb)


def _add_keeping(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    add_backup_arguments(
        commands.add_parser("backup", help="copy the journal, verified; the daemon may run"),
        add_state,
    )
    add_restore_arguments(
        commands.add_parser("restore", help="put a backup in the journal's place; starts halted"),
        add_state,
    )
    add_archive_arguments(
        commands.add_parser("archive", help="move the journal's older events into an archive"),
        add_state,
    )


def _add_token(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("add", "list", "revoke"))
    parser.add_argument("name", nargs="?", help="whose token")
    parser.add_argument("--role", choices=[str(role) for role in Role], help="of a new token")
    add_state(parser)


def _add_policy(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("show", "sign"))
    parser.add_argument(
        "--file", type=Path, default=Path("config/targets.yaml"), help="the targets file"
    )
    parser.add_argument("--by", help="who signs (default: who is logged in)")
    parser.add_argument("--role", default="Risk Officer", help="in which role")


# ---- the daemon


def _run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    if not __debug__:
        return _cannot_start(["assertions are switched off (-O); allowed is on"])
    try:
        config = load(given.config, environment, given.set, given.account or "")
        problems = (*config.start_problems, *_state(config))
        if problems:
            return _cannot_start(problems)
        configure_logs(config.settings.log_level, config.settings.log_format)
        for warning in config.warnings:
            print(f"warning: {warning}", file=sys.stderr)
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return int(runner.run(run_daemon(config, real_world(environment))))
    except ConfigError as error:
        return _cannot_start(error.problems)
    except WorldError as error:
        return _cannot_start([str(error)])


def _policy(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    try:
        policy = sound_policy(given.file)
        if given.action == "sign":
            by = given.by or operator_name(environment)
            sign(given.file, policy, by=by, role=given.role, now_utc=SystemClock().utc())
        *limits, seal, signed = policy_lines(given.file, policy)
    except ConfigError as error:
        for problem in error.problems:
            print(f"trader: {problem}", file=sys.stderr)
        return NOT_DONE
    for line in (*limits, seal, signed) if given.action == "show" else (seal, signed):
        print(line)
    return DONE


def _state(config: Configuration) -> tuple[str, ...]:
    """Say why the state directory cannot be used; it is made if it is not there."""
    folder = config.settings.state_dir
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe-{os.getpid()}"
        probe.write_text("")
        probe.unlink()
    except OSError as error:
        return (f"state_dir: {folder} is not writable: {error.strerror}",)
    return ()


def _cannot_start(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"trader: cannot start: {problem}", file=sys.stderr)
    return int(ExitCode.COULD_NOT_START)


# ---- the operator's verbs


def _status(given: argparse.Namespace, lines_of: Callable[[dict[str, object]], list[str]]) -> int:
    endpoint = endpoint_of(given.state)
    if endpoint is None:
        return NOT_DONE
    try:
        reply = ask_status(endpoint, timeout_s=5.0, monotonic=SystemClock().monotonic)
    except NoReply as error:
        print(f"trader: no answer from process {endpoint.pid}: {error}", file=sys.stderr)
        return NOT_DONE
    if given.json:
        print(json.dumps(reply.body, indent=1))
    else:
        print("\n".join(lines_of(reply.body)))
    return DONE


def _why(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Tell a story; the journal is enough, so the daemon need not run."""
    try:
        body, lines = _told(journal_asked_for(given, environment), given.name)
    except (ConfigError, NameUnknown, NoStory, WorldError) as error:
        print(f"trader: {error}", file=sys.stderr)
        return NOT_DONE
    print(json.dumps(body, indent=1) if given.json else "\n".join(lines))
    return DONE


def _told(path: Path, name: str) -> tuple[dict[str, object], list[str]]:
    """Tell the story of an intent, or of an order that left without the daemon."""
    try:
        story = story_of(*related(path, name))
    except NameUnknown:
        with contextlib.suppress(NameUnknown):
            without = emergency_story_of(*related_emergency(path, name))
            return emergency_json(without), emergency_lines(without)
        raise
    return story_json(story), story_lines(story)


def _token(given: argparse.Namespace) -> int:
    """Add, list or revoke tokens; the running daemon sees the change at the next request."""
    path = given.state / TOKENS_FILE_NAME
    try:
        entries = load_entries(path)
        match given.action:
            case "list":
                lines = [f"{entry.name:<24} {entry.role}" for entry in entries]
                print("\n".join(lines or ["no tokens but the local operator's"]))
            case "add" if given.name and given.role:
                entries, token = added(entries, given.name, Role(given.role))
                save_entries(path, entries)
                print(token)
                print("It is shown this once; only its hash is kept.", file=sys.stderr)
            case "revoke" if given.name:
                save_entries(path, without(entries, given.name))
                print(f"revoked: {given.name}")
            case _:
                needed = "add NAME --role ROLE, revoke NAME, or list"
                print(f"trader: token {given.action}: allowed is {needed}", file=sys.stderr)
                return USAGE
    except (OSError, TokensUnusable) as error:
        print(f"trader: {path}: {error}", file=sys.stderr)
        return NOT_DONE
    return DONE


def _halt(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    clock = SystemClock()
    order = Order(
        halt_file=Path(environment.get("EXECUTION_HALTED_FILE") or given.state / "HALT"),
        endpoint_file=given.state / ENDPOINT_FILE_NAME,
        reason=" ".join(given.reason.split())[:500] or "manual",
        by=operator_name(environment),
        timeout_s=60.0,
    )
    world = World(
        say=print,
        complain=lambda text: print(text, file=sys.stderr),
        monotonic=clock.monotonic,
        utc=lambda: clock.utc().astimezone(UTC),
        pause=_pause,
        environment=environment,
    )
    return halt(order, world)


def _pause(seconds: float) -> None:
    """Wait in a shell command, where no event loop runs."""
    threading.Event().wait(seconds)


def _verb(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    if given.command == "reconcile" and given.replay:
        return run_replay(given, environment)
    asked: dict[str, object] = {"reason": given.reason, "by": operator_name(environment)}
    if given.command in ("reset", "override"):
        asked["breaker"] = given.breaker
    if given.command == "review":
        asked |= {"action": given.action, "verdict": given.verdict}
        asked["by"] = given.by or asked["by"]
    if given.command == "override":
        asked["minutes"] = given.minutes
    return ask(given, given.command, asked)
