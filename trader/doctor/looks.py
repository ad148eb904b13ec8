"""Gather facts about machine and state, from the disk and the kernel; each look may block.

What cannot be looked at says so in the fact itself. The one thing that is written is a trial file,
which is gone again.
"""

import os
import subprocess
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from shutil import which
from typing import Any

from trader.config import ConfigError, Configuration
from trader.core.events import OrderErrorSeen, OrderSent
from trader.doctor.gateway import PRESET_CODES
from trader.doctor.machine import Unit, Written
from trader.doctor.state import FileMode, Glimpse, Held, Secret, password, token
from trader.ops.anchors import anchors_in, newest_anchor
from trader.ops.control_client import NoReply, ask_status
from trader.ops.control_token import ENDPOINT_FILE_NAME, TOKEN_FILE_NAME, read_endpoint, read_token
from trader.ops.fence import FenceFailed, holder_of, strays_of
from trader.ops.instance_lock import LIQUIDATOR, journal_lock, said_in
from trader.ops.roles import TOKENS_FILE_NAME
from trader.ops.standing_order import STANDING_FILE_NAME, StandingOrderUnreadable, standing
from trader.ports import Clock
from trader.store.latest import newest
from trader.store.rows import JournalUnusable
from trader.store.verify_archives import verified_history

SHIPPED_UNITS = Path(__file__).resolve().parents[2] / "systemd"
_TRIAL_BYTES = 4096
_STATUS_S = 2.0
_SYSTEMCTL_S = 3.0
# More than this is left to `trader verify`, which takes its time.
_JOURNAL_BYTES_MAX = 48 * 1024 * 1024
_NEWEST = 5_000
_SHOWN = "LoadState,ActiveState,UnitFileState,FragmentPath,DropInPaths,NeedDaemonReload,Result"


def held(state: Path, journal: Path) -> Held:
    """Return who holds state and journal, as the kernel shows it; nothing is locked to find out."""
    path = state / "lock"
    own = journal_lock(journal).path
    try:
        writer = holder_of(own) if own.exists() else None
        said, _ = said_in(path.read_bytes()[:64]) if path.exists() else (0, "")
        holder = holder_of(path) if path.exists() else None
        strays = strays_of(path) if state.exists() else []
    except (FenceFailed, OSError) as error:
        return Held(problem=str(error))
    return Held(
        pid=holder.pid if holder else 0,
        is_liquidator=holder is not None and holder.role == LIQUIDATOR,
        said=said,
        strays=tuple(row.pid for row in strays),
        journal_pid=writer.pid if writer else 0,
    )


def status(state: Path, clock: Clock) -> tuple[Mapping[str, Any] | None, str]:
    """Return what a running daemon says of itself, or None and why not."""
    endpoint = read_endpoint(state / ENDPOINT_FILE_NAME)
    if endpoint is None:
        return None, "it has not said where it listens"
    try:
        return ask_status(endpoint, timeout_s=_STATUS_S, monotonic=clock.monotonic).body, ""
    except NoReply as error:
        return None, str(error)


def written(state: Path, clock: Clock) -> Written:
    """Write a file into the state as the journal does, durable, and take it away again."""
    if not state.exists():
        return Written(str(state), None, None)
    trial = state / f".doctor-{os.getpid()}"
    try:
        found = os.statvfs(state)
        begun_s = clock.monotonic()
        try:
            with trial.open("xb") as file:
                file.write(b"\0" * _TRIAL_BYTES)
                file.flush()
                os.fsync(file.fileno())
        finally:
            trial.unlink(missing_ok=True)
    except OSError as error:
        return Written(str(state), None, None, f"{state}: {error.strerror or error}")
    shares = [(found.f_bavail, found.f_blocks), (found.f_favail, found.f_files)]
    free = min((Decimal(left) / total for left, total in shares if total), default=None)
    return Written(str(state), clock.monotonic() - begun_s, free)


