"""Planning and applying, tenant by tenant, on any pool.

No business rules here; only `execute` writes.
"""
