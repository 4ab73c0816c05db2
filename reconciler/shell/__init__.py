"""The outside world: files, git revisions, observing tenants and executing plans.

Never here: what a tenant should have, or whether a change is allowed. That was decided before a shell function runs.
"""
