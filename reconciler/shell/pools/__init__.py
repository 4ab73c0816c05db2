"""Pools that run tasks: this thread, other threads, other processes, or a cluster.

A pool knows nothing about the contents of its tasks.
"""
