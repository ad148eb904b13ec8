"""Plays recorded markets to strategies: no broker, no socket, no clock but the record's.

Nothing in here, and nothing that it uses, knows how to write to a broker; a contract holds it.
"""
