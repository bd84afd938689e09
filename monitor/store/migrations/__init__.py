"""Alembic's scripts; each revision runs in a transaction of its own."""
