"""The kill switch: write the halt file first, then tell the daemon, then say what is certain.

The order is the promise (INC-030, OPS-01). The file needs nothing but a disk, and the daemon
looks at it before each send; everything after it is best effort and cannot undo it. Standard
library only; clock, environment and output are handed in.
"""

import argparse
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from trader.ops.control_client import NoReply, Reply, ask_verb
from trader.ops.control_token import ENDPOINT_FILE_NAME, Endpoint, read_endpoint
from trader.ops.halt_record import HALT_FILE_NAME, write_halt

HALT_PHRASE = "HALT TRADING"
RESUME_PHRASE = "RESUME TRADING"
DONE, NOT_CONFIRMED, USAGE, FILE_FAILED = 0, 1, 2, 6
# Connecting and answering together; the file holds whether or not the daemon makes it.
_CONFIRM_TIMEOUT_S = 0.1
# The daemon looks at the file right before each send, without waiting in between: whatever had
# passed that look when the file changed is on the wire after this.
_GRACE_S = 0.02
_EPILOG = f"""\
exit codes:
  0  halted; orders cancelled and positions closed too, if asked for, confirmed by the daemon
  1  halted, but something asked for was not confirmed
  2  wrong usage; nothing was changed
  6  the halt file could not be written (the running daemon was told all the same)

Without a running daemon a bare halt is complete: the halt file holds at the next start.
--clear asks the running daemon to resume; it refuses unless reconciliation is clean and nothing
else stands against it, and exits 0 when resumed, 1 when not. It needs --confirm "{RESUME_PHRASE}".
"""


class World(NamedTuple):
    """What the kill switch needs of its surroundings."""

    say: Callable[[str], None]
    complain: Callable[[str], None]
    monotonic: Callable[[], float]
    utc: Callable[[], datetime]
    pause: Callable[[float], None]
    environment: Mapping[str, str]


class Order(NamedTuple):
    """What was asked for."""

    halt_file: Path
    endpoint_file: Path
    reason: str
    by: str
    timeout_s: float
    verbs: tuple[str, ...] = ()


def main(arguments: Sequence[str], world: World) -> int:
    """Run ``kill_switch.py`` and return its exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    phrase = RESUME_PHRASE if given.clear else HALT_PHRASE
    if given.confirm != phrase:
        world.complain(f'--confirm is "{given.confirm or ""}"; allowed: "{phrase}". No change.')
        return USAGE
    if given.clear and (given.cancel_orders or given.liquidate):
        world.complain("--clear goes with neither --cancel-orders nor --liquidate. No change.")
        return USAGE
    if not 0 < given.timeout <= 3600:
        world.complain(f"--timeout is {given.timeout:g}; allowed: above 0, up to 3600. No change.")
        return USAGE
    order = order_of(given, world.environment)
    return resume(order, world) if given.clear else halt(order, world)


def order_of(given: argparse.Namespace, environment: Mapping[str, str]) -> Order:
    """Turn arguments and environment into an order."""
    state = Path(given.state)
    wanted = (("cancel-orders", given.cancel_orders), ("liquidate", given.liquidate))
    return Order(
        halt_file=Path(environment.get("EXECUTION_HALTED_FILE") or state / HALT_FILE_NAME),
        endpoint_file=state / ENDPOINT_FILE_NAME,
        reason=" ".join(given.reason.split())[:500] or "manual",
        by=operator_name(environment),
        timeout_s=given.timeout,
        verbs=tuple(verb for verb, is_wanted in wanted if is_wanted),
    )


def operator_name(environment: Mapping[str, str]) -> str:
    """Return who is at the keyboard, as far as the environment tells."""
    for name in ("SUDO_USER", "LOGNAME", "USER"):
        if environment.get(name, "").strip():
            return environment[name].strip()[:100]
    return f"uid {os.getuid()}"


def halt(order: Order, world: World) -> int:
    """Halt, then cancel and liquidate if asked; return the exit code."""
    is_written = _write(order, world)
    endpoint = read_endpoint(order.endpoint_file)
    if endpoint is not None and endpoint.halt_file not in (None, order.halt_file.absolute()):
        # The daemon was started with another path than this shell knows: that one counts.
        assert endpoint.halt_file is not None
        is_written = _write(order._replace(halt_file=endpoint.halt_file), world)
    is_confirmed = _tell(order, endpoint, world, is_written=is_written)
    for verb in order.verbs:
        is_confirmed = _carry_out(verb, order, endpoint, world) and is_confirmed
    if not is_written:
        return FILE_FAILED
    return DONE if is_confirmed else NOT_CONFIRMED


def resume(order: Order, world: World) -> int:
    """Ask the daemon to resume; only it can check that this is right (OPS-04)."""
    endpoint = read_endpoint(order.endpoint_file)
    if endpoint is None:
        world.complain(
            f"Not resumed: no daemon is running for {order.endpoint_file.parent}, and only the "
            "daemon can check that resuming is safe."
        )
        return NOT_CONFIRMED
    return DONE if _carry_out("resume", order, endpoint, world) else NOT_CONFIRMED


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
            world.say(
                f"No daemon is running for {order.endpoint_file.parent}; "
                "the halt holds at its next start."
            )
        else:
            world.complain(f"No daemon is running for {order.endpoint_file.parent}.")
        return is_written
    started_s = world.monotonic()
    try:
        reply = _ask("halt", order, endpoint, world, timeout_s=_CONFIRM_TIMEOUT_S)
    except NoReply as error:
        world.pause(_GRACE_S)
        world.complain(f"Not confirmed by the daemon (process {endpoint.pid}): {error}.")
        if is_written:
            world.complain("It reads the halt file before each order and sends none from now on.")
        return False
    took_ms = (world.monotonic() - started_s) * 1000
    _report(reply, f"Confirmed by the daemon (process {endpoint.pid}) in {took_ms:.0f} ms", world)
    return reply.is_done


def _carry_out(verb: str, order: Order, endpoint: Endpoint | None, world: World) -> bool:
    if endpoint is None:
        world.complain(f"{verb}: not done, because no daemon is running. Use TWS or the broker.")
        return False
    world.say(f"{verb}: waiting up to {order.timeout_s:g} s for the daemon.")
    try:
        reply = _ask(verb, order, endpoint, world, timeout_s=order.timeout_s)
    except NoReply as error:
        world.complain(f"{verb}: not confirmed: {error}. It may still happen; check with TWS.")
        return False
    _report(reply, f"{verb}: done", world)
    return reply.is_done


def _ask(verb: str, order: Order, endpoint: Endpoint, world: World, *, timeout_s: float) -> Reply:
    asked = {"reason": order.reason, "by": order.by}
    return ask_verb(endpoint, verb, asked, timeout_s=timeout_s, monotonic=world.monotonic)


def _report(reply: Reply, done: str, world: World) -> None:
    if reply.is_done:
        world.say(f"{done}: {reply.text}")
    else:
        world.complain(f"{done.partition(':')[0]}, but not done: {reply.text}")
    for line in reply.details:
        world.say(f"  {line}")


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
    add("--cancel-orders", action="store_true", help="then cancel every working order of ours")
    add("--liquidate", action="store_true", help="then close every managed position")
    add("--clear", action="store_true", help="resume instead of halting")
    add("--reason", default="manual", metavar="TEXT", help="why (default: manual)")
    add("--state", default="./state", metavar="DIR", help="the daemon's state (default: ./state)")
    add("--timeout", type=float, default=60.0, metavar="S", help="for cancels and closing orders")
    return parser
