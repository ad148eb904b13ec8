"""Market data as it streams: who watches what, and how a change becomes frames."""
