"""The arguments that name a daemon's settings, the same for every command that reads them."""

import argparse
from pathlib import Path


def add_settings_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--config``, ``--account`` and ``--set``."""
    parser.add_argument("--config", type=Path, required=True, help="the YAML settings")
    parser.add_argument("--account", help="the account to trade, in place of the file's")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="override one setting"
    )
