"""The durable journal in SQLite; the only package that knows SQL.

One connection, one writer, one file. Events are only ever added; nothing in here decides.
"""
