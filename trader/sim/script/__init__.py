"""Faults as named actions: the same for a scenario file and for the control port."""
