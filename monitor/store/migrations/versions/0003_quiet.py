"""Ends that are told later, silence that somebody asked for, and what waits for quiet hours to end."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("states", sa.Column("ended_at", sa.BigInteger()))
    op.add_column("states", sa.Column("cooling", sa.BigInteger()))
    op.create_table(
        "snoozes",
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("rule", sa.String(64), primary_key=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("until", sa.BigInteger()),
    )
    op.create_table(
        "later",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
    )
    op.create_index("later_by_channel", "later", ["channel", "account"])
