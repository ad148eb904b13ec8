"""Benchmarks of the order path: `scripts/bench`, as ratios inside one run."""
