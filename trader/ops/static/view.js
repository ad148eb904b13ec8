// Puts one status on the page. Every word from outside goes in as textContent: nothing is ever
// parsed as HTML. A part is rebuilt only when its content changed, so that a selection stays.

import { EquityChart } from "./chart.js";
import * as f from "./format.js";

const CAUSES = {
  fresh_install: "Fresh installation",
  operator: "Halted by an operator",
  environment: "EXECUTION_HALTED is set",
  halt_file: "Halt file",
  ticket: "Open ticket",
  invariant: "Broken invariant",
  decode_error: "A message could not be read",
  liquidation: "The broker is liquidating",
  baseline_missing: "No baseline accepted",
  journal: "Journal cannot write",
  journal_unproven: "Journal is not the one its anchors know",
  starting: "Starting",
  draining: "Shutting down",
  link: "No connection to TWS",
  upstream: "TWS has lost the broker",
  heartbeat: "Heartbeat late",
  read_only_api: "API is read-only",
  account: "Wrong account",
  not_reconciled: "Not reconciled",
  loop_lag: "Event loop lags",
  stalled: "A task does not move",
  breaker: "A circuit breaker killed",
  breaker_tripped: "A circuit breaker halts",
  standing_order: "A kill switch's order is not done yet",
};
const MEANINGS = {
  halted: "No order that adds risk leaves. Cancels still do.",
  reduce_only: "Only orders that shrink a position leave. Cancels do too.",
  armed: "Orders may leave.",
};
const TONES = { halted: "bad", reduce_only: "warn", armed: "good" };
const LIVE_STATES = new Set(["PLANNED", "JOURNALED", "SENT", "WORKING", "CANCELLING", "UNKNOWN"]);
const ORDER_TONES = { WORKING: "live", SENT: "live", CANCELLING: "warn", UNKNOWN: "bad", FILLED: "good", REJECTED: "bad" };
const HALTING = new Set(["kill", "halt", "strategy"]);
const STRATEGY_TONES = { RUNNING: "good", HALTED: "warn", FAILED: "bad" };
const SENDS = new Set(["paper", "live", "demo"]);

const byId = (id) => document.getElementById(id);
const shown = new Map();

function put(id, text, className) {
  const node = byId(id);
  if (node.textContent !== text) node.textContent = text;
  if (className !== undefined && node.className !== className) node.className = className;
}

// Rebuild `id` from `build()` only if `content` differs from what is shown there.
function fill(id, content, build) {
  const key = JSON.stringify(content);
  if (shown.get(id) === key) return;
  shown.set(id, key);
  byId(id).replaceChildren(...build());
}

function element(name, text, className) {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  if (className) node.className = className;
  return node;
}

// cells: arrays of [text, class]; the first may be a row heading.
function table(id, rows, empty) {
  fill(id, rows, () => {
    if (rows.length === 0) {
      const cell = element("td", empty, "quiet");
      cell.colSpan = 20;
      const row = element("tr");
      row.append(cell);
      return [row];
    }
    return rows.map(({ cells, className }) => {
      const row = element("tr", undefined, className);
      row.append(...cells.map(([text, cellClass]) => badgeOr("td", text, cellClass)));
      return row;
    });
  });
}

function badgeOr(name, text, className = "") {
  if (!className.startsWith("badge")) return element(name, text, className);
  const cell = element(name);
  const badge = element("span", text, className);
  badge.title = text; // A long one is cut off by the style.
  cell.append(badge);
  return cell;
}

// facts: arrays of [name, value, class].
function facts(id, rows) {
  fill(id, rows, () =>
    rows.map(([name, value, className]) => {
      const row = element("div");
      row.append(element("dt", name), badgeOr("dd", value, className));
      return row;
    }),
  );
}

let chart = null;

export function show(status) {
  headline(status);
  money(status);
  chart ??= new EquityChart(byId("equity"));
  chart.show(status.equity_curve);
  positions(status.positions);
  orders(status.orders);
  executions(status.executions);
  tickets(status.tickets);
  letters(status.quarantine ?? null);
  link(status);
  reconciliation(status);
  warnings(status);
  breakers(status.breakers ?? [], status.allocation ?? "1");
  actions(status.actions ?? null);
  sentinel(status.sentinel ?? null);
  exposure(status.exposure ?? null, status.blind ?? null);
  emergency(status.emergency ?? []);
  strategies(status.strategies, status.risk_decision_age_s);
  quotes(status.quotes);
  process(status);
  feed(status.feed);
}

