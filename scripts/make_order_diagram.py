"""Draw the order machine from its table, into ARCHITECTURE.md.

The picture stands between two marker lines; a test compares it with the table, so it cannot grow
old. Pairs that change nothing are listed below the arrows in place of loops.

    python scripts/make_order_diagram.py
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from trader.core.orders import FINAL, TABLE, OrderState  # noqa: E402 - found by the line above

DOCUMENT = ROOT / "ARCHITECTURE.md"
BEGIN = "<!-- order machine: made by scripts/make_order_diagram.py -->\n"
END = "<!-- end of the order machine -->\n"


def diagram() -> str:
    """Return the machine as a Mermaid diagram and the pairs that change nothing as a list."""
    arrows: dict[tuple[OrderState, OrderState], list[str]] = {}
    stays: dict[OrderState, list[str]] = {}
    for (state, event), after in TABLE.items():
        if after is state:
            stays.setdefault(state, []).append(event.value)
        else:
            arrows.setdefault((state, after), []).append(event.value)
    lines = ["```mermaid", "stateDiagram-v2", f"  [*] --> {OrderState.PLANNED}"]
    lines += [f"  {one} --> {two}: {', '.join(names)}" for (one, two), names in arrows.items()]
    # A late fill still moves some of the final ones, so these arrows are the usual end only.
    lines += [f"  {state} --> [*]" for state in OrderState if state in FINAL]
    lines += ["```", "", "Heard and kept, without a change of state:", ""]
    lines += [f"- {state}: {', '.join(names)}" for state, names in stays.items()]
    return "\n".join(lines) + "\n"


def with_diagram(document: str) -> str:
    """Return the document with its picture drawn anew."""
    before, begin, rest = document.partition(BEGIN)
    _, end, after = rest.partition(END)
    assert begin, "the document has no place for the picture"
    assert end, "the document's place for the picture does not end"
    return before + BEGIN + diagram() + END + after


if __name__ == "__main__":
    DOCUMENT.write_text(with_diagram(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(f"{DOCUMENT.name}: {len(TABLE)} pairs")
