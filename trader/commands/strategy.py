"""``trader strategy``: begin one of your own, and see what one takes.

``new`` writes a strategy that works, its tests and the settings that have it trade. ``list`` prints
those that come with the program and what is installed beside them. ``show`` loads one, which runs
its module, and prints its parameters with their ranges.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from trader.config.model import MomentumSection
from trader.config.strategy_loading import GROUP, SHIPPED, StrategyUnusable, strategy_class
from trader.core.ids import STRATEGY_FORM
from trader.strategies.momentum import MomentumStrategy

_TEMPLATES = Path(__file__).with_name("strategy_template")
# What is written, by the template that it is made from.
_FILES = {
    "strategy.py.txt": "{name}.py",
    "test.py.txt": "test_{name}.py",
    "settings.yaml.txt": "{name}.yaml",
}
# Of all strategies of a folder; one that is there stays as it is.
_SHARED = "conftest.py"
_DONE, _NOT_DONE, _USAGE = 0, 1, 2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    new = verbs.add_parser("new", help="write a strategy that works, with tests and settings")
    new.add_argument("name", help="small letters, digits and _, 16 at most; a letter first")
    new.add_argument(
        "--folder", type=Path, default=Path("strategies"), help="where (default: strategies)"
    )
    verbs.add_parser("list", help="the strategies that there are, and what they take")
    show = verbs.add_parser("show", help="what a strategy takes; loads it")
    show.add_argument("use", nargs="?", help="CLASS, MODULE:CLASS or entry point; none: all")
    show.add_argument("--folder", type=Path, help="where its module is, if it is not installed")


def run(given: argparse.Namespace, environment: Mapping[str, str]) -> int:
    """Do it; returns 0 done, 1 not done, 2 wrong usage."""
    if given.verb == "new":
        return _new(given.name, given.folder)
    if given.verb == "list" or given.use is None:
        return _list()
    return _show(given.use, given.folder)


def _new(name: str, folder: Path) -> int:
    if not STRATEGY_FORM.fullmatch(name) or name in sys.stdlib_module_names:
        print(
            f"NAME is {name!r}, allowed is a small letter and up to 15 more of a-z, 0-9 and _, and "
            "no module of Python itself",
            file=sys.stderr,
        )
        return _USAGE
    words = {"NAME": name, "CLASS": "".join(word.capitalize() for word in name.split("_"))}
    made = {folder / form.format(name=name): template for template, form in _FILES.items()}
    there = [str(path) for path in made if path.exists()]
    if there:
        print(f"{', '.join(there)}: there already; nothing was written", file=sys.stderr)
        return _NOT_DONE
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path, template in made.items():
            path.write_text(_filled((_TEMPLATES / template).read_text(), words))
            print(f"wrote {path}")
        if not (folder / _SHARED).exists():
            (folder / _SHARED).write_text((_TEMPLATES / f"{_SHARED}.txt").read_text())
            print(f"wrote {folder / _SHARED}")
    except OSError as error:
        print(f"{folder}: {error.strerror or error}", file=sys.stderr)
        return _NOT_DONE
    settings = folder / f"{name}.yaml"
    # As it is typed here: a clone has its own Python behind its scripts.
    is_clone = Path("scripts/demo").exists()
    print(f"\nits tests:     {'scripts/test' if is_clone else 'python -m pytest'} {folder}")
    print(f"in the demo:   {'scripts/demo' if is_clone else 'trader demo'} --strategies {settings}")
    print(f"on an account: put what {settings} says into your settings file")
    return _DONE


def _filled(text: str, words: Mapping[str, str]) -> str:
    for word, value in words.items():
        text = text.replace(f"@{word}@", value)
    return text


def _list() -> int:
    print("in the settings as strategies.momentum:\n")
    _print(MomentumStrategy, MomentumSection)
    print("\nin the settings below strategies.own, with the class behind `use:`:")
    for use in SHIPPED:
        print()
        _show(use, None)
    names = sorted(one.name for one in entry_points(group=GROUP))
    told = ", ".join(names) or "no entry point"
    print(f"\ninstalled beside them, as {GROUP}: {told}")
    return _DONE


def _show(use: str, folder: Path | None) -> int:
    if use == MomentumStrategy.__name__:
        print("in the settings as strategies.momentum")
        _print(MomentumStrategy, MomentumSection)
        return _DONE
    try:
        cls = strategy_class(use, folder.absolute() if folder is not None else None)
    except StrategyUnusable as error:
        print(f"USE is {error}", file=sys.stderr)
        return _NOT_DONE
    _print(cls, getattr(cls, "Parameters", None))
    return _DONE


def _print(cls: type, model: Any) -> None:
    print(f"{cls.__module__}.{cls.__qualname__}: {_first_line(cls)}")
    fields: dict[str, Any] = model.model_json_schema().get("properties", {}) if model else {}
    for name, field in fields.items():
        print(f"  {name:<22}{_told(field)}")
    if not fields:
        print("  it takes no parameters")


def _first_line(cls: type) -> str:
    return next(iter((cls.__doc__ or "").strip().splitlines()), "")


def _told(field: Mapping[str, Any]) -> str:
    """Return type, range and default of a parameter, as its JSON schema has them."""
    kinds = [
        one for one in (field, *field.get("anyOf", ())) if one.get("type") not in (None, "null")
    ]
    types = dict.fromkeys(str(one["type"]) for one in kinds)
    if "number" in types:
        # A decimal may be given as a text, too.
        types.pop("string", None)
    words = [" or ".join(types) or "any"]
    edges = (("minimum", "from"), ("exclusiveMinimum", "above"), ("maximum", "to"),
             ("exclusiveMaximum", "below"),
             # Of a decimal they stand beside its types, by the validator's own names.
             ("ge", "from"), ("gt", "above"), ("le", "to"), ("lt", "below"))  # fmt: skip
    for key, word in edges:
        found = [one[key] for one in (*kinds, field) if key in one]
        words += [f"{word} {found[0]:.10g}"] if found else []
    words.append(f"default {json.dumps(field['default'])}" if "default" in field else "no default")
    text = ", ".join(words)
    return f"{text}; {field['description']}" if "description" in field else text
