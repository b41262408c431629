"""What people use: by day, by attempts at work, and on disk; and what a waiting job waits for as a value."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from daemon.database.models import Moment

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("waits_for", sa.String(length=16), nullable=False, server_default=""))
    op.create_index(
        "jobs_people",
        "jobs",
        ["person", "state", "gpu_lane", sa.text("priority DESC"), "place"],
        sqlite_where=sa.text("state IN ('queued','running','paused') AND person != ''"),
    )
    op.create_table(
        "usage",
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("day", sa.String(length=10), nullable=False),
        sa.Column("speech", sa.Double(), nullable=False),
        sa.Column("gpu", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("person", "day"),
    )
    op.create_table(
        "meters",
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("job", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("since", Moment(), nullable=True),
        sa.ForeignKeyConstraint(["attempt"], ["attempts.id"]),
        sa.PrimaryKeyConstraint("attempt"),
    )
    op.create_index("ix_meters_job", "meters", ["job"])
    op.create_table(
        "spoken_lines",
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("voice"),
    )


def downgrade() -> None:
    for table in ("spoken_lines", "meters", "usage"):
        op.drop_table(table)
    op.drop_index("jobs_people", "jobs")
    op.drop_column("jobs", "waits_for")
