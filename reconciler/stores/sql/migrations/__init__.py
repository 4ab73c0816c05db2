"""Alembic's migrations of the SQL store. A migration that was released is never edited; add another."""
