"""What the report of the portfolio's risk says: worth, shares, limits, and who has not looked."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from trader.core.reports.content import Alarm, Content, ReportStatus
from trader.core.valuation import Valuation
from trader.engine.exposure_status import ConcentrationStatus, ExposureStatus
from trader.engine.status import ActionsStatus, BreakerStatus

_BOX = "box"


@dataclass(frozen=True, slots=True)
class RiskReport:
    """The account against its limits; fractions are of its value."""

    nav: Decimal | None
    gross: Decimal | None
    net: Decimal | None
    gross_max: Decimal | None
    net_max: Decimal | None
    box_max: Decimal | None
    regime: str
    cash: Mapping[str, Decimal]
    notionals: Mapping[str, Decimal]
    gross_by_class: Mapping[str, Decimal]
    concentrations: tuple[ConcentrationStatus, ...]
    # Holdings without a mark and currencies without a rate.
    missing: tuple[str, ...]
    warnings: tuple[str, ...]
    breakers_tripped: tuple[str, ...]
    halts: Mapping[str, str]
    actions_waiting: int
    actions_overdue: int


@dataclass(frozen=True, slots=True)
class RiskView:
    """What the report is decided from, at one moment."""

    valuation: Valuation | None
    exposure: ExposureStatus | None
    actions: ActionsStatus | None
    breakers: tuple[BreakerStatus, ...]
    halts: Mapping[str, str]
    age_s: float = 0.0


def risk_content(view: RiskView) -> Content:
    """Return what the report says.

    Critical is what exceeds a hard limit and what nobody has reviewed in time.
    """
    critical = tuple(_critical(view))
    tripped = tuple(row.name for row in view.breakers if row.is_enabled and row.phase != "closed")
    warnings = view.exposure.warnings if view.exposure is not None else ()
    reasons = (*critical, *warnings, *(f"breaker {name}" for name in tripped))
    unknown = _unknown(view)
    if critical:
        alarm = Alarm("portfolio risk is critical", "; ".join(critical)[:500])
        return Content(ReportStatus.CRITICAL, reasons, _body(view, tripped), (alarm,))
    if unknown:
        told = tuple(reason for reason in reasons if not reason.endswith(unknown))
        return Content(ReportStatus.INSUFFICIENT, (unknown, *told), _body(view, tripped))
    status = ReportStatus.WARNING if reasons else ReportStatus.OK
    return Content(status, reasons, _body(view, tripped), age_s=view.age_s)


def _critical(view: RiskView) -> list[str]:
    found, seen = [], view.exposure
    if view.actions is not None and view.actions.overdue_count:
        found.append(f"{view.actions.overdue_count} risk actions not reviewed in time")
    if seen is None or seen.status == "off":
        return found
    if seen.gross is not None and seen.gross > seen.gross_max:
        found.append(f"gross is {seen.gross:.3f}, allowed {seen.gross_max}")
    if seen.net is not None and abs(seen.net) > seen.net_max:
        found.append(f"net is {seen.net:.3f}, allowed {seen.net_max}")
    found += [
        f"{row.symbol} is beyond {seen.box_max} of the account"
        for row in seen.concentrations
        if row.level == _BOX
    ]
    return found


def _unknown(view: RiskView) -> str:
    if view.valuation is None:
        return "existing holdings have not been accepted"
    if view.valuation.missing:
        return "; ".join(view.valuation.missing)[:500]
    if view.exposure is None or view.exposure.status == "unknown":
        return "the account's shares are not known"
    return ""


def _body(view: RiskView, tripped: tuple[str, ...]) -> RiskReport:
    worth, seen = view.valuation, view.exposure
    is_whole = worth is not None and not worth.missing
    return RiskReport(
        nav=worth.nav if worth is not None and is_whole else None,
        gross=None if seen is None else seen.gross,
        net=None if seen is None else seen.net,
        gross_max=None if seen is None else seen.gross_max,
        net_max=None if seen is None else seen.net_max,
        box_max=None if seen is None else seen.box_max,
        regime="" if seen is None else seen.regime,
        cash={} if worth is None else worth.cash,
        notionals={} if worth is None else {str(key): v for key, v in worth.notionals.items()},
        gross_by_class={} if worth is None else worth.gross_by_class,
        concentrations=() if seen is None else seen.concentrations,
        missing=() if worth is None else worth.missing,
        warnings=() if seen is None else seen.warnings,
        breakers_tripped=tripped,
        halts=view.halts,
        actions_waiting=0 if view.actions is None else view.actions.waiting_count,
        actions_overdue=0 if view.actions is None else view.actions.overdue_count,
    )
