"""Gauges read from the status at the moment of a scrape: nothing to keep in step."""

import math
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trader.core.halts import HaltCause, Posture
from trader.core.orders import OrderState
from trader.engine.status import Status
from trader.ops.headroom import SHORTAGES
from trader.ops.metrics_bars import bar_metrics
from trader.ops.metrics_data import data_metrics
from trader.ops.metrics_outbox import outbox_metrics
from trader.ops.metrics_output import output_metrics
from trader.ops.metrics_recording import recording_metrics

Number = float | int | bool | Decimal | None


class StatusCollector(Collector):
    """Turns one status into gauges."""

    def __init__(self, status: Callable[[], Status]) -> None:
        self._status = status

    def collect(self) -> Iterator[Metric]:
        """Read the status once and give every gauge of it."""
        status = self._status()
        yield from _posture(status)
        yield from _link(status)
        yield from _money(status)
        yield from _inputs(status)
        yield from _result(status)
        yield from _work(status)
        yield from _health(status)
        yield from _breakers(status)
        yield from _sentinel(status)
        yield from _host(status)
        yield from _actions(status)
        yield from _exposure(status)
        yield from _blind(status)
        yield from outbox_metrics(status.outbox)
        yield from recording_metrics(status.recording)
        yield from data_metrics(status.data)
        yield from _quarantine(status)
        yield from _reports(status)
        yield from bar_metrics(status.bars)
        yield from output_metrics(status)


def gauge(name: str, text: str, value: Number) -> Iterator[Metric]:
    """Give one gauge without labels; its name alone, without a series, when there is no value."""
    family = GaugeMetricFamily(name, text)
    if value is not None and math.isfinite(value):
        family.add_metric([], float(value))
    yield family


def labelled(
    name: str, text: str, label: str, values: Iterable[tuple[str, Number]]
) -> Iterator[Metric]:
    """Give one gauge per label value; the missing and the non-finite are left out."""
    family = GaugeMetricFamily(name, text, labels=[label])
    for key, value in values:
        if value is not None and math.isfinite(value):
            family.add_metric([key], float(value))
    yield family


def _posture(status: Status) -> Iterator[Metric]:
    held = {cause for cause, _ in status.causes}
    yield from labelled(
        "trader_posture",
        "1 for the current posture",
        "posture",
        ((posture, posture is status.posture) for posture in Posture),
    )
    yield from labelled(
        "trader_halt_cause",
        "1 while this cause forbids new risk",
        "cause",
        ((cause, cause in held) for cause in HaltCause),
    )
    yield from gauge("trader_ready", "1 while the daemon may trade", status.is_ready)
    build = GaugeMetricFamily(
        "trader_build_info", "Version and mode of this process", labels=["version", "mode"]
    )
    build.add_metric([status.version, status.mode], 1)
    yield build


def _link(status: Status) -> Iterator[Metric]:
    link = status.link
    yield from gauge("trader_link_up", "1 while the API connection is up", link.is_connected)
    yield from gauge(
        "trader_upstream_up", "1 while the broker reaches its servers", link.is_upstream_up
    )
    yield from gauge(
        "trader_heartbeat_age_seconds", "Since the last decoded answer", link.heartbeat_age_s
    )
    yield from gauge(
        "trader_round_trip_seconds", "Round trip of the last heartbeat", link.round_trip_s
    )
    yield from gauge("trader_clock_skew_seconds", "Broker time minus local time", link.clock_skew_s)
    yield from labelled("trader_farm_up", "1 while this data farm is connected", "farm", link.farms)
    # Since the process began, so a counter by nature.
    connects = CounterMetricFamily("trader_connects", "Successful connects of this process")
    connects.add_metric([], link.connect_count)
    yield connects


