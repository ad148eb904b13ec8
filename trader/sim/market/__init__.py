"""Prices: a seeded path through every historical day, and what is derived from it."""
