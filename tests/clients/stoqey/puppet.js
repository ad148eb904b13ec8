"use strict";
// Drives @stoqey/ib: commands as JSON lines in, events as JSON lines out.
//
// The library runs unchanged. It reports a message that it cannot decode, or that leaves fields over, by its own
// `error` event with the text checked below: that is a problem, and so is a queue that is not empty afterwards.

const readline = require("node:readline");
const { inspect } = require("node:util");
const { IBApi, EventName } = require("@stoqey/ib");

const DECODER_COMPLAINT = /Decoding error|Underrun error|No parser implementation/;
const desks = new Map();

function emit(client, event, fields = {}) {
  process.stdout.write(JSON.stringify({ client, event, ...fields }) + "\n");
}

function contractOf(symbol) {
  return { symbol, secType: "STK", exchange: "SMART", currency: "USD" };
}

function orderOf(terms) {
  const names = {
    action: "action", quantity: "totalQuantity", type: "orderType", limit: "lmtPrice", stop: "auxPrice",
    trail: "auxPrice", tif: "tif", ref: "orderRef", parent_id: "parentId", transmit: "transmit",
    oca_group: "ocaGroup", oca_type: "ocaType", what_if: "whatIf",
  };
  const order = { transmit: true };
  for (const [name, value] of Object.entries(terms)) order[names[name]] = value;
  return order;
}

function orderRow(orderId, contract, order, state) {
  return {
    order_id: orderId, perm_id: order.permId, client_id: order.clientId, con_id: contract.conId,
    symbol: contract.symbol, action: order.action, quantity: order.totalQuantity, type: order.orderType,
    limit: order.lmtPrice, stop: order.auxPrice, trail_stop: order.trailStopPrice, tif: order.tif,
    ref: order.orderRef, parent_id: order.parentId ?? 0, oca_group: order.ocaGroup ?? "", account: order.account,
    status: state.status, what_if: Boolean(order.whatIf), margin_change: state.initMarginChange,
    margin_after: state.initMarginAfter, commission: state.commission, commission_min: state.minCommission,
  };
}

