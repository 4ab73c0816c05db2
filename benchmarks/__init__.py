"""Benchmarks, `python -m benchmarks`: nothing here is a test of time, and nothing of `reconciler` is asked but by its
commands and its stores' protocol. Only `fill` writes to a store.
"""
