"""Which journal a state directory has: one, whichever command asks.

The environment names it, as for the daemon, or it lies in the state. A shell may know another
``DATABASE_URL`` than the daemon, or none: so each start leaves behind in the state what it opened.
Where that and the shell name two files that both exist, nobody guesses which one was meant.
"""

import argparse
from collections.abc import Mapping
from pathlib import Path

from trader.config import JOURNAL_FILE_NAME, ConfigError, journal_file_in
from trader.ops.reach import REACH_FILE_NAME, ReachUnusable, read_reach


def journal_of(state: Path, environment: Mapping[str, str]) -> Path:
    """Return the journal of a state directory; raises ConfigError."""
    named = journal_file_in(state, environment)
    opened = _opened_last(state)
    if opened is None or opened.resolve() == named.resolve():
        return named
    if not environment.get("DATABASE_URL"):
        return opened
    if not (opened.exists() and named.exists()):
        # Its disk may be gone, or it has its place from now on.
        return named
    raise ConfigError(
        [
            f"DATABASE_URL names {named}, and the last daemon of {state} has opened {opened}: "
            "allowed is one of them, with DATABASE_URL set as the daemon has it, or not at all"
        ]
    )


def place_of(state: Path, environment: Mapping[str, str]) -> Path:
    """Return where that journal really is, to put another there; raises ConfigError.

    A link to it would be replaced by a file, on another disk perhaps, and what it led to stay.
    """
    return journal_of(state, environment).resolve()


def journal_asked_for(given: argparse.Namespace, environment: Mapping[str, str]) -> Path:
    """Return the file of ``--journal``, or the journal of ``--state``; raises ConfigError."""
    named: Path | None = given.journal
    return named or journal_of(given.state, environment)


def _opened_last(state: Path) -> Path | None:
    """Return what the last start has opened; None when no start has said so."""
    try:
        said = read_reach(state / REACH_FILE_NAME).journal
    except ReachUnusable:
        return None
    if said is None:
        return None
    # Its own is said without a path: a state that was copied has a copy of it.
    return Path(said) if said else state / JOURNAL_FILE_NAME
