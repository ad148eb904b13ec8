"""Where orders meet a market: rows, matching, trades and their ids."""
