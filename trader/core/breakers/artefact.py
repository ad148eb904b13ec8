"""An evaluation as it is kept, and read back to be evaluated again (BRK-09).

Everything that a verdict follows from is in it, so that the same verdict must come out.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

from trader.core.breakers.machine import Finding, Phase, Reading, State, Step, Verdict, evaluate
from trader.core.breakers.rules import Action, Bad, BreakerName, Reset, Rule


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One breaker held against its rule: what went in and what came out."""

    rule: Rule
    before: State
    reading: Reading | None
    now_s: float
    day: str
    after: State
    verdict: Verdict
    # Whose, where each strategy has one; empty for the account's.
    scope: str = ""


def evaluated(
    name: BreakerName, rule: Rule, before: State, reading: Reading | None, now_s: float, day: str
) -> Evaluation:
    """Evaluate and keep what it was evaluated from."""
    after, verdict = evaluate(name, rule, before, reading, now_s, day)
    return Evaluation(rule, before, reading, now_s, day, after, verdict)


def is_reproduced(kept: Evaluation) -> bool:
    """Tell whether evaluating what went in again gives what came out."""
    name, rule = kept.verdict.name, kept.rule
    again = evaluated(name, rule, kept.before, kept.reading, kept.now_s, kept.day)
    return (again.after, again.verdict) == (kept.after, kept.verdict)


def as_plain(kept: Evaluation) -> dict[str, Any]:
    """Return an evaluation in what JSON can hold; floats and decimals keep every digit."""
    return {
        "breaker": kept.verdict.name.value,
        "scope": kept.scope,
        "finding": kept.verdict.finding.value,
        "step": None if kept.verdict.step is None else kept.verdict.step.value,
        "text": kept.verdict.text,
        "rule": _plain(kept.rule),
        "before": _plain(kept.before),
        "reading": None if kept.reading is None else _plain(kept.reading),
        "now_s": kept.now_s,
        "day": kept.day,
        "after": _plain(kept.after),
    }


def of_plain(row: Mapping[str, Any]) -> Evaluation:
    """Read an evaluation back; raises KeyError, TypeError or ValueError when it is none."""
    rule, reading = row["rule"], row["reading"]
    name, step = BreakerName(row["breaker"]), row["step"]
    return Evaluation(
        rule=Rule(
            **{
                **rule,
                "limit": Decimal(rule["limit"]),
                "bad": Bad(rule["bad"]),
                "action": Action[rule["action"].upper()],
                "reset": Reset(rule["reset"]),
            }
        ),
        before=_state(row["before"]),
        reading=None if reading is None else _reading(reading),
        now_s=row["now_s"],
        day=row["day"],
        after=_state(row["after"]),
        verdict=Verdict(
            name, Finding(row["finding"]), None if step is None else Step(step), row["text"]
        ),
        scope=row["scope"],
    )


def _state(row: Mapping[str, Any]) -> State:
    return replace(State(**row), phase=Phase(row["phase"]))


def _reading(row: Mapping[str, Any]) -> Reading:
    value = row["value"]
    return Reading(**{**row, "value": None if value is None else Decimal(value)})


def _plain(value: Rule | State | Reading) -> dict[str, Any]:
    return {row.name: _leaf(getattr(value, row.name)) for row in fields(value)}


def _leaf(value: Any) -> Any:
    if isinstance(value, Action):
        return value.name.lower()
    return str(value) if isinstance(value, Decimal) else value
