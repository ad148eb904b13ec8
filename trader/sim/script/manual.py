"""The parts of docs/simulator.md that are generated: capabilities, actions, scenarios, codes.

The file holds each part between two marks. `filled` puts the present text there, so the manual
says what the program does.
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from trader.sim.oracle.codes import EFFECTS, SCOPES, catalogue
from trader.sim.script.actions import registry, topics
from trader.sim.script.fields import Field
from trader.sim.script.scenario import Scenario
from trader.sim.script.stage import Action

# What each capability is for; S23 has no actions.
CAPABILITIES: Mapping[str, str] = MappingProxyType(
    {
        "S01": "a script and a clock of its own: the same seed, the same play",
        "S02": "frames on their way out: lost, kept back, repeated, reordered, late, cut, changed",
        "S03": "messages on their way in: read and never answered, or much later",
        "S04": "the link to the broker cut while clients stay connected (1100, 1101, 1102, 2110)",
        "S05": "sockets: reset, closed, half open, slow, a wrong length",
        "S06": "handshakes that fail at any point, and client ids in use (326)",
        "S07": "who counts order ids: the next one goes back, used ones are refused (103)",
        "S08": "permanent ids that come late or twice for one order",
        "S09": "whose orders a list shows, what it leaves out, and whether it ends",
        "S10": "others at work: a person at the terminal, a client, the broker, splits, expiry",
        "S11": "news about orders in any order, left out, repeated or taken back",
        "S12": "executions: corrected, sent again, with odd times or commissions",
        "S13": "positions that lag, never end, or are of something unknown",
        "S14": "account values that lag, are unset, or stop",
        "S15": "market data: farms, silence, false prices, halts, limits, kinds of data",
        "S16": "any code at any id, with its effect or without",
        "S17": "cancels: never answered, too late, refused, or passed over",
        "S18": "changes: refused, lost, waiting, or a second order",
        "S19": "rates: messages a second, and requests for historical bars",
        "S20": "the day of a gateway: restarts, resets, logging in, sessions",
        "S21": "a dialog that stands in the way of orders",
        "S22": "reference data that is missing, changed or in other bands",
        "S24": "processes: killed, started again, frozen, on a full disk, with a locked database",
    }
)


def capabilities_text() -> str:
    """Return a table of the capabilities with the actions that serve each."""
    rows = ["| capability | what can go wrong | actions |", "|---|---|---|"]
    for name, text in CAPABILITIES.items():
        served = [f"`{one.name}`" for one in registry().values() if name in one.serves]
        rows.append(f"| {name} | {text} | {', '.join(served)} |")
    return "\n".join(rows) + "\n"


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
