"""What Alembic runs: the connection comes from the store, which holds the lock."""

from alembic import context

context.configure(
    connection=context.config.attributes["connection"],
    transactional_ddl=True,  # Alembic does not trust SQLite with this, our BEGIN IMMEDIATE does
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