function headline(status) {
  const tone = TONES[status.posture] ?? "warn";
  const name = f.sentence(status.posture);
  document.title = `${status.posture === "halted" ? name.toUpperCase() : name} · trader`;
  document.body.dataset.posture = status.posture;
  put("bar-posture", name, `badge ${tone}`);
  put("bar-mode", f.sentence(status.mode), status.mode === "live" ? "tag live" : "tag");
  put("bar-account", status.link.account);
  const now = new Date(status.now_utc);
  put("bar-date", f.day(now));
  put("bar-clock", `${f.clock(now)} ${f.zone(now)}`);
  byId("bar-clock").title = status.now_utc;
  put("zone", `Times are local, ${f.zone(now)}. The logs and the records are in UTC.`);
  put("bar-uptime", `up ${f.age(status.uptime_s)}`);
  byId("headline").className = `headline ${tone}`;
  put("posture", name);
  const muted = SENDS.has(status.mode) ? "" : ` Mode ${f.sentence(status.mode).toLowerCase()} sends nothing to the broker.`;
  put("meaning", (MEANINGS[status.posture] ?? "") + muted);
  const reasons = [...status.causes, ...(status.restrictions ?? [])];
  fill("causes", reasons, () =>
    reasons.map(([cause, text]) => {
      const item = element("li");
      item.append(element("b", CAUSES[cause] ?? f.sentence(cause)), element("span", text));
      return item;
    }),
  );
}

function money(status) {
  const m = status.money;
  const curve = status.equity_curve.map(([, value]) => value).filter(Number.isFinite);
  const peak = curve.length ? Math.max(...curve) : null;
  // In money: at an account's size the percentage of a day's change rounds to nothing.
  const summary = curve.length > 1
    ? [`high ${f.money(peak)}`, `low ${f.money(Math.min(...curve))}`, `now ${f.change(curve.at(-1) - peak)} from the high`]
    : [];
  // Of all that the journal knows, not of the minutes that the curve shows.
  if (status.drawdown !== null) summary.push(`drawdown ${f.share(status.drawdown)}`);
  if (status.sharpe_30d !== null) summary.push(`Sharpe ratio of 30 days ${f.ratio(status.sharpe_30d)}`);
  put("equity-summary", summary.join("   "));
  const unit = m ? m.currency : "";
  const tiles = [
    ["Equity", f.money(m?.equity), "", unit],
    ["P&L after commissions", f.change(m?.pnl), f.toneOf(m?.pnl), unit],
    ["Cash", f.money(m?.cash), "", unit],
    ["Realized", f.change(m?.realized), f.toneOf(m?.realized), ""],
    ["Unrealized", f.change(m?.unrealized), f.toneOf(m?.unrealized), ""],
    ["Commissions", f.money(m?.commission_paid), "", m && Number(m.commission_pending) ? `+ ${f.money(m.commission_pending)} pending` : "paid"],
  ];
  fill("money", tiles, () =>
    tiles.map(([name, value, tone, note]) => {
      const tile = element("div");
      const number = element("dd", value, tone);
      number.append(element("small", note));
      tile.append(element("dt", name), number);
      return tile;
    }),
  );
}

function positions(rows) {
  // What is closed stays below what is held.
  const sorted = [...rows].sort((a, b) => (Number(a.quantity) === 0) - (Number(b.quantity) === 0));
  put("n-positions", `${rows.filter((row) => Number(row.quantity) !== 0).length} held`);
  table("positions", sorted.map((row) => ({
    className: Number(row.quantity) === 0 ? "done" : "",
    cells: [
      [row.symbol, "name"],
      [f.quantity(row.quantity), "n"],
      [Number(row.quantity) === 0 ? f.price(null) : f.average(row.average_price), "n"],
      [f.price(row.mark), "n"],
      [f.change(row.unrealized), `n ${f.toneOf(row.unrealized)}`],
      [f.change(row.realized), `n ${f.toneOf(row.realized)}`],
    ],
  })), "No positions.");
}