def _money(status: Status) -> Iterator[Metric]:
    yield from gauge(
        "max_drawdown_current",
        "Equity below the highest value there has been, as a share of that value",
        status.drawdown,
    )
    yield from gauge(
        "sharpe_ratio_rolling_30d",
        "Of the account's last 30 whole days, by the year; absent while there are fewer",
        status.sharpe_30d,
    )
    money = status.money
    if money is None:
        return
    yield from gauge(
        "pnl_cumulative", "Realised and unrealised result after commissions", money.pnl
    )
    yield from gauge("trader_cash", "Cash in the account's currency", money.cash)
    yield from gauge("trader_equity", "Cash and positions at their marks", money.equity)
    yield from gauge("trader_realized_pnl", "Realised result", money.realized)
    yield from gauge("trader_unrealized_pnl", "Unrealised result", money.unrealized)
    yield from gauge("trader_commission_paid", "Commissions reported", money.commission_paid)
    yield from gauge(
        "trader_commission_pending", "Worst case of what is unreported", money.commission_pending
    )
    yield from gauge("trader_valuation_age_seconds", "Age of its oldest price", money.age_s)


def _inputs(status: Status) -> Iterator[Metric]:
    told = status.told_account
    yield from gauge(
        "trader_inputs_missing", "Inputs that new risk waits for", len(status.inputs_missing)
    )
    if told is not None:
        yield from gauge("trader_account_age_seconds", "Age of the account values", told.age_s)
        yield from gauge(
            "trader_account_usable", "1 while they are young enough to count", told.is_usable
        )
        yield from gauge(
            "trader_net_liquidation",
            "The account's value by the broker, while it counts",
            told.net_liquidation if told.is_usable else None,
        )


def _result(status: Status) -> Iterator[Metric]:
    seen = status.result
    if seen is None:
        return
    yield from gauge(
        "trader_told_daily_pnl",
        "The broker's result of its day, while it counts",
        seen.told_daily if seen.is_told_usable else None,
    )
    yield from gauge("trader_told_daily_pnl_age_seconds", "Since it was told", seen.told_age_s)
    yield from gauge("trader_daily_pnl", "Our own result of the account's day", seen.own_daily)
    yield from gauge(
        "trader_result_compared",
        "1 while the two are compared, 0 while they are not",
        not seen.problem,
    )
    yield from gauge(
        "trader_result_difference", "How far the two have moved apart", seen.difference
    )
    yield from gauge("trader_result_allowed", "How far they may", seen.allowed)
    yield from gauge(
        "trader_result_differs", "1 while a lasting difference is not over", bool(seen.finding)
    )


def _work(status: Status) -> Iterator[Metric]:
    yield from labelled(
        "trader_position_quantity",
        "Signed quantity held",
        "symbol",
        _summed((position.symbol, position.quantity) for position in status.positions),
    )
    counts: dict[str, int] = dict.fromkeys(OrderState, 0)
    for order in status.orders:
        counts[order.state] = counts.get(order.state, 0) + 1
    yield from labelled(
        "trader_orders_shown", "Orders in the status, by state", "state", counts.items()
    )
    yield from gauge(
        "trader_foreign_orders", "Open orders that are not ours", status.foreign_order_count
    )
    yield from labelled(
        "trader_quote_age_seconds",
        "Since the last change of a quote",
        "symbol",
        ((quote.symbol, quote.age_s) for quote in status.quotes),
    )
    yield from labelled(
        "trader_strategy_running",
        "1 while this strategy's task runs",
        "strategy",
        ((strategy.name, strategy.is_running) for strategy in status.strategies),
    )
    yield from labelled(
        "trader_strategy_halted",
        "1 while a halt or its own breaker keeps this strategy from adding risk",
        "strategy",
        ((strategy.name, strategy.state == "HALTED") for strategy in status.strategies),
    )
    yield from labelled(
        "trader_strategy_held",
        "What a strategy holds, at current marks",
        "strategy",
        ((strategy.name, strategy.usage.held) for strategy in status.strategies),
    )
    yield from labelled(
        "trader_strategy_headroom",
        "What its limits of the account leave a strategy, below zero beyond them",
        "strategy",
        ((strategy.name, strategy.usage.headroom) for strategy in status.strategies),
    )


