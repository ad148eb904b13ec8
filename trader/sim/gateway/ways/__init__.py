"""The ways in and out of a session, and everything that can go wrong on them on purpose."""
