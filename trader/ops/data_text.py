"""The market data in a few lines of `trader status`: what comes, what does not, and why."""

from collections.abc import Mapping
from typing import Any


def data_lines(row: Mapping[str, Any] | None) -> list[str]:
    """Return one line when all is well, and one for each thing that is not."""
    if row is None:
        return []
    missing = len(row["waiting"]) + len(row["unusable"])
    open_count = row["expected"]
    head = f"data        {row['used']} of {row['lines_max']} lines"
    head += f", {open_count - missing} of {open_count} open instruments usable"
    delay = row["delay_p99_s"]
    if delay is not None:
        head += f", to a strategy within {1_000 * delay:g} ms (p99)"
    lines = [head]
    for name, words in (
        ("denied", "no line, or none paid for"),
        ("waiting", "no price though the session is on"),
        ("unusable", "must not be traded on"),
    ):
        if row[name]:
            lines.append(f"            {', '.join(row[name])}: {words}")
    if row["is_taken"]:
        lines.append("            another session of this user has taken the market data (10197)")
    for farm in row["farms"]:
        if farm["state"] in ("broken", "connecting"):
            since = f"since {farm['since_utc']} ({farm['code']})"
            lines.append(f"            farm {farm['name']} {farm['state']} {since}")
    return lines
