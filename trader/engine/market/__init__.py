"""Market data behind the hub: lines that are watched, bars, volatility, the record of it all."""
