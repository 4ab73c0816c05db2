"""Differences, verdicts, changes and plans.

Nothing here decides.
"""