function orders(rows) {
  const live = rows.filter((row) => LIVE_STATES.has(row.state));
  const done = rows.filter((row) => !LIVE_STATES.has(row.state));
  put("n-orders", `${live.length} working, ${done.length} finished shown`);
  table("orders", [...live, ...done].map((row) => ({
    className: LIVE_STATES.has(row.state) ? "" : "done",
    cells: [
      [f.sentence(row.state) + (row.is_settling ? ", settling" : ""), `badge ${ORDER_TONES[row.state] ?? ""}`],
      [row.side, row.side === "BUY" ? "side buy" : "side sell"],
      [row.symbol, "name"],
      [`${f.quantity(row.filled)} / ${f.quantity(row.quantity)}${
        row.desired_quantity === null ? "" : ` → ${f.quantity(row.desired_quantity)}`}`, "n"],
      [row.order_type, ""],
      [f.price(row.limit_price ?? row.stop_price) + (row.desired_quantity === null ? ""
        : ` → ${f.price(row.desired_limit_price ?? row.desired_stop_price)}`), "n"],
      [f.average(row.average_price), "n"],
      [row.strategy, ""],
      [String(row.order_id), "n"],
      [f.clock(row.planned_utc), "n"],
      [row.note || row.broker_status, "note"],
    ],
  })), "No orders yet.");
}

function executions(rows) {
  put("n-executions", rows.length ? `last ${rows.length}` : "");
  table("executions", rows.map((row) => ({
    cells: [
      [f.clock(row.time_utc), ""],
      [row.side, row.side === "BUY" ? "side buy" : "side sell"],
      [row.symbol, "name"],
      [f.quantity(row.quantity), "n"],
      [f.price(row.price), "n"],
      [row.commission === null ? "pending" : f.money(row.commission), row.commission === null ? "n quiet" : "n"],
      [row.order_id !== null ? String(row.order_id) : row.order_ref.startsWith("kill-") ? "emergency" : "not ours", row.order_id === null ? "n warn" : "n"],
      [row.exec_id, "note mono"],
    ],
  })), "No executions yet.");
}

function tickets(rows) {
  byId("tickets-panel").hidden = rows.length === 0;
  facts("tickets", rows.map(([id, text]) => [id, text, ""]));
}

function letters(seen) {
  byId("letters-panel").hidden = !seen || seen.open_count === 0;
  if (!seen) return;
  const rows = seen.rows.map((row) => [
    row.key, `${row.message}${row.count > 1 ? ` (${row.count} times or more)` : ""}: ${row.error}`, "",
  ]);
  const more = seen.open_count - seen.rows.length;
  if (more > 0) rows.push(["More", String(more), "n"]);
  const lost = seen.not_kept.reduce((sum, [, count]) => sum + count, 0);
  if (lost > 0) rows.push(["Not kept", `${lost} or more: there are too many`, "warn"]);
  facts("letters", rows);
}

function yesNo(value, yes, no) {
  if (value === null || value === undefined) return ["unknown", "badge"];
  return value ? [yes, "badge good"] : [no, "badge bad"];
}

const FARM_TONES = { ok: "good", inactive: "", connecting: "warn", broken: "bad" };

// Farms say how they are; whether quotes come is asked of the quotes.
function marketData(data, l) {
  if (!data) return l.farms.map(([name, isUp]) => [`Farm ${name}`, ...yesNo(isUp, "up", "down")]);
  const usable = data.expected - data.waiting.length - data.unusable.length;
  const rows = data.farms.map((farm) => [
    `Farm ${farm.name}`, `${farm.state} since ${f.clock(farm.since_utc)}`, `badge ${FARM_TONES[farm.state] ?? "bad"}`,
  ]);
  rows.push(["Market data lines", `${data.used} of ${data.lines_max}`, "n"]);
  rows.push(["Open instruments usable", `${usable} of ${data.expected}`, usable < data.expected ? "badge warn" : "n"]);
  if (data.waiting.length) rows.push(["No price in their session", data.waiting.join(", "), "badge bad"]);
  if (data.unusable.length) rows.push(["Not to be traded on", data.unusable.join(", "), "badge warn"]);
  if (data.denied.length) rows.push(["No line or none paid for", data.denied.join(", "), "badge bad"]);
  if (data.is_taken) rows.push(["Market data", "taken by another session", "badge bad"]);
  rows.push(["Price to strategy, p99", data.delay_p99_s === null ? "none yet" : `at most ${f.milliseconds(data.delay_p99_s)}`, "n"]);
  return rows;
}

