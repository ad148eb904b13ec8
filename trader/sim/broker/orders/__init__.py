"""An order's way through the broker: entrance, life, register, groups and outcomes."""
