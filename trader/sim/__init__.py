"""A gateway simulator: an independent TWS-protocol server on a real socket.

The package's rule: it imports nothing from the rest of `trader` and never ib_async, so that a
misunderstanding of the protocol in the daemon cannot agree with itself here.
"""