// A line of all bars that somebody wants, and one for each that lacks something.
function bars(rows) {
  if (!rows.length) return [];
  const warm = rows.filter((row) => row.is_warm).length;
  const lacking = rows.filter((row) => row.problem || row.part || !row.is_warm || row.hold);
  return [
    ["Bars complete", `${warm} of ${rows.length}`, warm < rows.length ? "badge warn" : "n"],
    ...lacking.map((row) => [
      `Bars ${row.symbol} ${row.size_s} s`,
      row.hold ? `new risk waits: ${row.hold}`
        : `${row.held} of ${row.wanted}, ${row.part} in part${row.problem ? `: ${row.problem}` : ""}`,
      row.hold ? "badge bad" : "badge warn",
    ]),
  ];
}

function link(status) {
  const l = status.link;
  put("link-word", l.problem);
  const skew = l.clock_skew_s;
  facts("link", [
    ["Socket to TWS", ...yesNo(l.is_connected, "up", "down")],
    ["TWS to broker", ...yesNo(l.is_upstream_up, "up", "down")],
    ...marketData(status.data, l),
    ...bars(status.bars ?? []),
    ["Heartbeat", l.heartbeat_age_s === null ? f.age(null) : `${f.age(l.heartbeat_age_s)} ago`, "n"],
    ["Round trip", f.milliseconds(l.round_trip_s), "n"],
    ["Clock against broker", skew === null ? f.age(null) : `${f.change(skew)} s`, "n"],
    ...(l.is_read_only ? [["API", "read-only", "badge bad"]] : []),
    ["Client, server version", `${l.client_id}, ${l.server_version}`, "n"],
    ["Connects", String(l.connect_count), "n"],
  ]);
}

function reconciliation(status) {
  const r = status.reconcile;
  const totals = [
    ["Foreign orders", String(status.foreign_order_count), "n"],
    ["Drifts since the journal began", String(status.tally.drifts), "n"],
    ["Repairs since then", String(status.tally.repairs), "n"],
  ];
  if (r === null) {
    put("reconcile-word", "");
    facts("reconcile", [["Last run", "none yet", "badge warn"], ...totals]);
    return;
  }
  // A run counts what it has found itself: what an open ticket is about it passes over.
  const isClean = !r.problem && r.ticket_count === 0 && status.tickets.length === 0;
  put("reconcile-word", r.problem);
  facts("reconcile", [
    ["Last run", r.problem ? "incomplete" : isClean ? "clean" : r.ticket_count ? "ticket opened" : "ticket open", `badge ${isClean ? "good" : "bad"}`],
    ["When", `${f.age(r.age_s)} ago`, "n"],
    ["Reason", r.trigger, "n"],
    ["Drifts, repairs, tickets", `${r.drift_count}, ${r.repair_count}, ${r.ticket_count}`, "n"],
    ["Took", f.milliseconds(r.duration_s), "n"],
    ...totals,
  ]);
}

function breakers(rows, allocation) {
  const enabled = rows.filter((row) => row.is_enabled);
  const isWell = (row) => row.phase === "closed" && row.finding !== "evaluation_failed";
  put("n-breakers", `${enabled.filter((row) => !isWell(row)).length} of ${enabled.length} not closed${
    Number(allocation) === 1 ? "" : `; new risk may have ${allocation} of its usual size`}`);
  // What is not closed stands first: the list is longer than its frame.
  const sorted = [...enabled].sort((a, b) => isWell(a) - isWell(b));
  table("breakers", sorted.map((row) => {
    const state = row.overridden_until_utc ? "overridden" : isWell(row) ? "closed" : row.phase === "closed" ? "unknown" : row.phase;
    return {
      cells: [
        [f.sentence(row.name), "name"],
        [state, `badge ${isWell(row) ? "good" : HALTING.has(row.action) ? "bad" : "warn"}`],
        [row.reason || row.text, "note"],
      ],
    };
  }), "No breakers.");
}

