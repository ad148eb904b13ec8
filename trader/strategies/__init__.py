"""Strategies: they see quotes and their own fills, and can do nothing but wish.

This package sits below the engine: a strategy can name an intent, a market view and its
context, and nothing that could place an order.
"""
