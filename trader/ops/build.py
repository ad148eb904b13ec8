"""Which commit this process runs, where that can be told; empty where nobody says.

``GIT_SHA`` in the environment says it, as a release sets it; else a checkout is asked for its head
without running git.
"""

import re
from collections.abc import Mapping
from pathlib import Path

_SHA = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_ROOT = Path(__file__).resolve().parents[2]


def git_sha(environment: Mapping[str, str], root: Path = _ROOT) -> str:
    """Return the commit, or nothing."""
    said = environment.get("GIT_SHA", "").strip().lower()
    if _SHA.fullmatch(said):
        return said
    try:
        return _head(root / ".git")
    except (OSError, UnicodeDecodeError):
        return ""


def _head(git: Path) -> str:
    if git.is_file():
        # A worktree: the file names its folder, and that one names the one that it shares.
        git = git.parent / git.read_text(encoding="utf-8").partition("gitdir:")[2].strip()
    said = (git / "HEAD").read_text(encoding="utf-8").strip()
    ref = said.removeprefix("ref:").strip()
    if ref == said:
        return said if _SHA.fullmatch(said) else ""
    common = git / "commondir"
    folders = [git]
    if common.is_file():
        folders.append(git / common.read_text(encoding="utf-8").strip())
    for folder in folders:
        if (folder / ref).is_file():
            found = (folder / ref).read_text(encoding="utf-8").strip()
            return found if _SHA.fullmatch(found) else ""
        packed = folder / "packed-refs"
        lines = packed.read_text(encoding="utf-8").splitlines() if packed.is_file() else []
        for line in lines:
            sha, _, name = line.partition(" ")
            if name == ref and _SHA.fullmatch(sha):
                return sha
    return ""
