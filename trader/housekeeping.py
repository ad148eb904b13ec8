"""What grows and is no record is kept as long as the settings say, by one slow task.

A place is looked at each minute, in turn and beside the loop. Nothing waits for it, nothing of it
ends the daemon, and while the clock of this machine is in doubt nothing is removed.
"""

import asyncio
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import structlog

from trader.config import Configuration
from trader.core.retention import Term
from trader.core.streams import Stream
from trader.engine.services import Services
from trader.engine.supervisor import Ended
from trader.ops.audit import AUDIT_FILE_NAME
from trader.ops.recording_files import MARKET_FOLDER_NAME, PART_NAMES
from trader.ops.retention import RUN_NAMES, Place, Swept, full_names, sweep
from trader.ops.state_dir import AUDIT_FOLDER_NAME
from trader.ops.stream_files import OUTBOX_FOLDER_NAME
from trader.ports import WorldError
from trader.store.runs import RUNS_FOLDER
from trader.store.streams import JournalStreams

log = structlog.get_logger(__name__)

LOOK_S = 60.0
# The wall clock and the monotonic one part by so much, and nothing is removed for a day.
_LEAP = timedelta(hours=1)
_DOUBT_S = 86_400.0
_FILES_MAX = 100_000
_RUNS_MAX = 20_000


def places_of(config: Configuration) -> tuple[Place, ...]:
    """Return every place that is swept, with the term of its class."""
    settings, days = config.settings, config.settings.retention
    audit = settings.state_dir / AUDIT_FOLDER_NAME
    outbox = settings.outbox.folder or settings.state_dir / OUTBOX_FOLDER_NAME
    streams = Term(days.streams_days, _FILES_MAX, holds_events=True)
    return (
        *(Place(f"outbox {row}", outbox, full_names(row.value), streams) for row in Stream),
        Place("runs", settings.state_dir / RUNS_FOLDER, RUN_NAMES, Term(days.runs_days, _RUNS_MAX)),
        Place(
            "market",
            settings.state_dir / MARKET_FOLDER_NAME,
            PART_NAMES,
            Term(days.market_days, _FILES_MAX, bytes_max=settings.market_data.bytes_max),
        ),
        Place("pages", audit, full_names("pages"), Term(days.pages_days, _FILES_MAX)),
        Place(
            "operators",
            audit,
            full_names(Path(AUDIT_FILE_NAME).stem),
            Term(days.operators_days, _FILES_MAX),
        ),
    )


class Housekeeping:
    """The task and what it found; built once, in the composition root."""

    def __init__(
        self,
        services: Services,
        places: Iterable[Place],
        delivered_seq: Callable[[], int | None],
        streams: JournalStreams,
    ) -> None:
        self._clock = services.clock
        self._supervisor = services.supervisor
        self._pager = services.pager
        self._places = tuple(places)
        self._delivered_seq = delivered_seq
        self._streams = streams
        self._problems: dict[str, str] = {}
        self._seen: tuple[datetime, float] | None = None
        self._doubted_until_s = 0.0

    def start(self) -> None:
        """Start the task."""
        self._supervisor.start("housekeeping", self.run, self._on_end)

    async def run(self) -> None:
        """Look at one place after the other, for ever."""
        while True:
            for place in self._places:
                await self._clock.sleep(LOOK_S)
                self._supervisor.beat("housekeeping")
                await self.look(place)
            await self._merge()

    async def look(self, place: Place) -> None:
        """Sweep a place, unless the clock is in doubt."""
        if self._is_in_doubt():
            return
        work = partial(sweep, place, self._clock.utc(), self._delivered_seq())
        self._take(place.name, await asyncio.to_thread(work))

    def _take(self, name: str, swept: Swept) -> None:
        if swept.problem and name not in self._problems:
            log.warning("old files stay", place=name, problem=swept.problem)
            self._pager.page("warning", f"old files of {name} stay", swept.problem)
        self._problems.pop(name, None)
        if swept.problem:
            self._problems[name] = f"{swept.due_count} are older than they are kept: " + (
                swept.problem
            )

    async def _merge(self) -> None:
        try:
            await self._streams.merge_old()
        except WorldError as error:
            log.warning("old deliveries are not merged", problem=str(error))

    def _is_in_doubt(self) -> bool:
        """Tell whether the wall clock has leapt within the last day: ages are wrong by then."""
        now = (self._clock.utc(), self._clock.monotonic())
        if self._seen is not None:
            leapt = now[0] - self._seen[0] - timedelta(seconds=now[1] - self._seen[1])
            if abs(leapt) > _LEAP:
                self._doubted_until_s = now[1] + _DOUBT_S
                log.warning("the clock has leapt, nothing is removed for a day", by=str(leapt))
        self._seen = now
        return now[1] < self._doubted_until_s

    def pressure(self) -> dict[str, str]:
        """Say of each place that keeps more than it should why that is so."""
        return {f"kept {name}": text for name, text in self._problems.items()}

    def _on_end(self, ended: Ended) -> None:
        text = f"{ended.problem}; nothing old is removed until the next start"
        self._problems["housekeeping"] = text
        self._pager.page("warning", "housekeeping stands", text)
