"""How far old history has been thinned out, and indexes that find what is old."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "retention",
        sa.Column("runs", sa.String(16), primary_key=True),
        sa.Column("thinned", sa.Integer(), nullable=False),
        sa.Column("swept", sa.String(64), nullable=False),
    )
    ended, settled = sa.text("ended_at IS NOT NULL"), sa.text("settled_at IS NOT NULL")
    op.create_index("alerts_by_end", "alerts", ["ended_at"], sqlite_where=ended, postgresql_where=ended)
    op.create_index("outbox_by_end", "outbox", ["settled_at"], sqlite_where=settled, postgresql_where=settled)
