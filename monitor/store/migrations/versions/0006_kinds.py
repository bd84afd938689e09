"""What is of one kind may go as one message: which kind a message is of, and when one of it was sent last."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision; what waits already goes alone."""
    op.add_column("outbox", sa.Column("kind", sa.String(64)))
    sent = sa.text("state = 'sent'")
    columns = ["channel", "kind", "settled_at", "account"]
    op.create_index("outbox_by_kind", "outbox", columns, sqlite_where=sent, postgresql_where=sent)
