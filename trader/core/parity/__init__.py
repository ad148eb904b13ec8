"""Whether a daemon decided and filled as its shadow did, over days: pure, one row at a time.

Nothing here keeps more than what is still open: rows come in the order of time and go.
"""
