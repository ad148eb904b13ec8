"""Names of messages and of the fields that stand at a fixed place in them.

Faults and scenarios speak of `openOrder` and `permId`, not of numbers: this is the one table of
both. Only fields before the first optional block of a message have a name here.
"""

from types import MappingProxyType

_CONTRACT = (
    "conId", "symbol", "secType", "expiry", "strike", "right", "multiplier", "exchange",
    "currency", "localSymbol", "tradingClass",
)  # fmt: skip

# Client to server.
INBOUND = {
    "reqMktData": 1, "cancelMktData": 2, "placeOrder": 3, "cancelOrder": 4, "reqOpenOrders": 5,
    "reqAccountUpdates": 6, "reqExecutions": 7, "reqIds": 8, "reqContractDetails": 9,
    "reqMktDepth": 10, "cancelMktDepth": 11, "reqNewsBulletins": 12, "cancelNewsBulletins": 13,
    "setServerLogLevel": 14, "reqAutoOpenOrders": 15, "reqAllOpenOrders": 16,
    "reqManagedAccts": 17, "requestFA": 18, "replaceFA": 19, "reqHistoricalData": 20,
    "exerciseOptions": 21,
    "reqScannerSubscription": 22, "cancelScannerSubscription": 23, "reqScannerParameters": 24,
    "cancelHistoricalData": 25, "reqCurrentTime": 49, "reqRealTimeBars": 50,
    "cancelRealTimeBars": 51, "reqFundamentalData": 52, "cancelFundamentalData": 53,
    "calculateImpliedVolatility": 54, "calculateOptionPrice": 55,
    "cancelCalculateImpliedVolatility": 56, "cancelCalculateOptionPrice": 57,
    "reqGlobalCancel": 58, "reqMarketDataType": 59, "reqPositions": 61,
    "reqAccountSummary": 62, "cancelAccountSummary": 63, "cancelPositions": 64,
    "queryDisplayGroups": 67, "subscribeToGroupEvents": 68, "updateDisplayGroup": 69,
    "unsubscribeFromGroupEvents": 70, "startApi": 71,
    "reqPositionsMulti": 74, "cancelPositionsMulti": 75, "reqAccountUpdatesMulti": 76,
    "cancelAccountUpdatesMulti": 77, "reqSecDefOptParams": 78, "reqSoftDollarTiers": 79,
    "reqFamilyCodes": 80,
    "reqMatchingSymbols": 81, "reqMktDepthExchanges": 82, "reqSmartComponents": 83,
    "reqNewsArticle": 84, "reqNewsProviders": 85, "reqHistoricalNews": 86,
    "reqHeadTimestamp": 87, "reqHistogramData": 88, "cancelHistogramData": 89,
    "cancelHeadTimestamp": 90, "reqMarketRule": 91, "reqPnL": 92, "cancelPnL": 93,
    "reqPnLSingle": 94, "cancelPnLSingle": 95, "reqHistoricalTicks": 96, "reqTickByTickData": 97,
    "cancelTickByTickData": 98, "reqCompletedOrders": 99, "reqWshMetaData": 100,
    "cancelWshMetaData": 101, "reqWshEventData": 102, "cancelWshEventData": 103, "reqUserInfo": 104,
    "reqCurrentTimeInMillis": 105,
}  # fmt: skip

