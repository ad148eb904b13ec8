"""The targets file: the risk policy as it is written, checked limit by limit.

Its sections and limits are those of :class:`trader.core.policy.Policy`: a limit that is added
there can be written here, with the default that stands there. Amounts have none.
"""

import dataclasses
from decimal import Decimal
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_type_hints

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from trader.config.errors import ConfigError, lines_of
from trader.config.files import read_mapping
from trader.config.model import Amount, Count, Number, Seconds, Text
from trader.core.breakers.allocation import AllocationStep
from trader.core.breakers.rules import Action, Reset, Rule
from trader.core.intents import OrderType, TimeInForce
from trader.core.policy import AssetClass, Form, Policy, StrategyLimits

# Zero seconds mean "no guard"; what else may not be zero is told by the contradictions.
_SecondsOrNone = Annotated[float, Field(strict=True, ge=0, le=86_400, allow_inf_nan=False)]
_Forms = dict[Text, dict[OrderType, tuple[TimeInForce, ...]]]
# What stands for it is never looked at: only what was written is.
_NOT_WRITTEN: Any = None
# Lists that are written as mappings: their rows, and the column that is the key.
_KEYED: dict[Any, tuple[Any, str]] = {
    tuple[AssetClass, ...]: (AssetClass, "sec_type"),
    tuple[StrategyLimits, ...]: (StrategyLimits, "name"),
}


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _RuleSection(_Section):
    """One breaker's rule, as far as it may differ; on which side it is bad is not for a file.

    What is not written keeps its default. A name without a value is refused: "is_enabled:" would
    pass for "no".
    """

    limit: Number = _NOT_WRITTEN
    action: Literal["scale", "reduce_only", "halt", "kill"] = _NOT_WRITTEN
    reset: Reset = _NOT_WRITTEN
    is_enabled: Annotated[bool, Field(strict=True)] = _NOT_WRITTEN
    confirmations: Count = _NOT_WRITTEN
    hold_s: Seconds = _NOT_WRITTEN
    reading_age_s_max: Seconds = _NOT_WRITTEN
    cancels_entries: Annotated[bool, Field(strict=True)] = _NOT_WRITTEN


class _StepSection(_Section):
    """One step of the allocation."""

    vix_min: Amount
    share: Amount


def read_targets(path: Path) -> Policy:
    """Return the risk policy in a file, limit by limit; raises ConfigError.

    What its limits cannot be together is :func:`trader.core.contradictions.contradictions`.
    """
    model = targets_model()
    try:
        parsed = model(**read_mapping(path))
    except ValidationError as error:
        raise ConfigError(lines_of(path, model, error)) from None
    policy: Policy = _made(Policy, parsed)
    return policy


@cache
def targets_model() -> type[BaseModel]:
    """Return the model of the whole file."""
    return _model(Policy)


def _model(kind: type, key: str = "") -> type[BaseModel]:
    """Make a section of a group: a field for each limit, missing where it has a default.

    ``key`` is what stands before the section and not in it.
    """
    hints = get_type_hints(kind)
    known: dict[str, Any] = {}
    for row in dataclasses.fields(kind):
        if row.name == key:
            continue
        has_default = (
            row.default is not dataclasses.MISSING or row.default_factory is not dataclasses.MISSING
        )
        known[row.name] = (_type(row.name, hints[row.name]), None if has_default else ...)
    return create_model(f"{kind.__name__}Section", __base__=_Section, **known)


def _type(name: str, hint: Any) -> Any:
    if hint is Rule:
        return _RuleSection
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return _model(hint)
    if hint == tuple[AllocationStep, ...]:
        return tuple[_StepSection, ...]
    if hint == frozenset[Form]:
        return _Forms
    if hint in _KEYED:
        section: Any = _model(*_KEYED[hint])
        return dict[Text, section]
    if hint == frozenset[str]:
        return tuple[Text, ...]
    if isinstance(hint, UnionType):
        inner = next(part for part in get_args(hint) if part is not type(None))
        return _type(name, inner) | None
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return hint
    return _PLAIN[_SecondsOrNone if hint is float and name.endswith("guard_s") else hint]


_PLAIN: dict[Any, Any] = {
    bool: Annotated[bool, Field(strict=True)],
    int: Count,
    float: Seconds,
    Decimal: Amount,
    str: Text,
    _SecondsOrNone: _SecondsOrNone,
}


def _made(kind: type, parsed: BaseModel) -> Any:
    """Make a group of what was written; what was not keeps the group's own default."""
    hints = get_type_hints(kind)
    values: dict[str, Any] = {}
    for name in parsed.model_fields_set:
        value, hint = getattr(parsed, name), hints[name]
        if isinstance(value, _RuleSection):
            value = _changed(kind, name, value)
        elif isinstance(value, BaseModel):
            value = _made(hint, value)
        elif hint == tuple[AllocationStep, ...]:
            value = tuple(AllocationStep(row.vix_min, row.share) for row in value)
        elif hint == frozenset[Form]:
            value = frozenset(
                (sec_type, order_type, time)
                for sec_type, rows in value.items()
                for order_type, times in rows.items()
                for time in times
            )
        elif hint in _KEYED:
            row_kind, key = _KEYED[hint]
            value = tuple(
                row_kind(**{key: name}, **row.model_dump()) for name, row in value.items()
            )
        elif hint == frozenset[str]:
            value = frozenset(value)
        values[name] = value
    return kind(**values)


def _changed(kind: type, name: str, section: _RuleSection) -> Rule:
    """Return the default rule of a breaker with what was written in its place."""
    rule: Rule = getattr(kind(), name)
    written = {key: getattr(section, key) for key in section.model_fields_set}
    if "action" in written:
        written["action"] = Action[written["action"].upper()]
    return dataclasses.replace(rule, **written)
