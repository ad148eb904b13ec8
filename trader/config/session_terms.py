"""What a plan of the days ahead takes of the settings."""

from datetime import time
from zoneinfo import ZoneInfo

from trader.config.load import Configuration
from trader.core.reports.content import evidence_of
from trader.core.schedule import SessionTerms, WeeklyLogin


def session_terms(config: Configuration) -> SessionTerms:
    """Return restart, weekly login, zone and policy as configured."""
    settings, broker = config.settings, config.settings.broker
    login = broker.weekly_login_at
    return SessionTerms(
        zone=ZoneInfo(broker.zone),
        restart_at=None if broker.restart_at is None else time.fromisoformat(broker.restart_at),
        restart_s=broker.restart_s,
        weekly_login=None if login is None else WeeklyLogin.of(login),
        policy=config.policy.session,
        # The simulator's exchanges never close unless they are told to.
        is_simulated=evidence_of(settings.mode, settings.account) == "simulator",
    )
