"""What a clip is judged by, so that it can be judged again, and the number and the threshold that decided. Clips
of before keep the verdict they have until their recording is cut again."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("clips", sa.Column("measured", sa.Double(), nullable=True))
    op.add_column("clips", sa.Column("threshold", sa.Double(), nullable=True))
    op.add_column("clips", sa.Column("facts", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("clips", "facts")
    op.drop_column("clips", "threshold")
    op.drop_column("clips", "measured")
