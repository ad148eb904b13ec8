"""Taking the lock at a start: another daemon is refused, a liquidator is waited for.

systemd restarts a daemon that was fenced while the fencer is still at work, and a start that
failed for good would leave nobody to watch the positions.
"""

import structlog

from trader.ops.fence import FenceFailed, strays_of
from trader.ops.instance_lock import InstanceLock, LiquidatorHolds, LockTaken
from trader.ops.notify import Notifier
from trader.ports import Clock

_log = structlog.get_logger(__name__)
# Between taking the lock and saying in it who one is lies less than this.
_PATIENCE_S = 0.3
_POLL_S = 0.05
# How much longer than until now systemd is asked to wait, each time.
_EXTEND_S = 30.0


async def take_in_turn(lock: InstanceLock, pid: int, clock: Clock, notifier: Notifier) -> None:
    """Take the lock, after a liquidator if one holds it; raises LockTaken for another daemon."""
    end_s = clock.monotonic() + _PATIENCE_S
    told = ""
    while True:
        try:
            lock.take(pid)
        except LiquidatorHolds as error:
            if str(error) != told:
                told = str(error)
                _log.warning("waiting for the liquidator", problem=told)
                notifier.status(f"waiting: {told}")
            notifier.extend_start(_EXTEND_S)
            end_s = clock.monotonic() + _PATIENCE_S
        except LockTaken:
            if clock.monotonic() >= end_s:
                raise
        else:
            _refuse_beside_another(lock)
            return
        await clock.sleep(_POLL_S)


def _refuse_beside_another(lock: InstanceLock) -> None:
    """Give the lock back and raise LockTaken where another process has one without its file."""
    try:
        strays = strays_of(lock.path)
    except FenceFailed as error:
        # Where the kernel shows no locks at all, the lock itself still holds.
        _log.warning("locks not looked at", problem=str(error))
        return
    if strays:
        lock.release()
        raise LockTaken(
            f"{lock.path}: process {strays[0].pid} works here, and the file of its lock was removed"
        )
