"""``trader why NAME``: the whole story of one intent, from the journal; no daemon is needed."""

import argparse
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from trader.commands.asking import DONE, NOT_DONE, add_state
from trader.commands.journal_place import journal_asked_for
from trader.config import ConfigError
from trader.core.emergency_story import emergency_story_of
from trader.core.story import NoStory, story_of
from trader.ops.why_emergency import emergency_json, emergency_lines
from trader.ops.why_text import story_json, story_lines
from trader.ports import WorldError
from trader.store.story import NameUnknown, related, related_emergency


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument(
        "name", help="an intent id, orderRef (kill-... too), order id, permId or execution id"
    )
    parser.add_argument("--json", action="store_true", help="everything, as JSON")
    parser.add_argument(
        "--journal", type=Path, metavar="FILE", help="another journal than the state's"
    )
    add_state(parser)


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Tell a story; returns the exit code."""
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
