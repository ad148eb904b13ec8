"""``trader token``: who may use the control port, in which role."""

import argparse
import sys
from collections.abc import Mapping

from trader.commands.asking import DONE, NOT_DONE, USAGE, add_state
from trader.ops.roles import (
    TOKENS_FILE_NAME,
    Role,
    TokensUnusable,
    added,
    load_entries,
    save_entries,
    without,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("action", choices=("add", "list", "revoke"))
    parser.add_argument("name", nargs="?", help="whose token")
    parser.add_argument("--role", choices=[str(role) for role in Role], help="of a new token")
    add_state(parser)


def run(given: argparse.Namespace, _environment: Mapping[str, str]) -> int:
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
