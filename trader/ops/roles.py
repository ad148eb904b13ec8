"""Who may do what at the control port: roles, and the tokens that prove them.

A token file below the state directory holds names, roles and the SHA-256 of each token, never a
token. It is read again when it changes, and one that cannot be read admits nobody: then only the
local control token is left, which whoever owns the state directory has.
"""

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import structlog

from trader.ops.halt_record import read_bounded, replace_file, without_repeats

TOKENS_FILE_NAME = "tokens.json"
NAME_FORM = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}", re.ASCII)
_HASH_FORM = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TOKENS_MAX = 256
_log = structlog.get_logger(__name__)


class Role(StrEnum):
    """What somebody is trusted with; nobody is everything but the administrator."""

    VIEWER = "viewer"
    TRADER = "trader"
    RISK = "risk"
    ADMIN = "admin"


_EVERYBODY = frozenset(Role)
_STOPPERS = frozenset({Role.TRADER, Role.RISK, Role.ADMIN})
_JUDGES = frozenset({Role.RISK, Role.ADMIN})
# Whoever trades may stop, and whoever clears a halt or books a difference does not trade.
MAY: Mapping[str, frozenset[Role]] = {
    "read-orders": _EVERYBODY,
    "place-order": frozenset({Role.TRADER, Role.ADMIN}),
    "change-order": frozenset({Role.TRADER, Role.ADMIN}),
    "cancel-order": _STOPPERS,
    "halt": _STOPPERS,
    "cancel-orders": _STOPPERS,
    "reconcile": _STOPPERS,
    "liquidate": _JUDGES,
    "reduce": _JUDGES,
    "resume": _JUDGES,
    "adopt": _JUDGES,
    "book": _JUDGES,
    "ignore-until": _JUDGES,
    "flatten": _JUDGES,
    "retry-letter": _JUDGES,
    "dismiss-letter": _JUDGES,
    "reset": _JUDGES,
    "override": _JUDGES,
    "review": _JUDGES,
    "baseline": frozenset({Role.ADMIN}),
}


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody with a token."""

    name: str
    role: Role

    def may(self, verb: str) -> bool:
        """Tell whether the role covers the verb."""
        return self.role in MAY[verb]


class TokensUnusable(ValueError):
    """The token file is not what it has to be; the message names what is wrong and allowed."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One token as it is kept."""

    name: str
    role: Role
    sha256: str


class Principals:
    """Everybody who may knock: the holder of the control token, and those of the token file."""

    def __init__(self, control_token: str, path: Path) -> None:
        self._local = Entry("local", Role.ADMIN, _sha256(control_token))
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._entries: tuple[Entry, ...] = ()

    def whose(self, token: str) -> Principal | None:
        """Return whose token this is, or None; every entry is compared, whichever fits."""
        given = _sha256(token)
        found: Principal | None = None
        for entry in (self._local, *self._current()):
            if hmac.compare_digest(entry.sha256, given) and found is None:
                found = Principal(entry.name, entry.role)
        return found

    def _current(self) -> tuple[Entry, ...]:
        try:
            status = os.stat(self._path)
        except FileNotFoundError:
            self._seen, self._entries = None, ()
            return ()
        except OSError as error:
            return self._none(str(error.strerror or error))
        seen = (status.st_mtime_ns, status.st_size, status.st_ino)
        if seen != self._seen:
            # Taken before the content was read: a later change differs from it.
            self._seen = seen
            if status.st_mode & 0o022:
                return self._none("others may write it")
            try:
                self._entries = entries_in(read_bounded(self._path))
            except (OSError, TokensUnusable) as error:
                return self._none(str(error))
        return self._entries

    def _none(self, problem: str) -> tuple[Entry, ...]:
        _log.error("the token file admits nobody", path=str(self._path), problem=problem)
        self._entries = ()
        return ()


def entries_in(content: bytes) -> tuple[Entry, ...]:
    """Read the token file; raises TokensUnusable."""
    try:
        rows = json.loads(content, object_pairs_hook=without_repeats)
    except (ValueError, RecursionError) as error:
        raise TokensUnusable(f"not JSON: {error}") from error
    if not isinstance(rows, list) or len(rows) > _TOKENS_MAX:
        raise TokensUnusable(f"allowed is a list of at most {_TOKENS_MAX} tokens")
    entries = tuple(_entry_of(row) for row in rows)
    names = [entry.name for entry in entries]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise TokensUnusable(f"name {twice[0]!r} is there twice, allowed is once")
    return entries


def added(entries: tuple[Entry, ...], name: str, role: Role) -> tuple[tuple[Entry, ...], str]:
    """Return the entries with a new one, and its token, which nobody can read back later."""
    if not NAME_FORM.fullmatch(name) or name == "local":
        raise TokensUnusable(
            f"name is {name!r}, allowed are 1 to 64 letters, digits and _.@- (not 'local')"
        )
    if any(entry.name == name for entry in entries):
        raise TokensUnusable(f"name {name!r} has a token already; revoke that first")
    token = "trd_" + secrets.token_urlsafe(32)
    return (*entries, Entry(name, role, _sha256(token))), token


def without(entries: tuple[Entry, ...], name: str) -> tuple[Entry, ...]:
    """Return the entries but one; raises TokensUnusable when there is no such name."""
    left = tuple(entry for entry in entries if entry.name != name)
    if len(left) == len(entries):
        known = ", ".join(entry.name for entry in entries) or "none"
        raise TokensUnusable(f"no token has the name {name!r}; there are: {known}")
    return left


def load_entries(path: Path) -> tuple[Entry, ...]:
    """Read the token file, no entries when there is none; raises OSError and TokensUnusable."""
    try:
        return entries_in(read_bounded(path))
    except FileNotFoundError:
        return ()


def save_entries(path: Path, entries: tuple[Entry, ...]) -> None:
    """Replace the token file, atomically and for its owner alone; raises OSError."""
    rows = [
        {"name": entry.name, "role": str(entry.role), "sha256": entry.sha256} for entry in entries
    ]
    replace_file(path, json.dumps(rows, indent=1).encode() + b"\n")


def _entry_of(row: object) -> Entry:
    if not isinstance(row, dict) or set(row) != {"name", "role", "sha256"}:
        raise TokensUnusable("each token is an object of name, role and sha256")
    name, role, sha256 = row["name"], row["role"], row["sha256"]
    if not isinstance(name, str) or not NAME_FORM.fullmatch(name) or name == "local":
        raise TokensUnusable(f"name is {name!r}, allowed are 1 to 64 letters, digits and _.@-")
    if role not in list(Role):
        raise TokensUnusable(f"role of {name} is {role!r}, allowed is one of {', '.join(Role)}")
    if not isinstance(sha256, str) or not _HASH_FORM.fullmatch(sha256):
        raise TokensUnusable(f"sha256 of {name} is no hash: allowed are 64 digits 0-9 a-f")
    return Entry(name, Role(role), sha256)


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()