# Server to client, with the names of the fields after the message id.
_LAYOUTS: dict[str, tuple[int, tuple[str, ...]]] = {
    "tickPrice": (1, ("version", "reqId", "tickType", "price", "size", "attribMask")),
    "tickSize": (2, ("version", "reqId", "tickType", "size")),
    "orderStatus": (3, ("orderId", "status", "filled", "remaining", "avgFillPrice", "permId",
                        "parentId", "lastFillPrice", "clientId", "whyHeld", "mktCapPrice")),
    "error": (4, ("version", "reqId", "code", "text", "advancedReject")),
    "openOrder": (5, ("orderId", *_CONTRACT, "action", "totalQuantity", "orderType", "lmtPrice",
                      "auxPrice", "tif", "ocaGroup", "account", "openClose", "origin",
                      "orderRef", "clientId", "permId", "outsideRth", "hidden")),
    "accountValue": (6, ("version", "key", "value", "currency", "account")),
    "portfolioValue": (7, ("version", *_CONTRACT, "position", "marketPrice", "marketValue",
                           "averageCost", "unrealizedPNL", "realizedPNL", "account")),
    "accountUpdateTime": (8, ("version", "time")),
    "nextValidId": (9, ("version", "orderId")),
    "contractDetails": (10, ("reqId", "symbol", "secType")),
    "execDetails": (11, ("reqId", "orderId", *_CONTRACT, "execId", "time", "account", "venue",
                         "side", "shares", "price", "permId", "clientId", "liquidation",
                         "cumQty", "avgPrice", "orderRef")),
    "marketDepth": (12, ("version", "reqId", "position", "operation", "side", "price", "size")),
    "marketDepthL2": (13, ("version", "reqId", "position", "marketMaker", "operation", "side",
                           "price", "size", "isSmart")),
    "newsBulletin": (14, ("version", "bulletinId", "kind", "text", "exchange")),
    "managedAccounts": (15, ("version", "accounts")),
    "receiveFA": (16, ("version", "kind", "xml")),
    "historicalData": (17, ("reqId",)),
    "bondContractDetails": (18, ("reqId", "symbol", "secType", "cusip", "coupon")),
    "scannerParameters": (19, ("version", "xml")),
    "scannerData": (20, ("version", "reqId", "count")),
    "tickOptionComputation": (21, ("reqId", "tickType", "attrib", "impliedVol", "delta",
                                   "optPrice", "pvDividend", "gamma", "vega", "theta",
                                   "undPrice")),
    "currentTime": (49, ("version", "time")),
    "tickGeneric": (45, ("version", "reqId", "tickType", "value")),
    "tickString": (46, ("version", "reqId", "tickType", "value")),
    "realtimeBar": (50, ("version", "reqId", "time", "open", "high", "low", "close")),
    "contractDetailsEnd": (52, ("version", "reqId")),
    "openOrderEnd": (53, ("version",)),
    "accountDownloadEnd": (54, ("version", "account")),
    "execDetailsEnd": (55, ("version", "reqId")),
    "fundamentalData": (51, ("version", "reqId", "xml")),
    "deltaNeutralValidation": (56, ("version", "reqId", "conId", "delta", "price")),
    "tickEFP": (47, ("version", "reqId", "tickType", "basisPoints")),
    "tickSnapshotEnd": (57, ("version", "reqId")),
    "marketDataType": (58, ("version", "reqId", "type")),
    "commissionReport": (59, ("version", "execId", "commission", "currency", "realizedPNL",
                              "yield", "yieldRedemptionDate")),
    "position": (61, ("version", "account", *_CONTRACT, "position", "avgCost")),
    "positionEnd": (62, ("version",)),
    "accountSummary": (63, ("version", "reqId", "account", "tag", "value", "currency")),
    "accountSummaryEnd": (64, ("version", "reqId")),
    "displayGroupList": (67, ("version", "reqId", "groups")),
    "displayGroupUpdated": (68, ("version", "reqId", "contract")),
    "positionMulti": (71, ("version", "reqId", "account", *_CONTRACT, "position", "avgCost")),
    "positionMultiEnd": (72, ("version", "reqId")),
    "accountUpdateMulti": (73, ("version", "reqId", "account", "model", "key", "value",
                                "currency")),
    "accountUpdateMultiEnd": (74, ("version", "reqId")),
    "securityDefinitionOptionParameter": (75, ("reqId", "exchange", "conId", "tradingClass",
                                               "multiplier")),
    "securityDefinitionOptionParameterEnd": (76, ("reqId",)),
    "softDollarTiers": (77, ("reqId", "count")),
    "familyCodes": (78, ("count",)),
    "symbolSamples": (79, ("reqId", "count")),
    "mktDepthExchanges": (80, ("count",)),
    "smartComponents": (82, ("reqId", "count")),
    "newsArticle": (83, ("reqId", "kind", "text")),
    "tickNews": (84, ("reqId", "time", "provider", "articleId", "headline", "extra")),
    "newsProviders": (85, ("count",)),
    "historicalNews": (86, ("reqId", "time", "provider", "articleId", "headline")),
    "historicalNewsEnd": (87, ("reqId", "hasMore")),
    "headTimestamp": (88, ("reqId", "time")),
    "histogramData": (89, ("reqId", "count")),
    "historicalDataUpdate": (90, ("reqId", "barCount", "time", "open", "close", "high", "low",
                                  "wap", "volume")),
    "rerouteMktDataReq": (91, ("reqId", "conId", "exchange")),
    "rerouteMktDepthReq": (92, ("reqId", "conId", "exchange")),
    "marketRule": (93, ("ruleId",)),
    "pnl": (94, ("reqId", "dailyPnL", "unrealizedPnL", "realizedPnL")),
    "pnlSingle": (95, ("reqId", "position", "dailyPnL", "unrealizedPnL", "realizedPnL",
                       "value")),
    "historicalTicks": (96, ("reqId", "count")),
    "historicalTicksBidAsk": (97, ("reqId", "count")),
    "historicalTicksLast": (98, ("reqId", "count")),
    "tickByTick": (99, ("reqId", "kind", "time")),
    "orderBound": (100, ("permId", "clientId", "orderId")),
    "completedOrder": (101, (*_CONTRACT, "action", "totalQuantity", "orderType", "lmtPrice",
                             "auxPrice", "tif", "ocaGroup", "account", "openClose", "origin",
                             "orderRef", "permId")),
    "completedOrdersEnd": (102, ()),
    "replaceFAEnd": (103, ("reqId", "text")),
    "wshMetaData": (104, ("reqId", "json")),
    "wshEventData": (105, ("reqId", "json")),
    "historicalSchedule": (106, ("reqId", "start", "end", "zone", "count")),
    "userInfo": (107, ("reqId", "whiteBrandingId")),
    "tickReqParams": (81, ("reqId", "minTick", "bboExchange", "snapshotPermissions")),
    "historicalDataEnd": (108, ("reqId",)),
    "currentTimeInMillis": (109, ("time",)),
}  # fmt: skip

# From which server version on a request is known; the others are older than 157.
SINCE = MappingProxyType({100: 161, 101: 161, 102: 161, 103: 161, 104: 167, 105: 197})

# What the market data line of a client consists of.
TICKS = frozenset({1, 2, 21, 45, 46, 50, 99})
NO_ERROR_VERSION = 194
NO_DETAILS_VERSION = 164
_ONCE_VERSIONED = (10, 18)


def outbound() -> dict[str, int]:
    """Return the names of the messages a server sends."""
    return {name: entry[0] for name, entry in _LAYOUTS.items()}


def places(message_id: int, sv: int) -> dict[str, int]:
    """Return field name -> place in the frame (the message id stands at 0)."""
    for number, names in _LAYOUTS.values():
        if number == message_id:
            first = 1
            if number == 4 and sv >= NO_ERROR_VERSION:
                first = 0  # the version field is gone
            if number in _ONCE_VERSIONED and sv < NO_DETAILS_VERSION:
                first = 2  # a version field stands before the request id
            return {name: place for place, name in enumerate(names, start=first) if place}
    return {}


def field_names() -> list[str]:
    """Return every field name there is."""
    return sorted({name for _, names in _LAYOUTS.values() for name in names})
