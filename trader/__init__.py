"""A live trading daemon for Interactive Brokers accounts, and the simulator that tests it."""

__version__ = "0.1.0"
