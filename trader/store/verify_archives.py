"""A journal and its archives as one chain: each file by itself, and each link between two."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from trader.core.journal_events import JournalArchived
from trader.ports import Anchor
from trader.store.archives import ArchiveUnusable, Way, archive_folder, unpacked
from trader.store.rows import JournalUnusable
from trader.store.verify import FINDINGS_MAX, Finding, Verdict, looked_into, verified


def verified_history(path: Path, anchors: Sequence[Anchor] = ()) -> Verdict:
    """Verify a journal, and every archive that the way back leads to; raises JournalUnusable."""
    verdict = verified(path, anchors)
    with looked_into(path) as db:
        way = Way(db)
    findings: list[Finding] = []
    files: list[str] = []
    count = 0
    while (record := _before(way)) is not None:
        files.append(record.file)
        part, found = _looked_at(path, record, way, anchors)
        findings += found
        count += len(found) if part is None else max(len(found), part.finding_count)
        way.first = record.first
    every = (*verdict.findings, *findings)
    return replace(
        verdict,
        archives=tuple(files),
        findings=every[:FINDINGS_MAX],
        finding_count=verdict.finding_count + count,
    )


def _before(way: Way) -> JournalArchived | None:
    try:
        return way.back()
    except ArchiveUnusable:
        return None  # the file that begins there was found to miss what is before it


def _looked_at(
    path: Path, record: JournalArchived, way: Way, anchors: Sequence[Anchor]
) -> tuple[Verdict | None, list[Finding]]:
    """Verify one archive; the anchors of what came after it are not its own."""
    with tempfile.TemporaryDirectory(prefix="trader-archive-") as folder:
        file = Path(folder) / "part.db"
        try:
            unpacked(archive_folder(path), record, file, way.known)
            own = [anchor for anchor in anchors if anchor.head.seq <= record.last]
            with looked_into(file) as db:
                way.taken(record, db)
            part = verified(file, own, way.known)
        except ArchiveUnusable as error:
            return None, [Finding(error.kind, record.first, str(error))]
        except JournalUnusable as error:
            text = str(error).replace(str(file), record.file)
            return None, [Finding("damage", record.first, text)]
    told = [replace(one, text=f"{record.file}: {one.text}") for one in part.findings]
    return part, told
