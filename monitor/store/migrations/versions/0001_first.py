"""The tables of the first version."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Bring the tables to this revision."""
    op.create_table(
        "accounts",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("account_id", sa.String(64)),
        sa.Column("balance_usd", sa.String(48)),
        sa.Column("available_credits", sa.String(48)),
        sa.Column("available_points", sa.String(48)),
        sa.Column("alert_threshold", sa.String(48)),
        sa.Column("low_balance_alert", sa.Boolean(create_constraint=False)),
        sa.Column("updated_at", sa.BigInteger()),
        sa.Column("read_at", sa.BigInteger()),
        sa.Column("reading_id", sa.Integer()),
        sa.Column("owner", sa.String(64)),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("failure_kind", sa.String(16)),
        sa.Column("failure_reason", sa.Text()),
        sa.Column("failure_id", sa.Integer()),
        sa.Column("polled_at", sa.BigInteger(), nullable=False),
        sa.Column("wait_until", sa.BigInteger()),
    )
    op.create_table(
        "readings",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(64)),
        sa.Column("balance_usd", sa.String(48)),
        sa.Column("available_credits", sa.String(48)),
        sa.Column("available_points", sa.String(48)),
        sa.Column("alert_threshold", sa.String(48)),
        sa.Column("low_balance_alert", sa.Boolean(create_constraint=False)),
        sa.Column("updated_at", sa.BigInteger()),
    )
    op.create_table(
        "failures",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.BigInteger(), nullable=False),
        sa.Column("polls", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
    )
    op.create_table(
        "states",
        sa.Column("account", sa.String(64), primary_key=True),
        sa.Column("rule", sa.String(64), primary_key=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("up_warning", sa.Integer(), nullable=False),
        sa.Column("up_critical", sa.Integer(), nullable=False),
        sa.Column("down_warning", sa.Integer(), nullable=False),
        sa.Column("down_critical", sa.Integer(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("was", sa.Text(), nullable=False),
        sa.Column("alert", sa.String(36)),
    )
    op.create_table(
        "alerts",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(64), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("worst", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("phrase", sa.Text(), nullable=False),
    )
    op.create_table(
        "told",
        sa.Column("alert", sa.String(36), primary_key=True),
        sa.Column("channel", sa.String(64), primary_key=True),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("position", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("id", sa.String(36), nullable=False, unique=True),
        sa.Column("event", sa.String(36), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("account", sa.String(64), nullable=False),
        sa.Column("decided_at", sa.BigInteger(), nullable=False),
        sa.Column("severity", sa.Integer(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("changes", sa.Text(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("waits_since", sa.BigInteger(), nullable=False),
        sa.Column("first_attempt_at", sa.BigInteger()),
        sa.Column("aside_until", sa.BigInteger()),
        sa.Column("passed_on", sa.Boolean(create_constraint=False), nullable=False),
        sa.Column("settled_at", sa.BigInteger()),
    )
    op.create_table(
        "deliveries",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=True),
        sa.Column("message", sa.String(36), nullable=False),
        sa.Column("channel", sa.String(64), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("error", sa.Text()),
    )
    op.create_table(
        "channels",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("failing_since", sa.BigInteger()),
        sa.Column("next_attempt_at", sa.BigInteger()),
        sa.Column("last_error", sa.Text()),
        sa.Column("last_error_at", sa.BigInteger()),
        sa.Column("last_success_at", sa.BigInteger()),
        sa.Column("gave_up_at", sa.BigInteger()),
        sa.Column("fallback", sa.String(64)),
    )
    op.create_table(
        "daemon",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("version", sa.String(32), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("beat_at", sa.BigInteger(), nullable=False),
        sa.Column("stopped_at", sa.BigInteger()),
        sa.Column("config", sa.Text(), nullable=False),
        sa.Column("accounts", sa.Integer(), nullable=False),
        sa.Column("overdue", sa.Integer(), nullable=False),
        sa.Column("reloaded_at", sa.BigInteger()),
        sa.Column("reload_error", sa.Text()),
    )
    op.create_index("readings_by_time", "readings", ["account", "last_at"])
    op.create_index("failures_by_time", "failures", ["account", "last_at"])
    op.create_index("alerts_by_account", "alerts", ["account", "started_at"])
    op.create_index("outbox_by_event", "outbox", ["event"])
    waiting = sa.text("state = 'waiting'")
    op.create_index("outbox_waiting", "outbox", ["channel", "position"], sqlite_where=waiting, postgresql_where=waiting)
    op.create_index("deliveries_by_message", "deliveries", ["message"])
