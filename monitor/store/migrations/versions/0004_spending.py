"""What went down and up in each hour, and what is taken from it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.add_column("accounts", sa.Column("counted_since", sa.BigInteger()))
    op.add_column("accounts", sa.Column("counted_at", sa.BigInteger()))
    op.add_column("accounts", sa.Column("hour_fell", sa.String(48)))
    op.add_column("accounts", sa.Column("hour_rose", sa.String(48)))
    op.add_column("accounts", sa.Column("hour_watched", sa.BigInteger()))
    op.create_table(
        "hours",
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("start", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("fell", sa.String(48), nullable=False),
        sa.Column("rose", sa.String(48), nullable=False),
        sa.Column("watched", sa.BigInteger(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "figures",
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
    )
