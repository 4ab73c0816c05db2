"""The version of this reconciler, and that of the results that it prints as JSON. Nothing is imported here."""

__version__ = "0.1.0"
"""As `pyproject.toml` has it; plans and workers contain it."""
RESULT_VERSION = "1.0"
"""The version of every JSON result but the plan, which has Terraform's. Adding a key keeps it; renaming, removing or
redefining one changes it.
"""
