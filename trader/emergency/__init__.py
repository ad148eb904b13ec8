"""What cancels and closes when there is no daemon to do it: kill switch and sentinel.

It knows core, ports, config, ibkr and ops, and nothing of what may be the broken part: no engine,
no journal, no strategy. Whoever sends from here holds the daemon's lock (``ops/fence.py``).
"""
