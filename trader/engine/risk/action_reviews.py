"""Automatic risk actions and their reviews: who has to look by when, and how often it was in vain.

Each action has a time by which a person reviews it, five minutes for one that stops trading. What
is overdue is paged once, and so is the month's budget of false positives when it is used up.
"""

from datetime import datetime, timedelta

import structlog

from trader.core import breaker_events as be
from trader.core.ids import Seq
from trader.core.policy import Policy
from trader.core.risk_actions import RiskAction
from trader.engine.acts.desk import Desk
from trader.engine.operator import Answer
from trader.engine.services import Services
from trader.engine.status import ActionsStatus, ActionStatus

log = structlog.get_logger(__name__)

LOOK_S = 5.0
_DISK_S = 10.0
_SHOWN_MAX = 20
_VERDICTS = {"true": True, "false": False}


class ActionReviews:
    """The review desk of the automatic actions."""

    def __init__(self, services: Services, *, policy: Policy, desk: Desk) -> None:
        self._ledger = services.ledger
        self._clock = services.clock
        self._pager = services.pager
        self._policy = policy.action
        self._told: dict[Seq, None] = {}
        self._month_told = ""
        desk.actions = self

    def look(self) -> None:
        """Call somebody, once each, for what is overdue and for a budget that is used up."""
        waiting = [row for row in self._ledger.book.actions.waiting() if self._is_overdue(row)]
        for row in waiting:
            if row.number not in self._told:
                self._told[row.number] = None
                severity = "critical" if row.is_critical else "warning"
                what = f"{row.kind} {row.name}: {row.text}"
                self._pager.page(severity, f"risk action {row.number} not reviewed", what)
        if self._is_budget_spent() and self._month_told != self._month():
            self._month_told = self._month()
            text = f"{self._false_count()} false positives, budget {self._policy.false_month_max}"
            self._pager.page("warning", "budget of false positives used up", text)

    async def review(self, *, action: str, verdict: str, reason: str, by: str) -> Answer:
        """Record what a person found of an action: ``true`` was right, ``false`` was not."""
        found = self._named(action)
        if found is None:
            waiting = ", ".join(str(row.number) for row in self._ledger.book.actions.waiting())
            details = (f"not reviewed: {waiting or 'none'}",)
            return Answer(False, f"no risk action has the number {action!r}", details)
        if verdict not in _VERDICTS:
            return Answer(False, f"verdict is {verdict!r}, allowed: true, false")
        is_right = _VERDICTS[verdict]
        seq = self._ledger.record(be.ActionReviewed(found.number, is_right, by, reason))
        problem = await self._ledger.made_durable(self._clock.monotonic() + _DISK_S)
        log.warning("risk action reviewed", action=found.number, is_right=is_right, by=by)
        if problem is not None:
            return Answer(False, f"reviewed with event {seq}, and not on disk yet: {problem}")
        word = "right" if is_right else "a false positive"
        count = f"{self._false_count()} of {self._policy.false_month_max} this month"
        return Answer(True, f"risk action {found.number} was {word}: {reason}", (count,))

    def status(self) -> ActionsStatus:
        """Return what waits for a review, what was reviewed last, and the month's budget."""
        rows = self._ledger.book.actions.rows()
        waiting = [row for row in rows if row.outcome is None]
        done = [row for row in rows if row.outcome is not None]
        return ActionsStatus(
            waiting_count=len(waiting),
            overdue_count=sum(self._is_overdue(row) for row in waiting),
            false_count=self._false_count(),
            false_count_max=self._policy.false_month_max,
            month=self._month(),
            rows=tuple(
                self._row(row)
                for row in (*reversed(waiting[-_SHOWN_MAX:]), *reversed(done[-_SHOWN_MAX:]))
            )[:_SHOWN_MAX],
        )

    def _row(self, row: RiskAction) -> ActionStatus:
        outcome = row.outcome
        verdict = "" if outcome is None else "right" if outcome.is_right else "false positive"
        return ActionStatus(
            number=row.number,
            at_utc=row.at_utc,
            kind=str(row.kind),
            name=row.name,
            text=row.text,
            due_utc=self._due(row),
            is_overdue=outcome is None and self._is_overdue(row),
            verdict=verdict,
            reviewed_by="" if outcome is None else f"{outcome.by}: {outcome.reason}",
        )

    def _due(self, row: RiskAction) -> datetime:
        policy = self._policy
        seconds = policy.critical_review_s if row.is_critical else policy.review_s
        return row.at_utc + timedelta(seconds=seconds)

    def _is_overdue(self, row: RiskAction) -> bool:
        return self._clock.utc() > self._due(row)

    def _named(self, text: str) -> RiskAction | None:
        if not text.isascii() or not text.isdigit() or len(text) > 18:
            return None
        return self._ledger.book.actions.get(Seq(int(text)))

    def _month(self) -> str:
        return f"{self._clock.utc():%Y-%m}"

    def _false_count(self) -> int:
        return self._ledger.book.actions.false_in(self._month())

    def _is_budget_spent(self) -> bool:
        return self._false_count() > self._policy.false_month_max
