"""Comparisons of versions of different voices or engines."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "comparisons",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("voice", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("other_voice", sa.Text(), nullable=False),
        sa.Column("other_version", sa.Integer(), nullable=False),
        sa.Column("job", sa.Integer(), nullable=False),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("comparisons_version", "comparisons", ["voice", "version"])
    op.create_index("comparisons_other", "comparisons", ["other_voice", "other_version"])


def downgrade() -> None:
    op.drop_index("comparisons_other", "comparisons")
    op.drop_index("comparisons_version", "comparisons")
    op.drop_table("comparisons")