def file_modes(config: Configuration, path: Path) -> tuple[list[FileMode], int | None]:
    """Return who may touch settings, state and secrets, and whose the state is."""
    settings = config.settings
    state, redis = settings.state_dir, settings.outbox.redis
    secret = [state / TOKEN_FILE_NAME, state / TOKENS_FILE_NAME]
    secret += [redis.password_file] if redis is not None and redis.password_file else []
    plain = [path, settings.targets_file, settings.assets_file, config.halt_file]
    plain += [config.journal_file, path.parent / "trader.env"]
    rows = [row for one in secret if (row := _file_mode(one, is_secret=True))]
    rows += [row for one in plain if (row := _file_mode(one))]
    folder = _file_mode(state, is_folder=True)
    rows += [folder] if folder else []
    return rows, folder.owner if folder else None


def _file_mode(path: Path, *, is_secret: bool = False, is_folder: bool = False) -> FileMode | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return FileMode(str(path), found.st_mode, found.st_uid, is_secret, is_folder)


def secrets_of(config: Configuration) -> list[Secret]:
    """Return the secrets that are kept here."""
    found = []
    path = config.settings.state_dir / TOKEN_FILE_NAME
    if path.exists():
        found.append(token(read_token(path)))
    if config.settings.outbox.redis is not None:
        try:
            value: str | None = config.redis_password()
        except ConfigError:
            value = None
        if value != "":
            found.append(password("the Redis password", value))
    return found


def kill_standing(state: Path) -> tuple[str | None, str]:
    """Return the standing order in words, None without one, and why it cannot be read."""
    try:
        found = standing(state / STANDING_FILE_NAME)
    except StandingOrderUnreadable as error:
        return None, str(error)
    return (found.words if found else None), ""


def glimpse(journal: Path, state: Path) -> Glimpse:
    """Read a journal whole if it is small, else its newest events; no daemon may be writing it."""
    where = str(journal)
    try:
        anchor, _ = newest_anchor(state)
        if not journal.exists():
            return Glimpse(where, exists=False, has_anchors=anchor is not None)
        if journal.stat().st_size > _JOURNAL_BYTES_MAX:
            last = newest(journal, _NEWEST)
            count = int(last[-1].seq) if last else 0
            read = (
                f"only the newest {len(last)} were read, {_JOURNAL_BYTES_MAX >> 20} MB is too much"
            )
            return Glimpse(where, exists=True, event_count=count, left_out=read)
        anchors, _ = anchors_in(state)
        verdict = verified_history(journal, anchors)
    except (JournalUnusable, OSError) as error:
        return Glimpse(where, exists=True, problem=str(error))
    findings = tuple(f"{row.kind}: {row.text}" for row in verdict.findings)
    return Glimpse(where, exists=True, event_count=verdict.event_count, findings=findings)


def presets_met(journal: Path) -> tuple[dict[int, int], int]:
    """Count the codes of presets among the newest order errors, and the newest orders."""
    if not journal.exists():
        return {}, 0
    rows = newest(journal, _NEWEST, (OrderErrorSeen.__name__, OrderSent.__name__))
    codes = Counter(row.event.code for row in rows if isinstance(row.event, OrderErrorSeen))
    orders = sum(isinstance(row.event, OrderSent) for row in rows)
    return {code: codes[code] for code in PRESET_CODES if codes[code]}, orders


def unit_of(name: str, shipped: Path = SHIPPED_UNITS) -> Unit:
    """Return what systemd knows of a unit, with its text here and as shipped."""
    text = _text(shipped / name)
    program = which("systemctl")
    if program is None:
        return Unit(name, None, None, text, "there is no systemctl: another way starts it here")
    words = [program, "show", name, f"--property={_SHOWN}", "--no-pager"]
    try:
        done = subprocess.run(
            words, capture_output=True, text=True, timeout=_SYSTEMCTL_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Unit(name, None, None, text, f"systemctl: {error}")
    rows = (line.partition("=") for line in done.stdout.splitlines())
    shown = {key: value for key, _, value in rows}
    if done.returncode != 0 or "LoadState" not in shown:
        said = " ".join(done.stderr.split())[:120] or "it says nothing of the unit"
        return Unit(name, None, None, text, f"systemctl: {said}")
    return Unit(name, shown, _text(Path(shown.get("FragmentPath") or os.devnull)), text)


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8") or None
    except (OSError, UnicodeDecodeError):
        return None