def _health(status: Status) -> Iterator[Metric]:
    age_s = status.reconcile.age_s if status.reconcile else None
    yield from gauge("trader_reconcile_age_seconds", "Since the last reconciliation", age_s)
    drifts = CounterMetricFamily("trader_drifts", "Disagreements found since the journal began")
    drifts.add_metric([], status.tally.drifts)
    yield drifts
    repairs = CounterMetricFamily("trader_repairs", "Disagreements repaired since then")
    repairs.add_metric([], status.tally.repairs)
    yield repairs
    yield from gauge(
        "trader_open_tickets", "Disagreements only a person may decide", len(status.tickets)
    )
    yield from gauge("trader_loop_lag_seconds", "How late the event loop wakes", status.loop_lag_s)
    yield from gauge("trader_uptime_seconds", "Since the process began", status.uptime_s)
    journal = status.journal
    yield from gauge("trader_journal_seq", "Last event recorded", journal.seq)
    yield from gauge("trader_journal_durable_seq", "Last event durable", journal.durable_seq)
    yield from gauge(
        "trader_journal_failed", "1 once nothing more is durable", bool(journal.failure)
    )
    yield from labelled(
        "trader_task_age_seconds", "Since this root task last moved", "task", status.task_ages_s
    )


_STATES = {"closed": 0, "probing": 1, "tripped": 2}


def _breakers(status: Status) -> Iterator[Metric]:
    enabled = [row for row in status.breakers if row.is_enabled]
    yield from labelled(
        "trader_breaker_state",
        "0 closed, 1 probing, 2 tripped, 3 its reading is missing",
        "breaker",
        (
            (
                row.name,
                3
                if row.phase == "closed" and row.finding == "evaluation_failed"
                else _STATES[row.phase],
            )
            for row in enabled
        ),
    )
    yield from labelled(
        "trader_breaker_overridden",
        "1 while a person's word holds this breaker back",
        "breaker",
        ((row.name, row.overridden_until_utc is not None) for row in enabled),
    )
    yield from gauge(
        "trader_allocation", "Share of its usual size that new risk may have", status.allocation
    )


def _actions(status: Status) -> Iterator[Metric]:
    told = status.actions
    if told is None:
        return
    yield from gauge(
        "trader_risk_actions_waiting", "Automatic actions nobody has reviewed", told.waiting_count
    )
    yield from gauge(
        "trader_risk_actions_overdue", "Of these, past the time by which", told.overdue_count
    )
    yield from gauge(
        "trader_false_positives_month", "Actions of this month found wrong", told.false_count
    )
    yield from gauge(
        "trader_false_positives_month_max", "The month's budget of them", told.false_count_max
    )


_REGIMES = {"calm": 0, "normal": 1, "storm": 2}


def _exposure(status: Status) -> Iterator[Metric]:
    seen = status.exposure
    if seen is None:
        return
    yield from gauge(
        "trader_regime", "0 calm, 1 normal, 2 storm; absent when unknown", _REGIMES.get(seen.regime)
    )
    yield from gauge("trader_gross_exposure", "Of the account's value", seen.gross)
    yield from gauge("trader_net_exposure", "Of the account's value", seen.net)
    yield from labelled(
        "trader_concentration",
        "Share of the account's value in one instrument",
        "symbol",
        ((row.symbol, row.share) for row in seen.concentrations),
    )
    yield from gauge(
        "trader_exposure_warnings", "Limits that what is held exceeds", len(seen.warnings)
    )
    yield from gauge(
        "trader_reduction_planned", "1 while a plan of reductions stands", bool(seen.reduction)
    )


def _blind(status: Status) -> Iterator[Metric]:
    seen = status.blind
    if seen is None:
        return
    for name, text, value in (
        (
            "trader_volatility_predicted",
            "Of what is held, share of the account a year",
            seen.predicted,
        ),
        ("trader_volatility_realised", "The same of the latest minutes", seen.realised),
        ("trader_risk_ratio", "The larger of both over the smaller", seen.ratio),
        ("trader_covariance_covered", "Share of gross exposure that has a row", seen.covered),
        ("trader_average_correlation", "Of what is held", seen.average_correlation),
        (
            "trader_correlation_break",
            "The latest against all before, 0 to 2",
            seen.correlation_break,
        ),
        ("trader_cluster", "Share of the account in what loses together", seen.cluster_share),
        ("trader_covariance_age_seconds", "Since the last look", seen.age_s),
    ):
        yield from gauge(name, text, value)


