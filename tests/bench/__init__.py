"""Benchmarks: `make bench`. Figures are ratios to a peer measured in the same run."""
