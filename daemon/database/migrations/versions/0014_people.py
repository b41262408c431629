"""People, their tokens, what is shared with them and what they did; whose a voice and a job is. All that there was is
the workstation's owner's."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from daemon.database.models import Moment

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("voices", sa.Column("owner", sa.Text(), nullable=True))
    op.create_index("ix_voices_owner", "voices", ["owner"])
    op.add_column("jobs", sa.Column("person", sa.Text(), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("behind", sa.Boolean(), nullable=False, server_default="0"))
    op.create_table(
        "people",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rights", sa.Integer(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("revoked", Moment(), nullable=True),
        sa.Column("minutes_a_day", sa.Double(), nullable=True),
        sa.Column("gpu_minutes_a_day", sa.Double(), nullable=True),
        sa.Column("disk", sa.Integer(), nullable=True),
        sa.Column("waiting", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("name"),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.Column("expires", Moment(), nullable=True),
        sa.Column("revoked", Moment(), nullable=True),
        sa.Column("last_used", sa.String(length=10), nullable=False),
        sa.ForeignKeyConstraint(["person"], ["people.name"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("sha256"),
    )
    op.create_index("ix_tokens_person", "tokens", ["person"])
    op.create_table(
        "shares",
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("rights", sa.Integer(), nullable=False),
        sa.Column("created", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("voice", "person"),
    )
    op.create_index("shares_person", "shares", ["person"])
    op.create_table(
        "person_log",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("time", Moment(), nullable=False),
        sa.Column("person", sa.Text(), nullable=False),
        sa.Column("rpc", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_person_log_time", "person_log", ["time"])
    op.create_index("person_log_person", "person_log", ["person", "id"])


def downgrade() -> None:
    for table in ("person_log", "shares", "tokens", "people"):
        op.drop_table(table)
    op.drop_column("jobs", "behind")
    op.drop_column("jobs", "person")
    op.drop_index("ix_voices_owner", "voices")
    op.drop_column("voices", "owner")
