"""I/O: files, git revisions, reading tenants and executing plans.

Shell functions never decide what a tenant should have or whether a change is allowed; `core` has decided that before.
"""
