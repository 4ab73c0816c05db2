"""The SQL store, on SQLite and PostgreSQL.

No business rules here.
"""