// What is no halt and must not be overlooked all the same.
function warnings(status) {
  const found = (status.breakers ?? [])
    .filter((row) => row.action === "strategy" && row.phase !== "closed")
    .map((row) => ["Strategy halted", `${row.name}: ${row.reason}`, ""]);
  for (const text of status.exposure?.warnings ?? []) found.push(["Exposure", text, ""]);
  const plan = status.exposure?.reduction;
  if (plan) {
    const orders = plan.orders.join(", ") || "no order can";
    const rest = plan.remains.length ? ` Still exceeded then: ${plan.remains.join("; ")}.` : "";
    found.push(["Plan of reductions", `${orders}. It ${plan.automatic}; trader reduce sends it now.${rest}`, ""]);
  }
  if (status.result?.finding) found.push(["Day's result", status.result.finding, ""]);
  for (const text of status.host?.warnings ?? []) found.push(["Machine", text, ""]);
  const told = status.told_account;
  if (told && !told.is_usable) {
    const worth = `${f.money(told.net_liquidation)} ${told.currency} net liquidation`;
    found.push(["Account values", `too old to count: ${worth} by the ${told.source}, ${f.age(told.age_s)} old`, ""]);
  }
  for (const text of status.inputs_missing ?? []) found.push(["New risk waits", `for ${text}`, ""]);
  for (const row of status.outbox ?? []) if (row.problem) found.push(["Outbox", `${row.name}: ${row.problem}`, ""]);
  if (status.shadow?.problem) found.push(["Shadow", status.shadow.problem, ""]);
  if (status.recording?.problem) found.push(["Market record", status.recording.problem, ""]);
  for (const row of status.reports ?? []) {
    for (const text of reportProblems(row)) found.push(["Report", `${row.name} ${text}`, ""]);
  }
  if (status.sentinel?.warning) found.push(["Sentinel", status.sentinel.warning, ""]);
  const acts = status.actions;
  if (acts?.overdue_count) found.push(["Reviews", `${acts.overdue_count} automatic risk actions not reviewed in time`, ""]);
  if (acts && acts.false_count > acts.false_count_max) {
    found.push(["False positives", `${acts.false_count} in ${acts.month}, budget ${acts.false_count_max}`, ""]);
  }
  byId("warnings-panel").hidden = found.length === 0;
  facts("warnings", found);
}

// As `trader status` says it; what only lacks data is no reason to call somebody.
function reportProblems(row) {
  const found = [];
  if (row.is_stale) {
    found.push(row.age_s === null ? "was never written" : `is ${f.age(row.age_s)} old, allowed ${f.age(row.age_s_max)}`);
  }
  if (row.problem) found.push(`cannot be written: ${row.problem}`);
  else if (row.status === "fail" || row.status === "critical") found.push(`says ${row.status}: ${row.reasons[0] ?? ""}`);
  return found;
}

function actions(told) {
  byId("actions-panel").hidden = told === null;
  if (told === null) return;
  put("n-actions", `${told.waiting_count} not reviewed, ${told.false_count} of ${told.false_count_max} in vain this month`);
  table("actions", told.rows.map((row) => ({
    className: row.verdict ? "done" : "",
    cells: [
      [String(row.number), "n"],
      [f.sentence(row.kind), "name"],
      [row.name, "note"],
      [row.verdict || (row.is_overdue ? "overdue" : `by ${f.clock(row.due_utc)}`), row.verdict ? "" : `badge ${row.is_overdue ? "bad" : "warn"}`],
    ],
  })), "None in two months.");
}

const SHARES = { ok: "good", warning: "bad", unknown: "warn", off: "" };
const LEVELS = { ok: "n", hold: "badge warn", box: "badge bad" };

// Fractions of the account's value, as text; null where nobody knows.
function share(value) {
  return value === null ? "unknown" : `${(Number(value) * 100).toFixed(1)} %`;
}

function exposure(seen, blind) {
  byId("exposure-panel").hidden = seen === null;
  if (seen === null) return;
  put("exposure-word", seen.regime ? `regime ${seen.regime}` : "regime not known, as in a storm");
  facts("exposure", [
    ["Within its limits", seen.status, `badge ${SHARES[seen.status] ?? ""}`],
    ["Gross", `${share(seen.gross)} of ${share(seen.gross_max)}`, "n"],
    ["Net", `${share(seen.net)} of ${share(seen.net_max)}`, "n"],
    ...seen.concentrations.map((row) => [row.symbol, `${share(row.share)} of ${share(seen.box_max)}`, LEVELS[row.level] ?? "n"]),
    ...risk(blind),
  ]);
}

// What the account is expected to move by, and what nobody can say that of.
function risk(blind) {
  if (blind === null || blind.covered === null) return [];
  const rows = [
    ["Predicted volatility a year", share(blind.predicted), "n"],
    ["Covered by the prediction", share(blind.covered), "n"],
  ];
  if (blind.cluster.length) rows.push([`One bet: ${blind.cluster.join(", ")}`, share(blind.cluster_share), "n"]);
  for (const [symbol, why] of blind.lacking) rows.push([`Blind: ${symbol}`, why || "no estimate", "warn"]);
  return rows;
}

