"""What is wrong with a configuration, in words: the field, its value, and what is allowed."""

import difflib
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

Made = TypeVar("Made")
_SHOWN_LENGTH_MAX = 80
_SECRET_WORDS = ("password", "passphrase", "secret", "token", "api_key", "private_key")
NOT_SHOWN = "not shown"
_NAME_IN_ADDRESS = re.compile(r"//[^/]*@")
# By the validator's type of error; what is not listed is told in the validator's own words.
_ALLOWED: Mapping[str, str] = {
    "bool_type": "true or false",
    "decimal_type": "a number",
    "enum": "{expected}",
    "finite_number": "a finite number",
    "float_type": "a number",
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "int_from_float": "a whole number",
    "int_parsing_size": "a whole number of a sane size",
    "int_type": "a whole number",
    "less_than_equal": "at most {le}",
    "literal_error": "{expected}",
    "model_attributes_type": "a section: settings indented below it",
    "model_type": "a section: settings indented below it",
    "path_type": "a path",
    "string_pattern_mismatch": "a text like {pattern}",
    "string_type": "a text",
    "string_unicode": "a text without broken characters",
    "too_short": "a list of at least {min_length}",
    "tuple_type": "a list",
}


class ConfigError(Exception):
    """The settings cannot be used; ``problems`` holds one line for each reason."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = tuple(problems)


class Problems:
    """Collects what several steps object to, so that one run tells all of it."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def of(self, make: Callable[[], Made]) -> Made | None:
        """Return what a step makes, or None with its problems noted."""
        try:
            return make()
        except ConfigError as error:
            self.add(error.problems)
            return None

    def add(self, lines: Iterable[str]) -> None:
        """Note problems; what two steps both say is said once."""
        self.lines += [line for line in lines if line not in self.lines]

    def raise_if_any(self) -> None:
        """Raise ConfigError with everything that was noted."""
        if self.lines:
            raise ConfigError(self.lines)


def shown(value: object) -> str:
    """Return a value as a line may hold it: quoted, without line ends, and short."""
    text = repr(value)
    return text if len(text) <= _SHOWN_LENGTH_MAX else text[: _SHOWN_LENGTH_MAX - 3] + "..."


def may_be_secret(name: str) -> bool:
    """Tell by a setting's name whether its value may be a secret, or what leads to one."""
    return any(word in name.lower() for word in _SECRET_WORDS)


def lines_of(source: Path, model: type[BaseModel], error: ValidationError) -> list[str]:
    """Return one line for each thing that a file's content got wrong."""
    return [f"{source}: {_line(model, row)}" for row in error.errors(include_url=False)]


def _line(model: type[BaseModel], row: ErrorDetails) -> str:
    field = ".".join(str(part) for part in row["loc"]) or "settings"
    if row["type"] == "missing":
        return f"{field} is missing"
    if row["type"] == "extra_forbidden":
        known = _known_beside(model, row["loc"])
        return f"{field} is unknown (value {_value(row)}){_hint(str(row['loc'][-1]), known)}"
    return f"{field} is {_value(row)}, allowed is {_allowed(row)}"


def _value(row: ErrorDetails) -> str:
    """Show a value, but for what stands where a secret may have been put by mistake."""
    if may_be_secret(str(row["loc"][-1:])):
        return NOT_SHOWN
    return _NAME_IN_ADDRESS.sub("//***@", shown(row["input"]))


def _allowed(row: ErrorDetails) -> str:
    words = _ALLOWED.get(row["type"])
    if words is None:
        return row["msg"].removeprefix("Input should be ")
    context: Mapping[str, Any] = row.get("ctx", {})
    return words.format_map(context)


def _known_beside(model: type[BaseModel], loc: tuple[int | str, ...]) -> list[str]:
    """Return the settings that exist in the section in which an unknown one was found."""
    at = model
    for part in loc[:-1]:
        field = at.model_fields.get(str(part))
        section = next(iter(_models_in(field.annotation)), None) if field else None
        if section is None:
            return []
        at = section
    return sorted(at.model_fields)


def _models_in(annotation: object) -> list[type[BaseModel]]:
    kinds = getattr(annotation, "__args__", (annotation,))
    return [kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)]


def _hint(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    if close:
        return f"; did you mean {close[0]}?"
    return f", allowed is {', '.join(known)}" if known else ""
