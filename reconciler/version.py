"""The version of this reconciler, as `pyproject.toml` has it; plans and workers say it. Nothing is imported here."""

__version__ = "0.1.0"
