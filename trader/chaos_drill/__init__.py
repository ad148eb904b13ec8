"""Chaos drills: faults put into a world of their own, recovery timed, and judged by its truth."""
