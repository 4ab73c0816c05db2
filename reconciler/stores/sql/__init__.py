"""The SQL store, on SQLite and PostgreSQL.

No rule of the business stands here.
"""
