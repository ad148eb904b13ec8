"""The kill switch: write the halt file first, then tell the daemon, then say what is certain.

The order is the promise (INC-030, OPS-01). The file needs nothing but a disk, and the daemon
looks at it before each send; everything after it is best effort and cannot undo it. Cancels and
closes are in :mod:`trader.ops.kill_actions`. Standard library only; clock, environment and
output are handed in.
"""

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from trader.ops.control_client import NoReply, ask_status
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, read_endpoint
from trader.ops.halt_record import HALT_FILE_NAME, readable, write_halt
from trader.ops.kill_actions import carry_out
from trader.ops.kill_order import (
    DONE,
    FILE_FAILED,
    NOT_CONFIRMED,
    USAGE,
    Order,
    World,
    ask,
    operator_name,
    report,
)
from trader.ops.standing_order import STANDING_FILE_NAME, withdraw

__all__ = ["Order", "World", "halt", "main", "operator_name", "resume"]

HALT_PHRASE = "HALT TRADING"
RESUME_PHRASE = "RESUME TRADING"
# Connecting and answering together; the file holds whether or not the daemon makes it.
_CONFIRM_TIMEOUT_S = 0.1
# The daemon looks at the file right before each send, without waiting in between: whatever had
# passed that look when the file changed is on the wire after this.
_GRACE_S = 0.02
_STATUS_S = 5.0
_EPILOG = f"""\
exit codes:
  0  halted; what was asked for is done, and the broker shows it: no open order of ours, with
     --liquidate no managed position, with --all nothing at all
  1  halted, and the daemon did not confirm
  2  wrong usage; nothing was changed
  3  halted; what adds risk is cancelled, protective exits still work (--liquidate takes them off)
  4  halted; orders or positions remain: each is named with the reason
  5  halted; closing orders are at the broker and wait, as for the open: not flat yet
  6  the halt file could not be written (everything else was tried all the same)
  7  halted; no link to the broker within --wait: a standing order was left for daemon and sentinel
  8  halted; could not act without the daemon: no virtual environment, no settings, not fenced,
     or the link reports another account
  9  halted; another kill switch or the sentinel is at work and did not finish in time

A bare halt needs nothing but a disk. --cancel-orders and --liquidate go through the daemon if it
answers. If it is dead, hung, or cannot write its journal, they are done without it: the process
that holds state/lock is killed (SIGKILL), its client id is taken, its orders that add risk are
cancelled, and positions are closed one by one. This part needs the project's .venv.

--all means the whole account: a global cancel takes EVERY order off, protective stops and orders
entered by hand included, and positions that are not managed are closed as well.

--clear asks the running daemon to resume; it refuses unless reconciliation is clean and nothing
else stands against it, and exits 0 when resumed, 1 when not. It needs --confirm "{RESUME_PHRASE}".
--withdraw takes back a standing order that waits for the link.
"""


def main(arguments: Sequence[str], world: World) -> int:
    """Run ``kill_switch.py`` and return its exit code."""
    given = _parser().parse_args(arguments)
    phrase = RESUME_PHRASE if given.clear else HALT_PHRASE
    problem = _usage_problem(given, phrase)
    if problem:
        world.complain(f"{problem} No change.")
        return USAGE
    order = order_of(given, world.environment)
    if given.clear:
        return resume(order, world)
    if given.withdraw:
        return take_back(order, world)
    if not given.json:
        return halt(order, world)
    return _as_json(order, world)


def order_of(given: argparse.Namespace, environment: Mapping[str, str]) -> Order:
    """Turn arguments and environment into an order."""
    state = Path(given.state)
    return Order(
        halt_file=Path(environment.get("EXECUTION_HALTED_FILE") or state / HALT_FILE_NAME),
        endpoint_file=state / ENDPOINT_FILE_NAME,
        reason=readable(" ".join(given.reason.split()))[:500] or "manual",
        by=operator_name(environment),
        timeout_s=given.timeout,
        must_cancel=given.cancel_orders,
        must_liquidate=given.liquidate,
        is_everything=given.all,
        wait_s=given.wait,
        config=given.config or "",
    )


def halt(order: Order, world: World, account: dict[str, object] | None = None) -> int:
    """Halt, then cancel and liquidate if asked; return the exit code.

    ``account`` takes what happened, for ``--json``.
    """
    told = {} if account is None else account
    is_written = _write(order, world)
    endpoint = read_endpoint(order.endpoint_file)
    if endpoint is not None and endpoint.halt_file not in (None, order.halt_file.absolute()):
        # The daemon was started with another path than this shell knows: that one counts.
        assert endpoint.halt_file is not None
        is_written = _write(order._replace(halt_file=endpoint.halt_file), world)
    is_confirmed = _tell(order, endpoint, world, is_written=is_written)
    told.update(is_halted=is_written, is_confirmed=is_confirmed, reason=order.reason, by=order.by)
    code = DONE if is_confirmed else NOT_CONFIRMED
    if order.must_cancel or order.must_liquidate:
        code = carry_out(order, world, told, has_answered=endpoint is not None and is_confirmed)
        _count_strategies(order, world, told)
    return code if is_written else FILE_FAILED


def resume(order: Order, world: World) -> int:
    """Ask the daemon to resume; only it can check that this is right (OPS-04)."""
    endpoint = read_endpoint(order.endpoint_file)
    if endpoint is None:
        world.complain(
            f"Not resumed: no daemon is running for {order.state}, and only the "
            "daemon can check that resuming is safe."
        )
        return NOT_CONFIRMED
    world.say(f"resume: waiting up to {order.timeout_s:g} s for the daemon.")
    try:
        reply = ask(order, endpoint, world, "resume", timeout_s=order.timeout_s)
    except NoReply as error:
        world.complain(f"resume: not confirmed: {error}. It may still happen; see trader status.")
        return NOT_CONFIRMED
    report(reply, "resume: done", world)
    return DONE if reply.is_done else NOT_CONFIRMED