// Each event of the library with what becomes of its arguments.
const TRANSLATIONS = {
  [EventName.nextValidId]: (orderId) => ["next_id", { order_id: orderId }],
  [EventName.managedAccounts]: (accounts) => ["accounts", { accounts: accounts.split(",") }],
  [EventName.currentTime]: (epoch) => ["time", { epoch }],
  [EventName.server]: (version) => ["server", { version }],
  [EventName.disconnected]: () => ["disconnected", {}],
  [EventName.contractDetails]: (request, found) => ["contract", {
    request, con_id: found.contract.conId, symbol: found.contract.symbol, sec_type: found.contract.secType,
    currency: found.contract.currency, exchange: found.contract.exchange,
    primary_exchange: found.contract.primaryExch, local_symbol: found.contract.localSymbol,
    trading_class: found.contract.tradingClass, min_tick: found.minTick, long_name: found.longName,
    valid_exchanges: found.validExchanges, order_types: found.orderTypes, zone: found.timeZoneId,
    trading_hours: found.tradingHours, market_rules: found.marketRuleIds,
  }],
  [EventName.contractDetailsEnd]: (request) => ["contract_end", { request }],
  [EventName.tickPrice]: (request, kind, price) => ["tick_price", { request, kind, price }],
  [EventName.tickSize]: (request, kind, size) => ["tick_size", { request, kind, size }],
  [EventName.tickString]: (request, kind, value) => ["tick_string", { request, kind, value }],
  [EventName.marketDataType]: (request, kind) => ["market_data_type", { request, kind }],
  [EventName.tickReqParams]: (request, tick) => ["tick_parameters", { request, min_tick: tick }],
  [EventName.realtimeBar]: (request, epoch, open, high, low, close, volume, average, count) =>
    ["realtime_bar", { request, epoch, open, high, low, close, volume, average, count }],
  [EventName.historicalData]: (request, date, open, high, low, close, volume) =>
    String(date).startsWith("finished")
      ? ["history_end", { request }]
      : ["history_bar", { request, date, open, high, low, close, volume }],
  [EventName.historicalDataUpdate]: (request, date, open, high, low, close) =>
    ["history_update", { request, date, open, high, low, close }],
  [EventName.historicalSchedule]: (request, start, end, zone, sessions) =>
    ["schedule", { request, zone, days: sessions.map((row) => row.refDate) }],
  [EventName.headTimestamp]: (request, time) => ["head", { request, time }],
  [EventName.tickByTickAllLast]: (request, kind, epoch, price, size) =>
    ["trade_tick", { request, price, size, epoch: Number(epoch) }],
  [EventName.tickByTickBidAsk]: (request, epoch, bid, ask) => ["quote_tick", { request, bid, ask, epoch }],
  [EventName.tickSnapshotEnd]: (request) => ["snapshot_end", { request }],
  [EventName.symbolSamples]: (request, rows) =>
    ["symbols", { request, found: rows.map(({ contract }) => [contract.symbol, contract.conId]) }],
  [EventName.marketRule]: (rule, rows) =>
    ["market_rule", { rule, steps: rows.map((row) => [row.lowEdge, row.increment]) }],
  [EventName.securityDefinitionOptionParameter]: (request, exchange, conId, cls, multiplier, expirations, strikes) =>
    ["chain", { request, exchange, con_id: conId, expirations, strikes, multiplier }],
  [EventName.securityDefinitionOptionParameterEnd]: (request) => ["chain_end", { request }],
  [EventName.updateMktDepth]: (request, position, operation, side, price, size) =>
    ["depth", { request, position, operation, side, price, size }],
  [EventName.updateMktDepthL2]: (request, position, maker, operation, side, price, size) =>
    ["depth", { request, position, operation, side, price, size }],
  [EventName.openOrder]: (...all) => ["open_order", orderRow(...all)],
  [EventName.orderStatus]: (orderId, status, filled, remaining, average, permId, parentId, last, clientId, why) =>
    ["order_status", {
      order_id: orderId, status, filled, remaining, average_price: average, perm_id: permId, parent_id: parentId,
      last_price: last, client_id: clientId, why_held: why ?? "",
    }],
  [EventName.openOrderEnd]: () => ["open_orders_end", {}],
  [EventName.completedOrder]: (contract, order, state) => ["completed_order", {
    perm_id: order.permId, symbol: contract.symbol, ref: order.orderRef, action: order.action, type: order.orderType,
    filled: order.filledQuantity, status: state.status, completed_status: state.completedStatus,
    completed_time: state.completedTime,
  }],
  [EventName.completedOrdersEnd]: () => ["completed_orders_end", {}],
  [EventName.execDetails]: (request, contract, item) => ["execution", {
    request, exec_id: item.execId, order_id: item.orderId, perm_id: item.permId, client_id: item.clientId,
    symbol: contract.symbol, con_id: contract.conId, side: item.side, quantity: item.shares, price: item.price,
    cumulative: item.cumQty, average: item.avgPrice, ref: item.orderRef, account: item.acctNumber, time: item.time,
  }],
  [EventName.execDetailsEnd]: (request) => ["executions_end", { request }],
  [EventName.commissionReport]: (report) => ["commission", {
    exec_id: report.execId, commission: report.commission, currency: report.currency, realized: report.realizedPNL,
  }],
  [EventName.position]: (account, contract, quantity, cost) => ["position", {
    account, con_id: contract.conId, symbol: contract.symbol, quantity, average_cost: cost,
  }],
  [EventName.positionEnd]: () => ["positions_end", {}],
  [EventName.updateAccountValue]: (key, value, currency, account) =>
    ["account_value", { key, value, currency, account }],
  [EventName.updatePortfolio]: (contract, quantity, price, value, cost, unrealized, realized, account) =>
    ["portfolio", {
      con_id: contract.conId, symbol: contract.symbol, quantity, price, value, average_cost: cost, unrealized,
      realized, account,
    }],
  [EventName.updateAccountTime]: (time) => ["account_time", { time }],
  [EventName.accountDownloadEnd]: (account) => ["account_end", { account }],
  [EventName.accountSummary]: (request, account, tag, value, currency) =>
    ["summary", { request, account, tag, value, currency }],
  [EventName.accountSummaryEnd]: (request) => ["summary_end", { request }],
  [EventName.pnl]: (request, daily, unrealized, realized) => ["pnl", { request, daily, unrealized, realized }],
  [EventName.pnlSingle]: (request, quantity, daily, unrealized, realized, value) =>
    ["pnl_single", { request, quantity, daily, unrealized, realized, value }],
  // The library calls a message without a request id `info`.
  [EventName.info]: (text, code) => ["error", { request: -1, code, text }],
};

// Events that repeat another one or tell of the traffic itself.
const SILENT = new Set([
  EventName.all, EventName.result, EventName.sent, EventName.received, EventName.connected, EventName.error,
]);

function holdsNaN(value) {
  if (typeof value === "number") return Number.isNaN(value);
  return typeof value === "object" && value !== null && Object.values(value).some(holdsNaN);
}

function listen(number, api) {
  api.on(EventName.error, (error, code, request) => {
    if (DECODER_COMPLAINT.test(error.message)) emit(number, "problem", { text: error.message });
    else emit(number, "error", { request, code, text: error.message });
  });
  api.on(EventName.all, (name, values) => {
    if (SILENT.has(name)) return;
    // A word where a number should be becomes NaN without a complaint.
    if (holdsNaN(values)) emit(number, "problem", { text: `event ${name} holds NaN: ${inspect(values)}` });
    const translate = TRANSLATIONS[name];
    if (translate === undefined) {
      emit(number, "problem", { text: `event ${name} is not expected: ${JSON.stringify(values)}` });
      return;
    }
    emit(number, ...translate(...values));
  });
  const controller = api.controller;
  const onMessage = controller.onMessage.bind(controller);
  controller.onMessage = (tokens) => {
    const left = controller.decoder.dataQueue;
    if (left.length) emit(number, "problem", { text: `the decoder still holds ${JSON.stringify(left)}` });
    onMessage(tokens);
  };
}

