"""The parts of docs/simulator.md that are generated: actions, scenarios, effects of codes.

The file holds each part between two marks. `filled` puts the present text there, so the manual
says what the program does.
"""

from collections.abc import Iterable

from trader.sim.oracle.codes import EFFECTS, SCOPES, catalogue
from trader.sim.script.actions import topics
from trader.sim.script.fields import Field
from trader.sim.script.scenario import Scenario
from trader.sim.script.stage import Action


def actions_text() -> str:
    """Return every action with its inputs, by topic."""
    parts = []
    for topic, actions in topics().items():
        parts.append(f"### {topic.capitalize()}\n")
        parts += [_action_text(action) for action in actions]
    return "\n".join(parts)


def _action_text(action: Action) -> str:
    serves = f" ({', '.join(action.serves)})" if action.serves else ""
    lines = [f"**`{action.name}`**{serves}: {action.doc}\n"]
    lines += [f"- `{field.name}` {_field_text(field)}" for field in action.fields]
    return "\n".join(lines) + ("\n" if action.fields else "")


def _field_text(field: Field) -> str:
    given = "" if field.is_required else f"; default {_default(field.default)}"
    return f"({field.allowed}{given}): {field.doc}"


def _default(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return str(value).lower()
    return "empty" if value == "" else f"{value}"


def scenarios_text(scenarios: Iterable[Scenario]) -> str:
    """Return a table of the scenarios that come with the program."""
    rows = ["| scenario | incidents | capabilities | what happens |", "|---|---|---|---|"]
    rows += [
        f"| `{s.name}` | {', '.join(s.incidents)} | {', '.join(s.serves)} | {s.why.strip()} |"
        for s in scenarios
    ]
    return "\n".join(rows) + "\n"


def codes_text() -> str:
    """Return what scopes and effects mean, and which codes have an effect on orders."""
    lines = [f"- scope `{name}`: {text}" for name, text in SCOPES.items()]
    lines.append("")
    for name, text in EFFECTS.items():
        codes = [code.code for code in catalogue().values() if code.effect == name]
        shown = ", ".join(map(str, codes)) if len(codes) <= 20 else f"{len(codes)} codes"
        lines.append(f"- effect `{name}`: {text} ({shown})")
    return "\n".join(lines) + "\n"


def filled(document: str, parts: dict[str, str]) -> str:
    """Return the document with each part between its marks replaced. Raises ValueError."""
    for name, text in parts.items():
        begin, end = f"<!-- begin {name} -->\n", f"<!-- end {name} -->"
        if begin not in document or end not in document:
            raise ValueError(f"no marks for {name!r} in the document")
        head, _, rest = document.partition(begin)
        document = f"{head}{begin}\n{text}\n{end}{rest.partition(end)[2]}"
    return document
