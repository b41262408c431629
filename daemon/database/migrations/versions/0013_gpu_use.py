"""Which GPU a job runs on or waits for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("jobs", sa.Column("gpu", sa.LargeBinary(), nullable=True))


def downgrade() -> None:
    op.drop_column("jobs", "gpu")