const COMMANDS = {
  connect(number, { port, client_id: clientId }) {
    const api = new IBApi({ host: "127.0.0.1", port, clientId, maxReqPerSec: 45 });
    const desk = { api, orderId: 0 };
    desks.set(number, desk);
    api.on(EventName.nextValidId, (orderId) => { desk.orderId = orderId; });
    listen(number, api);
    api.connect();
  },
  disconnect: (number) => desks.get(number).api.disconnect(),
  new_order_id(number) {
    const desk = desks.get(number);
    emit(number, "order_id", { order_id: desk.orderId });
    desk.orderId += 1;
  },
  next_id: (number) => desks.get(number).api.reqIds(),
  accounts: (number) => desks.get(number).api.reqManagedAccts(),
  time: (number) => desks.get(number).api.reqCurrentTime(),
  contract: (number, { request, symbol }) => desks.get(number).api.reqContractDetails(request, contractOf(symbol)),
  ticks: (number, { request, symbol }) =>
    desks.get(number).api.reqMktData(request, contractOf(symbol), "", false, false),
  cancel_ticks: (number, { request }) => desks.get(number).api.cancelMktData(request),
  bars: (number, { request, symbol }) =>
    desks.get(number).api.reqRealTimeBars(request, contractOf(symbol), 5, "TRADES", false),
  cancel_bars: (number, { request }) => desks.get(number).api.cancelRealTimeBars(request),
  history: (number, { request, symbol, duration, bar_size: size }) =>
    desks.get(number).api.reqHistoricalData(request, contractOf(symbol), "", duration, size, "TRADES", true, 1, false),
  history_more: (number, { request, symbol, duration, bar_size: size, show, keep }) =>
    desks.get(number).api.reqHistoricalData(request, contractOf(symbol), "", duration, size, show, true, 1, keep),
  cancel_history: (number, { request }) => desks.get(number).api.cancelHistoricalData(request),
  head: (number, { request, symbol }) =>
    desks.get(number).api.reqHeadTimestamp(request, contractOf(symbol), "TRADES", true, 1),
  tick_by_tick: (number, { request, symbol, kind }) =>
    desks.get(number).api.reqTickByTickData(request, contractOf(symbol), kind, 0, false),
  cancel_tick_by_tick: (number, { request }) => desks.get(number).api.cancelTickByTickData(request),
  snapshot: (number, { request, symbol }) =>
    desks.get(number).api.reqMktData(request, contractOf(symbol), "", true, false),
  symbols: (number, { request, pattern }) => desks.get(number).api.reqMatchingSymbols(request, pattern),
  market_rule: (number, { rule }) => desks.get(number).api.reqMarketRule(rule),
  chain: (number, { request, symbol, con_id: conId }) =>
    desks.get(number).api.reqSecDefOptParams(request, symbol, "", "STK", conId),
  depth: (number, { request, symbol, rows }) =>
    desks.get(number).api.reqMktDepth(request, contractOf(symbol), rows, true),
  cancel_depth: (number, { request }) => desks.get(number).api.cancelMktDepth(request, true),
  place: (number, { order_id: orderId, symbol, order }) =>
    desks.get(number).api.placeOrder(orderId, contractOf(symbol), orderOf(order)),
  cancel: (number, { order_id: orderId }) => desks.get(number).api.cancelOrder(orderId),
  global_cancel: (number) => desks.get(number).api.reqGlobalCancel(),
  open_orders: (number) => desks.get(number).api.reqOpenOrders(),
  all_open_orders: (number) => desks.get(number).api.reqAllOpenOrders(),
  completed_orders: (number) => desks.get(number).api.reqCompletedOrders(false),
  executions: (number, { request }) => desks.get(number).api.reqExecutions(request, {}),
  positions: (number) => desks.get(number).api.reqPositions(),
  cancel_positions: (number) => desks.get(number).api.cancelPositions(),
  account: (number, { account, is_on: isOn }) => desks.get(number).api.reqAccountUpdates(isOn, account),
  summary: (number, { request, tags }) => desks.get(number).api.reqAccountSummary(request, "All", tags),
  cancel_summary: (number, { request }) => desks.get(number).api.cancelAccountSummary(request),
  pnl: (number, { request, account }) => desks.get(number).api.reqPnL(request, account, ""),
  cancel_pnl: (number, { request }) => desks.get(number).api.cancelPnL(request),
  pnl_single: (number, { request, account, con_id: conId }) =>
    desks.get(number).api.reqPnLSingle(request, account, "", conId),
  cancel_pnl_single: (number, { request }) => desks.get(number).api.cancelPnLSingle(request),
};

process.on("uncaughtException", (error) => {
  emit(-1, "problem", { text: String(error.stack) });
});

readline.createInterface({ input: process.stdin })
  .on("line", (line) => {
    const { do: what, client, ...given } = JSON.parse(line);
    COMMANDS[what](client, given);
  })
  .on("close", () => {
    for (const { api } of desks.values()) if (api.isConnected) api.disconnect();
  });
