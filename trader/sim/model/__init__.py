"""What the simulator talks about: orders, executions and contracts, as values."""