def take_back(order: Order, world: World) -> int:
    """Withdraw a standing order; the halt stays."""
    path = order.state / STANDING_FILE_NAME
    try:
        was_there = withdraw(path)
    except OSError as error:
        world.complain(f"Not withdrawn: {path}: {error.strerror or error}.")
        return NOT_CONFIRMED
    world.say(f"{'Withdrawn' if was_there else 'There was no standing order'}: {path}.")
    return DONE


def _usage_problem(given: argparse.Namespace, phrase: str) -> str:
    if given.confirm != phrase:
        return f'--confirm is "{given.confirm or ""}"; allowed: "{phrase}".'
    acts = given.cancel_orders or given.liquidate
    if given.clear and (acts or given.withdraw):
        return "--clear goes with neither --cancel-orders nor --liquidate nor --withdraw."
    if given.withdraw and acts:
        return "--withdraw goes with neither --cancel-orders nor --liquidate."
    if given.all and not acts:
        return "--all needs --cancel-orders or --liquidate."
    for name, value, low in (("timeout", given.timeout, 0.001), ("wait", given.wait, 0.0)):
        if not low <= value <= 3600:
            return f"--{name} is {value:g}; allowed: {'above 0' if low else '0'}, up to 3600."
    return ""


def _as_json(order: Order, world: World) -> int:
    """Do the same with the lines on stderr and one JSON object on stdout."""
    account: dict[str, object] = {}
    code = halt(order, world._replace(say=world.complain), account)
    account["exit_code"] = code
    world.answer(json.dumps(account, ensure_ascii=True))
    return code


def _write(order: Order, world: World) -> bool:
    try:
        write_halt(order.halt_file, order.reason, order.by, world.utc())
    except OSError as error:
        world.complain(
            f"THE HALT FILE COULD NOT BE WRITTEN: {order.halt_file}: {error.strerror or error}."
        )
        if not order.halt_file.parent.is_dir():
            world.complain("There is no such directory; name the daemon's own with --state.")
        return False
    world.say(f"Halted by {order.by}: {order.reason}. The halt file is {order.halt_file}.")
    return True


def _tell(order: Order, endpoint: Endpoint | None, world: World, *, is_written: bool) -> bool:
    """Tell the daemon; return whether nothing about the halt is left open."""
    if endpoint is None:
        if is_written:
            world.say(f"No daemon is running for {order.state}; the halt holds at its next start.")
        else:
            world.complain(f"No daemon is running for {order.state}.")
        return is_written
    started_s = world.monotonic()
    try:
        reply = ask(order, endpoint, world, "halt", timeout_s=_CONFIRM_TIMEOUT_S)
    except NoReply as error:
        world.pause(_GRACE_S)
        world.complain(f"Not confirmed by the daemon (process {endpoint.pid}): {error}.")
        if is_written:
            world.complain("It reads the halt file before each order and sends none from now on.")
        return False
    took_ms = (world.monotonic() - started_s) * 1000
    report(reply, f"Confirmed by the daemon (process {endpoint.pid}) in {took_ms:.0f} ms", world)
    return reply.is_done


def _count_strategies(order: Order, world: World, told: dict[str, object]) -> None:
    """Say how many strategies run: none, without a process and under a halt (OPS-03)."""
    endpoint = read_endpoint(order.endpoint_file)
    count: object = 0
    # Whoever has held the lock alone knows that there is no daemon, whatever a file still says.
    if endpoint is not None and not told.get("is_daemon_gone"):
        try:
            status = ask_status(endpoint, timeout_s=_STATUS_S, monotonic=world.monotonic).body
            count = running_strategies(status)
        except NoReply as error:
            world.complain(f"strategies running: not known, the daemon does not say: {error}")
            told["strategies_running"] = None
            return
    world.say(f"strategies running: {count}")
    told["strategies_running"] = count


def running_strategies(status: Mapping[str, object]) -> int:
    """Count the strategies that may trade now, which is none in a daemon that is halted."""
    rows = status.get("strategies")
    if not isinstance(rows, list):
        return 0
    return sum(isinstance(row, dict) and row.get("state") == "RUNNING" for row in rows)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kill_switch.py",
        description="Halt trading now: no new order leaves. Optionally cancel and liquidate.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--confirm", metavar="TEXT", help=f'must be exactly "{HALT_PHRASE}"')
    add("--cancel-orders", action="store_true", help="then cancel our orders that add risk")
    add("--liquidate", action="store_true", help="then cancel all of ours, close what is managed")
    add("--all", action="store_true", help="the whole account, see below")
    add("--wait", type=float, default=30.0, metavar="S", help="for a link that is down (30)")
    add("--json", action="store_true", help="one JSON object on stdout, the lines on stderr")
    add("--clear", action="store_true", help="resume instead of halting")
    add("--withdraw", action="store_true", help="take a standing order back")
    add("--reason", default="manual", metavar="TEXT", help="why (default: manual)")
    add("--state", default="./state", metavar="DIR", help="the daemon's state (default: ./state)")
    add("--config", metavar="FILE", help="the settings, if the state does not hold the last ones")
    add("--timeout", type=float, default=60.0, metavar="S", help="for the daemon's own work (60)")
    return parser
