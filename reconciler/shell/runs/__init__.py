"""Planning and applying, tenant by tenant, by whatever pool does it.

No rule stands here, and nothing is written but by `execute`.
"""
