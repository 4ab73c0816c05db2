"""Alembic migrations of the SQL store. Never edit a released migration; add another."""
