"""What work took of the machine, and alerts of budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "spent",
        sa.Column("job", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("seconds", sa.Double(), nullable=False),
        sa.Column("gpu_held", sa.Double(), nullable=False),
        sa.Column("gpu_metered", sa.Double(), nullable=False),
        sa.Column("gpu_joules", sa.Double(), nullable=True),
        sa.Column("gpu_error", sa.Double(), nullable=False),
        sa.Column("integrated", sa.Boolean(), nullable=False),
        sa.Column("cpu_metered", sa.Double(), nullable=False),
        sa.Column("cpu_joules", sa.Double(), nullable=True),
        sa.Column("rest_watts", sa.Double(), nullable=False),
        sa.Column("per_hour", sa.Double(), nullable=False),
        sa.Column("per_kwh", sa.Double(), nullable=False),
        sa.Column("currency", sa.String(3), nullable=False),
        sa.ForeignKeyConstraint(["job"], ["jobs.id"]),
        sa.PrimaryKeyConstraint("job", "attempt", "month"),
    )
    op.create_index("ix_spent_month", "spent", ["month"])
    op.create_table(
        "budget_alerts",
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("month", sa.String(7), nullable=False),
        sa.Column("budget", sa.Text(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("voice", "month"),
    )


def downgrade() -> None:
    op.drop_table("budget_alerts")
    op.drop_index("ix_spent_month", "spent")
    op.drop_table("spent")
