"""Values, state machines and decisions; pure: no I/O, no clock, no randomness, no logging.

Functions take ``now`` as an argument and return values; nothing in here ever waits.
"""
