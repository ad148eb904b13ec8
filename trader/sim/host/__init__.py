"""What runs a simulator: sockets, the control port, state that survives."""
