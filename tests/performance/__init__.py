"""Benchmarks: every figure is a ratio to a bare loop that does the same I/O in the same run."""
