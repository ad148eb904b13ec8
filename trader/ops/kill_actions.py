"""After the halt: cancel and liquidate, through the daemon if it can, without it if it cannot.

"Can" is the daemon's own word. One that answers does the work; one whose link is down is waited
for and then left a standing order; one that is dead, does not answer, cannot write its journal or
is refused by its own review is taken out of the way (``trader.emergency`` fences it) and the work
is done without it. Standard library only.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

from trader.ops.control_client import NoReply, Reply
from trader.ops.control_token import Endpoint, read_endpoint
from trader.ops.kill_order import (
    BUSY,
    CANNOT_ACT,
    DONE,
    NO_LINK,
    NOT_CONFIRMED,
    PROTECTED,
    REMAINS,
    USAGE,
    WAITS,
    Order,
    World,
    ask,
    report,
)
from trader.ops.standing_order import STANDING_FILE_NAME, leave_also, order_now

# A daemon that has not answered a halt within this is hung.
_HUNG_S = 5.0
_AGAIN_S = 1.0
_TRIES_MAX = 3
_TOO_MANY = 429
# The daemon has carried it out, or says what stands against it; anything else is no answer.
_ANSWERED = (200, 409)
_EXIT_CODES = {
    "done": DONE,
    "protected": PROTECTED,
    "remains": REMAINS,
    "waiting": WAITS,
    "no_link": NO_LINK,
}
# What only somebody else than this daemon can do.
_INCAPABLE = {
    "journal": "the daemon cannot write its journal and so sends no order",
    "refused": "the daemon's own review refuses the closing orders",
}
_ROOT = Path(__file__).resolve().parents[2]


def carry_out(order: Order, world: World, told: dict[str, object], *, has_answered: bool) -> int:
    """Do what was asked for beside the halt; returns the exit code."""
    endpoint = read_endpoint(order.endpoint_file)
    if endpoint is not None and not has_answered and not _wakes(order, endpoint, world):
        world.complain(f"The daemon (process {endpoint.pid}) hangs: acting without it.")
        endpoint = None
    if endpoint is not None:
        code = _through_daemon(order, world, told)
        if code is not None:
            return code
    return _alone(order, world, told)


def _wakes(order: Order, endpoint: Endpoint, world: World) -> bool:
    """Give a daemon that was late a real chance."""
    try:
        return ask(order, endpoint, world, "halt", timeout_s=_HUNG_S).is_done
    except NoReply:
        return False


# ---- through the daemon


def _through_daemon(order: Order, world: World, told: dict[str, object]) -> int | None:
    """Have the daemon do it; None when it has to be done without it."""
    told["acted"] = "daemon"
    end_s: float | None = None
    while True:
        reply = _asked(order, world)
        if reply is None:
            return None
        told.update(text=reply.text, details=reply.details, code=reply.code)
        if reply.code in _INCAPABLE:
            world.complain(f"{_INCAPABLE[reply.code]}: acting without it.")
            return None
        if reply.code != "no_link":
            return _EXIT_CODES.get(reply.code, DONE if reply.is_done else NOT_CONFIRMED)
        if end_s is None:
            # The daemon was at work until it missed the link: the wait begins here.
            end_s = world.monotonic() + order.wait_s
        left_s = end_s - world.monotonic()
        if left_s <= 0:
            return _left_standing(order, world, told)
        world.say(f"no link to the broker; trying for another {left_s:.0f} s")
        world.pause(min(_AGAIN_S, left_s))


def _asked(order: Order, world: World) -> Reply | None:
    """Ask for the verbs in their order; None when the daemon is gone or does not answer."""
    verbs: list[tuple[str, dict[str, bool]]] = []
    if order.must_cancel and not (order.must_liquidate and order.is_everything):
        # With --all what protects goes as well.
        keeps = not (order.must_liquidate or order.is_everything)
        asked = {"keep_exits": keeps}
        if order.is_everything:
            asked["all"] = True
        verbs.append(("cancel-orders", asked))
    if order.must_liquidate:
        verbs.append(("liquidate", {"all": order.is_everything}))
    reply: Reply | None = None
    for verb, asked in verbs:
        endpoint = read_endpoint(order.endpoint_file)
        if endpoint is None:
            world.complain(f"{verb}: the daemon has ended: acting without it.")
            return None
        world.say(f"{verb}: waiting up to {order.timeout_s:g} s for the daemon.")
        try:
            reply = _answered(order, endpoint, world, verb, asked)
        except NoReply as error:
            world.complain(f"{verb}: no answer: {error}. Acting without the daemon.")
            return None
        report(reply, f"{verb}: done", world)
        if reply.status not in _ANSWERED:
            world.complain(f"{verb}: refused with HTTP {reply.status}. Acting without the daemon.")
            return None
        if reply.code in _INCAPABLE or reply.code == "no_link":
            return reply
    return reply


def _answered(
    order: Order, endpoint: Endpoint, world: World, verb: str, asked: dict[str, bool]
) -> Reply:
    """Ask, and again where somebody else has used up what may be asked in a second (429)."""
    tries = 1
    while True:
        reply = ask(order, endpoint, world, verb, timeout_s=order.timeout_s, **asked)
        if reply.status != _TOO_MANY or tries == _TRIES_MAX:
            return reply
        tries += 1
        world.pause(_AGAIN_S)


def _left_standing(order: Order, world: World, told: dict[str, object]) -> int:
    path = order.state / STANDING_FILE_NAME
    standing = order_now(
        must_liquidate=order.must_liquidate,
        is_everything=order.is_everything,
        by=order.by,
        reason=order.reason,
        at=world.utc(),
    )
    try:
        stands = leave_also(path, standing)
    except OSError as error:
        world.complain(f"NO STANDING ORDER WAS LEFT: {path}: {error.strerror or error}.")
        return NO_LINK
    told["standing_order"] = str(path)
    if stands != standing:
        world.complain(f"An earlier standing order stays in its place: {stands.words}.")
    world.complain(
        f"Left as a standing order for the daemon and the sentinel, which carry it on when the "
        f"link is back: {path}. Take it back with --withdraw."
    )
    return NO_LINK


# ---- without it


def _alone(order: Order, world: World, told: dict[str, object]) -> int:
    """Start the emergency part in the project's environment and take over its account."""
    was_asked, told["acted"] = told.get("acted") == "daemon", "alone"
    python = find_python(_ROOT)
    if python is None:
        world.complain(
            f"Halted, but NOT cancelled or closed: there is no {_ROOT / '.venv'}, and the broker "
            "can only be reached with what is installed there. Make it (scripts/demo --help does), "
            "or close in TWS or by the broker's phone desk (RUNBOOK.md, Manual flatten)."
        )
        return CANNOT_ACT
    # A file and no pipe: an account of any length is written without anybody reading it.
    account = os.memfd_create("account", os.MFD_CLOEXEC)
    try:
        words = [str(python), "-m", "trader.emergency", "--report-fd", str(account)]
        words += _words(order) + (["--after-daemon"] if was_asked else [])
        code = _run(words, account, world)
        told["report"] = _account_in(os.pread(account, os.fstat(account).st_size, 0))
    except OSError as error:
        world.complain(f"THE EMERGENCY PART COULD NOT BE RUN: {python}: {error.strerror or error}.")
        return CANNOT_ACT
    finally:
        os.close(account)
    if code < 0 or code in (NOT_CONFIRMED, USAGE):
        world.complain("THE EMERGENCY PART BROKE OFF; run it again, and look at TWS.")
        if (order.state / STANDING_FILE_NAME).is_file():
            world.complain("A standing order lies there; --withdraw takes it back.")
        return CANNOT_ACT
    told["is_daemon_gone"] = code not in (CANNOT_ACT, BUSY)
    standing = told["report"].get("standing_order") if isinstance(told["report"], dict) else ""
    if code == NO_LINK and standing:
        world.complain(
            f"Left as a standing order for the daemon's next start and the sentinel: {standing}. "
            "Take it back with --withdraw."
        )
    return code