function sentinel(seen) {
  byId("sentinel-panel").hidden = seen === null;
  if (seen === null) return;
  facts("sentinel", [
    ["Process", ...yesNo(seen.is_running, "running", "not running")],
    ["State", seen.state ? f.sentence(seen.state) : "never seen", seen.state ? "" : "quiet"],
    ["Last look", seen.look_age_s === null ? f.age(null) : `${f.age(seen.look_age_s)} ago`, "n"],
    ["Acts after a silence of", f.age(seen.silence_s_max), "n"],
    ["Acted", seen.outcome || "no", seen.outcome ? "warn" : ""],
  ]);
}

function emergency(rows) {
  byId("emergency-panel").hidden = rows.length === 0;
  table("emergency", [...rows].reverse().map((row) => ({
    cells: [
      [f.clock(row.at), ""],
      [row.side, row.side === "BUY" ? "side buy" : "side sell"],
      [row.symbol, "name"],
      [`${f.quantity(row.filled)} / ${f.quantity(row.quantity)}`, "n"],
      [row.by, ""],
      [row.order_ref, "note mono"],
    ],
  })), "None.");
}

// What a strategy holds and what its orders may add; unknown is not nothing.
function usedOf(usage) {
  return usage.held === null ? "unknown" : f.money(Number(usage.held) + Number(usage.working));
}

function leftOf(usage) {
  if (!usage.limits) return ["no limit", "n quiet"];
  return usage.headroom === null ? ["unknown", "n warn"] : [f.money(usage.headroom), Number(usage.headroom) < 0 ? "n bad" : "n"];
}

// Since it last answered a quote or a bar; bad only while its session is on.
function outputAge(output) {
  if (!output) return ["", "n"];
  if (output.problem) return [output.problem, "badge bad"];
  return [output.answered_age_s === null ? "none yet" : `${f.age(output.answered_age_s)} ago`, "n"];
}

function strategies(rows, decided_s) {
  put("strategies-word", decided_s == null ? "" : `risk decided on ${f.age(decided_s)} ago`);
  table("strategies", rows.map((row) => ({
    cells: [
      [row.name, "name"],
      [row.problem || f.sentence(row.state || (row.is_running ? "running" : "stopped")), `badge ${STRATEGY_TONES[row.state] ?? "bad"}`],
      [String(row.intent_count), "n"],
      [usedOf(row.usage), "n"],
      leftOf(row.usage),
      outputAge(row.output),
      [f.clock(row.checkpoint_utc), "n"],
    ],
  })), "No strategies.");
}

function quotes(rows) {
  table("quotes", rows.map((row) => ({
    cells: [
      [row.fault ? `${row.symbol}: ${row.fault}` : row.symbol, row.fault ? "name warn" : "name"],
      [f.price(row.bid), "n"],
      [f.price(row.ask), "n"],
      [f.age(row.age_s), "n"],
    ],
  })), "No quotes.");
}

function process(status) {
  const j = status.journal;
  put("process-word", `version ${status.version}`);
  facts("process", [
    ["Journal", j.failure || `event ${j.seq}`, j.failure ? "badge bad" : "n"],
    ["Not yet durable", String(j.seq - j.durable_seq), "n"],
    ["Chain", j.digest ? `${j.durable_seq}:${j.digest.slice(0, 16)}` : "", "n"],
    ["Event loop lag", f.milliseconds(status.loop_lag_s), "n"],
    ["Intents, refused", `${status.tally.intents}, ${status.tally.refusals}`, "n"],
    ["Orders sent", String(status.tally.orders_sent), "n"],
  ]);
  put("n-tasks", String(status.task_ages_s.length));
  facts("tasks", status.task_ages_s.map(([name, seconds]) => [name, `${f.age(seconds)} ago`, "n"]));
}

function feed(rows) {
  const newest = [...rows].reverse();
  if (newest.length === 0) {
    fill("feed", [], () => [element("li", "No events yet.", "quiet")]);
    return;
  }
  fill("feed", newest, () =>
    newest.map((row) => {
      const item = element("li");
      const time = element("time", f.clock(row.at_utc));
      time.dateTime = row.at_utc;
      item.append(time, element("b", f.sentence(row.kind)), element("span", row.text));
      return item;
    }),
  );
}
