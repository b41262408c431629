"""Jobs that have ended can be cleared away: when that was, and an index of the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

import daemon.database.models

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("cleared", daemon.database.models.Moment(), nullable=True))
    op.create_index("jobs_shown", "jobs", ["state", "id"], sqlite_where=sa.text("cleared IS NULL"))


def downgrade() -> None:
    op.drop_index("jobs_shown", "jobs")
    op.drop_column("jobs", "cleared")