def _words(order: Order) -> list[str]:
    # With "=": a reason or a name may begin with a dash.
    words = [
        f"--state={order.state.absolute()}", f"--by={order.by}", f"--reason={order.reason}",
        f"--wait={order.wait_s:g}",
    ]  # fmt: skip
    words += ["--cancel-orders"] if order.must_cancel else []
    words += ["--liquidate"] if order.must_liquidate else []
    words += ["--all"] if order.is_everything else []
    words += [f"--config={Path(order.config).absolute()}"] if order.config else []
    return words


def _run(words: list[str], account: int, world: World) -> int:
    with subprocess.Popen(
        words,
        stdout=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
        pass_fds=(account,),
        cwd=_ROOT,
        env={**world.environment, "PYTHONPATH": str(_ROOT)},
    ) as child:
        assert child.stdout is not None
        for line in child.stdout:
            world.say(line.rstrip("\n"))
    return child.returncode


def find_python(root: Path) -> Path | None:
    """Return a Python that has what the broker needs: this one, or the project's environment.

    Never one that a file in the state directory names: whoever could write it would run as root.
    """
    prefix = Path(sys.prefix) / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    if sys.prefix != sys.base_prefix and (prefix / "ib_async").is_dir():
        return Path(sys.executable)
    python = root / ".venv" / "bin" / "python"
    return python if os.access(python, os.X_OK) else None


def _account_in(text: bytes) -> dict[str, object]:
    try:
        account = json.loads(text)
    except ValueError:
        return {}
    return account if isinstance(account, dict) else {}
