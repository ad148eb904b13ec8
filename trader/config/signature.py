"""Who signed which policy: a record beside the targets file, without which live does not start.

The record seals what the policy says, not how the file is written: a comment may change, a limit
may not. It proves that a named person has looked at these limits; it does not keep out somebody
who may write both files.
"""

import json
import os
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from trader.config.errors import ConfigError, shown
from trader.config.targets import read_targets
from trader.core.contradictions import contradictions
from trader.core.halts import Mode
from trader.core.policy import Policy, canonical, policy_hash

_TEXT_LENGTH_MAX = 100
_FILE_BYTES_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Signature:
    """One person's word for one policy; ``signed_utc`` is ISO 8601."""

    policy_hash: str
    by: str
    role: str
    signed_utc: str


def signature_file_of(targets: Path) -> Path:
    """Return where the signature of a targets file stands."""
    return targets.with_name(f"{targets.name}.sig")


def sign(targets: Path, policy: Policy, *, by: str, role: str, now_utc: datetime) -> Signature:
    """Write the record for a policy, atomically; raises ConfigError."""
    for name, text in (("by", by), ("role", role)):
        if not text.strip() or not text.isprintable() or len(text) > _TEXT_LENGTH_MAX:
            raise ConfigError(
                [f"{name} is {shown(text)}, allowed is up to {_TEXT_LENGTH_MAX} printable letters"]
            )
    made = Signature(
        policy_hash=policy_hash(policy),
        by=by.strip(),
        role=role.strip(),
        signed_utc=now_utc.astimezone(UTC).isoformat(),
    )
    path = signature_file_of(targets)
    draft = path.with_name(f"{path.name}.new")
    try:
        draft.write_text(json.dumps(asdict(made), indent=1) + "\n", encoding="utf-8")
        os.replace(draft, path)
    except OSError as error:
        raise ConfigError([f"{path}: cannot be written: {error.strerror or error}"]) from None
    return made


def read_signature(targets: Path) -> Signature | None:
    """Return the record beside a targets file, None when there is none; raises ConfigError."""
    path = signature_file_of(targets)
    try:
        with path.open("rb") as file:
            rows = json.loads(file.read(_FILE_BYTES_MAX))
        found = Signature(**rows)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError([f"{path}: cannot be read: {error.strerror or error}"]) from None
    except (ValueError, TypeError, RecursionError):
        raise ConfigError([f"{path}: is no signature record; sign the policy anew"]) from None
    if not all(isinstance(text, str) and text for text in asdict(found).values()):
        raise ConfigError([f"{path}: is no signature record; sign the policy anew"])
    return found


def signature_problem(targets: Path, policy: Policy) -> str | None:
    """Say why a policy does not count as signed, or None when it does."""
    path = signature_file_of(targets)
    try:
        found = read_signature(targets)
    except ConfigError as error:
        return error.problems[0]
    seal = policy_hash(policy)
    if found is None:
        return f"{path}: is missing: nobody has signed this policy ({seal[:12]})"
    if found.policy_hash != seal:
        return (
            f"{path}: {found.by} signed {shown(found.policy_hash[:12])} and the policy is "
            f"{seal[:12]}: it was changed after it was signed"
        )
    return None


def live_policy_problems(mode: Mode, targets: Path, policy: Policy) -> tuple[str, ...]:
    """List what keeps a policy from arming live; no other mode asks."""
    if mode is not Mode.LIVE:
        return ()
    problems = [
        f"{targets}: exposure.{name} is false, allowed in mode live is true"
        for name in ("is_enforced", "is_baseline_required", "is_reading_required")
        if not getattr(policy.exposure, name)
    ]
    unsigned = signature_problem(targets, policy)
    if unsigned is not None:
        problems.append(f"{unsigned}; allowed in mode live is what `trader policy sign` has sealed")
    return tuple(problems)


def sound_policy(targets: Path) -> Policy:
    """Return the policy in a file, if its limits can be true together; raises ConfigError."""
    policy = read_targets(targets)
    problems = contradictions(policy)
    if problems:
        raise ConfigError([f"{targets}: {text}" for text in problems])
    return policy


def policy_lines(targets: Path, policy: Policy) -> tuple[str, ...]:
    """Return what a person looks at before signing: every limit, the seal, and who signed."""
    rows = json.dumps(json.loads(canonical(policy)), indent=1)
    signed = read_signature(targets)
    problem = signature_problem(targets, policy)
    if problem is not None or signed is None:
        word = f"not signed: {problem}"
    else:
        word = f"signed by {signed.by}, {signed.role}, {signed.signed_utc}"
    return (rows, f"seal {policy_hash(policy)}", word)


def policy_warnings(mode: Mode, targets: Path, policy: Policy) -> tuple[str, ...]:
    """List what is said of a policy before paper trading: it may be unsigned, not unnoticed."""
    if mode is not Mode.PAPER:
        return ()
    unsigned = signature_problem(targets, policy)
    return () if unsigned is None else (f"policy not signed: {unsigned}",)