def _quarantine(status: Status) -> Iterator[Metric]:
    seen = status.quarantine
    if seen is None:
        return
    yield from gauge("trader_quarantine_open", "Letters nobody has ended", seen.open_count)
    kept = CounterMetricFamily("trader_quarantine_kept", "Letters since the journal began")
    kept.add_metric([], seen.kept_count)
    yield kept
    yield from gauge(
        "trader_quarantine_not_kept",
        "Broken messages without room since the quarantine was last empty",
        sum(count for _, count in seen.not_kept),
    )
    broken = CounterMetricFamily(
        "trader_broken_messages",
        "Messages that could not be read in this process; 0 is what is no message",
        labels=["message_id"],
    )
    for message_id, count in seen.broken:
        broken.add_metric([str(message_id)], count)
    yield broken


def _reports(status: Status) -> Iterator[Metric]:
    if not status.reports:
        return
    yield from labelled(
        "report_age_seconds",
        "Since what this report is about; nothing while it was never written",
        "report",
        ((row.name, row.age_s) for row in status.reports),
    )
    yield from labelled(
        "report_age_seconds_max",
        "How old this report may be",
        "report",
        ((row.name, row.age_s_max) for row in status.reports),
    )
    yield from labelled(
        "report_stale",
        "1 while this report is older than that, or missing for as long",
        "report",
        ((row.name, row.is_stale) for row in status.reports),
    )
    yield from labelled(
        "report_unwritten",
        "1 while no newer one could be written",
        "report",
        ((row.name, bool(row.problem)) for row in status.reports),
    )
    family = GaugeMetricFamily(
        "report_status", "1 for what this report says", labels=["report", "status"]
    )
    for row in status.reports:
        if row.status:
            family.add_metric([row.name, row.status], 1)
    yield family


def _sentinel(status: Status) -> Iterator[Metric]:
    seen = status.sentinel
    if seen is None:
        return
    yield from gauge("trader_sentinel_running", "1 while the sentinel lives", seen.is_running)
    yield from gauge(
        "trader_sentinel_look_age_seconds", "Since the sentinel last looked", seen.look_age_s
    )
    yield from gauge(
        "trader_sentinel_acted", "1 once it has acted for this daemon", bool(seen.outcome)
    )


def _host(status: Status) -> Iterator[Metric]:
    """Give what the process collector does not: the clock's standing and the room that is left."""
    seen = status.host
    if seen is None:
        return
    time, room = seen.time_service, seen.headroom
    yield from gauge(
        "trader_time_synchronised",
        "1 while a time service keeps this machine's clock",
        time.is_synchronised,
    )
    yield from gauge(
        "trader_time_estimated_error_seconds", "Off UTC, by estimate", time.estimated_error_s
    )
    yield from gauge("trader_time_maximum_error_seconds", "Off UTC, at most", time.maximum_error_s)
    yield from gauge("trader_cpu_share", "Of one core, used by the process", room.cpu_share)
    yield from gauge(
        "trader_memory_limit_bytes", "What the control group allows", room.memory_bytes_max
    )
    yield from gauge("trader_host_load", "Load of the last minute", room.host_load)
    yield from gauge("trader_host_cpus", "CPUs of the host", room.host_cpus)
    yield from gauge(
        "trader_host_memory_available_bytes", "Free for use", room.host_memory_available_bytes
    )
    yield from gauge("trader_host_memory_bytes", "Memory of the host", room.host_memory_bytes)
    yield from labelled(
        "trader_headroom_low",
        "1 while this is nearly used up",
        "what",
        ((name, name in seen.low) for name in SHORTAGES),
    )
    yield from labelled(
        "trader_switch_set",
        "1 while the environment has a switch that would by-pass a check",
        "name",
        ((name, True) for name in seen.switches),
    )
    yield from gauge(
        "trader_host_warnings", "What a person should know of this machine", len(seen.warnings)
    )


def _summed(pairs: Iterable[tuple[str, Decimal]]) -> Iterable[tuple[str, Decimal]]:
    """Add up what would otherwise be one series twice: two contracts may share a symbol."""
    sums: dict[str, Decimal] = {}
    for key, value in pairs:
        sums[key] = sums.get(key, Decimal(0)) + value
    return sums.items()
