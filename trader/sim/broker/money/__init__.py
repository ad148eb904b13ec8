"""Accounts: cash, positions, their value, margin, fees and what nights do to them."""
