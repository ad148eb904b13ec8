"""Strategies at work: their tasks, what they are told, the market of a shadow."""
